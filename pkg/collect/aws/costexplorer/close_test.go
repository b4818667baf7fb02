package costexplorer_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/collect/aws/cesim"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/cost"
	"github.com/tenantry/tenantry/pkg/store/storetest"
)

// final tells whether a month of an account was delivered as one that changes no more.
func (t *tester) final(account string, day string) bool {
	at, err := calendar.ParseDay(day)
	require.NoError(t, err)
	held, err := cost.Holdings(context.Background(), t.task().Tenant, "ce:"+string(conID), nil)
	require.NoError(t, err)
	return held[cost.Holding{BillingAccount: account, Period: at.Month()}].Final
}

// until collects day by day up to a day, and gives the pages of the last.
func (t *tester) until(day calendar.Day) (pages int) {
	for calendar.DayOf(t.app.Now()) < day {
		t.tomorrow()
		t.sim.Estimate(calendar.Date(2026, 3, 1))
		pages = t.collect()
	}
	return pages
}

// TestCostsThatMovedUnderAnEqualTotalAreFoundWhenTheMonthCloses moves costs between two services, in amounts and quantities that make the
// same total of the day.
func TestCostsThatMovedUnderAnEqualTotalAreFoundWhenTheMonthCloses(t *testing.T) {
	of := func(from, to string) (all []cesim.Charge) {
		for _, d := range []string{"2026-02-01", "2026-02-10", "2026-02-28"} {
			all = append(all, charge(one, d, "AWS Lambda", "eu-west-1", "Usage", from, from), charge(one, d, "Amazon S3", "eu-west-1", "Usage", to, to),
				charge(two, d, "Amazon S3", "eu-west-1", "Usage", to, to))
		}
		return all
	}
	for _, kind := range []connection.Kind{connection.Member, connection.Payer} {
		t.Run(string(kind), func(t *testing.T) {
			w := newTester(t, kind, cesim.Options{})
			billing := w.con.AccountID
			w.sim.Set(of("7", "1"))
			w.collect()
			group := "start=2026-02-01&end=2026-03-01&metric=billedCost&filter=subAccountId:" + one + "&groupBy=serviceName"
			before := w.ask(group)
			require.Equal(t, map[string]string{"AWS Lambda": "21", "Amazon S3": "3"}, before.by())
			w.sim.Set(append(of("5", "3")[:2], of("7", "1")[2:]...)) // 1 February
			w.until(calendar.Date(2026, 3, 15))
			require.Equal(t, before.by(), w.ask(group).by(), "totals tell nothing of it")
			deliveries := len(w.deliveries())
			w.until(calendar.Date(2026, 3, 16))
			require.Equal(t, map[string]string{"AWS Lambda": "19", "Amazon S3": "5"}, w.ask(group).by())
			require.Equal(t, before.Total, w.ask(group).Total)
			require.Len(t, w.deliveries(), deliveries+1)
			w.until(calendar.Date(2026, 3, 22))
			require.False(t, w.final(billing, "2026-02-01"), "it changed on the 16th")
			w.until(calendar.Date(2026, 3, 23))
			require.True(t, w.final(billing, "2026-02-01"), "and is not fetched another time")
			require.Len(t, w.deliveries(), deliveries+2)
			require.Equal(t, map[string]string{"AWS Lambda": "19", "Amazon S3": "5"}, w.ask(group).by())
			for _, d := range w.everything() {
				require.Equal(t, "succeeded", d.Status, d.Error)
			}
		})
	}
}

