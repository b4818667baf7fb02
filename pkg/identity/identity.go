// Package identity finds out who calls and what they may do in a tenant: bearer tokens of configured OpenID Connect
// issuers, API keys, and memberships of the directory. What it knows is never older than a minute.
package identity

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"sync/atomic"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Fresh is how long anything is believed without asking again: keys of issuers, tokens verified by them, API keys,
// memberships, the standing of tenants.
const Fresh = time.Minute

// How much is remembered at most, whatever callers send; some 200 bytes each.
const cached = 4096 // of tokens, API keys, API keys that do not hold, memberships, and tenants

// Config is what an Authorizer needs.
type Config struct {
	Issuers []Issuer // where there are none, nobody can sign in
	Store   *store.Store
	Clock   func() time.Time // time.Now where nil
	Client  *http.Client     // fetches the issuers' keys, following no redirection; http.DefaultClient where nil
}

// Issuer is an OpenID Connect issuer whose access tokens are taken. It needs an audience or a client.
type Issuer struct {
	URL       string   // the iss of its tokens, exactly; its discovery document lies below it
	Audiences []string // any of them in aud is enough
	ClientIDs []string // any of them as client_id of a token with token_use "access", which is what Cognito mints
}

// Authorizer is the authorization step. It fetches nothing before it is first asked, and is safe for concurrent use.
type Authorizer struct {
	issuers map[string]*issuer
	clock   func() time.Time
	store   *store.Store
	tokens  *lru.Cache[[32]byte, verified]
	keys    keyring
	members *lru.Cache[memberKey, seen]
	tenants *lru.Cache[tenant.ID, stands]
	taken   atomic.Int64 // counts what was to be forgotten: what was being read meanwhile is not kept
}

type memberKey struct {
	issuer, subject string
	tenant          tenant.ID
}

type seen struct {
	tenant.Membership
	until time.Time
}

type stands struct {
	tenant.Standing
	until time.Time
}

// New makes an Authorizer.
func New(c Config) (*Authorizer, error) {
	a := &Authorizer{issuers: map[string]*issuer{}, clock: c.Clock, store: c.Store}
	if a.clock == nil {
		a.clock = time.Now
	}
	client := http.Client{}
	if c.Client != nil {
		client = *c.Client
	}
	client.CheckRedirect = func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse } // that could lead off https
	if c.Store == nil {
		return nil, errors.New("identity: no store")
	}
	for _, i := range c.Issuers {
		if i.URL == "" || len(i.Audiences)+len(i.ClientIDs) == 0 || a.issuers[i.URL] != nil {
			return nil, fmt.Errorf("identity: issuer %q is there twice, or without an audience or client", i.URL)
		}
		a.issuers[i.URL] = &issuer{Issuer: i, client: &client, clock: a.clock}
	}
	a.tokens, a.members, a.tenants = remember[[32]byte, verified](), remember[memberKey, seen](), remember[tenant.ID, stands]()
	a.keys = keyring{remember[[32]byte, opened](), remember[[32]byte, time.Time]()}
	return a, nil
}

func remember[K comparable, V any]() *lru.Cache[K, V] {
	c, _ := lru.New[K, V](cached) // fails for no size alone
	return c
}

// caller is who calls, and what they are in the only tenant that they are in where that is known with them.
type caller struct {
	tenant.Principal
	of *tenant.Membership
}

// Principal gives who an Authorization header speaks for.
func (a *Authorizer) Principal(ctx context.Context, authorization string) (tenant.Principal, error) {
	c, err := a.caller(ctx, authorization)
	return c.Principal, err
}

func (a *Authorizer) caller(ctx context.Context, authorization string) (c caller, err error) {
	text, err := Bearer(authorization)
	if err != nil {
		return c, err
	}
	if isAPIKey(text) {
		o, err := a.open(ctx, text)
		if err != nil {
			return c, err
		}
		return caller{o.principal, &o.membership}, nil
	}
	c.Principal, err = a.signedIn(ctx, text)
	return c, err
}

