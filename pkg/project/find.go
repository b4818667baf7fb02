package project

import (
	"context"

	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Find gives the project that an ID of a request names, Unassigned among them, for packages that keep things of
// projects. One that the member may not know of is fault.NotFound, in the words of one that never was.
func Find(ctx context.Context, scope *tenant.Scope, h *store.Tenant, id string) (Project, error) {
	p, err := visible(scope, id)
	if err != nil {
		return Project{}, err
	}
	if p == tenant.Unassigned {
		return Project{ID: p, Name: string(p), Environment: "other"}, nil
	}
	out, err := read(ctx, h, p)
	if err != nil {
		return Project{}, err
	}
	return out.Body, nil
}
