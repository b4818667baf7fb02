package cost_test

import (
	"errors"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cost"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/focus"
)

func TestQuestionCheck(t *testing.T) {
	days := func(start, end calendar.Day) cost.Question { return cost.Question{Start: start, End: end} }
	month := days(calendar.Date(2026, 1, 1), calendar.Date(2026, 2, 1))
	with := func(change func(*cost.Question)) cost.Question {
		q := month
		change(&q)
		return q
	}
	filters := func(n, values int) []cost.Filter {
		all := make([]cost.Filter, n)
		for i := range all {
			all[i] = cost.Filter{Dimension: "serviceName", Values: make([]string, values)}
		}
		return all
	}
	for name, c := range map[string]struct {
		question cost.Question
		at       string // "" where nothing is wrong
	}{
		"a month":                           {month, ""},
		"a day":                             {days(month.Start, month.Start+1), ""},
		"ten years":                         {days(calendar.Date(2016, 2, 29), calendar.Date(2026, 3, 1)), ""},
		"more than ten years":               {days(calendar.Date(2016, 2, 29), calendar.Date(2026, 3, 2)), "query.end"},
		"an end that is the start":          {days(month.Start, month.Start), "query.end"},
		"an end before the start":           {days(month.Start, month.Start-1), "query.end"},
		"a year before all":                 {days(calendar.Date(1989, 12, 31), calendar.Date(1990, 2, 1)), "query.start"},
		"a year after all":                  {days(calendar.Date(2100, 12, 1), calendar.Date(2101, 1, 2)), "query.start"},
		"400 days daily":                    {cost.Question{Start: month.Start, End: month.Start + 400, Granularity: cost.Daily}, ""},
		"401 days daily":                    {cost.Question{Start: month.Start, End: month.Start + 401, Granularity: cost.Daily}, "query.granularity"},
		"billing periods":                   {with(func(q *cost.Question) { q.Billing = true }), ""},
		"billing periods daily":             {with(func(q *cost.Question) { q.Billing, q.Granularity = true, cost.Daily }), "query.granularity"},
		"a part of a billing period":        {with(func(q *cost.Question) { q.Billing = true; q.End-- }), "query.period"},
		"a granularity there is not":        {with(func(q *cost.Question) { q.Granularity = "hourly" }), "query.granularity"},
		"a metric there is not":             {with(func(q *cost.Question) { q.Metric = focus.NumMetrics }), "query.metric"},
		"top 1,001":                         {with(func(q *cost.Question) { q.Top = 1001 }), "query.top"},
		"a currency there is not":           {with(func(q *cost.Question) { q.Currency = "usd" }), "query.currency"},
		"five dimensions":                   {with(func(q *cost.Question) { q.GroupBy = cost.Dimensions()[:5] }), ""},
		"six dimensions":                    {with(func(q *cost.Question) { q.GroupBy = cost.Dimensions()[:6] }), "query.groupBy"},
		"a dimension twice":                 {with(func(q *cost.Question) { q.GroupBy = []cost.Dimension{"tag:a", "tag:a"} }), "query.groupBy[1]"},
		"a dimension there is not":          {with(func(q *cost.Question) { q.GroupBy = []cost.Dimension{"project", "colour"} }), "query.groupBy[1]"},
		"a filter on what there is not":     {with(func(q *cost.Question) { q.Filters = []cost.Filter{{Dimension: "colour", Values: []string{""}}} }), "query.filter[0]"},
		"a filter without values":           {with(func(q *cost.Question) { q.Filters = filters(1, 0) }), "query.filter[0]"},
		"twenty filters":                    {with(func(q *cost.Question) { q.Filters = filters(20, 20) }), ""},
		"twenty-one filters":                {with(func(q *cost.Question) { q.Filters = filters(21, 1) }), "query.filter"},
		"more than 400 values":              {with(func(q *cost.Question) { q.Filters = filters(1, 401) }), "query.filter"},
		"quantities of all units":           {with(func(q *cost.Question) { q.Metric = focus.PricingQuantity }), "query.metric"},
		"quantities by unit":                {quantity(month, "pricingUnit", ""), ""},
		"quantities of one unit":            {quantity(month, "skuId", "pricingUnit:Hrs"), ""},
		"quantities of two units":           {quantity(month, "skuId", "pricingUnit:Hrs,GB"), "query.metric"},
		"quantities of all but one":         {quantity(month, "skuId", "!pricingUnit:Hrs"), "query.metric"},
		"the largest quantities, all units": {with(func(q *cost.Question) { *q = quantity(*q, "pricingUnit", ""); q.Top = 3 }), "query.top"},
	} {
		t.Run(name, func(t *testing.T) {
			err := c.question.Check()
			if c.at == "" {
				require.NoError(t, err)
				return
			}
			f, ok := errors.AsType[*fault.Error](err)
			require.True(t, ok, "%v", err)
			require.Equal(t, fault.Invalid, f.Kind)
			require.Equal(t, c.at, f.Details[0].Location)
		})
	}
}

func quantity(q cost.Question, groupBy cost.Dimension, filter string) cost.Question {
	q.Metric, q.GroupBy = focus.PricingQuantity, []cost.Dimension{groupBy}
	if filter != "" {
		f, err := cost.ParseFilter(filter)
		if err != nil {
			panic(err)
		}
		q.Filters = []cost.Filter{f}
	}
	return q
}

func TestDimensionIn(t *testing.T) {
	for d, views := range map[cost.Dimension]string{
		"project": "service invoice tags usage resource", "label:team": "service invoice tags usage resource", "serviceName": "service tags usage resource",
		"providerName": "service usage", "tag:environment": "tags", "resourceId": "resource", "invoiceId": "invoice", "skuId": "usage",
		"currency": "service invoice tags usage resource",
	} {
		require.Equal(t, views, viewsOf(d), d)
	}
}
