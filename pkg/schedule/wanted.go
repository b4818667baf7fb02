package schedule

import (
	"context"
	"fmt"
	"slices"

	"github.com/tenantry/tenantry/pkg/collect"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/organization"
	"github.com/tenantry/tenantry/pkg/project"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// worker is the name under which schedules are made to match.
const worker = "schedules"

// wanted gives what a Scheduler should have of a tenant, by what the tables hold at this moment: nothing of one that is not
// there or is being erased.
func wanted(ctx context.Context, st *store.Store, id tenant.ID) (map[Name]Entry, error) {
	scope, err := organization.See(ctx, st, id, worker)
	if fault.Is(err, fault.NotFound) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	h, err := st.Tenant(scope)
	if err != nil {
		return nil, err
	}
	connections, err := connection.List(ctx, h)
	if err != nil || !slices.ContainsFunc(connections, works) {
		return nil, err
	}
	roster, _, err := project.Read(ctx, h)
	if err != nil {
		return nil, err
	}
	set, err := settings(ctx, h)
	if err != nil {
		return nil, err
	}
	all := map[Name]Entry{}
	for _, p := range append(roster.Projects, project.Unassigned()) {
		if p.Archived {
			continue
		}
		for _, k := range collect.Kinds {
			n := Name{id, p.ID, k}
			s, ok := set[store.Schedule(p.ID, string(k)).Sort()]
			if !ok {
				s.Settings = Default(k)
			}
			all[n] = Entry{n, s.Expression, s.WindowMinutes, s.Enabled && scope.Standing().Status == tenant.Active && collect.Reaches(connections, p, k)}
		}
	}
	return all, nil
}

// collected tells whether there is a connection that anything could be collected by.
func collected(ctx context.Context, h *store.Tenant) (bool, error) {
	all, err := connection.List(ctx, h)
	return slices.ContainsFunc(all, works), err
}

// works tells whether a connection is tried: broken ones are, again.
func works(c connection.Connection) bool {
	return c.Status == connection.Connected || c.Status == connection.Broken
}

// settings gives what was set of a tenant's schedules, by sort key.
func settings(ctx context.Context, h *store.Tenant) (map[string]Set, error) {
	all := map[string]Set{}
	for l := (store.List{Consistency: store.Strongly}); ; {
		page, err := h.Query(ctx, store.Schedules(), l)
		if err != nil {
			return nil, fmt.Errorf("list schedules: %w", err)
		}
		for _, r := range page.Records {
			var s Set
			if err := r.Value.Decode(&s); err != nil {
				return nil, fmt.Errorf("read a schedule: %w", err)
			}
			all[r.Address.SK] = s
		}
		if l.After = page.Next; l.After == "" {
			return all, nil
		}
	}
}
