package costexplorer_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/collect/aws/cesim"
	"github.com/tenantry/tenantry/pkg/connection"
)

// ledger has of everything a little, in three months.
func ledger() []cesim.Charge {
	ec2 := charge(one, "2026-02-27", "Amazon Elastic Compute Cloud", "eu-west-1", "Usage", "1.0000000001", "1.0000000001")
	ec2.Service = "Amazon Elastic Compute Cloud - Compute"
	ebs := charge(one, "2026-02-27", "Amazon Elastic Compute Cloud", "eu-west-1", "Usage", "0.2", "0.2")
	ebs.Service = "EC2 - Other"
	return []cesim.Charge{ec2, ebs,
		charge(one, "2026-02-28", "Amazon Simple Storage Service", "us-east-1", "Usage", "0.3", "0.3"),
		charge(one, "2026-02-28", "AWS Lambda", "", "DiscountedUsage", "0", "0.7"),
		charge(one, "2026-02-01", "Amazon Elastic Compute Cloud", "", "Fee", "120", "0"),
		charge(one, "2026-02-03", "Amazon Elastic Compute Cloud", "eu-west-1", "SavingsPlanCoveredUsage", "5", "3.5"),
		charge(one, "2026-02-03", "Amazon Elastic Compute Cloud", "eu-west-1", "SavingsPlanNegation", "-5", "0"),
		charge(one, "2026-02-04", "Savings Plans for AWS Compute usage", "", "SavingsPlanRecurringFee", "4", "0"),
		charge(one, "2026-01-31", "AWS Lambda", "eu-west-1", "Usage", "0.000000001", "0.000000001"),
		charge(one, "2026-01-31", "Tax", "", "Tax", "19", "19"),
		charge(one, "2026-02-28", "AWS Lambda", "", "Credit", "-19.5", "-19.5"),
		charge(one, "2026-02-28", "AWS Lambda", "", "Refund", "-1", "-1"),
		charge(one, "2026-03-01", "AWS Lambda", "eu-west-1", "Usage", "0.25", "0.25")}
}

func TestAMembersCostsAreCollectedWhole(t *testing.T) {
	w := newTester(t, connection.Member, cesim.Options{})
	w.sim.Set(ledger())
	w.collect()
	billed := w.ask(year + "&metric=billedCost&groupBy=serviceName,regionId,chargeCategory,chargeClass")
	require.Equal(t, map[string]string{
		"Amazon Elastic Compute Cloud/eu-west-1/Usage/-":   "1.2000000001",
		"Amazon Elastic Compute Cloud/-/Purchase/-":        "120",
		"Amazon Simple Storage Service/us-east-1/Usage/-":  "0.3",
		"AWS Lambda/-/Usage/-":                             "0",
		"AWS Lambda/eu-west-1/Usage/-":                     "0.250000001",
		"AWS Lambda/-/Credit/-":                            "-19.5",
		"AWS Lambda/-/Adjustment/Correction":               "-1",
		"Savings Plans for AWS Compute usage/-/Purchase/-": "4",
		"Tax/-/Tax/-": "19"}, billed.by())
	require.Equal(t, "124.2500000011", billed.Total)
	effective := w.ask(year + "&metric=effectiveCost&groupBy=chargeCategory")
	require.Equal(t, map[string]string{"Usage": "5.9500000011", "Purchase": "0", "Tax": "19", "Credit": "-19.5", "Adjustment": "-1"}, effective.by())
	require.True(t, billed.Estimated)
	require.False(t, w.ask("start=2026-02-01&end=2026-03-01").Estimated, "February is closed")
	require.True(t, w.ask("start=2026-02-01&end=2026-03-02").Complete, "the last day has no costs, and none are missing")
	for _, metric := range []string{"listCost", "contractedCost"} {
		require.Empty(t, w.ask(year+"&metric="+metric).Total, "null is not zero")
	}

	all := w.deliveries()
	require.Len(t, all, 1, "all months at once")
	require.Equal(t, "ce:"+string(conID), all[0].Source)
	require.Len(t, all[0].Result.Periods, 3)
}

func TestAnUnchangedDayTakesOnePageAndMakesNothing(t *testing.T) {
	w := newTester(t, connection.Member, cesim.Options{})
	w.sim.Set(ledger())
	w.collect()
	w.tomorrow()
	w.sim.Set(append(ledger(), charge(one, "2026-03-02", "AWS Lambda", "eu-west-1", "Usage", "3", "3")))
	w.collect()
	total := w.ask(year + "&metric=billedCost").Total
	require.Equal(t, "127.2500000011", total)
	before := w.deliveries()
	require.Len(t, before, 2)
	require.Len(t, before[1].Result.Periods, 1, "March alone has changed")

	require.Equal(t, 0, func() int { w.sim.Forget(); w.finish(); return len(w.sim.Calls()) }(), "the slot is done: a duplicate asks nothing")
	w.app.Advance(time.Hour)
	require.Equal(t, 1, w.collect())
	require.Equal(t, before, w.deliveries())
}
