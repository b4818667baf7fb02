// Package member keeps who belongs to a tenant: members with a role and, where they are limited, the projects they see;
// and the invitations by which people become members. Nobody gives more than they hold, and a tenant always has an owner.
package member

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/tenantry/tenantry/pkg/audit"
	"github.com/tenantry/tenantry/pkg/fence"
	"github.com/tenantry/tenantry/pkg/grant"
	"github.com/tenantry/tenantry/pkg/identity"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Member is a person's place in a tenant, as it is shown.
type Member struct {
	ID   tenant.MemberID `json:"id" doc:"mem_ and 26 characters."`
	Name string          `json:"name,omitempty" doc:"From the invitation, or as it was changed since."`
	grant.Grant
	Issuer    string    `json:"issuer" doc:"Of the person's tokens."`
	Subject   string    `json:"subject" doc:"Of the person's tokens."`
	Email     string    `json:"email,omitempty" doc:"As the person's token had it when they joined."`
	CreatedAt time.Time `json:"createdAt"`
}

// Service has the operations on members and invitations. All fields are needed.
type Service struct {
	Store  *store.Store
	Clock  func() time.Time
	Random io.Reader // of IDs and tokens
	Audit  audit.Log
	Forget func(tenant.Principal, tenant.ID) // makes this process read the membership anew
}

const (
	listMembers, createInvitation, listInvitations = "listMembers", "createInvitation", "listInvitations"
	getMe, acceptInvitation                        = "getMe", "acceptInvitation"

	maxName = 100
)

// Operations lists the package's operations; it works on a nil Service.
func (s *Service) Operations() []route.Operation {
	const all, tag, read, write = "/v1/tenants/{tenantId}/members", "Members", tenant.ReadMember, tenant.WriteMember
	const one, id = all + "/{memberId}", "mem_01ARZ3NDEKTSV4RRFFQ69G5FAV"
	name, role := "Vera", string(tenant.Viewer)
	return append([]route.Operation{
		route.ForPrincipal(route.Spec{ID: getMe, Method: "GET", Path: "/v1/me", Permission: tenant.SignedIn, Function: route.Admin,
			Tag: tag, Summary: "Ask who you are", Doc: "With your tenants, oldest first, and what you may do in each. An API key has one.",
			Example: meIn{}}, s.me),
		route.ForTenant(route.Spec{ID: listMembers, Method: "GET", Path: all, Permission: read, Reach: route.Within, Function: route.Admin, Tag: tag,
			Summary: "List members", Example: listIn{}}, s.list),
		route.ForTenant(route.Spec{ID: "getMember", Method: "GET", Path: one, Permission: read, Reach: route.Within, Function: route.Admin, Tag: tag,
			Summary: "Get a member", Example: getIn{MemberID: id}}, s.get),
		route.ForTenant(route.Spec{ID: "updateMember", Method: "PATCH", Path: one, Permission: write, Reach: route.Within, Function: route.Admin, Tag: tag,
			Summary: "Change a member", Doc: "What is left out stays as it is. It takes effect everywhere within 60 seconds. " + docGrant,
			Example: updateIn{MemberID: id, Body: Patch{Name: &name, Role: &role}}}, s.update),
		route.ForTenant(route.Spec{ID: "removeMember", Method: "DELETE", Path: one, Permission: write, Reach: route.Within, Function: route.Admin, Tag: tag,
			Summary: "Remove a member", Doc: "It takes effect everywhere within 60 seconds. API keys that the member made belong to " +
				"the organization and stay; revoke them if they should not. " + docGrant,
			Example: getIn{MemberID: id}}, s.remove),
		route.ForTenant(route.Spec{ID: "leaveTenant", Method: "POST", Path: "/v1/tenants/{tenantId}/leave", Permission: tenant.LeaveTenant,
			Reach: route.Within, Function: route.Admin, Tag: tag, Summary: "Leave a tenant", Doc: "The last owner cannot.", Example: struct{}{}}, s.leave),
	}, s.invitations()...)
}

const docGrant = "You can give, change and take only what you hold yourself: no role above yours, and where you are limited to " +
	"projects, none but those. The last owner cannot be removed or become less."

type memberOut struct {
	ETag string `header:"ETag"`
	Body Member
}

// none is the answer of what has nothing to say.
type none struct{}

type getIn struct {
	MemberID string `path:"memberId" doc:"mem_ and 26 characters."`
}

func (s *Service) get(ctx context.Context, scope *tenant.Scope, in *getIn) (*memberOut, error) {
	m, version, err := find(ctx, s.Store.Directory(), scope, in.MemberID)
	if err != nil {
		return nil, err
	}
	return &memberOut{route.ETag(version), shown(m, scope)}, nil
}

type listIn struct{ route.Paging }

type listOut struct{ Body route.Page[Member] }

func (s *Service) list(ctx context.Context, scope *tenant.Scope, in *listIn) (*listOut, error) {
	directory, of := s.Store.Directory(), scope.Tenant()
	page, err := route.PageOf(in.Paging, route.NewCursors(listMembers, string(of)), func(l store.List) (store.Page, error) {
		return directory.Query(ctx, store.OrgMembers(of), l)
	}, func(m identity.Member) (Member, bool) { return shown(m, scope), true })
	if err != nil {
		return nil, fmt.Errorf("list members: %w", err)
	}
	return &listOut{page}, nil
}

// find reads the member that a path names, with the version that both its items have.
func find(ctx context.Context, d *store.Directory, scope *tenant.Scope, id string) (m identity.Member, version int64, err error) {
	return fence.Find[identity.Member](ctx, d, scope, id, tenant.ParseMemberID, store.OrgMember, "There is no such member in this organization.")
}

// whole is the member as an owner is shown it.
func whole(m identity.Member) Member {
	return Member{ID: m.ID(), Name: m.Name, Grant: grant.Grant{Role: m.Role, Limited: m.Limited, Projects: m.Projects}, Issuer: m.Issuer, Subject: m.Subject,
		Email: m.Email, CreatedAt: m.CreatedAt}
}

// shown is the member as the scope's principal is shown it.
func shown(m identity.Member, scope *tenant.Scope) Member {
	w := whole(m)
	w.Grant = w.SeenBy(scope)
	return w
}

func target(id tenant.MemberID) string { return "member/" + string(id) }

// now is the time to the millisecond, which every store keeps.
func (s *Service) now() time.Time { return s.Clock().UTC().Truncate(time.Millisecond) }
