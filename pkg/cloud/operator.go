package cloud

import (
	"context"
	"encoding/json"
	"log/slog"

	"github.com/aws/aws-lambda-go/events"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/organization"
)

// SetPlan is the operator's change of a tenant's plan.
type SetPlan func(context.Context, organization.PlanChange) (organization.Organization, error)

// invocation is what the operator invokes functions/admin with, as whoever IAM lets. API Gateway cannot send one: its events have
// a requestContext always, and what its callers say is within.
type invocation struct {
	Operation      string          `json:"operation"`
	RequestContext json.RawMessage `json:"requestContext"`
	organization.PlanChange
}

// Operated gives a Lambda handler that does what the operator asks for, and hands all other events on to the gateway's.
func Operated(set SetPlan, log *slog.Logger,
	gateway func(context.Context, events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error)) func(context.Context, json.RawMessage) (any, error) {
	return func(ctx context.Context, event json.RawMessage) (any, error) {
		var i invocation
		if err := json.Unmarshal(event, &i); err == nil && i.RequestContext == nil {
			return operate(ctx, set, log, i)
		}
		var e events.APIGatewayV2HTTPRequest
		if err := json.Unmarshal(event, &e); err != nil {
			return nil, err
		}
		return gateway(ctx, e)
	}
}

func operate(ctx context.Context, set SetPlan, log *slog.Logger, i invocation) (any, error) {
	if i.Operation != "setPlan" {
		return nil, fault.New(fault.Invalid, "operation is %q: it must be setPlan", i.Operation)
	}
	o, err := set(ctx, i.PlanChange)
	log.InfoContext(ctx, "operator", "operation", i.Operation, "tenant", i.TenantID, "plan", i.Plan, "error", err)
	if err != nil {
		return nil, err
	}
	return o, nil
}
