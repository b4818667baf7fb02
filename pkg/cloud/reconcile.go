package cloud

import (
	"context"
	"encoding/json"
	"log/slog"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/tenantry/tenantry/pkg/api"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/observe"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// ServeReconcile is the whole of the function that reconciles. It does not return.
func ServeReconcile() {
	c, log := start()
	lambda.Start(NewReconcile(c, log))
}

const (
	reserved = time.Minute      // of the function's time, or half of it, for what is under way
	usual    = 10 * time.Minute // where there is no end of it
)

// NewReconcile makes a handler that goes on with the reconciliation, or begins one, for as long as the function has time, and answers
// with its report; what it is invoked with is passed over, but for {"tenant": an ID}, by which the operator has one tenant alone
// matched at once.
func NewReconcile(c Config, log *slog.Logger) func(context.Context, json.RawMessage) (any, error) {
	d := newClients(c).deps(c, log)
	all, one := api.Reconcile(d), api.Schedules(d)
	lines := &invocations{function: "reconcile", log: log}
	return func(ctx context.Context, event json.RawMessage) (report any, err error) {
		var of struct {
			Tenant *tenant.ID `json:"tenant"`
		}
		if err := json.Unmarshal(event, &of); err != nil {
			return nil, err
		}
		if of.Tenant != nil {
			if _, err := tenant.ParseID(string(*of.Tenant)); err != nil {
				return nil, fault.Wrap(err, fault.Invalid, "tenant is %q: it must be ten_ and 26 characters", *of.Tenant)
			}
			err = lines.do(ctx, observe.Subject{Operation: "reconcile.tenant", Tenant: *of.Tenant}, func(ctx context.Context) error {
				report, err = one.Match(ctx, *of.Tenant)
				return err
			})
			return report, err
		}
		until := time.Now().Add(usual)
		if deadline, ok := ctx.Deadline(); ok {
			until = deadline.Add(-min(reserved, time.Until(deadline)/2))
		}
		err = lines.do(ctx, observe.Subject{Operation: "reconcile.all"}, func(ctx context.Context) error {
			report, err = all.Reconcile(ctx, until)
			return err
		})
		return report, err
	}
}
