package member

import (
	"context"
	"fmt"
	"slices"

	"golang.org/x/sync/errgroup"

	"github.com/tenantry/tenantry/pkg/grant"
	"github.com/tenantry/tenantry/pkg/identity"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Me is who calls.
type Me struct {
	Issuer     string            `json:"issuer" doc:"Of your tokens; api-key for an API key."`
	Subject    string            `json:"subject" doc:"Of your tokens; the ID of an API key."`
	Email      string            `json:"email,omitempty" doc:"As your token has it."`
	Credential tenant.Credential `json:"credential" enum:"token,api-key"`
	Tenants    []Place           `json:"tenants"`
	Next       string            `json:"next,omitempty" doc:"The cursor of the next page of tenants; absent at the end."`
}

// Place is what one is in a tenant.
type Place struct {
	TenantID tenant.ID       `json:"tenantId"`
	Name     string          `json:"name" doc:"The tenant's."`
	Status   tenant.Status   `json:"status" enum:"active,suspended,deleting" doc:"The tenant's."`
	MemberID tenant.MemberID `json:"memberId,omitempty" doc:"Yours; an API key has none."`
	grant.Grant
	Permissions []tenant.Permission `json:"permissions" doc:"What you may do, the tenant's status considered."`
}

type meIn struct{ route.Paging }

type meOut struct{ Body Me }

const atOnce = 8 // tenants read at the same time: each is read with credentials of its own

func (s *Service) me(ctx context.Context, p tenant.Principal, in *meIn) (*meOut, error) {
	cursors := route.NewCursors(getMe, p.Issuer, p.Subject)
	after, err := cursors.After(in.Cursor)
	if err != nil {
		return nil, err
	}
	members, next, err := identity.Memberships(ctx, s.Store.Directory(), p, store.List{After: after, Limit: in.Limit, Consistency: store.Strongly})
	if err != nil {
		return nil, err
	}
	places := make([]*Place, len(members))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for i, m := range members {
		g.Go(func() (err error) {
			places[i], err = s.place(ctx, p, m)
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	me := Me{Issuer: p.Issuer, Subject: p.Subject, Email: p.Email, Credential: p.Credential(), Tenants: []Place{}, Next: cursors.Make(next)}
	for _, place := range places {
		if place != nil {
			me.Tenants = append(me.Tenants, *place)
		}
	}
	return &meOut{me}, nil
}

// place gives what a membership is worth now, nil where the tenant is no more, or is being erased.
func (s *Service) place(ctx context.Context, p tenant.Principal, m tenant.Membership) (*Place, error) {
	scope, err := identity.See(p, m)
	if err != nil {
		return nil, err
	}
	h, err := s.Store.Tenant(scope)
	if err != nil {
		return nil, err
	}
	var meta struct {
		Name    string        `json:"name"`
		Status  tenant.Status `json:"status"`
		Erasing bool          `json:"erasing"`
	}
	version, err := h.Read(ctx, store.Meta(), &meta)
	if err != nil {
		return nil, fmt.Errorf("read a tenant: %w", err)
	}
	if version == 0 || meta.Erasing {
		return nil, nil
	}
	out := &Place{TenantID: m.Tenant, Name: meta.Name, Status: meta.Status, Grant: grant.Grant{Role: m.Role, Limited: m.Projects != nil, Projects: m.Projects}}
	if p.Credential() == tenant.Token {
		out.MemberID = tenant.MemberIDOf(m.Tenant, p.Issuer, p.Subject)
	}
	out.Permissions = slices.DeleteFunc(m.Role.Permissions(), func(may tenant.Permission) bool {
		return !meta.Status.Lets(m.Role, may) || p.Credential() == tenant.APIKey && may.Personal()
	})
	return out, nil
}
