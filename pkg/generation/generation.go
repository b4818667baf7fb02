// Package generation is how documents are kept that many readers see change at once: they are written under the name of a new
// generation, one write of a head makes it count, and what it supersedes is taken away after. What is to become of a generation
// is noted before it is written, so that whoever comes after a kill knows what to take away.
package generation

import (
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/tenantry/tenantry/pkg/packed"
	"github.com/tenantry/tenantry/pkg/store"
)

// Keeper names generations. All fields are needed.
type Keeper struct {
	Clock  func() time.Time
	Random io.Reader
}

// ID names a generation, or what is put aside for one: a ULID.
func (k Keeper) ID() (string, error) {
	id, err := ulid.New(ulid.Timestamp(k.Clock()), k.Random)
	if err != nil {
		return "", fmt.Errorf("make an ID: %w", err)
	}
	return id.String(), nil
}

// age is how long ago the ID was made that a key ends with.
func (k Keeper) age(key store.Key) time.Duration {
	sort := key.Sort()
	id, err := ulid.ParseStrict(sort[max(0, len(sort)-ulid.EncodedSize):])
	if err != nil {
		return k.Clock().Sub(time.Time{})
	}
	return k.Clock().Sub(ulid.Time(id.Time()))
}

// ErrMoved says that something was superseded while it was being read: begin again with the head.
var ErrMoved = errors.New("the documents were superseded")

// attempts bounds how often something is begun anew.
const attempts = 5

// Try does something anew while its error is ErrMoved, up to five times, after longer and longer pauses.
func Try(ctx context.Context, do func() error) error {
	for attempt := 1; ; attempt++ {
		if err := do(); !errors.Is(err, ErrMoved) || attempt == attempts {
			return err
		}
		select {
		case <-ctx.Done():
			return ctx.Err()
		case <-time.After(10 * time.Millisecond << attempt):
		}
	}
}

// atOnce bounds the parts that are got or written together.
const atOnce = 20

// Get reads parts of documents, in the order of their keys. They are never changed, so that an eventual read finds the right one or none;
// one that a strong read does not find either was superseded: ErrMoved.
func Get[D any](ctx context.Context, h *store.Tenant, keys []store.Key, decode func(packed.Item) (D, error)) (all []D, err error) {
	for some := range slices.Chunk(keys, atOnce) {
		records, err := h.Get(ctx, store.Eventually, some...)
		if err != nil {
			return nil, fmt.Errorf("read documents: %w", err)
		}
		for i, r := range records {
			if r == nil {
				again, err := h.Get(ctx, store.Strongly, some[i])
				if err != nil {
					return nil, fmt.Errorf("read documents: %w", err)
				}
				if r = again[0]; r == nil {
					return nil, ErrMoved
				}
			}
			var item packed.Item
			if err := r.Value.Decode(&item); err != nil {
				return nil, fmt.Errorf("read documents: %w", err)
			}
			d, err := decode(item)
			if err != nil {
				return nil, fmt.Errorf("read documents: %w", err)
			}
			all = append(all, d)
		}
	}
	return all, nil
}

// Read fills a pointer with what is packed under a key and gives the item's version, 0 where there is none.
func Read(ctx context.Context, h *store.Tenant, key store.Key, into any) (version int64, err error) {
	var item packed.Item
	if version, err = h.Read(ctx, key, &item); err != nil || version == 0 {
		return 0, err
	}
	return version, item.Into(into)
}

// Unpack fills a pointer with what is packed in a record.
func Unpack(r store.Record, into any) error {
	var item packed.Item
	if err := r.Value.Decode(&item); err != nil {
		return err
	}
	return item.Into(into)
}

// maxPart bounds a part, in bytes, below what an item may have.
const maxPart = 380 << 10

// Split packs things into parts, as few as halving gives. pack tells of things that are too many for one.
func Split[T any](all []T, pack func([]T) (item packed.Item, tooMany bool, err error)) ([]packed.Item, error) {
	if len(all) == 0 {
		return nil, nil
	}
	item, tooMany, err := pack(all)
	if err != nil || !tooMany && len(item.Body) <= maxPart {
		return []packed.Item{item}, err
	}
	half := len(all) / 2
	if half == 0 {
		return nil, fmt.Errorf("a thing of %d bytes is more than an item holds", len(item.Body))
	}
	first, err := Split(all[:half], pack)
	if err != nil {
		return nil, err
	}
	second, err := Split(all[half:], pack)
	return append(first, second...), err
}

// load writes any number of parts.
func load(ctx context.Context, h *store.Tenant, parts []store.Change) error {
	for some := range slices.Chunk(parts, atOnce) {
		if err := h.Load(ctx, some); err != nil {
			return fmt.Errorf("load documents: %w", err)
		}
	}
	return nil
}

// remove takes away what is under keys.
func remove(ctx context.Context, h *store.Tenant, keys []store.Key) error {
	if len(keys) == 0 {
		return nil
	}
	changes := make([]store.Change, len(keys))
	for i, k := range keys {
		changes[i] = store.Change{Action: store.Delete, Key: k}
	}
	return h.Load(ctx, changes)
}
