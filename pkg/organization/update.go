package organization

import (
	"context"
	"fmt"

	"github.com/tenantry/tenantry/pkg/audit"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

type updateIn struct {
	route.IfMatch
	Body New
}

const attempts = 5

// update renames a tenant. The name that it has writes nothing.
func (s *Service) update(ctx context.Context, scope *tenant.Scope, in *updateIn) (*tenantOut, error) {
	name, err := route.Line("body.name", in.Body.Name, maxName)
	if err != nil {
		return nil, err
	}
	h, err := s.Store.Tenant(scope)
	if err != nil {
		return nil, err
	}
	for range attempts {
		t, version, err := s.read(ctx, scope)
		if err != nil {
			return nil, err
		}
		if err := in.Check(version); err != nil {
			return nil, err
		}
		if t.Name == name {
			return &tenantOut{ETag: route.ETag(version), Body: t}, nil
		}
		t.Role = ""
		before := t
		t.Name, t.UpdatedAt = name, s.now()
		row, err := s.Audit.Row(ctx, scope, audit.Event{Target: target(t.ID), Before: before, After: t})
		if err != nil {
			return nil, err
		}
		err = h.Write(ctx, store.Change{Key: store.Meta(), Value: t, Condition: store.VersionIs(version)}, row)
		if err == nil {
			t.Role = scope.Role()
			return &tenantOut{ETag: route.ETag(version + 1), Body: t}, nil
		}
		if store.Conflicted(err) == nil {
			return nil, fmt.Errorf("update a tenant: %w", err)
		}
	}
	return nil, fault.New(fault.Conflict, "The organization is being changed by others. Try again.")
}
