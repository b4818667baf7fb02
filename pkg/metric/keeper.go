package metric

import (
	"context"
	"time"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/generation"
	"github.com/tenantry/tenantry/pkg/store"
)

// Keeper keeps what runs bring.
type Keeper generation.Keeper

// left is for how long what a run has put aside may wait for its end.
const left = 36 * time.Hour

// Reading is what CloudWatch has told of a series: all of its days from one to another.
type Reading struct {
	_           struct{} `cbor:",toarray"`
	Series      Series
	From, Until calendar.Day // Until exclusive; what was kept of these days counts no more
}

// aside is where readings of an account wait for the end of their run.
func (k Keeper) aside(account string) generation.Shelf[Reading] {
	return generation.Shelf[Reading]{Keeper: generation.Keeper(k), Left: left, Most: maxSeries, All: store.Readings(account),
		Key: func(name string) store.Key { return store.Reading(account, name) }}
}

// notes are of the commits of an account: the heads of all months that one changes.
func (k Keeper) notes(account string) generation.Notes[[]head] {
	return generation.Notes[[]head]{Keeper: generation.Keeper(k), Left: left, All: store.AllMeasuring(account),
		Key: func(gen string) store.Key { return store.Measuring(account, gen) },
		Parts: func(all []head) (keys []store.Key) {
			for i := range all {
				keys = append(keys, all[i].keys(nil)...)
			}
			return keys
		}}
}

// Stage puts readings of an account aside until a Harvest that names them is committed, where nobody sees them, and gives the names.
// Those of a run that never comes to its end are taken away by a later one.
func (k Keeper) Stage(ctx context.Context, h *store.Tenant, account string, read []Reading) (names []string, err error) {
	return k.aside(account).Stage(ctx, h, read)
}

// settle takes away what commits of an account have left behind. All months of one came to count together, and since only the next commit
// settles what it supersedes, the first tells of all.
func (k Keeper) settle(ctx context.Context, h *store.Tenant, account string) error {
	return k.notes(account).Settle(ctx, h, func(next []head) (bool, error) {
		if len(next) == 0 {
			return true, nil
		}
		now, _, err := readHead(ctx, h, account, next[0].Month)
		return now.Gen == next[0].Gen, err
	})
}
