package cost

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"github.com/tenantry/tenantry/pkg/cost/document"
	"github.com/tenantry/tenantry/pkg/money"
	"github.com/tenantry/tenantry/pkg/store"
)

// Bounds of what is read at once: what a batch get takes, and what a worker holds in memory.
const (
	maxBatchParts = 100
	maxBatchBytes = 8 << 20
	minBatchBytes = 128 << 10
	maxWorkers    = 4
)

// maxSums bounds the sums a scan holds, 32 bytes each.
const maxSums = 4 << 20

// fetch is a stored part to be read.
type fetch struct {
	read *read
	key  store.Key
}

// scan reads a plan's documents and adds up what the question asks for.
func (p *plan) scan(ctx context.Context, t *store.Tenant) (*table, error) {
	batches := p.batches()
	workers := min(len(batches), maxWorkers, max(runtime.GOMAXPROCS(0), 2))
	var room atomic.Int64
	room.Store(maxSums)
	tables := make([]*table, max(workers, 1))
	var next atomic.Int64
	group, ctx := errgroup.WithContext(ctx)
	for w := range tables {
		tables[w] = newTable(p, &room)
		group.Go(func() error {
			for n := next.Add(1) - 1; n < int64(len(batches)); n = next.Add(1) - 1 {
				if err := tables[w].addBatch(ctx, t, batches[n]); err != nil {
					return err
				}
			}
			return nil
		})
	}
	err := group.Wait()
	for _, other := range tables[1:] {
		if err == nil {
			err = tables[0].merge(other)
		}
	}
	if errors.Is(err, money.ErrOverflow) {
		err = tooMuch(err)
	}
	return tables[0], err
}

// batches cuts the parts to be read so that workers share them evenly.
func (p *plan) batches() (all [][]fetch) {
	total := int64(0)
	for i := range p.reads {
		total += p.reads[i].doc.Bytes
	}
	limit := min(max(total/maxWorkers+1, minBatchBytes), maxBatchBytes)
	size := limit
	for i := range p.reads {
		r := &p.reads[i]
		for _, key := range p.keys(r) {
			if size >= limit || len(all[len(all)-1]) == maxBatchParts {
				all, size = append(all, nil), 0
			}
			all[len(all)-1] = append(all[len(all)-1], fetch{r, key})
			size += r.doc.Bytes / int64(r.doc.Parts)
		}
	}
	return all
}

// addBatch reads parts and adds them up. Documents are never changed, so that an eventual read finds the right one or
// none; one that a strong read does not find either was superseded.
func (t *table) addBatch(ctx context.Context, from *store.Tenant, batch []fetch) error {
	keys := make([]store.Key, len(batch))
	for i, f := range batch {
		keys[i] = f.key
	}
	records, err := from.Get(ctx, store.Eventually, keys...)
	if err != nil {
		return err
	}
	for i, r := range records {
		if r == nil {
			again, err := from.Get(ctx, store.Strongly, keys[i])
			if err != nil {
				return err
			}
			if r = again[0]; r == nil {
				return ErrMoved
			}
		}
		if err := t.addRecord(batch[i].read, r); err != nil {
			return err
		}
		records[i] = nil
	}
	return nil
}

func (t *table) addRecord(r *read, record *store.Record) error {
	var stored part
	if err := record.Value.Decode(&stored); err != nil {
		return fmt.Errorf("read a cost document: %w", err)
	}
	decoded, err := document.Decode(stored.Body)
	if err != nil {
		return fmt.Errorf("read a cost document: %w", err)
	}
	return t.add(r, decoded)
}
