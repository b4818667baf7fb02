package connection

import (
	"context"
	"errors"
	"slices"
	"strings"

	"github.com/tenantry/tenantry/pkg/audit"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Patch is what a caller changes of a connection; nil leaves it as it is.
type Patch struct {
	Name    *string   `json:"name,omitempty" minLength:"1"`
	Kind    *string   `json:"kind,omitempty" enum:"payer,member"`
	RoleARN *string   `json:"roleArn,omitempty" minLength:"1" maxLength:"512" doc:"The role in the account: the stack's output RoleArn, blanks around it not counted. It is verified."`
	Profile *string   `json:"profile,omitempty" minLength:"1" maxLength:"64" doc:"Instead of a role, a profile of the machine's own AWS configuration: only where the platform runs on one machine. It is verified."`
	Regions *[]string `json:"regions,omitempty" maxItems:"50" doc:"Replaces all regions; none for everywhere that the account has enabled."`
	Exports *[]Export `json:"exports,omitempty" maxItems:"10" doc:"Replaces all exports. Of one that is not there any more, what it brought stays."`
	Paused  *bool     `json:"paused,omitempty" doc:"True: nothing is read from the account. False: it is verified and read again."`
}

type updateIn struct {
	route.IfMatch
	ConnectionID string `path:"connectionId" doc:"con_ and 26 characters."`
	Body         Patch
}

// update changes a connection. A patch that changes nothing writes nothing.
func (s *Service) update(ctx context.Context, scope *tenant.Scope, in *updateIn) (*connectionOut, error) {
	return s.told(ctx, scope)(s.change(ctx, scope, in.ConnectionID, in.IfMatch, func(before Connection) (Connection, error) {
		after, at, err := in.Body.apply(before)
		if err != nil || at == "" {
			return after, err
		}
		paused := after.Status == Paused
		err = s.check(ctx, scope, after)
		if r, refused := errors.AsType[*Refusal](err); refused {
			return after, fault.New(fault.Invalid, "%s %s", r.Reason, r.Mend).At(at, r.Reason, "")
		}
		if after = after.connected(s.now()); paused {
			after.Status = Paused
		}
		return after, err
	}))
}

// told tells of a connection that may have changed.
func (s *Service) told(ctx context.Context, scope *tenant.Scope) func(*connectionOut, error) (*connectionOut, error) {
	return func(out *connectionOut, err error) (*connectionOut, error) {
		if err == nil && s.Changed != nil {
			s.Changed(ctx, scope)
		}
		return out, err
	}
}

// apply gives c with what the patch says, checked, and what of the patch asks for the connection to be verified first.
func (p Patch) apply(c Connection) (_ Connection, verify string, err error) {
	before := c
	if p.Name != nil {
		if c.Name, err = route.Line("body.name", *p.Name, MaxName); err != nil {
			return c, "", err
		}
	}
	if p.Kind != nil {
		c.Kind = Kind(*p.Kind)
	}
	if p.Regions != nil {
		if c.Regions, err = regions(*p.Regions, c.Partition); err != nil {
			return c, "", err
		}
	}
	if p.Exports != nil {
		if c.Exports, err = exports(*p.Exports, c.Partition); err != nil {
			return c, "", err
		}
	}
	switch {
	case p.RoleARN != nil && p.Profile != nil:
		return c, "", fault.New(fault.Invalid, "An account is read by a role or by a profile: give one of them.").
			At("body.profile", "is given beside roleArn", "")
	case p.RoleARN != nil:
		c.RoleARN, c.Profile, verify = strings.TrimSpace(*p.RoleARN), "", "body.roleArn"
		err = c.parseRole(c.RoleARN)
	case p.Profile != nil:
		c.RoleARN, c.Profile, verify = "", strings.TrimSpace(*p.Profile), "body.profile"
		err = parseProfile(c.Profile)
	}
	if err != nil {
		return c, "", err
	}
	if c.RoleARN == before.RoleARN && c.Profile == before.Profile && c.Status != Broken {
		verify = ""
	}
	if p.Paused == nil {
		return c, verify, nil
	}
	switch {
	case *p.Paused && (c.Status != Paused || c.Reason != ""):
		c.Status, c.Reason, c.BrokenSince = Paused, "", nil
	case !*p.Paused && c.Status == Paused:
		c.Status = Pending
		if c.RoleARN+c.Profile != "" && verify == "" {
			verify = "body.paused"
		}
	}
	return c, verify, nil
}

// change has edit make another connection of the present one, and writes it on condition that it is still the present one.
// What edit connects has the account claimed first: an account that is claimed and not connected is as it was before to
// everybody but the tenant, and the same request again goes on from there.
func (s *Service) change(ctx context.Context, scope *tenant.Scope, id string, match route.IfMatch, edit func(Connection) (Connection, error)) (*connectionOut, error) {
	for range attempts {
		h, before, version, err := s.find(ctx, scope, id)
		if err != nil {
			return nil, err
		}
		if err := match.Check(version); err != nil {
			return nil, err
		}
		after, err := edit(before)
		if err != nil {
			return nil, err
		}
		if before.equal(after) {
			return out(scope, before, version), nil
		}
		if after.VerifiedAt != before.VerifiedAt {
			if err := s.claim(ctx, scope, h, after); err != nil {
				return nil, err
			}
		}
		after.UpdatedAt = s.now()
		row, err := s.row(ctx, scope, audit.Event{}, &before, &after)
		if err != nil {
			return nil, err
		}
		err = h.Write(ctx, store.Change{Key: store.Connection(after.ID), Value: after, Condition: store.VersionIs(version)}, row)
		if err == nil {
			return out(scope, after, version+1), nil
		}
		if store.Conflicted(err) == nil {
			return nil, err
		}
		if err := s.abandoned(ctx, scope, h, after); err != nil {
			return nil, err
		}
	}
	return nil, busy()
}

// abandoned gives up the claim of a connection that was deleted meanwhile.
func (s *Service) abandoned(ctx context.Context, scope *tenant.Scope, h *store.Tenant, c Connection) error {
	_, version, err := Read(ctx, h, c.ID)
	if err == nil && version == 0 {
		_, err = s.release(ctx, scope, c.AccountID, c.ID)
	}
	return err
}

// equal tells whether two connections say the same, apart from when they were written.
func (c Connection) equal(o Connection) bool {
	return c.Name == o.Name && c.Kind == o.Kind && c.RoleARN == o.RoleARN && c.Profile == o.Profile && slices.Equal(c.Regions, o.Regions) && slices.Equal(c.Exports, o.Exports) &&
		c.Status == o.Status && c.Reason == o.Reason && c.VerifiedAt == o.VerifiedAt && c.BrokenSince == o.BrokenSince
}
