package member

import (
	"context"
	"crypto/sha256"
	"fmt"
	"slices"

	"github.com/tenantry/tenantry/pkg/audit"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/fence"
	"github.com/tenantry/tenantry/pkg/identity"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Acceptance is what whoever accepts an invitation says.
type Acceptance struct {
	Token string `json:"token" doc:"tni_ and 32 characters, as it was handed over."`
}

type acceptIn struct {
	route.IdempotencyKey
	Body Acceptance
}

type acceptOut struct {
	Location string `header:"Location"`
	Body     Place
}

// noInvitation is the answer for every token that opens nothing, whatever the reason.
func noInvitation() error {
	return fault.New(fault.NotFound, "This invitation is not valid: it was used, revoked or renewed, has expired, or never was. Ask for a new one.")
}

// joined is a new member in the audit log.
type joined struct {
	Member
	Invitation tenant.InvitationID `json:"invitation"`
	InvitedBy  audit.Actor         `json:"invitedBy"`
}

func (s *Service) accept(ctx context.Context, p tenant.Principal, in *acceptIn) (*acceptOut, error) {
	once, err := in.Once(p, acceptInvitation, in.Body)
	if err != nil {
		return nil, err
	}
	d := s.Store.Directory()
	if id, err := once.DoneOutside(ctx, d); id != "" || err != nil {
		return s.accepted(ctx, p, tenant.ID(id), err)
	}
	id, err := s.join(ctx, p, in.Body.Token, once)
	if fault.Is(err, fault.NotFound) {
		if id, err := once.DoneOutside(ctx, d); id != "" || err != nil { // the same request was quicker
			return s.accepted(ctx, p, tenant.ID(id), err)
		}
	}
	return s.accepted(ctx, p, id, err)
}

// join makes a principal a member of the tenant that the token is for, and uses the token up.
func (s *Service) join(ctx context.Context, p tenant.Principal, text string, once route.Once) (tenant.ID, error) {
	token, err := ParseToken(text)
	if err != nil {
		return "", noInvitation()
	}
	id, i, _, err := s.opened(ctx, s.Store.Directory(), token.Sum())
	if err != nil {
		return "", err
	}
	scope, err := s.joining(ctx, p, id, i)
	if err != nil {
		return "", err
	}
	return id, s.fence().Change(ctx, scope, func(ctx context.Context, d *store.Directory) (e audit.Event, c []store.DirectoryChange, err error) {
		_, i, version, err := s.opened(ctx, d, token.Sum())
		if err != nil {
			return e, nil, err
		}
		if err := stranger(ctx, d, p, id); err != nil {
			return e, nil, err
		}
		if err := s.roomToJoin(ctx, d, scope); err != nil {
			return e, nil, err
		}
		m := identity.Member{Tenant: id, Issuer: p.Issuer, Subject: p.Subject, Email: p.Email, Name: i.Name, Role: i.Role,
			Limited: i.Limited, Projects: i.Projects, CreatedAt: s.now()}
		c = slices.Concat(m.Changes(), i.ends(id, version), once.ChangesOutside(string(id), m.CreatedAt))
		return audit.Event{Target: target(m.ID()), After: joined{whole(m), i.ID, i.InvitedBy}}, c, nil
	})
}

// opened gives the invitation that a token opens, its tenant and its version. Whoever made it must still be able to.
func (s *Service) opened(ctx context.Context, d *store.Directory, sum [sha256.Size]byte) (id tenant.ID, i invited, version int64, err error) {
	var at pointer
	if version, err = d.Read(ctx, store.Invitation(sum), &at); err == nil && version > 0 {
		version, err = d.Read(ctx, store.OrgInvitation(at.Tenant, at.Invitation), &i)
	}
	if err != nil {
		return "", i, 0, fmt.Errorf("read an invitation: %w", err)
	}
	if version == 0 || string(i.Digest) != string(sum[:]) || !s.open(i.Invitation) {
		return "", i, 0, noInvitation()
	}
	by := tenant.Principal{Issuer: i.InvitedBy.Issuer, Subject: i.InvitedBy.Subject}
	m, err := identity.Read(ctx, d, by, at.Tenant)
	if fault.Is(err, fault.NotFound) {
		return "", i, 0, noInvitation()
	}
	if err != nil {
		return "", i, 0, err
	}
	if host, err := identity.See(by, m); err != nil || !m.Role.May(tenant.WriteMember) || !i.Within(host) {
		return "", i, 0, noInvitation()
	}
	return at.Tenant, i, version, nil
}

// stranger refuses a principal who is a member already.
func stranger(ctx context.Context, d *store.Directory, p tenant.Principal, id tenant.ID) error {
	m, err := identity.Read(ctx, d, p, id)
	if err == nil {
		return fault.New(fault.Conflict, "You are a member of this organization already, as %s. The invitation is left as it is: "+
			"give it to the person whom it is for, or have your role changed.", m.Role)
	}
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	return err
}

// joining gives the scope of who is about to join, for the audit log, unless the tenant rests.
func (s *Service) joining(ctx context.Context, p tenant.Principal, id tenant.ID, i invited) (*tenant.Scope, error) {
	m := identity.Member{Tenant: id, Role: i.Role, Limited: i.Limited, Projects: i.Projects}.Membership()
	at, err := identity.ReadStanding(ctx, s.Store, p, m)
	if fault.Is(err, fault.NotFound) {
		return nil, noInvitation()
	}
	if err != nil {
		return nil, err
	}
	if at.Status != tenant.Active {
		return nil, fault.New(fault.Forbidden, "The organization is %s: nobody can join it now. The invitation is left as it is.", at.Status).Coded(fault.NotActive)
	}
	scope, err := identity.See(p, m)
	if err != nil {
		return nil, err
	}
	return scope.In(at), nil
}

// roomToJoin refuses one more member than the plan allows.
func (s *Service) roomToJoin(ctx context.Context, d *store.Directory, scope *tenant.Scope) error {
	members, err := fence.Count(ctx, d, store.OrgMembers(scope.Tenant()), func(*store.Record) (bool, error) { return true, nil })
	if err != nil {
		return fmt.Errorf("count the members: %w", err)
	}
	plan := scope.Standing().Plan
	if most := plan.Limits().Members; members >= most {
		return fault.New(fault.Forbidden, "The organization has reached its limit of members: %d in the plan %s. The invitation is left "+
			"as it is; ask an owner or admin to make room.", most, plan).Of("members")
	}
	return nil
}

// accepted shows who has joined what they have now.
func (s *Service) accepted(ctx context.Context, p tenant.Principal, id tenant.ID, err error) (*acceptOut, error) {
	if err != nil {
		return nil, err
	}
	s.Forget(p, id)
	m, err := identity.Read(ctx, s.Store.Directory(), p, id)
	if err != nil {
		return nil, err
	}
	place, err := s.place(ctx, p, m)
	if err != nil {
		return nil, err
	}
	return &acceptOut{"/v1/tenants/" + string(id), place}, nil
}
