package costexplorer_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/collect/aws/cesim"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/tenant"
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
			wrong := w.ask(february)
			require.Equal(t, "20", wrong.Total)
			require.False(t, wrong.Complete)
			require.Len(t, wrong.Incomplete, 1)
			require.Contains(t, wrong.Incomplete[0].Reason, "billedCost is 10 USD too high, effectiveCost is 10 USD too high")
			require.True(t, w.ask("start=2025-12-01&end=2026-01-01").Complete, "of other months nothing is said")
			w.saysLessToTheLimited()

			w.sim.Unfilter(false)
			w.tomorrow()
			path = w.start()
			require.NoError(t, w.app.WorkRuns(t))
			w.app.Work(t)
			r = w.outcome(path)
			require.Equal(t, "succeeded", r.Status)
			require.NotContains(t, r.Reason, "own total")
			right := w.ask(february)
			require.Equal(t, "10", right.Total, "mended, though the total is what it was")
			require.True(t, right.Complete, right.Incomplete)
			require.Equal(t, "12", w.ask(year+"&metric=billedCost").Total)
		})
	}
}

// saysLessToTheLimited has a member who sees one project ask: how much a whole account is apart, and which it is, is of others too.
func (t *tester) saysLessToTheLimited() {
	home, a := t.app.Alice, answer{}
	t.app.Join(t, home.Tenant, "limited", tenant.Viewer, home.Project).Get(t, home.Path("/costs?"+february)).Is(t, 200).Into(t, &a)
	require.False(t, a.Complete)
	require.Len(t, a.Incomplete, 1)
	require.Contains(t, a.Incomplete[0].Reason, "are not the provider's own total. Somebody who sees all projects")
	require.NotContains(t, a.Incomplete[0].Reason, t.con.AccountID)
	require.NotContains(t, a.Incomplete[0].Reason, "USD")
}

// TestFurtherViewsAreHeldAgainstTheSameTotal has the usage types alone come to more than the total.
func TestFurtherViewsAreHeldAgainstTheSameTotal(t *testing.T) {
	w := newTester(t, connection.Member, cesim.Options{})
	w.sim.Set([]cesim.Charge{charge(one, "2026-02-03", "AWS Lambda", "eu-west-1", "Usage", "8", "8"), charge(one, "2026-02-03", "Tax", "", "Tax", "2", "2")})
	w.sim.Fail(func(c cesim.Call) *cesim.Fault {
		by := c.Request.GroupBy
		w.sim.Unfiltered = len(by) == 2 && by[1].Key == "USAGE_TYPE"
		return nil
	})
	w.collect()
	services, types := w.ask(february+"&groupBy=serviceName"), w.ask(february+"&groupBy=skuId")
	require.Equal(t, "10", services.Total)
	require.True(t, services.Complete)
	require.Equal(t, "12", types.Total, "the tax is among the usage types, too")
	require.False(t, types.Complete)
	require.Contains(t, types.Incomplete[0].Reason, "billedCost is 2 USD too high")
	w.sim.Fail(nil)
	w.sim.Unfilter(false)
	for range 7 {
		w.tomorrow()
		w.collect()
	}
	types = w.ask(february + "&groupBy=skuId")
	require.Equal(t, "10", types.Total)
	require.True(t, types.Complete, types.Incomplete)
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
