package usage_test

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/bolt"
	"github.com/tenantry/tenantry/pkg/store/storetest"
	"github.com/tenantry/tenantry/pkg/tenant"
	"github.com/tenantry/tenantry/pkg/usage"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// bed is a store on which several processes meter, at a time that is set.
type bed struct {
	faults *storetest.Faulty
	store  *store.Store
	now    time.Time
}

func newBed(t testing.TB) *bed {
	b := &bed{now: noon}
	e, err := bolt.Open(filepath.Join(t.TempDir(), "store"), bolt.Options{Clock: b.clock, NoSync: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Close()) })
	b.faults = storetest.NewFaulty(e, nil)
	b.store = store.New(b.faults)
	return b
}

func (b *bed) clock() time.Time { return b.now }

func (b *bed) process() *usage.Meter {
	return usage.NewMeter(b.store, b.clock, slog.New(slog.DiscardHandler))
}

// tenant makes a tenant that is there.
func (b *bed) tenant(t require.TestingT) *tenant.Scope {
	id, err := tenant.NewID(noon, rand.Reader)
	require.NoError(t, err)
	s, err := tenant.Authorize(tenant.Principal{Issuer: "i", Subject: "s"}, tenant.Membership{Tenant: id, Role: tenant.Viewer},
		tenant.Standing{Status: tenant.Active, Plan: tenant.Free}, tenant.ReadTenant)
	require.NoError(t, err)
	h, err := b.store.Tenant(s)
	require.NoError(t, err)
	require.NoError(t, h.Write(context.Background(), store.Change{Key: store.Meta(), Value: map[string]string{"status": "active", "plan": "free"}}))
	return s
}

// stored is what a day's item has.
func (b *bed) stored(t require.TestingT, scope *tenant.Scope, day calendar.Day) (c usage.Counts) {
	h, err := b.store.Tenant(scope)
	require.NoError(t, err)
	_, err = h.Read(context.Background(), store.Usage(day), &c)
	require.NoError(t, err)
	return c
}

var today = calendar.DayOf(noon)

// request is one of 3.5 read units and a write unit.
var request = route.Usage{Store: store.Use{Read: 7, Write: 2}, BytesIn: 10, BytesOut: 100}

func requests(m *usage.Meter, scope *tenant.Scope, n int) {
	for range n {
		m.Used(context.Background(), scope, request)
	}
}

func TestUseIsWrittenInBatches(t *testing.T) {
	b := newBed(t)
	m, scope := b.process(), b.tenant(t)
	requests(m, scope, 59)
	require.Zero(t, b.faults.Calls(storetest.Add))
	require.Equal(t, int64(59), m.Unwritten(scope.Tenant())[today].Requests)
	requests(m, scope, 1)
	require.Equal(t, 1, b.faults.Calls(storetest.Add))
	require.Equal(t, usage.Counts{Requests: 60, ReadHalves: 420, WriteHalves: 120, RequestBytes: 600, ResponseBytes: 6000}, b.stored(t, scope, today))
	require.Equal(t, usage.Counts{ReadHalves: 2, WriteHalves: 2}, m.Unwritten(scope.Tenant())[today], "the write itself")
	requests(m, scope, 60)
	require.Equal(t, usage.Counts{Requests: 120, ReadHalves: 842, WriteHalves: 242, RequestBytes: 1200, ResponseBytes: 12000}, b.stored(t, scope, today))
}

func TestFlushWritesAllThatIsLeft(t *testing.T) {
	b := newBed(t)
	m := b.process()
	var all []*tenant.Scope
	for range 50 {
		scope := b.tenant(t)
		requests(m, scope, 3)
		all = append(all, scope)
	}
	m.Flush(t.Context())
	for _, scope := range all {
		require.Equal(t, int64(3), b.stored(t, scope, today).Requests)
	}
}

