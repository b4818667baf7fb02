package bolt

import (
	"bytes"
	"context"
	"fmt"
	"slices"

	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/internal/item"
)

// What DynamoDB reads in one call at most.
const (
	batchGet  = 100
	pageBytes = 1 << 20
)

// Get reads all from one snapshot.
func (e *Engine) Get(ctx context.Context, at []store.Address, c store.Consistency) ([]*store.Record, error) {
	unique, err := item.Unique(at)
	if err != nil {
		return nil, fmt.Errorf("bolt: get: %w", err)
	}
	found := make(map[store.Address]*store.Record, len(unique))
	err = e.view(ctx, func(s *state) error {
		for chunk := range slices.Chunk(unique, batchGet) {
			if err := s.read(ctx, chunk, c, found); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	records := make([]*store.Record, len(at))
	for i, a := range at {
		records[i] = found[a]
	}
	return records, nil
}

func (s *state) read(ctx context.Context, at []store.Address, c store.Consistency, into map[store.Address]*store.Record) error {
	bill := item.Bill{}
	for _, a := range at {
		it, err := s.get(a)
		if err != nil {
			return err
		}
		bill.Add(a.Table, readOf(it, c))
		if s.live(it) {
			into[a] = it.record(a)
		}
	}
	bill.Report(ctx)
	return nil
}

func readOf(it *stored, c store.Consistency) store.Use {
	use := store.Use{Read: item.ReadUnits(it.sizeOf(), c)}
	if it != nil {
		use.Items = 1
	}
	return use
}

// Query reads one page from one snapshot.
func (e *Engine) Query(ctx context.Context, r store.Range) (store.Page, error) {
	r, some, err := item.Narrow(r)
	if err != nil {
		return store.Page{}, fmt.Errorf("bolt: query: %w", err)
	}
	var page store.Page
	if !some {
		return page, ctx.Err()
	}
	err = e.view(ctx, func(s *state) error {
		use, err := s.page(r, &page)
		store.Report(ctx, r.Table, use)
		return err
	})
	return page, err
}

func (s *state) page(r store.Range, page *store.Page) (store.Use, error) {
	use, size := store.Use{Calls: 1}, 0
	at := store.Address{Table: r.Table, PK: r.PK}
	skip := len(partition(r.PK))
	for key, value := range s.span(r) {
		if size >= pageBytes || r.Limit > 0 && use.Items == int64(r.Limit) {
			page.Next = at.SK
			break
		}
		it, err := parse(value)
		if err != nil {
			return use, err
		}
		at.SK = string(key[skip:])
		size += it.size
		use.Items++
		if r.Expired || s.live(it) {
			page.Records = append(page.Records, *it.record(at))
		}
	}
	use.Read = item.ReadUnits(size, r.Consistency)
	return use, nil
}

// span walks the keys of a Range with their values. The key after k is k and a NUL, so that inclusive and exclusive
// bounds are one.
func (s *state) span(r store.Range) func(yield func(key, value []byte) bool) {
	from, end := r.From, r.To+"\x00"
	if r.After != "" && r.Reverse {
		end = r.After
	} else if r.After != "" {
		from = r.After + "\x00"
	}
	low := append(partition(r.PK), from...)
	high := append(partition(r.PK), end...)
	c := s.bucket(r.Table).Cursor()
	return func(yield func(key, value []byte) bool) {
		if !r.Reverse {
			for k, v := c.Seek(low); k != nil && bytes.Compare(k, high) < 0 && yield(k, v); k, v = c.Next() {
			}
			return
		}
		back := c.Prev
		if k, _ := c.Seek(high); k == nil {
			back = c.Last
		}
		for k, v := back(); k != nil && bytes.Compare(k, low) >= 0 && yield(k, v); k, v = c.Prev() {
		}
	}
}
