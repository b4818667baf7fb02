package member

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tenantry/tenantry/pkg/audit"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/identity"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// plan reads what is there and says what to write and what the audit log says of it; nothing to write is no change.
type plan func(context.Context, *store.Directory) (audit.Event, []store.DirectoryChange, error)

// change makes a change of a tenant's members or invitations: what the plan says, the audit row, and the tenant's fence one
// step further, in one transaction on condition that the fence is where it was before the plan read anything. So
// whatever a plan counts is as it counted it when the change is made; else the plan is asked again.
func (s *Service) change(ctx context.Context, scope *tenant.Scope, plan plan) error {
	d, fence := s.Store.Directory(), store.OrgFence(scope.Tenant())
	for range attempts {
		at := struct {
			MovedAt time.Time `json:"movedAt"`
		}{s.now()}
		version, err := d.Read(ctx, fence, &struct{}{})
		if err != nil {
			return fmt.Errorf("read the members' fence: %w", err)
		}
		event, changes, err := plan(ctx, d)
		if err != nil || len(changes) == 0 {
			return err
		}
		row, err := s.Audit.Row(ctx, scope, event)
		if err != nil {
			return err
		}
		changes = append(changes, store.DirectoryChange{Key: fence, Value: at, Condition: store.VersionIs(version)})
		if err = d.WriteAudited(ctx, scope, row, changes...); err == nil {
			return nil
		}
		if store.Conflicted(err) == nil {
			return fmt.Errorf("change the members: %w", err)
		}
	}
	return fault.New(fault.Conflict, "The members are being changed by others. Try again.")
}

// Patch is what a caller changes of a member; nil leaves it as it is.
type Patch struct {
	Name     *string   `json:"name,omitempty" doc:"At most 100 characters; none takes it away."`
	Role     *string   `json:"role,omitempty" enum:"owner,admin,editor,viewer"`
	Limited  *bool     `json:"limited,omitempty" doc:"False lets the member see all projects."`
	Projects *[]string `json:"projects,omitempty" minItems:"1" maxItems:"200" doc:"Limits the member to these."`
}

type updateIn struct {
	route.IfMatch
	MemberID string `path:"memberId"`
	Body     Patch
}

// update changes a member. A patch that changes nothing writes nothing.
func (s *Service) update(ctx context.Context, scope *tenant.Scope, in *updateIn) (out *memberOut, err error) {
	err = s.change(ctx, scope, func(ctx context.Context, d *store.Directory) (e audit.Event, c []store.DirectoryChange, err error) {
		before, version, err := find(ctx, d, scope, in.MemberID)
		if err != nil {
			return e, nil, err
		}
		if err := in.Check(version); err != nil {
			return e, nil, err
		}
		after, err := s.patched(ctx, scope, before, in.Body)
		if err != nil {
			return e, nil, err
		}
		was, is := whole(before), whole(after)
		out = &memberOut{route.ETag(version), shown(after, scope)}
		if was.Name == is.Name && was.equal(is.Grant) {
			return e, nil, nil
		}
		if err := errors.Join(was.askWithin(scope), is.askWithin(scope)); err != nil {
			return e, nil, err
		}
		if err := keepsOwner(ctx, d, scope.Tenant(), was.Role, is.Role); err != nil {
			return e, nil, err
		}
		out.ETag = route.ETag(version + 1)
		return audit.Event{Target: target(is.ID), Before: was, After: is}, both(store.Put, after, version), nil
	})
	if out != nil {
		s.Forget(tenant.Principal{Issuer: out.Body.Issuer, Subject: out.Body.Subject}, scope.Tenant())
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}

// patched gives the member with what the patch says, checked.
func (s *Service) patched(ctx context.Context, scope *tenant.Scope, m identity.Member, p Patch) (identity.Member, error) {
	if p.Name != nil {
		if m.Name = ""; *p.Name != "" {
			var err error
			if m.Name, err = route.Line("body.name", *p.Name, maxName); err != nil {
				return m, err
			}
		}
	}
	if p.Role != nil {
		m.Role = tenant.Role(*p.Role)
	}
	if p.Limited != nil {
		if m.Limited = *p.Limited; !m.Limited {
			m.Projects = nil
		}
	}
	if p.Projects != nil {
		if p.Limited != nil && !*p.Limited {
			return m, fault.New(fault.Invalid, "Leave out body.projects, or body.limited: they say different things.").
				At("body.projects", "is given where limited is false", "")
		}
		ids, err := s.named(ctx, scope, *p.Projects)
		if err != nil {
			return m, err
		}
		m.Limited, m.Projects = true, ids
	}
	return m, Grant{m.Role, m.Limited, m.Projects}.check()
}

// keepsOwner refuses what takes the role of an owner away from the last one.
func keepsOwner(ctx context.Context, d *store.Directory, id tenant.ID, was, is tenant.Role) error {
	if was != tenant.Owner || is == tenant.Owner {
		return nil
	}
	owners, err := count(ctx, d, store.OrgMembers(id), func(r *store.Record) (bool, error) {
		var m identity.Member
		err := r.Value.Decode(&m)
		return m.Role == tenant.Owner, err
	})
	if err != nil {
		return fmt.Errorf("count the owners: %w", err)
	}
	if owners < 2 {
		return fault.New(fault.Conflict, "The organization would be left without an owner. Make another member an owner first.")
	}
	return nil
}

func (s *Service) remove(ctx context.Context, scope *tenant.Scope, in *getIn) (*none, error) {
	return s.end(ctx, scope, in.MemberID, func(m Member) error { return m.askWithin(scope) })
}

func (s *Service) leave(ctx context.Context, scope *tenant.Scope, _ *struct{}) (*none, error) {
	p := scope.Principal()
	if p.Credential() != tenant.Token {
		return nil, fault.New(fault.Forbidden, "An API key is revoked; it cannot leave. Sign in as a person.")
	}
	id := tenant.MemberIDOf(scope.Tenant(), p.Issuer, p.Subject)
	return s.end(ctx, scope, string(id), func(Member) error { return nil })
}

// end takes a membership away that may be.
func (s *Service) end(ctx context.Context, scope *tenant.Scope, id string, may func(Member) error) (*none, error) {
	var gone tenant.Principal
	err := s.change(ctx, scope, func(ctx context.Context, d *store.Directory) (e audit.Event, c []store.DirectoryChange, err error) {
		m, version, err := find(ctx, d, scope, id)
		if err != nil {
			return e, nil, err
		}
		gone = tenant.Principal{Issuer: m.Issuer, Subject: m.Subject}
		was := whole(m)
		if err := may(was); err != nil {
			return e, nil, err
		}
		if err := keepsOwner(ctx, d, scope.Tenant(), was.Role, ""); err != nil {
			return e, nil, err
		}
		return audit.Event{Target: target(was.ID), Before: was}, both(store.Delete, m, version), nil
	})
	s.Forget(gone, scope.Tenant())
	if err != nil {
		return nil, err
	}
	return &none{}, nil
}

// both does the same to the two items of a member, which have one version.
func both(action store.Action, m identity.Member, version int64) []store.DirectoryChange {
	changes := m.Changes()
	for i := range changes {
		changes[i].Action, changes[i].Condition = action, store.VersionIs(version)
		if action == store.Delete {
			changes[i].Value = nil
		}
	}
	return changes
}
