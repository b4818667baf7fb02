package limit_test

import (
	"context"
	"crypto/rand"
	"errors"
	"log/slog"
	"path/filepath"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/limit"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/bolt"
	"github.com/tenantry/tenantry/pkg/store/storetest"
	"github.com/tenantry/tenantry/pkg/tenant"
)

var noon = time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)

// bed is a store that several processes limit by, and a clock that stands still.
type bed struct {
	faults *storetest.Faulty
	store  *store.Store
	mu     sync.Mutex
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

func (b *bed) clock() time.Time {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.now
}

func (b *bed) advance(d time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.now = b.now.Add(d)
}

func (b *bed) process() *limit.Limiter {
	return limit.New(b.store, b.clock, slog.New(slog.DiscardHandler))
}

func (b *bed) processes(n int) (all []*limit.Limiter) {
	for range n {
		all = append(all, b.process())
	}
	return all
}

// member makes the scope of a member of a new tenant.
func member(t require.TestingT, plan tenant.Plan) *tenant.Scope {
	id, err := tenant.NewID(noon, rand.Reader)
	require.NoError(t, err)
	return in(t, id, plan)
}

func in(t require.TestingT, id tenant.ID, plan tenant.Plan) *tenant.Scope {
	s, err := tenant.Authorize(tenant.Principal{Issuer: "i", Subject: "s"}, tenant.Membership{Tenant: id, Role: tenant.Viewer},
		tenant.Standing{Status: tenant.Active, Plan: plan}, tenant.ReadTenant)
	require.NoError(t, err)
	return s
}

// admitted sends n requests and gives how many are admitted.
func admitted(t require.TestingT, l *limit.Limiter, scope *tenant.Scope, n int) (yes int) {
	for range n {
		_, err := l.Admit(context.Background(), scope, false)
		if err == nil {
			yes++
		} else {
			require.True(t, fault.Is(err, fault.Limited), "%v", err)
		}
	}
	return yes
}

func TestOneProcessAdmitsExactlyTheLimitOfEachPlan(t *testing.T) {
	for _, plan := range []tenant.Plan{tenant.Free, tenant.Team, tenant.Enterprise} {
		t.Run(string(plan), func(t *testing.T) {
			b := newBed(t)
			l, scope, most := b.process(), member(t, plan), int(plan.Limits().RequestsPerMinute)
			require.Equal(t, most, admitted(t, l, scope, most+100))
			adds := b.faults.Calls(storetest.Add)
			require.LessOrEqual(t, adds*20, most)
			require.Zero(t, admitted(t, l, scope, 1000))
			require.Equal(t, adds, b.faults.Calls(storetest.Add), "what is refused asks nobody")
			b.advance(time.Minute)
			require.Equal(t, most, admitted(t, l, scope, most+1), "a new minute")
		})
	}
}

func TestAnswersSayWhatIsLeft(t *testing.T) {
	b := newBed(t)
	b.advance(20 * time.Second)
	l, scope := b.process(), member(t, tenant.Free)
	for left := int64(599); left >= 0; left-- {
		r, err := l.Admit(t.Context(), scope, false)
		require.NoError(t, err)
		require.Equal(t, int64(600), r.Limit)
		require.Equal(t, left, r.Remaining)
		require.Equal(t, 40*time.Second, r.Reset)
	}
	r, err := l.Admit(t.Context(), scope, false)
	require.Zero(t, r.Remaining)
	refused, ok := errors.AsType[*fault.Error](err)
	require.True(t, ok)
	require.Equal(t, fault.Limited, refused.Kind)
	require.Equal(t, 40*time.Second, refused.After)
	require.Contains(t, refused.Message, "plan free")
	require.Contains(t, refused.Message, "requestsPerMinute of 600")
}

// A tenant with few requests costs no write at all, however many processes serve it.
func TestFewRequestsWriteNothing(t *testing.T) {
	b := newBed(t)
	scope := member(t, tenant.Free)
	for _, l := range b.processes(10) {
		require.Equal(t, limit.Free, admitted(t, l, scope, limit.Free))
	}
	require.Zero(t, b.faults.Calls(storetest.Add))
}

// Whatever the order in which processes get requests: no minute has more than the limit and what each process may let pass
// unasked, none is refused before the limit is taken, and there is one write for 20 requests at most.
func TestNoInterleavingPassesTheLimit(t *testing.T) {
	b := newBed(t)
	rapid.Check(t, func(t *rapid.T) {
		plan := rapid.SampledFrom([]tenant.Plan{tenant.Free, tenant.Team}).Draw(t, "plan")
		most := int(plan.Limits().RequestsPerMinute)
		scope, all := member(t, plan), b.processes(rapid.IntRange(1, 6).Draw(t, "processes"))
		b.faults.Plan(nil)
		b.advance(time.Minute)
		minute, total, by := 0, 0, make([]int, len(all))
		for range rapid.IntRange(1, 60).Draw(t, "steps") {
			if rapid.IntRange(0, 20).Draw(t, "time passes") == 0 {
				b.advance(time.Minute)
				minute, by = 0, make([]int, len(all))
			}
			i := rapid.IntRange(0, len(all)-1).Draw(t, "process")
			n := rapid.IntRange(1, most/5).Draw(t, "requests")
			yes := admitted(t, all[i], scope, n)
			minute, total, by[i] = minute+yes, total+yes, by[i]+yes
			require.LessOrEqual(t, minute, most+limit.Free*len(all))
			if yes < n {
				left := 0 // with processes that have leased and do not ask
				for _, its := range by {
					left += max(limit.Free, its/8+1)
				}
				require.GreaterOrEqual(t, minute+left, most, "nobody is refused before the limit is taken")
			}
		}
		require.LessOrEqual(t, b.faults.Calls(storetest.Add)*20, total)
	})
}

// Processes that are asked at the same time, from many sides each.
func TestAtTheSameTime(t *testing.T) {
	b := newBed(t)
	scope, all := member(t, tenant.Free), b.processes(4)
	var yes atomic.Int64
	var group sync.WaitGroup
	for _, l := range all {
		for range 8 {
			group.Go(func() { yes.Add(int64(admitted(t, l, scope, 100))) })
		}
	}
	group.Wait()
	require.LessOrEqual(t, yes.Load(), int64(600+4*limit.Free))
	require.GreaterOrEqual(t, yes.Load(), int64(600))
	require.LessOrEqual(t, int64(b.faults.Calls(storetest.Add)*20), yes.Load())
}

// Where the counter fails, whatever it did, each process keeps the limit alone, and asks no more in that minute.
func TestWithoutTheCounter(t *testing.T) {
	for name, f := range map[string]storetest.Fault{"not written": storetest.NotWritten, "written": storetest.Written, "throttled": storetest.Throttled} {
		t.Run(name, func(t *testing.T) {
			b := newBed(t)
			b.faults.Plan(storetest.Every(storetest.Add, f))
			l, scope := b.process(), member(t, tenant.Free)
			require.Equal(t, 600, admitted(t, l, scope, 1000))
			require.Equal(t, 1, b.faults.Calls(storetest.Add))
			b.faults.Plan(nil)
			b.advance(time.Minute)
			require.Equal(t, 600, admitted(t, l, scope, 1000))
			require.Greater(t, b.faults.Calls(storetest.Add), 1, "the next minute asks again")
		})
	}
}

// Any calls to the counter fail in any way: each process keeps the limit, and the writes stay few.
func TestNoFaultPassesTheLimitOfEachProcess(t *testing.T) {
	b := newBed(t)
	rapid.Check(t, func(t *rapid.T) {
		scope, all := member(t, tenant.Free), b.processes(3)
		faults := rapid.SliceOfN(rapid.SampledFrom([]storetest.Fault{storetest.None, storetest.NotWritten, storetest.Written, storetest.Throttled}), 60, 60).Draw(t, "faults")
		b.faults.Plan(func(_ storetest.Method, n int) storetest.Fault { return faults[n%len(faults)] })
		total, by := 0, make([]int, len(all))
		for range rapid.IntRange(1, 30).Draw(t, "steps") {
			i := rapid.IntRange(0, len(all)-1).Draw(t, "process")
			yes := admitted(t, all[i], scope, rapid.IntRange(1, 200).Draw(t, "requests"))
			by[i], total = by[i]+yes, total+yes
			require.LessOrEqual(t, by[i], 600)
		}
		require.LessOrEqual(t, b.faults.Calls(storetest.Add)*20, total)
	})
}

func TestAChangeOfThePlanCountsAtOnce(t *testing.T) {
	b := newBed(t)
	l, scope := b.process(), member(t, tenant.Free)
	require.Equal(t, 600, admitted(t, l, scope, 700))
	larger := in(t, scope.Tenant(), tenant.Team)
	require.InDelta(t, 5400, admitted(t, l, larger, 7000), limit.Free, "the block that was refused stays counted")
	require.Zero(t, admitted(t, l, scope, 10))
}

// slow holds one tenant's counter until it is let go.
type slow struct {
	store.Engine
	hold    string
	entered chan struct{}
	let     chan struct{}
}

func (s *slow) Add(ctx context.Context, at store.Address, by map[string]int64, expires time.Time) (map[string]int64, error) {
	if at.PK == s.hold {
		s.entered <- struct{}{}
		<-s.let
	}
	return s.Engine.Add(ctx, at, by, expires)
}

func TestATenantThatWaitsForItsCounterKeepsNobodyElse(t *testing.T) {
	b := newBed(t)
	waits, other := member(t, tenant.Free), member(t, tenant.Free)
	s := &slow{b.faults, "T#" + string(waits.Tenant()), make(chan struct{}, 10), make(chan struct{})}
	l := limit.New(store.New(s), b.clock, slog.New(slog.DiscardHandler))
	var group sync.WaitGroup
	for range 5 {
		group.Go(func() { require.Equal(t, 20, admitted(t, l, waits, 20)) })
	}
	<-s.entered
	require.Equal(t, 600, admitted(t, l, other, 601))
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, err := l.Admit(gone, waits, false)
	require.ErrorIs(t, err, context.Canceled, "who goes does not wait")
	require.Empty(t, s.entered, "one asks for all")
	close(s.let)
	group.Wait()
}
