package apikey

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// use is when a key was used, below the tenant: whoever serves a request may write there, and not in the directory.
type use struct {
	At time.Time `json:"at"`
}

// used gives the keys with their last use.
func (s *Service) used(ctx context.Context, scope *tenant.Scope, keys ...Key) ([]Key, error) {
	if len(keys) == 0 {
		return keys, nil
	}
	h, err := s.Store.Tenant(scope)
	if err != nil {
		return nil, err
	}
	at := make([]store.Key, len(keys))
	for i, k := range keys {
		at[i] = store.KeyUse(k.ID)
	}
	found, err := h.Get(ctx, store.Eventually, at...)
	if err != nil {
		return nil, fmt.Errorf("read when API keys were used: %w", err)
	}
	for i, r := range found {
		if r == nil {
			continue
		}
		var u use
		if err := r.Value.Decode(&u); err != nil {
			return nil, fmt.Errorf("read when API keys were used: %w", err)
		}
		keys[i].LastUsedAt = &u.At
	}
	return keys, nil
}

// Uses notes when keys were used: of each key once in Coarse, however many processes serve its requests.
type Uses struct {
	store *store.Store
	clock func() time.Time
	log   *slog.Logger
	noted *lru.Cache[tenant.KeyID, time.Time] // by this process
}

const (
	// Coarse is how old a key's last use may be shown.
	Coarse = time.Hour

	remembered = 4096                 // keys
	shownFor   = 400 * 24 * time.Hour // from the last use on
	afterwards = time.Minute          // until what could not be noted is tried again
	patience   = 2 * time.Second      // how long a caller may have to wait for the note: a function answers when it is done
)

// NewUses makes the notes of a process.
func NewUses(s *store.Store, clock func() time.Time, log *slog.Logger) *Uses {
	noted, _ := lru.New[tenant.KeyID, time.Time](remembered) // fails for no size alone
	return &Uses{s, clock, log, noted}
}

// Note notes that the scope's principal was there, where it is a key. It changes nothing of the answer: where it cannot be
// written, the process's log has it.
func (u *Uses) Note(ctx context.Context, scope *tenant.Scope) {
	p, now := scope.Principal(), u.clock().UTC().Truncate(time.Millisecond)
	id := tenant.KeyID(p.Subject)
	if p.Credential() != tenant.APIKey || scope.Standing().Status == tenant.Deleting {
		return // what is about to be erased is not written to
	}
	if at, ok := u.noted.Get(id); ok && now.Sub(at) < Coarse {
		return
	}
	u.noted.Add(id, now)
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := u.write(ctx, scope, store.KeyUse(id), now); err != nil {
		u.noted.Add(id, now.Add(afterwards-Coarse))
		u.log.WarnContext(ctx, "use of an API key not noted", "tenant", scope.Tenant(), "key", id, "error", err)
	}
}

// write notes a use unless another process has within the hour.
func (u *Uses) write(ctx context.Context, scope *tenant.Scope, key store.Key, now time.Time) error {
	h, err := u.store.Tenant(scope)
	if err != nil {
		return err
	}
	var last use
	version, err := h.Read(ctx, key, &last)
	if err != nil || version > 0 && now.Sub(last.At) < Coarse {
		return err
	}
	err = h.Write(ctx, store.Change{Key: key, Value: use{now}, ExpiresAt: now.Add(shownFor), Condition: store.VersionIs(version)})
	if store.Conflicted(err) != nil {
		return nil // another was quicker
	}
	return err
}
