package member

import (
	"context"
	"fmt"
	"slices"

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
	Permissions []tenant.Permission `json:"permissions" doc:"What you may do, the tenant's status and your being limited to projects considered. Of project:write, delivery:write and connection:write a limited member has what is about those projects: operations with x-reach whole are refused."`
}

type meIn struct{ route.Paging }

type meOut struct{ Body Me }

func (s *Service) me(ctx context.Context, p tenant.Principal, in *meIn) (*meOut, error) {
	cursors := route.NewCursors(getMe, p.Issuer, p.Subject)
	after, err := cursors.Key(in.Cursor)
	if err != nil {
		return nil, err
	}
	l := store.List{After: after, Limit: in.Limit, Consistency: store.Strongly}
	places, next, err := identity.OfEach(ctx, s.Store.Directory(), p, l, func(ctx context.Context, m tenant.Membership) (Place, error) {
		return s.place(ctx, p, m)
	})
	if err != nil {
		return nil, err
	}
	return &meOut{Me{Issuer: p.Issuer, Subject: p.Subject, Email: p.Email, Credential: p.Credential(), Tenants: places, Next: cursors.Make(next)}}, nil
}

// place gives what a membership is worth now, identity.NoTenant where the tenant is no more, or is being erased.
func (s *Service) place(ctx context.Context, p tenant.Principal, m tenant.Membership) (out Place, err error) {
	scope, err := identity.See(p, m)
	if err != nil {
		return out, err
	}
	h, err := s.Store.Tenant(scope)
	if err != nil {
		return out, err
	}
	var meta struct {
		Name    string        `json:"name"`
		Status  tenant.Status `json:"status"`
		Erasing bool          `json:"erasing"`
	}
	version, err := h.Read(ctx, store.Meta(), &meta)
	if err != nil {
		return out, fmt.Errorf("read a tenant: %w", err)
	}
	if version == 0 || meta.Erasing {
		return out, identity.NoTenant()
	}
	out = Place{TenantID: m.Tenant, Name: meta.Name, Status: meta.Status, Grant: grant.Grant{Role: m.Role, Limited: m.Projects != nil, Projects: m.Projects}}
	if p.Credential() == tenant.Token {
		out.MemberID = tenant.MemberIDOf(m.Tenant, p.Issuer, p.Subject)
	}
	out.Permissions = slices.DeleteFunc(m.Role.Permissions(), func(may tenant.Permission) bool {
		return !meta.Status.Lets(m.Role, may) || p.Credential() == tenant.APIKey && may.Personal() || out.Limited && may.OfWhole()
	})
	return out, nil
}
