package project

import (
	"context"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// room refuses one more project than the plan has. Archived ones count: their costs go on counting.
func (r Roster) room(scope *tenant.Scope) error {
	plan := scope.Standing().Plan
	if most := plan.Limits().Projects; int64(len(r.Projects)) >= most {
		return fault.New(fault.Forbidden, "The plan %s has a limit of projects of %d, archived ones with them, and there are %d. Change a project that is "+
			"there, or have the operator move you to a larger plan.", plan, most, len(r.Projects)).Of("projects")
	}
	return nil
}

// Used gives how many projects the scope's tenant has, by the name of the plan's limit.
func (s *Service) Used(ctx context.Context, scope *tenant.Scope) (map[string]int64, error) {
	h, err := s.Store.Tenant(scope)
	if err != nil {
		return nil, err
	}
	r, _, err := Read(ctx, h)
	return map[string]int64{"projects": int64(len(r.Projects))}, err
}
