package organization

import (
	"context"
	"errors"
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

// update renames a tenant. The name that it has writes nothing.
func (s *Service) update(ctx context.Context, scope *tenant.Scope, in *updateIn) (*tenantOut, error) {
	name, err := route.Line("body.name", in.Body.Name, maxName)
	if err != nil {
		return nil, err
	}
	return s.change(ctx, scope, in.IfMatch, func(t *record) error {
		if t.Status != tenant.Active {
			return fault.New(fault.Conflict, "The organization is %s and cannot be renamed.", t.Status).Coded(fault.NotActive)
		}
		if t.Name == name {
			return errSame
		}
		t.Name = name
		return nil
	})
}

const attempts = 5

// errSame is the error of an edit that has nothing to change.
var errSame = errors.New("it is so already")

// change edits the scope's tenant, with the row of the audit log that tells of it. An edit that gives errSame writes nothing.
func (s *Service) change(ctx context.Context, scope *tenant.Scope, match route.IfMatch, edit func(*record) error) (*tenantOut, error) {
	return s.changeAs(ctx, scope, match, audit.Event{}, edit)
}

// changeAs is change with what the row says beside the change itself.
func (s *Service) changeAs(ctx context.Context, scope *tenant.Scope, match route.IfMatch, e audit.Event, edit func(*record) error) (*tenantOut, error) {
	h, err := s.Store.Tenant(scope)
	if err != nil {
		return nil, err
	}
	for range attempts {
		t, version, err := s.read(ctx, scope)
		if err != nil {
			return nil, err
		}
		if err := match.Check(version); err != nil {
			return nil, err
		}
		t.Role = ""
		before := t
		err = edit(&t)
		if errors.Is(err, errSame) {
			return changed(before, version, scope), nil
		}
		if err != nil {
			return nil, err
		}
		t.UpdatedAt = s.now()
		e.Target, e.Before, e.After = target(t.ID), before.Organization, t.Organization
		row, err := s.Audit.Row(ctx, scope, e)
		if err != nil {
			return nil, err
		}
		changes := []store.Change{{Key: store.Meta(), Value: t, Condition: store.VersionIs(version)}}
		if before.Status != t.Status && t.Status == tenant.Active {
			owed, err := s.Owe(ctx, h, t.ID)
			if err != nil {
				return nil, err
			}
			changes = append(changes, owed)
		}
		err = h.Write(ctx, append(changes, row)...)
		if err == nil {
			s.Forget(scope.Principal(), scope.Tenant())
			return changed(t, version+1, scope), nil
		}
		if store.Conflicted(err) == nil {
			return nil, fmt.Errorf("change a tenant: %w", err)
		}
	}
	return nil, fault.New(fault.Conflict, "The organization is being changed by others. Try again.")
}

func changed(t record, version int64, scope *tenant.Scope) *tenantOut {
	t.Role = scope.Role()
	return &tenantOut{ETag: route.ETag(version), Body: t.Shown()}
}
