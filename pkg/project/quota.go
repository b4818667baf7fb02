package project

import (
	"context"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// All projects of a tenant, archived ones among them, are at most timesArchived times its plan's limit, and mostOfAll whatever the plan:
// the roster is one item, and every query reads an index of each.
const (
	timesArchived = 10
	mostOfAll     = 1_000
)

// room refuses one more project that is not archived than the plan has; with one that is new, also one more of all than there may be.
func (r Roster) room(scope *tenant.Scope, isNew bool) error {
	plan := scope.Standing().Plan
	limit := plan.Limits().Projects
	if n := r.active(); n >= limit {
		return fault.New(fault.Forbidden, "The plan %s has a limit of projects of %d that are not archived, and there are %d. Archive one, or have the "+
			"operator move you to a larger plan.", plan, limit, n).Of("projects")
	}
	if most, n := min(timesArchived*limit, mostOfAll), int64(len(r.Projects)); isNew && n >= most {
		return fault.New(fault.Forbidden, "The plan %s has a limit of projects of %d, and of %d with archived ones, and there are %d. Projects cannot be "+
			"deleted: PATCH an archived one with `archived: false`, a new name and new rules, and use it again.", plan, limit, most, n).Of("projects")
	}
	return nil
}

// active counts the projects that are not archived.
func (r Roster) active() (n int64) {
	for _, p := range r.Projects {
		if !p.Archived {
			n++
		}
	}
	return n
}

// Used gives how many projects the scope's tenant has that are not archived, by the name of the plan's limit.
func (s *Service) Used(ctx context.Context, scope *tenant.Scope) (map[string]int64, error) {
	h, err := s.Store.Tenant(scope)
	if err != nil {
		return nil, err
	}
	r, _, err := Read(ctx, h)
	return map[string]int64{"projects": r.active()}, err
}
