package costexplorer_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/collect/aws/cesim"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/cost"
	"github.com/tenantry/tenantry/pkg/money"
)

// both is the ledger of two accounts.
func both() []cesim.Charge {
	all := ledger()
	for _, c := range ledger() {
		c.SubAccountID = two
		all = append(all, c)
	}
	return all
}

func TestAPayersAccountsAreToldApart(t *testing.T) {
	w := newTester(t, connection.Payer, cesim.Options{})
	w.sim.Set(both())
	w.collect()
	require.Equal(t, map[string]string{one: "124.2500000011", two: "124.2500000011"}, w.ask(year+"&metric=billedCost&groupBy=subAccountId").by())

	w.tomorrow()
	more := charge(two, "2026-03-02", "AWS Lambda", "eu-west-1", "Usage", "2", "2")
	w.sim.Set(append(both(), more))
	require.Equal(t, 1+1+1, w.collect(), "the totals, who has changed, and the usage of that one")
	require.Equal(t, map[string]string{one: "124.2500000011", two: "126.2500000011"}, w.ask(year+"&metric=billedCost&groupBy=subAccountId").by())

	w.tomorrow()
	var left []cesim.Charge
	for _, c := range both() {
		if c.SubAccountID == one {
			left = append(left, c)
		}
	}
	w.sim.Set(left) // an account has left the organization
	w.app.Advance(7 * 24 * time.Hour)
	w.tomorrow()
	w.collect()
	require.Equal(t, map[string]string{one: "124.2500000011"}, w.ask(year+"&metric=billedCost&groupBy=subAccountId").by(), "what was restated away is gone from all months")
}

// TestTheSameLedgerTwiceCountsOnce has an upload beside what Cost Explorer gives, whichever comes first.
func TestTheSameLedgerTwiceCountsOnce(t *testing.T) {
	for _, kind := range []connection.Kind{connection.Payer, connection.Member} {
		for _, first := range []string{"upload", "collect"} {
			t.Run(string(kind)+", "+first+" first", func(t *testing.T) {
				w := newTester(t, kind, cesim.Options{})
				w.sim.Set(ledger())
				sums := map[string]answer{}
				query := map[string]string{}
				for _, metric := range []string{"billedCost", "effectiveCost"} {
					for _, by := range []string{"serviceName", "regionId", "chargeCategory", "chargeClass"} {
						query[metric+by] = year + "&metric=" + metric + "&groupBy=" + by
					}
				}
				for _, source := range []string{first, map[string]string{"upload": "collect", "collect": "upload"}[first]} {
					if source == "upload" {
						w.upload(ledger())
					} else {
						w.collect()
					}
					for name, q := range query {
						got := w.ask(q)
						if before, again := sums[name]; again {
							require.Equal(t, before.by(), got.by(), name)
							require.Equal(t, before.Total, got.Total)
							require.Len(t, got.Shadows, 3, "of each month")
							require.Equal(t, "ce:"+string(conID), got.Shadows[0].Source, "what Cost Explorer gave is kept aside")
							require.Equal(t, []string{one}, got.Shadows[0].Accounts)
						}
						sums[name] = got
					}
				}
			})
		}
	}
}

func TestPrivateDiscountsAreNet(t *testing.T) {
	w := newTester(t, connection.Member, cesim.Options{})
	discounted := charge(one, "2026-02-10", "AWS Lambda", "eu-west-1", "Usage", "10", "9")
	discounted.Net = &[2]money.Amount{money.MustParse("8"), money.MustParse("7.5")}
	discount := charge(one, "2026-02-10", "AWS Lambda", "", "EdpDiscount", "-2", "-1.5")
	discount.Net = &[2]money.Amount{}
	w.sim.Set([]cesim.Charge{discounted, discount, charge(one, "2026-01-10", "AWS Lambda", "eu-west-1", "Usage", "1", "1")})
	w.collect()
	require.Equal(t, map[string]string{"Usage": "9", "Credit": "0"}, w.ask(year+"&metric=billedCost&groupBy=chargeCategory").by())
	require.Equal(t, "8.5", w.ask(year).Total)
}

func TestMonthsBecomeFinalAndAreOpenedAgain(t *testing.T) {
	w := newTester(t, connection.Member, cesim.Options{})
	w.sim.Set(ledger())
	w.collect()
	final := func(month calendar.Month) (bool, cost.CoverAccount) {
		task := w.task()
		held, err := cost.Holdings(t.Context(), task.Tenant, "ce:"+string(conID), nil)
		require.NoError(t, err)
		a := held[cost.Holding{BillingAccount: one, Period: month}]
		return a.Final, a
	}
	january, february := calendar.Date(2026, 1, 1).Month(), calendar.Date(2026, 2, 1).Month()
	is, held := final(january)
	require.False(t, is, "it changed just now")
	require.Equal(t, cost.Provided{Currency: "USD", BilledCost: "19.000000001", EffectiveCost: "19.000000001"}, held.Provided)
	for range 9 {
		w.tomorrow()
		w.sim.Estimate(calendar.Date(2026, 3, 1))
		w.collect()
	}
	is, _ = final(january)
	require.True(t, is)
	is, _ = final(february)
	require.False(t, is, "it is not past the 15th of March")

	refund := charge(one, "2026-01-31", "AWS Lambda", "", "Refund", "-3", "-3")
	w.sim.Set(append(ledger(), refund))
	for range 7 { // a final month is asked about once a week
		w.tomorrow()
		w.collect()
	}
	is, held = final(january)
	require.False(t, is, "it is open again")
	require.Equal(t, "16.000000001", held.Provided.BilledCost)
	require.Equal(t, "121.2500000011", w.ask(year+"&metric=billedCost").Total)
}
