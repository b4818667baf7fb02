package costexplorer_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/collect"
	"github.com/tenantry/tenantry/pkg/collect/aws/cesim"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/storetest"
)

// connect stores the connection and has the server's own worker collect.
func (t *tester) connect() {
	t.con.Status, t.con.CreatedAt = connection.Connected, t.app.Now()
	require.NoError(t, t.task().Tenant.Write(t.Context(), store.Change{Key: store.Connection(conID), Value: t.con, Condition: store.Absent}))
	t.app.Collect.Collectors = map[collect.Kind]collect.Collector{collect.Costs: t.collector}
}

// start starts a run by hand and gives where it is found.
func (t *tester) start() string {
	var run struct{ ID string }
	runs := t.app.Alice.Path("/projects/" + string(t.app.Alice.Project) + "/runs")
	t.app.Alice.Do(t, "POST", runs, map[string]any{"kind": "costs"}).Is(t, 202).Into(t, &run)
	return runs + "/" + run.ID
}

type ran struct {
	Status, Reason string
	Pages          int64
	Partial        bool
	Counts         map[string]int64
}

func (t *tester) outcome(path string) (r ran) {
	t.app.Alice.Get(t, path).Is(t, 200).Into(t, &r)
	return r
}

func TestARunCollectsAndSaysWhatItTook(t *testing.T) {
	w := newTester(t, connection.Member, cesim.Options{})
	w.connect()
	w.sim.Set(ledger())
	path := w.start()
	require.NoError(t, w.app.WorkRuns(t))
	w.app.Work(t)
	r := w.outcome(path)
	require.Equal(t, "succeeded", r.Status, "%+v", r)
	require.EqualValues(t, w.sim.Pages(), r.Pages)
	require.EqualValues(t, 3, r.Counts["months"])
	require.Equal(t, "124.2500000011", w.ask(year+"&metric=billedCost").Total)
}

// TestARunIsKilledAnywhere has each write of a run fail once, in each way there is.
func TestARunIsKilledAnywhere(t *testing.T) {
	for _, kind := range []storetest.Fault{storetest.NotWritten, storetest.Written, storetest.Throttled} {
		t.Run(fmt.Sprint(kind), func(t *testing.T) {
			w := newTester(t, connection.Payer, cesim.Options{})
			w.connect()
			for n := 1; ; n++ {
				w.tomorrow()
				amount := fmt.Sprint(n + 1)
				w.sim.Set(append(wide(amount, 1), ledger()[11]))
				before := len(w.deliveries())
				path := w.start()
				w.app.Faults.Plan(storetest.At(storetest.Write, n, kind))
				err := w.app.WorkRuns(t)
				reached := w.app.Faults.Calls(storetest.Write) >= n
				w.app.Faults.Plan(nil)
				for range 10 {
					if err == nil && w.outcome(path).Status == "succeeded" {
						break
					}
					w.app.Advance(3 * time.Minute) // leases end
					m, parsed := collect.ParseMessages([]byte(fmt.Sprintf(`{"kind":"costs","tenant":%q,"project":%q,"slot":%q}`,
						w.app.Alice.Tenant, w.app.Alice.Project, w.slotOf(path))))
					require.NoError(t, parsed)
					err = w.app.Collect.Handle(t.Context(), m[0])
					if more := w.app.WorkRuns(t); err == nil {
						err = more
					}
				}
				require.Equal(t, "succeeded", w.outcome(path).Status, "write %d: %v %+v", n, err, w.outcome(path))
				w.app.Work(t)
				require.Equal(t, fmt.Sprint(250*(n+1)-1), w.ask(year+"&metric=billedCost").Total, "write %d", n)
				require.Len(t, w.deliveries(), before+1, "write %d: one delivery, not two", n)
				if !reached {
					return
				}
			}
		})
	}
}

func (t *tester) slotOf(path string) string {
	var r struct{ Slot string }
	t.app.Alice.Get(t, path).Is(t, 200).Into(t, &r)
	return r.Slot
}