// Scope gives the Scope of a member with the permission. Whether a tenant is unknown, an ID malformed or the caller no
// member makes no difference to the error. A member without the permission gets the scope in which the refusal is recorded,
// and the error.
func (a *Authorizer) Scope(ctx context.Context, authorization, tenantID string, need tenant.Permission) (*tenant.Scope, error) {
	c, err := a.caller(ctx, authorization)
	if err != nil {
		return nil, err
	}
	p := c.Principal
	m, err := a.membership(ctx, c, tenantID)
	if err != nil {
		return nil, err
	}
	at, err := a.standing(ctx, p, m)
	if err != nil {
		return nil, err
	}
	s, err := tenant.Authorize(p, m, at, need)
	switch {
	case err == nil:
		return s, nil
	case errors.Is(err, tenant.ErrPersonal):
		err = fault.Wrap(err, fault.Forbidden, "An API key cannot do this (%s), whatever its role: members, invitations, API keys and the "+
			"life of an organization are for people. Sign in as an owner or admin.", need).Coded(fault.PersonNeeded)
	case errors.Is(err, tenant.ErrRests):
		err = fault.Wrap(err, fault.Forbidden, "%s", resting(at.Status, m.Role)).Coded(fault.NotActive)
	default:
		err = fault.Wrap(err, fault.Forbidden, "Your role %s does not include %s. Ask an owner or admin of the organization.", m.Role, need)
	}
	refused, none := See(p, m)
	if none != nil { // a role that there is not
		return nil, err
	}
	return refused.In(at), err
}

// resting says why a member of a role may not do what their role includes, and what to do.
func resting(s tenant.Status, r tenant.Role) string {
	switch {
	case s == tenant.Suspended:
		return "The organization is suspended: it can be read and not changed. An owner can activate it."
	case r != tenant.Owner:
		return "The organization is being deleted: until it is, its owners alone can read, export and restore it. Ask an owner."
	}
	return "The organization is being deleted: it can be read and exported, and not changed. An owner can restore it."
}

// standing of a member's tenant. A tenant without its item is none.
func (a *Authorizer) standing(ctx context.Context, p tenant.Principal, m tenant.Membership) (tenant.Standing, error) {
	now := a.clock()
	if s, ok := a.tenants.Get(m.Tenant); ok && now.Before(s.until) {
		return s.Standing, nil
	}
	taken := a.taken.Load()
	at, err := ReadStanding(ctx, a.store, p, m)
	if err != nil {
		return at, err
	}
	if a.tenants.Add(m.Tenant, stands{at, now.Add(Fresh)}); a.taken.Load() != taken {
		a.tenants.Remove(m.Tenant)
	}
	return at, nil
}

// membership of a caller. That there is none is never cached, so that a new member need not wait.
func (a *Authorizer) membership(ctx context.Context, c caller, tenantID string) (tenant.Membership, error) {
	id, err := tenant.ParseID(tenantID)
	if err != nil || c.of != nil && c.of.Tenant != id {
		return tenant.Membership{}, NoTenant()
	}
	if c.of != nil {
		return *c.of, nil
	}
	p := c.Principal
	key, now := memberKey{p.Issuer, p.Subject, id}, a.clock()
	if m, ok := a.members.Get(key); ok && now.Before(m.until) {
		return m.Membership, nil
	}
	taken := a.taken.Load()
	m, err := Read(ctx, a.store.Directory(), p, id)
	if err != nil {
		return tenant.Membership{}, err
	}
	if a.members.Add(key, seen{m, now.Add(Fresh)}); a.taken.Load() != taken {
		a.members.Remove(key)
	}
	return m, nil
}

// Forget makes the next request of a principal, a person or an API key, in a tenant read the membership and the tenant's
// standing again.
func (a *Authorizer) Forget(p tenant.Principal, id tenant.ID) {
	a.taken.Add(1)
	if p.Credential() == tenant.APIKey {
		a.keys.forget(p)
	}
	a.members.Remove(memberKey{p.Issuer, p.Subject, id})
	a.tenants.Remove(id)
}

// NoTenant is the answer for every tenant that the caller may not know of.
func NoTenant() error {
	return fault.New(fault.NotFound, "There is no such organization, or you are not a member of it.").Coded(fault.NotAMember)
}
