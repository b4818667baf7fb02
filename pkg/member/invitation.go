package member

import (
	"context"
	"crypto/sha256"
	"fmt"
	"time"

	"github.com/tenantry/tenantry/pkg/audit"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/fence"
	"github.com/tenantry/tenantry/pkg/grant"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Invitation is an offer to become a member, for whoever holds its token. It is good as long as it is open and the person
// who made or renewed it may give what it gives.
type Invitation struct {
	ID   tenant.InvitationID `json:"id" doc:"inv_ and 26 characters."`
	Name string              `json:"name,omitempty" doc:"Whom it is for; the member will be called so."`
	grant.Grant
	Status     Status      `json:"status,omitempty" enum:"open,expired"`
	InvitedBy  audit.Actor `json:"invitedBy" doc:"Who made it, or renewed it last."`
	Days       int         `json:"days" doc:"How long it is good from when it is made or renewed."`
	CreatedAt  time.Time   `json:"createdAt"`
	ValidUntil time.Time   `json:"validUntil"`
}

// Status says whether an invitation can be accepted.
type Status string

// The statuses. One that was accepted or revoked is no more.
const (
	Open    Status = "open"
	Expired Status = "expired" // it can be renewed
)

// kept is how long an expired invitation can still be renewed.
const kept = 30 * 24 * time.Hour

// invited is the stored form of an invitation, without its Status.
type invited struct {
	Invitation
	Digest []byte `json:"digest"` // the Sum of the token
}

// pointer is what is found by the Sum of a token.
type pointer struct {
	Tenant     tenant.ID           `json:"tenant"`
	Invitation tenant.InvitationID `json:"invitation"`
}

func (s *Service) invitations() []route.Operation {
	const all, tag, read, write = "/v1/tenants/{tenantId}/invitations", "Members", tenant.ReadMember, tenant.WriteMember
	const one, id = all + "/{invitationId}", "inv_01ARZ3NDEKTSV4RRFFQ69G5FAV"
	const once = "The token is in this answer and never shown again; give it to the person who is to join. "
	return []route.Operation{
		route.ForTenant(route.Spec{ID: createInvitation, Method: "POST", Path: all, Permission: write, Reach: route.Within, Function: route.Admin, Tag: tag,
			Status: 201, Summary: "Invite somebody", Doc: once + "The same request again under its Idempotency-Key answers without the token: " +
				"renew the invitation to get another. " + docGrant,
			Example: createIn{Body: InvitationNew{Name: "Vera", Role: string(tenant.Viewer), Days: 7}}}, s.create),
		route.ForTenant(route.Spec{ID: listInvitations, Method: "GET", Path: all, Permission: read, Reach: route.Within, Function: route.Admin, Tag: tag,
			Summary: "List invitations", Doc: "Oldest first, those that are open and those that expired within 30 days.", Example: listIn{}}, s.listInvitations),
		route.ForTenant(route.Spec{ID: "renewInvitation", Method: "POST", Path: one + "/renew", Permission: write, Reach: route.Within, Function: route.Admin, Tag: tag,
			Summary: "Renew an invitation", Doc: "It gets another token and its whole time again; the token before is worth nothing. " + once,
			Example: invitationIn{InvitationID: id}}, s.renew),
		route.ForTenant(route.Spec{ID: "revokeInvitation", Method: "DELETE", Path: one, Permission: write, Reach: route.Within, Function: route.Admin, Tag: tag,
			Summary: "Revoke an invitation", Doc: docGrant, Example: invitationIn{InvitationID: id}}, s.revoke),
		route.ForPrincipal(route.Spec{ID: acceptInvitation, Method: "POST", Path: "/v1/invitations/accept", Permission: tenant.Person, Fails: []fault.Kind{fault.NotFound},
			Function: route.Admin, Tag: tag, Status: 201, Summary: "Accept an invitation", Doc: "Whoever is signed in as a person and holds " +
				"the token becomes a member; the token is used up. A member already gets 409, and the invitation stays.",
			Example: acceptIn{Body: Acceptance{Token: TokenPrefix + "aaaabbbbccccddddeeeeffffgggghhhh"}}}, s.accept),
	}
}

type invitationIn struct {
	InvitationID string `path:"invitationId" doc:"inv_ and 26 characters."`
}

type invitationsOut struct{ Body route.Page[Invitation] }

func (s *Service) listInvitations(ctx context.Context, scope *tenant.Scope, in *listIn) (*invitationsOut, error) {
	directory, of := s.Store.Directory(), scope.Tenant()
	page, err := route.PageOf(in.Paging, route.NewCursors(listInvitations, string(of)), func(l store.List) (store.Page, error) {
		return directory.Query(ctx, store.OrgInvitations(of), l)
	}, func(i invited) (Invitation, bool) { return s.shownInvitation(i, scope), true })
	if err != nil {
		return nil, fmt.Errorf("list invitations: %w", err)
	}
	return &invitationsOut{page}, nil
}

// revoke takes an invitation away, open or expired.
func (s *Service) revoke(ctx context.Context, scope *tenant.Scope, in *invitationIn) (*none, error) {
	err := s.fence().ChangeBy(ctx, scope, func(ctx context.Context, d *store.Directory) (e audit.Event, c []store.DirectoryChange, err error) {
		i, version, err := findInvitation(ctx, d, scope, in.InvitationID)
		if err != nil {
			return e, nil, err
		}
		if err := i.AskWithin(scope); err != nil {
			return e, nil, err
		}
		return audit.Event{Target: invitationTarget(i.ID), Before: i.Invitation}, i.ends(scope.Tenant(), version), nil
	})
	if err != nil {
		return nil, err
	}
	return &none{}, nil
}

// findInvitation reads the invitation that a path names.
func findInvitation(ctx context.Context, d *store.Directory, scope *tenant.Scope, id string) (i invited, version int64, err error) {
	return fence.Find[invited](ctx, d, scope, id, tenant.ParseInvitationID, store.OrgInvitation,
		"There is no such invitation in this organization: it was accepted or revoked, or never was.")
}

// ends gives what takes away both items of an invitation of the version.
func (i invited) ends(id tenant.ID, version int64) []store.DirectoryChange {
	return []store.DirectoryChange{
		{Action: store.Delete, Key: store.OrgInvitation(id, i.ID), Condition: store.VersionIs(version)},
		{Action: store.Delete, Key: store.Invitation([sha256.Size]byte(i.Digest))},
	}
}

func (s *Service) open(i Invitation) bool { return s.Clock().Before(i.ValidUntil) }

// shownInvitation is the invitation as the scope's principal is shown it.
func (s *Service) shownInvitation(i invited, scope *tenant.Scope) Invitation {
	i.Grant, i.Status = i.SeenBy(scope), Expired
	if s.open(i.Invitation) {
		i.Status = Open
	}
	return i.Invitation
}

func invitationTarget(id tenant.InvitationID) string { return "invitation/" + string(id) }
