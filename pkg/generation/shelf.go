package generation

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/tenantry/tenantry/pkg/packed"
	"github.com/tenantry/tenantry/pkg/store"
)

// Shelf is where a run puts aside what it brings, until it is committed, where nobody sees it. All fields are needed.
type Shelf[T any] struct {
	Keeper
	Left time.Duration               // for how long it may wait there: whoever is slower finds nothing
	Most int                         // things of a part, so that what is decoded has bounds
	Key  func(name string) store.Key // of a part, which its name ends
	All  store.Span                  // of the keys
}

// Stage puts things aside and gives the names of their parts.
func (s Shelf[T]) Stage(ctx context.Context, h *store.Tenant, all []T) (names []string, err error) {
	parts, err := Split(all, func(some []T) (item packed.Item, tooMany bool, err error) {
		if len(some) > s.Most {
			return item, true, nil
		}
		item, err = packed.Of(some)
		return item, false, err
	})
	if err != nil {
		return nil, err
	}
	changes := make([]store.Change, len(parts))
	for i, part := range parts {
		name, err := s.ID()
		if err != nil {
			return nil, err
		}
		names, changes[i] = append(names, name), store.Change{Key: s.Key(name), Value: part}
	}
	return names, load(ctx, h, changes)
}

func (s Shelf[T]) keys(names []string) []store.Key {
	keys := make([]store.Key, len(names))
	for i, name := range names {
		keys[i] = s.Key(name)
	}
	return keys
}

// Staged reads what was put aside under names.
func (s Shelf[T]) Staged(ctx context.Context, h *store.Tenant, names []string) (all []T, err error) {
	for some := range slices.Chunk(s.keys(names), atOnce) {
		records, err := h.Get(ctx, store.Strongly, some...)
		if err != nil {
			return nil, fmt.Errorf("read what was put aside: %w", err)
		}
		for _, r := range records {
			if r == nil {
				return nil, fmt.Errorf("read what was put aside: it has been taken away")
			}
			var part []T
			if err := Unpack(*r, &part); err != nil {
				return nil, fmt.Errorf("read what was put aside: %w", err)
			}
			all = append(all, part...)
		}
	}
	return all, nil
}

// Clear takes away what was put aside under names.
func (s Shelf[T]) Clear(ctx context.Context, h *store.Tenant, names []string) error {
	return remove(ctx, h, s.keys(names))
}

// Sweep takes away what runs have put aside and never committed.
func (s Shelf[T]) Sweep(ctx context.Context, h *store.Tenant) error {
	var gone []store.Key
	for l := (store.List{Consistency: store.Eventually}); ; {
		page, err := h.Query(ctx, s.All, l)
		if err != nil {
			return fmt.Errorf("sweep what was put aside: %w", err)
		}
		for _, r := range page.Records {
			if key := s.All.Here(r); s.age(key) > s.Left {
				gone = append(gone, key)
			}
		}
		if l.After = page.Next; l.After == "" {
			return remove(ctx, h, gone)
		}
	}
}
