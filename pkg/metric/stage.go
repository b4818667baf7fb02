package metric

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/packed"
	"github.com/tenantry/tenantry/pkg/store"
)

// Keeper keeps what runs bring. All fields are needed.
type Keeper struct {
	Clock  func() time.Time
	Random io.Reader
}

// left is for how long what a run has put aside may wait for its end: whoever is slower finds nothing.
const left = 36 * time.Hour

// Reading is what CloudWatch has told of a series: all of its days from one to another.
type Reading struct {
	_           struct{} `cbor:",toarray"`
	Series      Series
	From, Until calendar.Day // Until exclusive; what was kept of these days counts no more
}

func (k Keeper) id() (string, error) {
	id, err := ulid.New(ulid.Timestamp(k.Clock()), k.Random)
	if err != nil {
		return "", fmt.Errorf("make an ID: %w", err)
	}
	return id.String(), nil
}

// made is when an ID was.
func made(id string) time.Time {
	u, err := ulid.ParseStrict(id)
	if err != nil {
		return time.Time{}
	}
	return ulid.Time(u.Time())
}

// Stage puts readings of an account aside until a Harvest that names them is committed, where nobody sees them, and gives the names.
// Those of a run that never comes to its end are taken away by a later one.
func (k Keeper) Stage(ctx context.Context, h *store.Tenant, account string, read []Reading) (names []string, err error) {
	if len(read) == 0 {
		return nil, nil
	}
	item, err := packed.Of(read)
	if err != nil {
		return nil, err
	}
	if len(item.Body) > maxPart && len(read) > 1 || len(read) > maxSeries {
		for _, half := range [][]Reading{read[:len(read)/2], read[len(read)/2:]} {
			some, err := k.Stage(ctx, h, account, half)
			if err != nil {
				return nil, err
			}
			names = append(names, some...)
		}
		return names, nil
	}
	name, err := k.id()
	if err != nil {
		return nil, err
	}
	if err := h.Load(ctx, []store.Change{{Key: store.Reading(account, name), Value: item}}); err != nil {
		return nil, fmt.Errorf("put metrics aside: %w", err)
	}
	return []string{name}, nil
}

// staged reads what was put aside under names.
func staged(ctx context.Context, h *store.Tenant, account string, names []string) (all []Reading, err error) {
	for some := range slices.Chunk(names, atOnce) {
		keys := make([]store.Key, len(some))
		for i, name := range some {
			keys[i] = store.Reading(account, name)
		}
		records, err := h.Get(ctx, store.Strongly, keys...)
		if err != nil {
			return nil, fmt.Errorf("read metrics: %w", err)
		}
		for _, r := range records {
			if r == nil {
				return nil, fmt.Errorf("read metrics: what was put aside has been taken away")
			}
			var item packed.Item
			var read []Reading
			if err := r.Value.Decode(&item); err != nil {
				return nil, fmt.Errorf("read metrics: %w", err)
			}
			if err := item.Into(&read); err != nil {
				return nil, fmt.Errorf("read metrics: %w", err)
			}
			all = append(all, read...)
		}
	}
	return all, nil
}

// sweep takes away what runs of an account have put aside and never committed.
func (k Keeper) sweep(ctx context.Context, h *store.Tenant, account string) error {
	span := store.Readings(account)
	var gone []store.Change
	for l := (store.List{Consistency: store.Eventually}); ; {
		page, err := h.Query(ctx, span, l)
		if err != nil {
			return fmt.Errorf("sweep metrics: %w", err)
		}
		for _, r := range page.Records {
			key := span.Here(r)
			if k.Clock().Sub(made(key.Sort()[len(key.Sort())-ulid.EncodedSize:])) > left {
				gone = append(gone, store.Change{Action: store.Delete, Key: key})
			}
		}
		if l.After = page.Next; l.After == "" {
			break
		}
	}
	if len(gone) == 0 {
		return nil
	}
	return h.Load(ctx, gone)
}
