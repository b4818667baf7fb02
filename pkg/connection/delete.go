package connection

import (
	"context"
	"fmt"

	"github.com/tenantry/tenantry/pkg/audit"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// delete takes a connection away, and then the claim on its account. What a crash between the two leaves is given up when the
// request is repeated, or taken over by the tenant's next connection to the account; until then nobody reads it.
func (s *Service) delete(ctx context.Context, scope *tenant.Scope, in *verifyIn) (*none, error) {
	for range attempts {
		h, c, version, err := s.find(ctx, scope, in.ConnectionID)
		if fault.Is(err, fault.NotFound) && h != nil {
			return s.deleted(ctx, scope, tenant.ConnectionID(in.ConnectionID), err)
		}
		if err != nil {
			return nil, err
		}
		if err := in.Check(version); err != nil {
			return nil, err
		}
		row, err := s.row(ctx, scope, audit.Event{}, &c, nil)
		if err != nil {
			return nil, err
		}
		err = h.Write(ctx, store.Change{Action: store.Delete, Key: store.Connection(c.ID), Condition: store.VersionIs(version)}, row)
		if store.Conflicted(err) != nil {
			continue
		}
		if err != nil {
			return nil, fmt.Errorf("delete a connection: %w", err)
		}
		if s.Changed != nil {
			s.Changed(ctx, scope)
		}
		_, err = s.release(ctx, scope, c.AccountID, c.ID)
		return &none{}, err
	}
	return nil, busy()
}

// deleted ends a deletion that broke off, if there was one.
func (s *Service) deleted(ctx context.Context, scope *tenant.Scope, id tenant.ConnectionID, missing error) (*none, error) {
	released, err := s.releaseOf(ctx, scope, id)
	if err != nil {
		return nil, err
	}
	if !released {
		return nil, missing
	}
	return &none{}, nil
}
