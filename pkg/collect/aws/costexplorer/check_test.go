package costexplorer_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/collect/aws/cesim"
	"github.com/tenantry/tenantry/pkg/connection"
)

const february = "start=2026-02-01&end=2026-03-01&metric=billedCost"

// TestCellsThatAreNotTheTotalAreFetchedAgainUntilTheyAre has an account whose groups come to twice its total, for as long as filters count
// for nothing.
func TestCellsThatAreNotTheTotalAreFetchedAgainUntilTheyAre(t *testing.T) {
	for _, kind := range []connection.Kind{connection.Member, connection.Payer} {
		t.Run(string(kind), func(t *testing.T) {
			w := newTester(t, kind, cesim.Options{})
			w.connect()
			w.sim.Set([]cesim.Charge{charge(one, "2026-02-03", "AWS Lambda", "eu-west-1", "Usage", "8", "8"), charge(one, "2026-02-03", "Tax", "", "Tax", "2", "2"),
				charge(one, "2026-01-05", "AWS Lambda", "eu-west-1", "Usage", "1", "1"), charge(one, "2026-01-05", "Tax", "", "Tax", "1", "1")})
			w.sim.Unfilter(true)
			path := w.start()
			require.NoError(t, w.app.WorkRuns(t))
			w.app.Work(t)
			r := w.outcome(path)
			require.Equal(t, "succeeded", r.Status)
			require.True(t, r.Partial)
			require.Contains(t, r.Reason, "2026-02: the collected costs are not Cost Explorer's own total")
			require.Contains(t, r.Reason, "billedCost is 10 USD too high")
			require.Contains(t, r.Reason, "2026-01:")

			w.sim.Unfilter(false)
			w.tomorrow()
			path = w.start()
			require.NoError(t, w.app.WorkRuns(t))
			w.app.Work(t)
			r = w.outcome(path)
			require.Equal(t, "succeeded", r.Status)
			require.NotContains(t, r.Reason, "own total")
			require.Equal(t, "10", w.ask(february).Total, "mended, though the total is what it was")
			require.Equal(t, "12", w.ask(year+"&metric=billedCost").Total)
		})
	}
}

// TestWhatStaysDifferentIsNotFetchedForEver has each of the first runs fetch what differs again, and later ones once a week.
func TestWhatStaysDifferentIsNotFetchedForEver(t *testing.T) {
	w := newTester(t, connection.Member, cesim.Options{})
	w.sim.Set([]cesim.Charge{charge(one, "2026-02-03", "AWS Lambda", "eu-west-1", "Usage", "8", "8"), charge(one, "2026-02-03", "Tax", "", "Tax", "2", "2")})
	w.sim.Unfilter(true)
	fetched := func() (n int) {
		w.collect()
		for _, c := range w.sim.Calls() {
			if len(c.Request.GroupBy) > 0 && c.Request.GroupBy[0].Key == "SERVICE" && c.Request.GroupBy[1].Key == "REGION" {
				n++
			}
		}
		return n
	}
	var all []int
	for range 9 {
		all = append(all, fetched())
		w.tomorrow()
	}
	require.Equal(t, 1, all[1])
	require.Equal(t, 1, all[2])
	require.Equal(t, []int{0, 0, 0, 0}, all[3:7])
	require.Equal(t, 1, all[7], "with the sweep")
	require.Zero(t, all[8])
	require.Len(t, w.deliveries(), 1, "what was fetched again is what there was")
	task := w.task()
	w.due()
	task.Slot = w.slot
	for more := true; more; {
		var err error
		more, err = w.collector.Collect(t.Context(), task)
		require.NoError(t, err)
	}
	require.Contains(t, strings.Join(task.Asides(), ""), "2026-02", "each run says so")
}
