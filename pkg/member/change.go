package member

import (
	"context"
	"errors"
	"fmt"

	"github.com/tenantry/tenantry/pkg/audit"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/fence"
	"github.com/tenantry/tenantry/pkg/grant"
	"github.com/tenantry/tenantry/pkg/identity"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// fence is what every change of the tenant's members and invitations moves.
func (s *Service) fence() fence.Fence {
	return fence.Fence{Store: s.Store, Clock: s.Clock, Audit: s.Audit, Forget: s.Forget}
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
	MemberID string `path:"memberId" doc:"mem_ and 26 characters."`
	Body     Patch
}

// update changes a member. A patch that changes nothing writes nothing.
func (s *Service) update(ctx context.Context, scope *tenant.Scope, in *updateIn) (out *memberOut, err error) {
	err = s.fence().ChangeBy(ctx, scope, func(ctx context.Context, d *store.Directory) (e audit.Event, c []store.DirectoryChange, err error) {
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
		if was.Name == is.Name && was.Equal(is.Grant) {
			return e, nil, nil
		}
		if err := errors.Join(was.AskWithin(scope), is.AskWithin(scope)); err != nil {
			return e, nil, err
		}
		if err := keepsOwner(ctx, d, scope.Tenant(), was.Role, is.Role); err != nil {
			return e, nil, err
		}
		out.ETag = route.ETag(version + 1)
		return audit.Event{Target: target(is.ID), Before: was, After: is}, fence.Both(store.Put, after.Changes(), version), nil
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
	g, err := grant.Patch{Role: p.Role, Limited: p.Limited, Projects: p.Projects}.Of(ctx, s.Store, scope,
		grant.Grant{Role: m.Role, Limited: m.Limited, Projects: m.Projects})
	m.Role, m.Limited, m.Projects = g.Role, g.Limited, g.Projects
	return m, err
}

// keepsOwner refuses what takes the role of an owner away from the last one.
func keepsOwner(ctx context.Context, d *store.Directory, id tenant.ID, was, is tenant.Role) error {
	if was != tenant.Owner || is == tenant.Owner {
		return nil
	}
	owners, err := fence.Count(ctx, d, store.OrgMembers(id), func(r *store.Record) (bool, error) {
		var m identity.Member
		err := r.Value.Decode(&m)
		return m.Role == tenant.Owner, err
	})
	if err != nil {
		return fmt.Errorf("count the owners: %w", err)
	}
	if owners < 2 {
		return fault.New(fault.Conflict, "The organization would be left without an owner. Make another member an owner first, or delete the "+
			"organization: DELETE /v1/tenants/{tenantId}.").Coded(fault.LastOwner)
	}
	return nil
}

func (s *Service) remove(ctx context.Context, scope *tenant.Scope, in *getIn) (*none, error) {
	return s.end(ctx, scope, in.MemberID, func(m Member) error { return m.AskWithin(scope) })
}

func (s *Service) leave(ctx context.Context, scope *tenant.Scope, _ *struct{}) (*none, error) {
	p := scope.Principal()
	id := tenant.MemberIDOf(scope.Tenant(), p.Issuer, p.Subject)
	return s.end(ctx, scope, string(id), func(Member) error { return nil })
}

// end takes a membership away that may be.
func (s *Service) end(ctx context.Context, scope *tenant.Scope, id string, may func(Member) error) (*none, error) {
	var gone tenant.Principal
	err := s.fence().ChangeBy(ctx, scope, func(ctx context.Context, d *store.Directory) (e audit.Event, c []store.DirectoryChange, err error) {
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
		return audit.Event{Target: target(was.ID), Before: was}, fence.Both(store.Delete, m.Changes(), version), nil
	})
	s.Forget(gone, scope.Tenant())
	if err != nil {
		return nil, err
	}
	return &none{}, nil
}
