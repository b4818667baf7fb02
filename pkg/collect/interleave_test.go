package collect_test

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/collect"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// fate is what becomes of a call of the store.
type fate int

const (
	passes   fate = iota
	fails         // not made
	unknown       // made, and the caller does not learn it
	dies          // the worker is killed before it
	perishes      // and after it
)

// hand is a worker that does one call of the store each time it is told to.
type hand struct {
	turn chan fate
	at   chan bool // it waits at a call; false when it has ended
	err  error
}

type handKey struct{}

// gate lets workers make calls in turn.
type gate struct{ store.Engine }

func (g gate) call(ctx context.Context, do func() error) error {
	h, ok := ctx.Value(handKey{}).(*hand)
	if !ok {
		return do()
	}
	h.at <- true
	switch <-h.turn {
	case fails:
		return store.ErrUnavailable
	case unknown:
		_ = do()
		return store.ErrUnavailable
	case dies:
		runtime.Goexit()
	case perishes:
		_ = do()
		runtime.Goexit()
	}
	return do()
}

func (g gate) Get(ctx context.Context, at []store.Address, c store.Consistency) (r []*store.Record, err error) {
	err = g.call(ctx, func() (err error) { r, err = g.Engine.Get(ctx, at, c); return err })
	return r, err
}

func (g gate) Query(ctx context.Context, r store.Range) (p store.Page, err error) {
	err = g.call(ctx, func() (err error) { p, err = g.Engine.Query(ctx, r); return err })
	return p, err
}

func (g gate) Write(ctx context.Context, ops []store.Op) error {
	return g.call(ctx, func() error { return g.Engine.Write(ctx, ops) })
}

func (g gate) Add(ctx context.Context, at store.Address, by map[string]int64, expires time.Time) (n map[string]int64, err error) {
	err = g.call(ctx, func() (err error) { n, err = g.Engine.Add(ctx, at, by, expires); return err })
	return n, err
}

// begin has a worker take a message up, as far as its first call.
func begin(s *collect.Service, m collect.Message) *hand {
	h := &hand{turn: make(chan fate), at: make(chan bool)}
	go func() {
		defer func() { h.at <- false }()
		h.err = s.Handle(context.WithValue(context.Background(), handKey{}, h), m)
	}()
	return h
}

// Each slot is seen at most once, and the newest one at least once in the end, however workers that are slow, doubled, killed and
// thought dead come between each other, whatever calls fail, and wherever the clock jumps.
func TestEverySlotIsCollectedOnce(t *testing.T) {
	w := newTester(t, 2)
	s := *w.app.Collect
	s.Store = store.New(gate{w.app.Faults})
	s.Collectors = map[collect.Kind]collect.Collector{collect.Resources: w.account}
	n := 0
	rapid.Check(t, func(r *rapid.T) {
		n++
		con, messages := shared(w, n)
		var live []*hand
		troubles := 3 // as many as an account is tried in spite of
		for range rapid.IntRange(0, 120).Draw(r, "moves") {
			switch move := rapid.IntRange(0, 19).Draw(r, "move"); {
			case move < 3 && len(live) < 4:
				live = append(live, begin(&s, rapid.SampledFrom(messages).Draw(r, "message")))
				live = settled(live, len(live)-1)
			case move == 3:
				w.app.Advance(time.Duration(rapid.IntRange(-300, 600).Draw(r, "seconds")) * time.Second)
			case len(live) > 0:
				f := passes
				if move > 17 && troubles > 0 {
					f = rapid.SampledFrom([]fate{fails, unknown, dies, perishes}).Draw(r, "fate")
					troubles--
				}
				i := rapid.IntRange(0, len(live)-1).Draw(r, "worker")
				live[i].turn <- f
				live = settled(live, i)
			}
		}
		for len(live) > 0 {
			live[0].turn <- passes
			live = settled(live, 0)
		}
		for _, m := range messages {
			err := s.Handle(context.Background(), m)
			for tries := 0; err != nil; tries++ {
				require.Less(r, tries, 30, "%v", err)
				w.app.Advance(time.Minute)
				err = s.Handle(context.Background(), m)
			}
		}
		calls := w.account.calls()
		for _, m := range messages {
			require.NoError(r, s.Handle(context.Background(), m))
			run := w.run(m)
			require.Equal(r, collect.Succeeded, run.Status, run.Reason)
			require.False(r, run.Partial)
			require.LessOrEqual(r, w.shown(con, m.Slot), int64(1))
		}
		require.Equal(r, calls, w.account.calls(), "duplicates make no call")
		require.EqualValues(r, 1, w.shown(con, messages[len(messages)-1].Slot))
	})
}

// settled waits until a worker is at its next call, and leaves it out where it has come to its end.
func settled(live []*hand, i int) []*hand {
	if <-live[i].at {
		return live
	}
	return slices.Delete(live, i, i+1)
}

// shared makes an account of two projects, and the messages of two slots of each.
func shared(w *tester, n int) (tenant.ConnectionID, []collect.Message) {
	account := fmt.Sprintf("%012d", n)
	con := w.connect(tenant.ConnectionID(fmt.Sprintf("con_%026d", n)), account, connection.Member)
	alice := w.alice()
	var messages []collect.Message
	slot := w.app.Now().Truncate(time.Second)
	var projects []tenant.ProjectID
	for _, env := range []string{"a", "b"} {
		var made struct{ ID tenant.ProjectID }
		alice.Do(w, "POST", w.app.Alice.Path("/projects"), map[string]any{"name": account + env, "environment": "test", "accountIds": []string{account},
			"tagSelector": map[string]string{"env": env}}).Is(w, 201).Into(w, &made)
		projects = append(projects, made.ID)
	}
	for i := range 2 {
		for _, p := range projects {
			messages = append(messages, collect.Message{Kind: collect.Resources, Tenant: w.app.Alice.Tenant, Project: p, Slot: slot.Add(time.Duration(i) * time.Minute)})
		}
	}
	return con.ID, messages
}
