package resource

import (
	"context"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/tenantry/tenantry/pkg/packed"
	"github.com/tenantry/tenantry/pkg/store"
)

// Keeper keeps what surveys bring. All fields are needed.
type Keeper struct {
	Clock  func() time.Time
	Random io.Reader
}

// left is for how long what a survey has put aside may wait for its end: whoever is slower finds nothing.
const left = 24 * time.Hour

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

// Stage puts sightings of an account aside until a Survey that names them is committed, where nobody sees them, and gives the
// names. Those of a survey that never is are taken away by a later one.
func (k Keeper) Stage(ctx context.Context, h *store.Tenant, account string, found []Sighting) (names []string, err error) {
	if len(found) == 0 {
		return nil, nil
	}
	for i := range found {
		found[i].clean()
	}
	item, err := packed.Of(found)
	if err != nil {
		return nil, err
	}
	if len(item.Body) > maxPart && len(found) > 1 || len(found) > maxStaged {
		half := len(found) / 2
		first, err := k.Stage(ctx, h, account, found[:half])
		if err != nil {
			return nil, err
		}
		second, err := k.Stage(ctx, h, account, found[half:])
		return append(first, second...), err
	}
	name, err := k.id()
	if err != nil {
		return nil, err
	}
	if err := h.Load(ctx, []store.Change{{Key: store.Sighting(account, name), Value: item}}); err != nil {
		return nil, fmt.Errorf("put sightings aside: %w", err)
	}
	return []string{name}, nil
}

// maxStaged bounds the sightings of a part, since what is decoded has bounds.
const maxStaged = 20_000

// staged reads what was put aside under names.
func staged(ctx context.Context, h *store.Tenant, account string, names []string) (all []Sighting, err error) {
	for some := range slices.Chunk(names, atOnce) {
		keys := make([]store.Key, len(some))
		for i, name := range some {
			keys[i] = store.Sighting(account, name)
		}
		records, err := h.Get(ctx, store.Strongly, keys...)
		if err != nil {
			return nil, fmt.Errorf("read sightings: %w", err)
		}
		for _, r := range records {
			if r == nil {
				return nil, fmt.Errorf("read sightings: what was put aside has been taken away")
			}
			var item packed.Item
			if err := r.Value.Decode(&item); err != nil {
				return nil, fmt.Errorf("read sightings: %w", err)
			}
			var found []Sighting
			if err := item.Into(&found); err != nil {
				return nil, fmt.Errorf("read sightings: %w", err)
			}
			all = append(all, found...)
		}
	}
	return all, nil
}

// sweep takes away what surveys of an account have put aside and never committed.
func (k Keeper) sweep(ctx context.Context, h *store.Tenant, account string) error {
	span := store.Sightings(account)
	var gone []store.Change
	for l := (store.List{Consistency: store.Eventually}); ; {
		page, err := h.Query(ctx, span, l)
		if err != nil {
			return fmt.Errorf("sweep sightings: %w", err)
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
