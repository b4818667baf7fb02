package project

import (
	"context"

	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Unassigned is the project that every tenant has without making it: of the environment other, and never archived.
func Unassigned() Project {
	return Project{ID: tenant.Unassigned, Name: string(tenant.Unassigned), Environment: "other"}
}

// Find gives the project that an ID of a request names, Unassigned among them, for packages that keep things of
// projects. One that the member may not know of is fault.NotFound, in the words of one that never was.
func Find(ctx context.Context, scope *tenant.Scope, h *store.Tenant, id string) (Project, error) {
	p, err := visible(scope, id)
	if err != nil {
		return Project{}, err
	}
	if p == tenant.Unassigned {
		return Unassigned(), nil
	}
	out, err := read(ctx, h, p)
	if err != nil {
		return Project{}, err
	}
	return out.Body, nil
}
