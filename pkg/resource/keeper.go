package resource

import (
	"context"
	"slices"
	"time"

	"github.com/tenantry/tenantry/pkg/generation"
	"github.com/tenantry/tenantry/pkg/store"
)

// Keeper keeps what surveys bring.
type Keeper generation.Keeper

// left is for how long what a survey has put aside may wait for its end.
const left = 24 * time.Hour

// maxStaged bounds the sightings of a part.
const maxStaged = 20_000

// aside is where sightings of an account wait for the end of their survey.
func (k Keeper) aside(account string) generation.Shelf[Sighting] {
	return generation.Shelf[Sighting]{Keeper: generation.Keeper(k), Left: left, Most: maxStaged, All: store.Sightings(account),
		Key: func(name string) store.Key { return store.Sighting(account, name) }}
}

// notes are of the commits of an account.
func (k Keeper) notes(id string) generation.Notes[account] {
	return generation.Notes[account]{Keeper: generation.Keeper(k), Left: left, All: store.AllInventoried(id),
		Key:   func(gen string) store.Key { return store.Inventoried(id, gen) },
		Parts: func(a account) []store.Key { return a.keys() }}
}

// Stage puts sightings of an account aside until a Survey that names them is committed, where nobody sees them, and gives the
// names. Those of a survey that never is are taken away by a later one.
func (k Keeper) Stage(ctx context.Context, h *store.Tenant, account string, found []Sighting) (names []string, err error) {
	found = slices.DeleteFunc(found, func(s Sighting) bool { return len(s.ARN) > maxARN }) // AWS has none such
	for i := range found {
		found[i].clean()
	}
	return k.aside(account).Stage(ctx, h, found)
}

// settle takes away what commits of an account have left behind.
func (k Keeper) settle(ctx context.Context, h *store.Tenant, now *account) error {
	return k.notes(now.ID).Settle(ctx, h, func(next account) (bool, error) { return next.Gen == now.Gen, nil })
}
