package demo_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/demo"
	"github.com/tenantry/tenantry/pkg/metric"
	"github.com/tenantry/tenantry/pkg/resource"
)

func TestMetricsOfTheDemoAreThoseThatCollectingWouldGive(t *testing.T) {
	until := calendar.Date(2026, 3, 2)
	n := 0
	for _, found := range demo.ABC().Resources(until.Time()) {
		all := demo.Metrics(found, until)
		require.Equal(t, all, demo.Metrics(found, until))
		want := 0
		for i := range found {
			if of, ok := metric.Of(resource.Type(found[i].ARN)); ok {
				_, known := of.DimensionsOf(found[i].ARN)
				require.True(t, known, found[i].ARN)
				want += of.Queries()
			}
		}
		require.Len(t, all, want)
		level := map[string]float64{}
		for _, r := range all {
			require.Len(t, r.Series.Points, 45)
			last := r.Series.Points[44]
			require.Equal(t, until-1, last.Date)
			if r.Series.Unit == "Percent" {
				require.LessOrEqual(t, last.Value, 100.0)
			}
			switch of := r.Series.ARN + r.Series.Metric; r.Series.Statistic {
			case "Average":
				level[of] = last.Value
			case "Maximum", "p99":
				require.GreaterOrEqual(t, last.Value, level[of])
			}
			n++
		}
	}
	require.Greater(t, n, 50)
	t.Logf("%d series", n)
}
