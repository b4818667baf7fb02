package connection

import (
	"context"
	"errors"
	"time"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/tenant"
)

type verifyIn struct {
	route.IfMatch
	ConnectionID string `path:"connectionId" doc:"con_ and 26 characters."`
}

// verify looks whether a connection that has a role works, and says so in its status.
func (s *Service) verify(ctx context.Context, scope *tenant.Scope, in *verifyIn) (*connectionOut, error) {
	return s.told(ctx, scope)(s.change(ctx, scope, in.ConnectionID, in.IfMatch, func(before Connection) (Connection, error) {
		switch {
		case before.RoleARN+before.Profile == "" && s.Principal == "":
			return before, noPrincipal()
		case before.RoleARN+before.Profile == "":
			return before, fault.New(fault.Conflict, "%s", before.NoRole().Error())
		case before.Status == Paused && before.Reason == "":
			return before, fault.New(fault.Conflict, "The connection is paused. Resume it with `paused: false`, which verifies it.")
		}
		err := s.check(ctx, scope, before)
		if r, refused := errors.AsType[*Refusal](err); refused {
			after := before.broken(r.Error(), s.now())
			if before.Status == Paused {
				after.Status = Paused // for having been broken too long, which goes on
			}
			return after, nil
		}
		return before.connected(s.now()), err
	}))
}

// check has the connection verified.
func (s *Service) check(ctx context.Context, scope *tenant.Scope, c Connection) error {
	if s.Verifier == nil {
		return fault.New(fault.Unavailable, "Connecting accounts is not set up here.")
	}
	if c.Profile == "" && s.Principal == "" {
		return noPrincipal()
	}
	return s.Verifier.Verify(ctx, scope, c)
}

// connected is the connection after it was verified.
func (c Connection) connected(now time.Time) Connection {
	c.Status, c.Reason, c.BrokenSince, c.VerifiedAt = Connected, "", nil, &now
	return c
}

// broken is the connection after access was denied.
func (c Connection) broken(reason string, now time.Time) Connection {
	if c.BrokenSince == nil {
		c.BrokenSince = &now
	}
	c.Status, c.Reason = Broken, reason
	return c
}