// TestPagesOfAMonthsClose measures what is paid for it, once a month: as much as to fetch the month from the beginning. Beside that such a
// day takes the totals, what a quiet day has, and the usage types of the month, which are fetched when it is final.
func TestPagesOfAMonthsClose(t *testing.T) {
	for _, c := range []struct {
		kind   connection.Kind
		series bool
		pages  int
	}{
		{connection.Member, false, 27},
		{connection.Payer, false, 28},
		{connection.Member, true, 2},
		{connection.Payer, true, 3},
	} {
		t.Run(fmt.Sprint(c.kind, c.series), func(t *testing.T) {
			w := newTester(t, c.kind, cesim.Options{Series: c.series})
			var all []cesim.Charge
			for d := calendar.Date(2026, 1, 1); d < calendar.Date(2026, 3, 1); d++ { // January is over when it is fetched first
				all = append(all, normal(one, d, "1")...)
			}
			w.sim.Set(all)
			w.collect()
			require.Equal(t, 2, w.until(calendar.Date(2026, 3, 9)), "nothing of January, as it was over when it was fetched")
			require.True(t, w.final(w.con.AccountID, "2026-01-01"))
			require.Equal(t, 2, w.until(calendar.Date(2026, 3, 15)))
			require.Equal(t, 2+c.pages+w.viewPages(c.series), w.until(calendar.Date(2026, 3, 16)))
			require.True(t, w.final(w.con.AccountID, "2026-02-01"), "nothing has moved")
			require.Equal(t, 2, w.until(calendar.Date(2026, 3, 17)), "once")
			t.Logf("%s: %d pages at the close of a month", c.kind, c.pages)
		})
	}
}

// viewPages are those of the usage types of a month, ten days at a time.
func (t *tester) viewPages(series bool) int {
	if series {
		return 3
	}
	return 6
}

// closes makes a payer's February that two accounts have moved costs in, on the day of its close.
func closes(t *testing.T) *tester {
	w := newTester(t, connection.Payer, cesim.Options{})
	of := func(from, to string) (all []cesim.Charge) {
		for _, account := range []string{one, two} {
			all = append(all, charge(account, "2026-02-10", "AWS Lambda", "eu-west-1", "Usage", from, from), charge(account, "2026-02-10", "Amazon S3", "eu-west-1", "Usage", to, to))
		}
		return all
	}
	w.sim.Set(of("7", "1"))
	w.collect()
	w.sim.Set(of("5", "3"))
	w.app.Advance(13 * 24 * time.Hour)
	w.tomorrow()
	w.sim.Estimate(calendar.Date(2026, 3, 1))
	return w
}

func (t *tester) services() map[string]string {
	t.app.Work(t)
	return t.ask("start=2026-02-01&end=2026-03-01&metric=billedCost&groupBy=serviceName").by()
}

var unmoved, moved = map[string]string{"AWS Lambda": "14", "Amazon S3": "2"}, map[string]string{"AWS Lambda": "10", "Amazon S3": "6"}

func TestAMonthsCloseIsKilledAnywhere(t *testing.T) {
	for _, kind := range []storetest.Fault{storetest.NotWritten, storetest.Written} {
		for n, reached := 1, true; reached; n++ {
			w := closes(t)
			before := len(w.deliveries())
			w.due()
			w.app.Faults.Plan(storetest.At(storetest.Write, n, kind))
			_, _, err := w.step()
			reached = w.app.Faults.Calls(storetest.Write) >= n
			w.app.Faults.Plan(nil)
			if got := w.services(); err != nil && len(w.deliveries()) == before {
				require.Equal(t, unmoved, got, "write %d", n)
			}
			w.finish()
			require.Equal(t, moved, w.services(), "write %d", n)
			require.Len(t, w.deliveries(), before+1, "write %d", n)
		}
	}
}

func TestAMonthsCloseThatThePlanHasNoPagesForGoesOnTheNextDay(t *testing.T) {
	for pages := int64(1); ; pages++ {
		w := closes(t)
		w.connect()
		w.bound(pages)
		w.start()
		require.NoError(t, w.app.WorkRuns(t))
		if w.services()["AWS Lambda"] == "10" {
			require.Greater(t, pages, int64(3), "it waited between the accounts")
			return
		}
		require.Equal(t, unmoved, w.services(), "%d pages: all accounts or none", pages)
		w.bound(100)
		w.tomorrow()
		w.start()
		require.NoError(t, w.app.WorkRuns(t))
		require.Equal(t, moved, w.services(), "%d pages", pages)
	}
}
