package identity

import (
	"context"
	"crypto/sha256"
	"fmt"
	"strings"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// APIKey is what an API key opens, as the directory has it twice: below the Sum of its secret, and below the tenant with all
// else that pkg/apikey keeps of it.
type APIKey struct {
	ID         tenant.KeyID       `json:"id"`
	Tenant     tenant.ID          `json:"tenant"`
	Role       tenant.Role        `json:"role"`
	Limited    bool               `json:"limited,omitempty"`  // to Projects
	Projects   []tenant.ProjectID `json:"projects,omitempty"` // where Limited
	ValidUntil *time.Time         `json:"validUntil,omitempty"`
}

// Principal that the key speaks for.
func (k APIKey) Principal() tenant.Principal {
	return tenant.Principal{Issuer: tenant.KeyIssuer, Subject: string(k.ID), Tenant: k.Tenant}
}

// Membership is what authorization asks of a key.
func (k APIKey) Membership() tenant.Membership {
	return Member{Tenant: k.Tenant, Role: k.Role, Limited: k.Limited, Projects: k.Projects}.Membership()
}

// Expired tells whether the key is worth nothing any more.
func (k APIKey) Expired(now time.Time) bool { return k.ValidUntil != nil && !now.Before(*k.ValidUntil) }

// keyring is what is known of API keys: those that hold and, apart so that they drive nothing else out, those that do not.
type keyring struct {
	held *lru.Cache[[sha256.Size]byte, opened]
	none *lru.Cache[[sha256.Size]byte, time.Time] // until when they need not be asked for again
}

// opened is a key that held, until it must be read again.
type opened struct {
	principal  tenant.Principal
	membership tenant.Membership
	until      time.Time
}

// noKey is the answer to every key that opens nothing, whatever the reason.
func noKey() error {
	return fault.New(fault.Unauthenticated, "The API key is not valid: it was revoked, has expired, or never was. Ask an owner or admin "+
		"of the organization for another.")
}

func isAPIKey(bearer string) bool { return strings.HasPrefix(bearer, SecretPrefix) }

// open gives what an API key opens.
func (a *Authorizer) open(ctx context.Context, text string) (o opened, err error) {
	sum, now := sha256.Sum256([]byte(text)), a.clock()
	if o, ok := a.keys.held.Get(sum); ok && now.Before(o.until) {
		return o, nil
	}
	if _, err := ParseSecret(text); err != nil {
		return o, noKey()
	}
	if until, ok := a.keys.none.Get(sum); ok && now.Before(until) {
		return o, noKey()
	}
	taken := a.taken.Load()
	var k APIKey
	version, err := a.store.Directory().Read(ctx, store.APIKey(sum), &k)
	if err != nil {
		return o, fmt.Errorf("read an API key: %w", err)
	}
	if version == 0 || k.Expired(now) {
		a.keys.none.Add(sum, now.Add(Fresh))
		return o, noKey()
	}
	o = opened{k.Principal(), k.Membership(), now.Add(Fresh)}
	if k.ValidUntil != nil && k.ValidUntil.Before(o.until) {
		o.until = *k.ValidUntil
	}
	if a.keys.held.Add(sum, o); a.taken.Load() != taken {
		a.keys.held.Remove(sum)
	}
	return o, nil
}

// forget makes the next request with the key of a principal read it again.
func (k keyring) forget(p tenant.Principal) {
	for _, sum := range k.held.Keys() {
		if o, ok := k.held.Peek(sum); ok && o.principal.Subject == p.Subject {
			k.held.Remove(sum)
		}
	}
}
