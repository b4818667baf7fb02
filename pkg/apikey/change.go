package apikey

import (
	"context"
	"errors"

	"github.com/tenantry/tenantry/pkg/audit"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/fence"
	"github.com/tenantry/tenantry/pkg/grant"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Patch is what a caller changes of a key; nil leaves it as it is.
type Patch struct {
	Name     *string   `json:"name,omitempty" minLength:"1" doc:"At most 100 characters."`
	Role     *string   `json:"role,omitempty" enum:"admin,editor,viewer"`
	Limited  *bool     `json:"limited,omitempty" doc:"False lets the key see all projects."`
	Projects *[]string `json:"projects,omitempty" minItems:"1" maxItems:"200" doc:"Limits the key to these."`
}

type updateIn struct {
	route.IfMatch
	KeyID string `path:"keyId" doc:"key_ and 26 characters."`
	Body  Patch
}

// update changes a key. A patch that changes nothing writes nothing.
func (s *Service) update(ctx context.Context, scope *tenant.Scope, in *updateIn) (out *keyOut, err error) {
	var after item
	err = s.fence().ChangeBy(ctx, scope, func(ctx context.Context, d *store.Directory) (e audit.Event, c []store.DirectoryChange, err error) {
		before, version, err := find(ctx, d, scope, in.KeyID)
		if err != nil {
			return e, nil, err
		}
		if err := in.Check(version); err != nil {
			return e, nil, err
		}
		if after, err = s.patched(ctx, scope, before, in.Body); err != nil {
			return e, nil, err
		}
		was, is := s.whole(before), s.whole(after)
		out = &keyOut{route.ETag(version), s.shown(after, scope)}
		if was.Name == is.Name && was.Equal(is.Grant) {
			return e, nil, nil
		}
		if err := errors.Join(was.AskWithin(scope), is.AskWithin(scope)); err != nil {
			return e, nil, err
		}
		if is.Status == Expired {
			return e, nil, fault.New(fault.Conflict, "The API key has expired and cannot be changed. Create another.")
		}
		out.ETag = route.ETag(version + 1)
		return audit.Event{Target: target(is.ID), Before: was, After: is}, fence.Both(store.Put, after.changes(), version), nil
	})
	s.Forget(after.Principal(), scope.Tenant())
	if err != nil {
		return nil, err
	}
	keys, err := s.used(ctx, scope, out.Body)
	if err != nil {
		return nil, err
	}
	out.Body = keys[0]
	return out, nil
}

// patched gives the key with what the patch says, checked.
func (s *Service) patched(ctx context.Context, scope *tenant.Scope, i item, p Patch) (_ item, err error) {
	if p.Name != nil {
		if i.Name, err = route.Line("body.name", *p.Name, maxName); err != nil {
			return i, err
		}
	}
	g, err := grant.Patch{Role: p.Role, Limited: p.Limited, Projects: p.Projects}.Of(ctx, s.Store, scope,
		grant.Grant{Role: i.Role, Limited: i.Limited, Projects: i.Projects})
	i.Role, i.Limited, i.Projects = g.Role, g.Limited, g.Projects
	return i, err
}

// revoke takes a key away, active or expired.
func (s *Service) revoke(ctx context.Context, scope *tenant.Scope, in *getIn) (*none, error) {
	var gone item
	err := s.fence().ChangeBy(ctx, scope, func(ctx context.Context, d *store.Directory) (e audit.Event, c []store.DirectoryChange, err error) {
		i, version, err := find(ctx, d, scope, in.KeyID)
		if err != nil {
			return e, nil, err
		}
		gone = i
		was := s.whole(i)
		if err := was.AskWithin(scope); err != nil {
			return e, nil, err
		}
		c = fence.Both(store.Delete, i.changes(), version)
		c[1].Condition = store.Condition{} // of an expired key it is no more
		return audit.Event{Target: target(i.ID), Before: was}, c, nil
	})
	s.Forget(gone.Principal(), scope.Tenant())
	if err != nil {
		return nil, err
	}
	return &none{}, nil
}
