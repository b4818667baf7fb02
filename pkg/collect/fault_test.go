package collect_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/collect"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/store/storetest"
)

// Every call of the store that a run makes fails once, in each way there is, as where a process is killed at it; the next delivery of the
// message finishes the run, and what is seen is written once.
func TestARunIsDoneOnceWhateverFails(t *testing.T) {
	for _, method := range []storetest.Method{storetest.Get, storetest.Query, storetest.Write, storetest.Add} {
		for _, f := range []storetest.Fault{storetest.NotWritten, storetest.Written, storetest.Throttled} {
			t.Run(fmt.Sprint(method, " ", f), func(t *testing.T) {
				for n := 1; ; n++ {
					w := newTester(t, 3)
					m := w.due()
					w.app.Faults.Plan(storetest.At(method, n, f))
					err := w.app.Collect.Handle(t.Context(), m)
					reached := w.app.Faults.Calls(method) >= n
					w.app.Faults.Plan(nil)
					for tries := 0; err != nil; tries++ {
						require.Less(t, tries, 10)
						w.app.Advance(time.Minute)
						err = w.app.Collect.Handle(t.Context(), m)
					}
					w.requireOnce(m)
					if !reached {
						return
					}
				}
			})
		}
	}
}

// requireOnce checks that a run of three pages is at its end and was seen once.
func (t *tester) requireOnce(m collect.Message) {
	r := t.run(m)
	require.Equal(t, collect.Succeeded, r.Status, r.Reason)
	require.False(t, r.Partial)
	require.Equal(t, map[string]int64{"things": 30}, r.Counts)
	require.EqualValues(t, 1, t.shown(t.con.ID, m.Slot))
	require.Equal(t, connection.Connected, t.now(t.con.ID).Status)
	calls := t.account.calls()
	t.do(m)
	require.Equal(t, calls, t.account.calls(), "a duplicate makes no call")
}

// A worker is killed at each of its calls: nothing of it is released, and it never comes back.
func TestARunIsFinishedByTheNextDeliveryAfterAKill(t *testing.T) {
	for n := 1; ; n++ {
		w := newTester(t, 3)
		m := w.due()
		calls := 0
		w.app.Faults.Plan(func(storetest.Method, int) storetest.Fault {
			if calls++; calls == n {
				panic("killed")
			}
			return storetest.None
		})
		killed := kills(func() { _ = w.app.Collect.Handle(t.Context(), m) })
		w.app.Faults.Plan(nil)
		var err error
		for tries := 0; tries == 0 || err != nil; tries++ {
			require.Less(t, tries, 10)
			err = w.app.Collect.Handle(t.Context(), m)
			w.app.Advance(time.Minute)
		}
		w.requireOnce(m)
		if !killed {
			return
		}
	}
}

func kills(do func()) (killed bool) {
	defer func() { killed = recover() != nil }()
	do()
	return false
}
