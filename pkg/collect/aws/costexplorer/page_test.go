package costexplorer_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/collect/aws/cesim"
	"github.com/tenantry/tenantry/pkg/connection"
)

// normal is what an account of 40 services in 10 regions has on a day: 12 services in all regions, 18 in three and 10 in one, and six
// charges that are no usage.
func normal(account string, d calendar.Day, amount string) (all []cesim.Charge) {
	for service := range 40 {
		regions := 10
		switch {
		case service >= 30:
			regions = 1
		case service >= 12:
			regions = 3
		}
		for region := range regions {
			all = append(all, charge(account, d.String(), fmt.Sprintf("Service %02d", service), fmt.Sprintf("region-%d", (service+region)%10), "Usage", amount, amount))
		}
	}
	for _, record := range []string{"Tax", "Credit", "Refund"} {
		for service := range 2 {
			all = append(all, charge(account, d.String(), fmt.Sprintf("Service %02d", service), "", record, "0.01", "0.01"))
		}
	}
	return all
}

// dense is a day of each of 40 services in each of 10 regions.
func dense(account string, d calendar.Day, amount string) (all []cesim.Charge) {
	for i := range 400 {
		all = append(all, charge(account, d.String(), fmt.Sprintf("Service %02d", i/10), fmt.Sprintf("region-%d", i%10), "Usage", amount, amount))
	}
	return all
}

// TestPagesOfADay measures what $0.01 each is paid for: after two months were collected, a day on which nothing has changed, and one on
// which three days have.
func TestPagesOfADay(t *testing.T) {
	type shape func(account string, d calendar.Day, amount string) []cesim.Charge
	for name, c := range map[string]struct {
		kind           connection.Kind
		day            shape
		series         bool
		changed, still int
	}{
		"a member":               {connection.Member, normal, false, 5, 1},
		"a payer of one account": {connection.Payer, normal, false, 6, 1},
		"a member with every service in every region":   {connection.Member, dense, false, 8, 1}, // 1,200 groups of a day: six pages by themselves
		"a member of such, with groups paged by series": {connection.Member, dense, true, 4, 1},
		"a payer of such, with groups paged by series":  {connection.Payer, dense, true, 4, 1},
		"a member with groups paged by series":          {connection.Member, normal, true, 3, 1},
		"a payer of one account, with groups so":        {connection.Payer, normal, true, 4, 1},
	} {
		t.Run(name, func(t *testing.T) {
			w := newTester(t, c.kind, cesim.Options{Series: c.series})
			today := calendar.DayOf(w.app.Now())
			history := func(until calendar.Day, amount func(calendar.Day) string) (all []cesim.Charge) {
				for d := today - 5; d < until; d++ {
					all = append(all, c.day(one, d, amount(d))...)
				}
				return all
			}
			w.sim.Set(history(today, func(calendar.Day) string { return "1" }))
			w.collect()
			w.tomorrow()
			w.sim.Set(history(today+1, func(d calendar.Day) string {
				if d >= today-2 {
					return "1.5"
				}
				return "1"
			}))
			require.Equal(t, c.changed, w.collect(), "pages of a day with three changed days")
			w.app.Advance(1)
			require.Equal(t, c.still, w.collect(), "pages of an unchanged day")
			t.Logf("%s: %d pages for three changed days, %d for none", name, c.changed, c.still)
		})
	}
}

// TestTheFirstCollectionIsEstimatedBeforeItBegins measures 13 months of a normal account.
func TestTheFirstCollectionIsEstimatedBeforeItBegins(t *testing.T) {
	for _, kind := range []connection.Kind{connection.Member, connection.Payer} {
		t.Run(string(kind), func(t *testing.T) {
			w := newTester(t, kind, cesim.Options{})
			var all []cesim.Charge
			for d := calendar.Date(2025, 3, 1); d < calendar.Date(2026, 3, 2); d++ {
				all = append(all, normal(one, d, "1")...)
			}
			w.sim.Set(all)
			w.due()
			estimate, err := w.collector.Estimate(t.Context(), w.task())
			require.NoError(t, err)
			require.Contains(t, estimate.String(), "for 366 days from 2025-03-01 on")
			require.LessOrEqual(t, w.sim.Pages(), 3)
			more, spent, err := w.step()
			require.NoError(t, err)
			require.True(t, more, "what it takes can be seen before more is spent")
			require.LessOrEqual(t, spent, int64(3))
			w.sim.Forget()
			w.finish()
			require.InEpsilon(t, w.sim.Pages(), estimate.Pages, 0.1)
			t.Logf("%s: %s; it took %d", kind, estimate, w.sim.Pages())
		})
	}
}
