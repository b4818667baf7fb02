package limit

import (
	"context"
	"hash/maphash"
	"net/netip"
	"strings"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/identity"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Bounds are what callers who belong to no tenant may do in a minute at one process. Zero fields have the usual values.
type Bounds struct {
	Wrong   int64 // credentials that do not hold, of one network address (of IPv6 one /64); 100
	Outside int64 // requests outside of the caller's tenants, of one principal; 300
}

const tracked = 4096 // addresses, principals, and API keys that held

// Guard is an authorization step that lets nobody guess without bound. All that it knows is in memory and of one minute.
//
// Where an address has used up its wrong credentials, API keys that held before still pass, and so does every token that holds: who
// shares the address with somebody who guesses is not locked out. What it keeps from is what costs something, the reading of API keys;
// a token is verified by the processor alone.
type Guard struct {
	auth   route.Authorizer
	clock  func() time.Time
	bounds Bounds
	seed   maphash.Seed

	mu      sync.Mutex
	minute  time.Time
	wrong   *simplelru.LRU[netip.Prefix, int64]
	outside *simplelru.LRU[person, int64]
	held    *simplelru.LRU[uint64, struct{}]
	trying  map[uint64]int // API keys that are being looked at, which count as wrong until they are known to hold
}

// person is a principal, whatever credential they come with.
type person struct{ issuer, subject string }

// NewGuard puts bounds before an authorization step.
func NewGuard(auth route.Authorizer, clock func() time.Time, b Bounds) *Guard {
	if b.Wrong == 0 {
		b.Wrong = 100
	}
	if b.Outside == 0 {
		b.Outside = 300
	}
	g := &Guard{auth: auth, clock: clock, bounds: b, seed: maphash.MakeSeed(), trying: map[uint64]int{}}
	g.wrong, _ = simplelru.NewLRU[netip.Prefix, int64](tracked, nil) // fails for no size alone
	g.outside, _ = simplelru.NewLRU[person, int64](tracked, nil)
	g.held, _ = simplelru.NewLRU[uint64, struct{}](tracked, nil)
	return g
}

// Principal authenticates, which counts as a request outside of tenants.
func (g *Guard) Principal(ctx context.Context, authorization string) (tenant.Principal, error) {
	p, err := g.authenticate(ctx, authorization)
	if err == nil {
		err = g.count(p, true)
	}
	if err != nil {
		return tenant.Principal{}, err
	}
	return p, nil
}

// Scope authorizes; a tenant that the caller is no member of counts as a request outside of tenants.
func (g *Guard) Scope(ctx context.Context, authorization, tenantID string, need tenant.Permission) (*tenant.Scope, error) {
	p, err := g.authenticate(ctx, authorization)
	if err == nil {
		err = g.count(p, false)
	}
	if err != nil {
		return nil, err
	}
	s, err := g.auth.Scope(ctx, authorization, tenantID, need)
	if s == nil && fault.Is(err, fault.NotFound) {
		if limited := g.count(p, true); limited != nil {
			return nil, limited
		}
	}
	return s, err
}

// authenticate finds who calls, and counts what does not hold.
func (g *Guard) authenticate(ctx context.Context, authorization string) (tenant.Principal, error) {
	token, err := identity.Bearer(authorization)
	if err != nil {
		return tenant.Principal{}, err // costs nothing to refuse
	}
	from := network(route.RequestOf(ctx).Source)
	if !strings.HasPrefix(token, identity.SecretPrefix) {
		p, err := g.auth.Principal(ctx, authorization)
		if fault.Is(err, fault.Unauthenticated) && !g.mistake(from) {
			err = g.tooMany()
		}
		return p, err
	}
	key := maphash.String(g.seed, token)
	if !g.try(from, key) {
		return tenant.Principal{}, g.tooMany()
	}
	p, err := g.auth.Principal(ctx, authorization)
	g.tried(from, key, err)
	return p, err
}

// network is the network that an address is of.
func network(source string) (p netip.Prefix) {
	if a, err := netip.ParseAddr(source); err == nil {
		bits := 32
		if a = a.Unmap(); a.Is6() {
			bits = 64
		}
		p, _ = a.WithZone("").Prefix(bits)
	}
	return p
}

// mistake counts a credential that does not hold; false where there were as many before as a minute has.
func (g *Guard) mistake(from netip.Prefix) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.turn()
	n, _ := g.wrong.Get(from)
	if n >= g.bounds.Wrong {
		return false
	}
	g.wrong.Add(from, n+1)
	return true
}

// try lets an API key be looked at. One that is not known to hold counts as wrong meanwhile, once however often it comes at the same time.
func (g *Guard) try(from netip.Prefix, key uint64) bool {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.turn()
	if g.held.Contains(key) || g.trying[key] > 0 {
		g.trying[key]++
		return true
	}
	n, _ := g.wrong.Get(from)
	if n >= g.bounds.Wrong {
		return false
	}
	g.wrong.Add(from, n+1)
	g.trying[key]++
	return true
}

// tried remembers what came of it.
func (g *Guard) tried(from netip.Prefix, key uint64, err error) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.trying[key]--; g.trying[key] <= 0 {
		delete(g.trying, key)
	}
	switch _, held := g.held.Get(key); {
	case err == nil && !held:
		if n, _ := g.wrong.Get(from); n > 0 {
			g.wrong.Add(from, n-1)
		}
		g.held.Add(key, struct{}{})
	case fault.Is(err, fault.Unauthenticated):
		g.held.Remove(key)
	}
}

// count refuses who has asked for as much outside of their tenants as a minute has, and counts one more where it is.
func (g *Guard) count(p tenant.Principal, outside bool) error {
	g.mu.Lock()
	defer g.mu.Unlock()
	left := g.turn()
	who := person{p.Issuer, p.Subject}
	n, _ := g.outside.Get(who)
	if n >= g.bounds.Outside {
		return fault.New(fault.Limited, "You may ask %d times a minute for what is outside of your organizations. Wait for as long as Retry-After says, "+
			"and look whether the organization's ID is right.", g.bounds.Outside).In(left)
	}
	if outside {
		g.outside.Add(who, n+1)
	}
	return nil
}

func (g *Guard) tooMany() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	return fault.New(fault.Limited, "Too many credentials that do not hold came from your network address in this minute. Wait for as long as "+
		"Retry-After says, and look whether yours is right and has not expired.").In(g.turn())
}

// turn begins a minute where one is over, and gives what is left of it.
func (g *Guard) turn() time.Duration {
	now := g.clock().UTC()
	if minute := now.Truncate(window); minute.After(g.minute) {
		g.minute = minute
		g.wrong.Purge()
		g.outside.Purge()
	}
	return max(g.minute.Add(window).Sub(now), 0)
}
