package generation

import (
	"context"
	"fmt"
	"time"

	"github.com/tenantry/tenantry/pkg/packed"
	"github.com/tenantry/tenantry/pkg/store"
)

// Notes are what is to become of generations. G says what documents one has. All fields are needed.
type Notes[G any] struct {
	Keeper
	Left  time.Duration              // for how long a generation may wait to count: a commit that is slower does not happen
	Key   func(gen string) store.Key // of a note, which the generation's name ends
	All   store.Span                 // of the keys
	Parts func(G) []store.Key        // of a generation's documents
}

// note is a generation that is to count, and what it supersedes.
type note[G any] struct {
	_            struct{} `cbor:",toarray"`
	Next, Before G
}

// Load notes a generation, then writes its parts, which nobody sees yet.
func (n Notes[G]) Load(ctx context.Context, h *store.Tenant, gen string, next, before G, parts []store.Change) error {
	item, err := packed.Of(note[G]{Next: next, Before: before})
	if err != nil {
		return err
	}
	if err := load(ctx, h, []store.Change{{Key: n.Key(gen), Value: item}}); err != nil {
		return err
	}
	return load(ctx, h, parts)
}

// Settle takes away what commits have left behind: what they superseded where they count, else, once they can no longer come to
// their end, what they have loaded.
func (n Notes[G]) Settle(ctx context.Context, h *store.Tenant, counts func(next G) (bool, error)) error {
	page, err := h.Query(ctx, n.All, store.List{Consistency: store.Strongly})
	if err != nil {
		return fmt.Errorf("settle generations: %w", err)
	}
	for _, r := range page.Records {
		var x note[G]
		if err := Unpack(r, &x); err != nil {
			return fmt.Errorf("settle generations: %w", err)
		}
		key, over := n.All.Here(r), x.Before
		yes, err := counts(x.Next)
		if err != nil {
			return err
		}
		if !yes {
			if n.age(key) <= n.Left {
				continue
			}
			over = x.Next
		}
		if err := remove(ctx, h, append(n.Parts(over), key)); err != nil {
			return fmt.Errorf("settle generations: %w", err)
		}
	}
	return nil
}
