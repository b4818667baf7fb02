package cloud

import (
	"context"
	"encoding/json"
	"log/slog"

	"github.com/aws/aws-lambda-go/events"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/observe"
	"github.com/tenantry/tenantry/pkg/organization"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/tenant"
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
	lines := &invocations{function: string(route.Admin), log: log}
	return func(ctx context.Context, event json.RawMessage) (any, error) {
		var i invocation
		if err := json.Unmarshal(event, &i); err == nil && i.RequestContext == nil {
			return operate(ctx, set, lines, i)
		}
		var e events.APIGatewayV2HTTPRequest
		if err := json.Unmarshal(event, &e); err != nil {
			return nil, err
		}
		return gateway(ctx, e)
	}
}

func operate(ctx context.Context, set SetPlan, lines *invocations, i invocation) (out any, err error) {
	const setPlan = "setPlan"
	asked, _ := tenant.ParsePlan(i.Plan) // what is none is not told
	err = lines.do(ctx, observe.Subject{Operation: "operator." + setPlan, Tenant: tenant.ID(i.TenantID)}, func(ctx context.Context) error {
		if i.Operation != setPlan {
			return fault.New(fault.Invalid, "operation is %q: it must be %s", i.Operation, setPlan)
		}
		o, err := set(ctx, i.PlanChange)
		if err == nil {
			out = o
		}
		return err
	}, slog.String("planAsked", string(asked)))
	return out, err
}
