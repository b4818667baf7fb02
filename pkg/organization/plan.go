package organization

import (
	"context"

	"github.com/tenantry/tenantry/pkg/audit"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// PlanChange is what the platform's operator says when a tenant is to have another plan. Members cannot.
type PlanChange struct {
	TenantID string `json:"tenantId"`
	Plan     string `json:"plan"`   // free, team or enterprise
	By       string `json:"by"`     // who of the operator's people, 1 to 100 characters
	Reason   string `json:"reason"` // 1 to 200 characters; members read both in the audit log
}

const operator, setPlan = "operator", "setPlan"

// SetPlan gives a tenant another plan, in whatever status it is, with a row of its audit log. It holds everywhere within a minute. A
// smaller plan takes nothing away: it refuses more than it has. The plan that the tenant has changes nothing. Errors are
// fault.Invalid and NotFound.
func (s *Service) SetPlan(ctx context.Context, c PlanChange) (o Organization, err error) {
	plan, err := tenant.ParsePlan(c.Plan)
	if err != nil {
		return o, fault.New(fault.Invalid, "plan is %q: %v.", c.Plan, err)
	}
	by, err := route.Line("by", c.By, 100)
	if err != nil {
		return o, err
	}
	reason, err := route.Line("reason", c.Reason, 200)
	if err != nil {
		return o, err
	}
	if c.TenantID == "" {
		return o, fault.New(fault.Invalid, "tenantId is missing: say whose plan it is.").At("body.tenantId", "is missing", "")
	}
	scope, err := See(ctx, s.Store, tenant.ID(c.TenantID), operator)
	if fault.Is(err, fault.NotFound) {
		err = fault.New(fault.NotFound, "There is no organization of this tenantId.")
	}
	if err != nil {
		return o, err
	}
	e := audit.Event{Operation: setPlan, Reason: by + ": " + reason}
	out, err := s.changeAs(ctx, scope, route.IfMatch{}, e, func(t *record) error {
		if t.Plan == plan {
			return errSame
		}
		t.Plan = plan
		return nil
	})
	if err != nil {
		return o, err
	}
	out.Body.Role = ""
	return out.Body, nil
}
