package limit

import (
	"context"
	"hash/maphash"
	"net/netip"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Bounds are what callers who belong to no tenant may do in a minute at one process. Zero fields have the usual values.
type Bounds struct {
	Wrong   int64 // credentials that do not hold, of one network address (of IPv6 one /64); 100
	Outside int64 // requests outside of the caller's tenants, of one credential; 300
}

const tracked = 4096 // addresses, credentials, and credentials that held

// Guard is an authorization step that lets nobody guess without bound. All that it knows is in memory and of one minute.
//
// Where an address has used up its wrong credentials, those that held before still pass: who shares it with somebody who
// guesses is not locked out.
type Guard struct {
	auth   route.Authorizer
	clock  func() time.Time
	bounds Bounds
	seed   maphash.Seed

	mu      sync.Mutex
	minute  time.Time
	wrong   *simplelru.LRU[netip.Prefix, int64]
	outside *simplelru.LRU[uint64, int64]
	held    *simplelru.LRU[uint64, struct{}]
}

// NewGuard puts bounds before an authorization step.
func NewGuard(auth route.Authorizer, clock func() time.Time, b Bounds) *Guard {
	if b.Wrong == 0 {
		b.Wrong = 100
	}
	if b.Outside == 0 {
		b.Outside = 300
	}
	g := &Guard{auth: auth, clock: clock, bounds: b, seed: maphash.MakeSeed()}
	g.wrong, _ = simplelru.NewLRU[netip.Prefix, int64](tracked, nil) // fails for no size alone
	g.outside, _ = simplelru.NewLRU[uint64, int64](tracked, nil)
	g.held, _ = simplelru.NewLRU[uint64, struct{}](tracked, nil)
	return g
}

// Principal authenticates, which counts as a request outside of tenants.
func (g *Guard) Principal(ctx context.Context, authorization string) (tenant.Principal, error) {
	who := g.caller(ctx, authorization)
	if err := g.admit(who); err != nil {
		return tenant.Principal{}, err
	}
	p, err := g.auth.Principal(ctx, authorization)
	g.learn(who, err, true)
	return p, err
}

// Scope authorizes; a tenant that the caller is no member of counts as a request outside of tenants.
func (g *Guard) Scope(ctx context.Context, authorization, tenantID string, need tenant.Permission) (*tenant.Scope, error) {
	who := g.caller(ctx, authorization)
	if err := g.admit(who); err != nil {
		return nil, err
	}
	s, err := g.auth.Scope(ctx, authorization, tenantID, need)
	g.learn(who, err, s == nil)
	return s, err
}

// caller is who asks, as far as that is known before anything is checked.
type caller struct {
	source     netip.Prefix
	credential uint64
	none       bool // no credential at all, which costs nothing to refuse
}

func (g *Guard) caller(ctx context.Context, authorization string) caller {
	c := caller{none: authorization == "", credential: maphash.String(g.seed, authorization)}
	if a, err := netip.ParseAddr(route.RequestOf(ctx).Source); err == nil {
		bits := 32
		if a = a.Unmap(); a.Is6() {
			bits = 64
		}
		c.source, _ = a.WithZone("").Prefix(bits)
	}
	return c
}

// admit refuses who has used up what the minute gives.
func (g *Guard) admit(c caller) error {
	if c.none {
		return nil
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	now := g.clock().UTC()
	if minute := now.Truncate(window); minute.After(g.minute) {
		g.minute = minute
		g.wrong.Purge()
		g.outside.Purge()
	}
	left := max(g.minute.Add(window).Sub(now), 0)
	if n, _ := g.outside.Get(c.credential); n >= g.bounds.Outside {
		return fault.New(fault.Limited, "You may ask %d times a minute for what is outside of your organizations. Wait for as long as Retry-After says, "+
			"and look whether the organization's ID is right.", g.bounds.Outside).In(left)
	}
	if n, _ := g.wrong.Get(c.source); n >= g.bounds.Wrong && !g.held.Contains(c.credential) {
		return fault.New(fault.Limited, "Too many credentials that do not hold came from your network address in this minute. Wait for as long as "+
			"Retry-After says, and look whether yours is right and has not expired.").In(left)
	}
	return nil
}

// learn remembers what came of it.
func (g *Guard) learn(c caller, err error, outside bool) {
	if c.none {
		return
	}
	g.mu.Lock()
	defer g.mu.Unlock()
	switch {
	case fault.Is(err, fault.Unauthenticated):
		g.held.Remove(c.credential)
		n, _ := g.wrong.Get(c.source)
		g.wrong.Add(c.source, n+1)
	case err == nil, fault.Is(err, fault.NotFound), fault.Is(err, fault.Forbidden):
		g.held.Add(c.credential, struct{}{})
		if outside {
			n, _ := g.outside.Get(c.credential)
			g.outside.Add(c.credential, n+1)
		}
	}
}
