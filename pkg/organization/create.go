package organization

import (
	"context"
	"fmt"
	"time"

	"github.com/tenantry/tenantry/pkg/audit"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/fence"
	"github.com/tenantry/tenantry/pkg/identity"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

type createIn struct {
	route.IdempotencyKey
	Body New
}

// create founds a tenant. The tenant's own item comes first, the memberships that make it reachable second, so that a
// crash between the two leaves an item that nobody can see and no membership of a tenant that is not there. A request
// that lost the race for its Idempotency-Key leaves such an item too.
func (s *Service) create(ctx context.Context, p tenant.Principal, in *createIn) (*tenantOut, error) {
	name, err := route.Line("body.name", in.Body.Name, maxName)
	if err != nil {
		return nil, err
	}
	once, err := in.Once(p, createTenant, in.Body)
	if err != nil {
		return nil, err
	}
	d := s.Store.Directory()
	if out, err := s.created(ctx, d, p, once); out != nil || err != nil {
		return out, err
	}
	room, err := s.room(ctx, d, p)
	if err != nil {
		return nil, err
	}
	t, row, scope, err := s.found(ctx, p, name)
	if err != nil {
		return nil, err
	}
	owner := identity.Member{Tenant: t.ID, Issuer: p.Issuer, Subject: p.Subject, Email: p.Email, Role: tenant.Owner, CreatedAt: t.CreatedAt}
	changes := append(owner.Changes(), store.DirectoryChange{Key: store.TenantEntry(t.ID), Value: Listed{t.ID}})
	changes = append(changes, once.ChangesOutside(string(t.ID), t.CreatedAt)...)
	for range foundings {
		err = d.WriteAudited(ctx, scope, row, append(changes, room)...)
		if err == nil {
			t.Role = tenant.Owner
			return made(t, 1), nil
		}
		if store.Conflicted(err) == nil {
			return nil, fmt.Errorf("create a tenant: %w", err)
		}
		if out, err := s.created(ctx, d, p, once); out != nil || err != nil {
			return out, err
		}
		if room, err = s.room(ctx, d, p); err != nil {
			return nil, err
		}
	}
	return nil, fault.New(fault.Conflict, "You are founding other organizations at the same time. Try again.")
}

const (
	foundings = 10
	maxOwned  = 20 // each tenant has its plan's limits for itself
)

// room gives the change that holds what it counted: that the principal owns fewer tenants than they may, those that are being
// deleted among them. One that owns as many is fault.Forbidden.
func (s *Service) room(ctx context.Context, d *store.Directory, p tenant.Principal) (store.DirectoryChange, error) {
	key := store.SubjectFence(p.Issuer, p.Subject)
	version, err := d.Read(ctx, key, &struct{}{})
	if err != nil {
		return store.DirectoryChange{}, fmt.Errorf("read a fence: %w", err)
	}
	owned, err := fence.Count(ctx, d, store.SubjectTenants(p.Issuer, p.Subject), func(r *store.Record) (bool, error) {
		var m identity.Member
		err := r.Value.Decode(&m)
		return m.Role == tenant.Owner, err
	})
	if err != nil {
		return store.DirectoryChange{}, fmt.Errorf("count tenants: %w", err)
	}
	if owned >= maxOwned {
		return store.DirectoryChange{}, fault.New(fault.Forbidden, "You own %d organizations, which is as many as a person may. Delete one that is needed no more, or leave one that has another owner; one that is deleted counts until it is erased.", owned)
	}
	at := struct {
		MovedAt time.Time `json:"movedAt"`
	}{s.now()}
	return store.DirectoryChange{Key: key, Value: at, Condition: store.VersionIs(version)}, nil
}

// Listed is a tenant in the list of all there are, which the platform's own work goes through; it is there from the moment that the
// tenant can be reached until it is erased.
type Listed struct {
	Tenant tenant.ID `json:"tenant"`
}

// found writes the item of a new tenant and gives the row of its audit log that goes with the memberships.
func (s *Service) found(ctx context.Context, p tenant.Principal, name string) (t Organization, row store.Change, scope *tenant.Scope, err error) {
	now := s.now()
	id, err := tenant.NewID(now, s.Random)
	if err != nil {
		return t, row, nil, err
	}
	if scope, err = identity.Found(p, id, s.Plan); err != nil {
		return t, row, nil, err
	}
	h, err := s.Store.Tenant(scope)
	if err != nil {
		return t, row, nil, err
	}
	t = Organization{ID: id, Name: name, Status: tenant.Active, Plan: s.Plan, CreatedAt: now, UpdatedAt: now}
	if err := h.Write(ctx, store.Change{Key: store.Meta(), Value: record{Organization: t}, Condition: store.Absent}); err != nil {
		return t, row, nil, fmt.Errorf("create a tenant: %w", err)
	}
	row, err = s.Audit.Row(ctx, scope, audit.Event{Target: target(id), After: t})
	return t, row, scope, err
}

// created answers a request that has been answered before, with nil where it has not.
func (s *Service) created(ctx context.Context, d *store.Directory, p tenant.Principal, once route.Once) (*tenantOut, error) {
	id, err := once.DoneOutside(ctx, d)
	if id == "" || err != nil {
		return nil, err
	}
	m, err := identity.Read(ctx, d, p, tenant.ID(id))
	if err != nil {
		return nil, err
	}
	scope, err := identity.See(p, m)
	if err != nil {
		return nil, err
	}
	t, version, err := s.read(ctx, scope)
	if err != nil {
		return nil, err
	}
	return made(t.Organization, version), nil
}

func made(t Organization, version int64) *tenantOut {
	return &tenantOut{ETag: route.ETag(version), Location: "/v1/tenants/" + string(t.ID), Body: t.Shown()}
}

// now is the time to the millisecond, which every store keeps.
func (s *Service) now() time.Time { return s.Clock().UTC().Truncate(time.Millisecond) }
