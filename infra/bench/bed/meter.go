package bed

import (
	"context"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tenantry/tenantry/pkg/store"
)

// metered adds up what is read of an engine, whatever meters its callers have.
type metered struct {
	store.Engine
	mu  sync.Mutex
	use map[store.Table]store.Use
	// adds are the calls of Add: what limiting and metering write
	adds atomic.Int64
}

// Add counts the call.
func (e *metered) Add(ctx context.Context, at store.Address, by map[string]int64, expires time.Time) (map[string]int64, error) {
	e.adds.Add(1)
	return e.Engine.Add(ctx, at, by, expires)
}

// Adds is how many writes limiting and metering took so far.
func (p *Platform) Adds() int64 { return p.reads.adds.Load() }

// Get reads items.
func (e *metered) Get(ctx context.Context, at []store.Address, c store.Consistency) ([]*store.Record, error) {
	inner, meter := store.WithMeter(ctx)
	defer e.add(meter)
	return e.Engine.Get(inner, at, c)
}

// Query reads a page.
func (e *metered) Query(ctx context.Context, r store.Range) (store.Page, error) {
	inner, meter := store.WithMeter(ctx)
	defer e.add(meter)
	return e.Engine.Query(inner, r)
}

func (e *metered) add(m *store.Meter) {
	e.mu.Lock()
	defer e.mu.Unlock()
	for _, t := range store.Tables {
		use, sum := m.Of(t), e.use[t]
		e.use[t] = store.Use{Read: sum.Read + use.Read, Items: sum.Items + use.Items, Calls: sum.Calls + use.Calls}
	}
}

// Reads gives what was read of each table since it was last asked.
func (p *Platform) Reads() map[store.Table]store.Use {
	p.reads.mu.Lock()
	defer p.reads.mu.Unlock()
	use := p.reads.use
	p.reads.use = map[store.Table]store.Use{}
	return use
}
