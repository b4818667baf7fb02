package costexplorer_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/collect/aws/cesim"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/money"
)

// drawCharge gives any charge of one of a few accounts, services, regions and days, of any amount.
func drawCharge(t *rapid.T, last calendar.Day) cesim.Charge {
	amount := func(name string) string {
		return fmt.Sprintf("%d.%010d", rapid.IntRange(-50, 5000).Draw(t, name), rapid.IntRange(0, 9_999_999_999).Draw(t, name+" fraction"))
	}
	day := last - calendar.Day(rapid.IntRange(0, 120).Draw(t, "days ago"))
	record := rapid.SampledFrom([]string{"Usage", "Usage", "Usage", "DiscountedUsage", "SavingsPlanCoveredUsage", "SavingsPlanNegation", "Tax", "Credit",
		"Refund", "Fee"}).Draw(t, "record type")
	region := ""
	if slices.Contains([]string{"Usage", "DiscountedUsage", "SavingsPlanCoveredUsage", "SavingsPlanNegation"}, record) {
		region = rapid.SampledFrom([]string{"", "eu-west-1", "us-east-1"}).Draw(t, "region")
	}
	c := charge(rapid.SampledFrom([]string{one, two}).Draw(t, "account"), day.String(), rapid.SampledFrom([]string{"S3", "Lambda", "Amazon Elastic Compute Cloud"}).
		Draw(t, "service"), region, record, amount("billed"), amount("effective"))
	if c.ServiceName == "Amazon Elastic Compute Cloud" {
		c.Service = rapid.SampledFrom([]string{"EC2 - Other", "Amazon Elastic Compute Cloud - Compute"}).Draw(t, "Cost Explorer's service")
	}
	return c
}

// expect adds a ledger up by what a charge is grouped by.
func expect(ledger []cesim.Charge, by func(*cesim.Charge) string, amount func(*cesim.Charge) money.Amount) map[string]string {
	sums := map[string]money.Amount{}
	for i := range ledger {
		sum, err := sums[by(&ledger[i])].Add(amount(&ledger[i]))
		if err != nil {
			panic(err)
		}
		sums[by(&ledger[i])] = sum
	}
	all := map[string]string{}
	for k, v := range sums {
		all[k] = v.String()
	}
	return all
}

// TestWhatIsCollectedIsTheLedger changes a ledger at random, some weeks long, and compares every answer with the ledger's own sums.
func TestWhatIsCollectedIsTheLedger(t *testing.T) {
	null := func(s string) string { return cmp.Or(s, "-") }
	groups := map[string]func(*cesim.Charge) string{
		"serviceName":    func(c *cesim.Charge) string { return c.ServiceName },
		"regionId":       func(c *cesim.Charge) string { return null(c.RegionID) },
		"subAccountId":   func(c *cesim.Charge) string { return c.SubAccountID },
		"chargeCategory": func(c *cesim.Charge) string { return c.ChargeCategory },
		"chargeClass":    func(c *cesim.Charge) string { return null(c.ChargeClass) },
	}
	metrics := map[string]func(*cesim.Charge) money.Amount{
		"billedCost":    func(c *cesim.Charge) money.Amount { return c.BilledCost },
		"effectiveCost": func(c *cesim.Charge) money.Amount { return c.EffectiveCost },
	}
	rapid.Check(t, func(rt *rapid.T) {
		w := newTester(t, connection.Payer, cesim.Options{PageRows: rapid.IntRange(2, 40).Draw(rt, "rows of a page"), Series: rapid.Bool().Draw(rt, "series")})
		var ledger []cesim.Charge
		for range rapid.IntRange(1, 3).Draw(rt, "days") {
			yesterday := calendar.DayOf(w.app.Now()) - 1
			for range rapid.IntRange(0, 5).Draw(rt, "restated") {
				if n := len(ledger); n > 0 {
					at := rapid.IntRange(0, n-1).Draw(rt, "which")
					ledger = slices.Delete(slices.Clone(ledger), at, at+1)
				}
			}
			for range rapid.IntRange(0, 25).Draw(rt, "charges") {
				ledger = append(ledger, drawCharge(rt, yesterday))
			}
			w.sim.Set(ledger)
			w.collect()
			for metric, amount := range metrics {
				for name, by := range groups {
					require.Equal(rt, spent(expect(ledger, by, amount)), spent(w.ask(year+"&metric="+metric+"&groupBy="+name).by()), "%s by %s", metric, name)
				}
			}
			for _, d := range w.deliveries() {
				require.Equal(rt, "succeeded", d.Status, d.Error)
			}
			w.app.Advance(6 * 24 * time.Hour) // final months are asked about once a week
			w.tomorrow()
		}
	})
}

// spent leaves out what has come to nothing: a month that had costs and has none is held by a line of zero.
func spent(sums map[string]string) map[string]string {
	maps.DeleteFunc(sums, func(_, sum string) bool { return sum == "0" })
	return sums
}