func TestDaysAreKeptApart(t *testing.T) {
	b := newBed(t)
	m, scope := b.process(), b.tenant(t)
	requests(m, scope, 40)
	b.now = noon.Add(12 * time.Hour)
	requests(m, scope, 79)
	require.Zero(t, b.faults.Calls(storetest.Add), "two days are two writes, and wait for two batches")
	requests(m, scope, 1)
	require.Equal(t, 2, b.faults.Calls(storetest.Add))
	require.Equal(t, int64(40), b.stored(t, scope, today).Requests)
	require.Equal(t, int64(80), b.stored(t, scope, today+1).Requests)
}

func TestATenantThatIsGoneDoesNotComeBack(t *testing.T) {
	b := newBed(t)
	m, scope := b.process(), b.tenant(t)
	requests(m, scope, 30)
	h, err := b.store.Tenant(scope)
	require.NoError(t, err)
	require.NoError(t, h.Write(t.Context(), store.Change{Action: store.Delete, Key: store.Meta()}))
	m.Flush(t.Context())
	require.Zero(t, b.stored(t, scope, today))
	require.Empty(t, m.Unwritten(scope.Tenant()))
}

// Whatever fails in whatever order, in any process: nothing is counted twice, and nothing is lost but by calls of which it is not
// known whether they did anything.
func TestNothingIsCountedTwice(t *testing.T) {
	b := newBed(t)
	rapid.Check(t, func(t *rapid.T) {
		b.now = noon
		b.faults.Plan(nil)
		scope, all := b.tenant(t), []*usage.Meter{b.process(), b.process(), b.process()}
		faults := rapid.SliceOfN(rapid.SampledFrom([]storetest.Fault{storetest.None, storetest.None, storetest.NotWritten, storetest.Written, storetest.Throttled}), 40, 40).
			Draw(t, "faults")
		lost := 0
		b.faults.Plan(func(m storetest.Method, n int) storetest.Fault {
			f := faults[n%len(faults)]
			if m == storetest.Add && f == storetest.NotWritten {
				lost++
			}
			return f
		})
		made := int64(0)
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			n := rapid.IntRange(1, 150).Draw(t, "requests")
			requests(rapid.SampledFrom(all).Draw(t, "process"), scope, n)
			made += int64(n)
			if rapid.IntRange(0, 5).Draw(t, "a day passes") == 0 {
				b.now = b.now.Add(24 * time.Hour)
			}
		}
		b.faults.Plan(nil)
		counted := int64(0)
		for _, m := range all {
			m.Flush(context.Background())
		}
		for day := today; day <= calendar.DayOf(b.now); day++ {
			counted += b.stored(t, scope, day).Requests
		}
		require.LessOrEqual(t, counted, made)
		if lost == 0 {
			require.Equal(t, made, counted)
		}
	})
}

func TestAtTheSameTimeNothingIsLost(t *testing.T) {
	b := newBed(t)
	m, scope := b.process(), b.tenant(t)
	var group sync.WaitGroup
	for range 8 {
		group.Go(func() { requests(m, scope, 125) })
	}
	group.Go(func() { m.Flush(t.Context()) })
	group.Wait()
	m.Flush(t.Context())
	require.Equal(t, int64(1000), b.stored(t, scope, today).Requests)
}

type message struct{ tenant tenant.ID }

func of(m message) tenant.ID { return m.tenant }

func TestAWorkersUseIsWrittenWithItsMessage(t *testing.T) {
	b := newBed(t)
	m, scope := b.process(), b.tenant(t)
	broken := errors.New("broken")
	work := usage.Worker(m, of, func(ctx context.Context, msg message) error {
		if msg.tenant == "" {
			return nil
		}
		h, err := b.store.Tenant(scope)
		require.NoError(t, err)
		require.NoError(t, h.Write(ctx, store.Change{Key: store.TagKeys(), Value: map[string]string{}}))
		m.Imported(scope, 1000, 5)
		return broken
	})
	require.ErrorIs(t, work(t.Context(), message{scope.Tenant()}), broken)
	require.Equal(t, usage.Counts{WriteHalves: 2, ImportBytes: 1000, ImportLines: 5}, b.stored(t, scope, today), "what fails is used too")
	require.NoError(t, work(t.Context(), message{}))
	require.NoError(t, usage.Worker(nil, of, func(context.Context, message) error { return nil })(t.Context(), message{scope.Tenant()}))
}
