package usage

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/organization"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

const (
	batch    = 60              // requests of a tenant whose use is written together
	patience = 2 * time.Second // of a request with the write that it happens to meet
	atOnce   = 32              // tenants that Flush writes at the same time
)

// Meter adds up what tenants use in this process and writes it in batches: of 60 requests of a tenant, and at Flush. What a write takes
// itself is counted with the next one. Nothing is counted twice: a write of which it is not known whether it was made is taken
// for made. So what a tenant's day can lack is what a process had not written when it was killed (59 requests of the tenant,
// or a message of a worker) and writes that failed so; both only to the tenant's advantage.
type Meter struct {
	store *store.Store
	clock func() time.Time
	log   *slog.Logger

	mu      sync.Mutex
	tenants map[tenant.ID]*pending
}

// pending is what is not written yet of a tenant.
type pending struct {
	days  map[calendar.Day]Counts
	fresh int64 // requests since the last write was tried
}

// NewMeter makes the meter of a process.
func NewMeter(s *store.Store, clock func() time.Time, log *slog.Logger) *Meter {
	return &Meter{store: s, clock: clock, log: log, tenants: map[tenant.ID]*pending{}}
}

// Used counts a request. It is a route's Used.
func (m *Meter) Used(ctx context.Context, scope *tenant.Scope, u route.Usage) {
	c := Capacity(u.Store)
	c.Requests, c.RequestBytes, c.ResponseBytes = 1, u.BytesIn, u.BytesOut
	if due := m.add(scope.Tenant(), c); due != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
		defer cancel()
		m.write(ctx, scope.Tenant(), due)
	}
}

// Imported counts what a delivery brought. It is a delivery.Service's Imported.
func (m *Meter) Imported(scope *tenant.Scope, bytes, lines int64) {
	m.add(scope.Tenant(), Counts{ImportBytes: bytes, ImportLines: lines})
}

// Collected counts what collection asks of customers' accounts that is paid for by the piece. It is a collect.Service's Spent.
func (m *Meter) Collected(scope *tenant.Scope, pages, metrics int64) {
	m.add(scope.Tenant(), Counts{CollectionPages: pages, CollectionMetrics: metrics})
}

// Worker meters a worker of messages, each of one tenant, whose use is written when the message is done with. A nil Meter meters nothing.
func Worker[M any](m *Meter, of func(M) tenant.ID, handle func(context.Context, M) error) func(context.Context, M) error {
	if m == nil {
		return handle
	}
	return func(ctx context.Context, message M) error {
		id := of(message)
		if _, err := tenant.ParseID(string(id)); err != nil {
			return handle(ctx, message)
		}
		metered, took := store.WithMeter(ctx)
		defer func() {
			m.add(id, Capacity(took.Total()))
			ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
			defer cancel()
			m.write(ctx, id, m.take(id))
		}()
		return handle(metered, message)
	}
}

// Flush writes all that is not written yet, as far as ctx lets it: what a process does before it ends.
func (m *Meter) Flush(ctx context.Context) {
	m.mu.Lock()
	var all []tenant.ID
	for id := range m.tenants {
		all = append(all, id)
	}
	m.mu.Unlock()
	var group errgroup.Group
	group.SetLimit(atOnce)
	for _, id := range all {
		group.Go(func() error {
			m.write(ctx, id, m.take(id))
			return nil
		})
	}
	_ = group.Wait()
}

// Unwritten gives what this process has not written yet of a tenant.
func (m *Meter) Unwritten(id tenant.ID) map[calendar.Day]Counts {
	m.mu.Lock()
	defer m.mu.Unlock()
	all := map[calendar.Day]Counts{}
	if p := m.tenants[id]; p != nil {
		for day, c := range p.days {
			all[day] = c
		}
	}
	return all
}

// add counts and gives what is to be written, nil where that can wait: the days of a batch wait for a batch each, since each is
// a write.
func (m *Meter) add(id tenant.ID, c Counts) (due map[calendar.Day]Counts) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.of(id)
	today := calendar.DayOf(m.clock())
	p.days[today] = p.days[today].plus(c)
	if p.fresh += c.Requests; p.fresh < batch*int64(len(p.days)) {
		return nil
	}
	delete(m.tenants, id)
	return p.days
}

// again puts back what could not be written, for the next batch.
func (m *Meter) again(id tenant.ID, day calendar.Day, c Counts) {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.of(id)
	p.days[day] = p.days[day].plus(c)
}

func (m *Meter) of(id tenant.ID) *pending {
	p := m.tenants[id]
	if p == nil {
		p = &pending{days: map[calendar.Day]Counts{}}
		m.tenants[id] = p
	}
	return p
}

func (m *Meter) take(id tenant.ID) map[calendar.Day]Counts {
	m.mu.Lock()
	defer m.mu.Unlock()
	p := m.tenants[id]
	if p == nil {
		return nil
	}
	delete(m.tenants, id)
	return p.days
}

// write adds what is due to the tenant's days. Of a tenant that is gone nothing is written: it must not come back.
func (m *Meter) write(ctx context.Context, id tenant.ID, due map[calendar.Day]Counts) {
	if len(due) == 0 {
		return
	}
	ctx, own := store.WithMeter(ctx)
	h, err := m.open(ctx, id)
	if fault.Is(err, fault.NotFound) {
		return
	}
	for day, c := range due {
		sure := err != nil // that nothing was written
		if !sure {
			_, err := h.Add(ctx, store.Usage(day), c.attributes(), time.Time{})
			if err == nil {
				continue
			}
			if sure = errors.Is(err, store.ErrThrottled); !sure {
				m.log.ErrorContext(ctx, "use may not be counted", "tenant", id, "day", day.String(), "counts", c, "error", err)
			}
		}
		if sure {
			m.again(id, day, c)
		}
	}
	if err != nil {
		m.log.WarnContext(ctx, "use is written later", "tenant", id, "error", err)
		return
	}
	m.again(id, calendar.DayOf(m.clock()), Capacity(own.Total()))
}

func (m *Meter) open(ctx context.Context, id tenant.ID) (*store.Tenant, error) {
	scope, err := organization.See(ctx, m.store, id, "meter")
	if err != nil {
		return nil, err
	}
	return m.store.Tenant(scope)
}
