package member

import (
	"context"
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

// New is what a caller says of an invitation.
type InvitationNew struct {
	Name     string   `json:"name,omitempty" doc:"Whom it is for, for you to tell: at most 100 characters."`
	Role     string   `json:"role" enum:"owner,admin,editor,viewer"`
	Projects []string `json:"projects,omitempty" minItems:"1" maxItems:"200" doc:"Limits the member to these; left out, all that there are and will be."`
	Days     int      `json:"days,omitempty" minimum:"1" maximum:"30" default:"7" doc:"How long it is good."`
}

// Issued is an invitation with its token.
type Issued struct {
	Invitation
	Token string `json:"token,omitempty" doc:"tni_ and 32 characters: shown this once."`
}

type createIn struct {
	route.IdempotencyKey
	Body InvitationNew
}

type issuedOut struct{ Body Issued }

func (s *Service) create(ctx context.Context, scope *tenant.Scope, in *createIn) (*issuedOut, error) {
	i, err := s.invitation(ctx, scope, in.Body)
	if err != nil {
		return nil, err
	}
	once, err := in.Once(scope.Principal(), createInvitation, in.Body)
	if err != nil {
		return nil, err
	}
	once = once.Within(scope)
	var out *issuedOut
	err = s.fence().ChangeBy(ctx, scope, func(ctx context.Context, d *store.Directory) (e audit.Event, c []store.DirectoryChange, err error) {
		if id, err := once.DoneOutside(ctx, d); id != "" || err != nil {
			out, err = s.issued(ctx, d, scope, id, err)
			return e, nil, err
		}
		if out, c, err = s.issue(ctx, d, scope, invited{Invitation: i}, 0); err != nil {
			return e, nil, err
		}
		c = append(c, once.ChangesOutside(string(i.ID), i.CreatedAt)...)
		return audit.Event{Target: invitationTarget(i.ID), After: i}, c, nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// invitation gives the one that a caller describes, checked.
func (s *Service) invitation(ctx context.Context, scope *tenant.Scope, n InvitationNew) (i Invitation, err error) {
	i = Invitation{Grant: grant.Grant{Role: tenant.Role(n.Role), Limited: n.Projects != nil}, Days: n.Days, CreatedAt: s.now()}
	if n.Name != "" {
		if i.Name, err = route.Line("body.name", n.Name, maxName); err != nil {
			return i, err
		}
	}
	if i.Projects, err = grant.Named(ctx, s.Store, scope, n.Projects); err != nil {
		return i, err
	}
	if err := i.Check(); err != nil {
		return i, err
	}
	if err := i.AskWithin(scope); err != nil {
		return i, err
	}
	i.ID, err = tenant.NewInvitationID(i.CreatedAt, s.Random)
	return s.by(i, scope), err
}

// by makes the invitation one of the scope's principal, from now on.
func (s *Service) by(i Invitation, scope *tenant.Scope) Invitation {
	p := scope.Principal()
	i.InvitedBy = audit.Actor{Issuer: p.Issuer, Subject: p.Subject, Email: p.Email}
	i.ValidUntil = s.Clock().UTC().Add(time.Duration(i.Days) * 24 * time.Hour).Truncate(time.Second)
	return i
}

// issued answers a request that has been answered before, without the token.
func (s *Service) issued(ctx context.Context, d *store.Directory, scope *tenant.Scope, id string, err error) (*issuedOut, error) {
	if err != nil {
		return nil, err
	}
	i, _, err := findInvitation(ctx, d, scope, id)
	if err != nil {
		return nil, err
	}
	return &issuedOut{Issued{Invitation: s.shownInvitation(i, scope)}}, nil
}

// issue gives an invitation a token of its own, over what is there in a version.
func (s *Service) issue(ctx context.Context, d *store.Directory, scope *tenant.Scope, i invited, version int64) (*issuedOut, []store.DirectoryChange, error) {
	if err := s.roomToInvite(ctx, d, scope, i.ID); err != nil {
		return nil, nil, err
	}
	token, err := NewToken(s.Random)
	if err != nil {
		return nil, nil, err
	}
	sum, id := token.Sum(), scope.Tenant()
	i.Digest = sum[:]
	return &issuedOut{Issued{s.shownInvitation(i, scope), token.Text()}}, []store.DirectoryChange{
		{Key: store.OrgInvitation(id, i.ID), Value: i, Condition: store.VersionIs(version), ExpiresAt: i.ValidUntil.Add(kept)},
		{Key: store.Invitation(sum), Value: pointer{id, i.ID}, Condition: store.Absent, ExpiresAt: i.ValidUntil},
	}, nil
}

// roomToInvite refuses one more open invitation than the plan has members.
func (s *Service) roomToInvite(ctx context.Context, d *store.Directory, scope *tenant.Scope, but tenant.InvitationID) error {
	open, err := fence.Count(ctx, d, store.OrgInvitations(scope.Tenant()), func(r *store.Record) (bool, error) {
		var i invited
		err := r.Value.Decode(&i)
		return i.ID != but && s.open(i.Invitation), err
	})
	if err != nil {
		return fmt.Errorf("count the invitations: %w", err)
	}
	plan := scope.Standing().Plan
	if most := plan.Limits().Members; open >= most {
		return fault.New(fault.Forbidden, "The plan %s has a limit of members of %d, and as many invitations may be open at a time. "+
			"Revoke one, or wait until one is accepted or has expired.", plan, most).Of("members")
	}
	return nil
}

// renew gives an invitation, open or expired, another token and its whole time again.
func (s *Service) renew(ctx context.Context, scope *tenant.Scope, in *invitationIn) (out *issuedOut, err error) {
	err = s.fence().ChangeBy(ctx, scope, func(ctx context.Context, d *store.Directory) (e audit.Event, c []store.DirectoryChange, err error) {
		before, version, err := findInvitation(ctx, d, scope, in.InvitationID)
		if err != nil {
			return e, nil, err
		}
		if err := before.AskWithin(scope); err != nil {
			return e, nil, err
		}
		after := invited{Invitation: s.by(before.Invitation, scope)}
		if out, c, err = s.issue(ctx, d, scope, after, version); err != nil {
			return e, nil, err
		}
		c = append(c, before.ends(scope.Tenant(), version)[1])
		return audit.Event{Target: invitationTarget(after.ID), Before: before.Invitation, After: after.Invitation}, c, nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}
