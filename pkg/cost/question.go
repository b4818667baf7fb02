package cost

import (
	"fmt"
	"slices"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/filter"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/money"
)

// Granularity is how an answer cuts time.
type Granularity string

// The granularities.
const (
	Daily   Granularity = "daily"
	Monthly Granularity = "monthly"
	Total   Granularity = "total"
)

// Bounds of a question.
const (
	MaxYears   = 10
	MaxDays    = 400 // of daily granularity
	MaxGroupBy = 5
	MaxTop     = 1000
)

// Question asks for costs. The zero Metric is BilledCost; the zero Granularity is Monthly.
type Question struct {
	Start, End   calendar.Day // End is exclusive
	Granularity  Granularity
	Metric       focus.Metric
	GroupBy      []Dimension
	Filters      []Filter
	Top          int            // the largest groups, the rest as one; 0 for all
	Currency     money.Currency // "" for the only one there is
	Billing      bool           // Start to End are billing periods, not charge days
	AllowPartial bool           // leave out and name what cannot be answered, instead of refusing
}

// problems gathers what is wrong with a request.
type problems struct{ fault *fault.Error }

func (p *problems) add(location, message, value string) {
	if p.fault == nil {
		p.fault = fault.New(fault.Invalid, "The question cannot be answered: %s: %s.", location, message)
	} else {
		p.fault.Message = "The question cannot be answered; errors says why."
	}
	p.fault.At(location, message, value)
}

func (p *problems) err() error {
	if p.fault == nil {
		return nil
	}
	return p.fault
}

// Check finds what no data could answer; the error is fault.Invalid with the places in the query.
func (q *Question) Check() error {
	var p problems
	q.checkRange(&p)
	if !slices.Contains([]Granularity{Daily, Monthly, Total, ""}, q.Granularity) {
		p.add("query.granularity", "is daily, monthly or total", string(q.Granularity))
	}
	if q.Metric < 0 || q.Metric >= focus.NumMetrics {
		p.add("query.metric", "there is no such metric", "")
	}
	if q.Top < 0 || q.Top > MaxTop {
		p.add("query.top", fmt.Sprintf("is 1 to %d", MaxTop), "")
	}
	if q.Currency != "" {
		if _, err := money.ParseCurrency(q.Currency); err != nil {
			p.add("query.currency", "is no ISO 4217 code of three capital letters, as USD", string(q.Currency))
		}
	}
	q.checkGroupBy(&p)
	q.checkFilters(&p)
	if q.Metric == focus.PricingQuantity && p.fault == nil {
		q.checkUnits(&p)
	}
	return p.err()
}

func (q *Question) checkRange(p *problems) {
	first, last := calendar.Date(calendar.MinYear, 1, 1), calendar.Date(calendar.MaxYear+1, 1, 1)
	switch {
	case q.Start < first || q.End > last:
		p.add("query.start", fmt.Sprintf("start and end are days of %d to %d", calendar.MinYear, calendar.MaxYear), "")
	case q.Start >= q.End:
		p.add("query.end", "is exclusive and must be after start: one day is its date to the next day's", q.End.String())
	case q.End > calendar.DayOf(q.Start.Time().AddDate(MaxYears, 0, 0)):
		p.add("query.end", fmt.Sprintf("is more than %d years after start: ask for them one after the other", MaxYears), q.End.String())
	case q.Granularity == Daily && q.End-q.Start > MaxDays:
		p.add("query.granularity", fmt.Sprintf("daily takes a range of at most %d days: ask for less, or monthly", MaxDays), string(Daily))
	}
	if q.Billing && !q.wholeMonths() {
		p.add("query.period", "billing periods are months: start and end must be first days of a month", "billing")
	}
	if q.Billing && q.Granularity == Daily {
		p.add("query.granularity", "billing periods are months: ask for monthly or total", string(Daily))
	}
}

func (q *Question) checkGroupBy(p *problems) {
	if len(q.GroupBy) > MaxGroupBy {
		p.add("query.groupBy", fmt.Sprintf("has %d dimensions; at most %d are taken", len(q.GroupBy), MaxGroupBy), "")
		return
	}
	for i, d := range q.GroupBy {
		at := fmt.Sprintf("query.groupBy[%d]", i)
		if _, err := ParseDimension(string(d)); err != nil {
			p.add(at, err.Error(), string(d))
		} else if slices.Contains(q.GroupBy[:i], d) {
			p.add(at, "is there twice", string(d))
		}
	}
}

func (q *Question) checkFilters(p *problems) {
	if excess := filter.Excess(q.Filters); excess != "" {
		p.add("query.filter", excess, "")
	}
	if len(q.Filters) > MaxFilters {
		return
	}
	for i, f := range q.Filters {
		if _, err := ParseDimension(string(f.Dimension)); err != nil {
			p.add(fmt.Sprintf("query.filter[%d]", i), err.Error(), string(f.Dimension))
		} else if len(f.Values) == 0 {
			p.add(fmt.Sprintf("query.filter[%d]", i), "has no value", string(f.Dimension))
		}
	}
}

// checkUnits refuses to add quantities of unlike units.
func (q *Question) checkUnits(p *problems) {
	if _, one := q.unit(); one {
		return
	}
	if !slices.Contains(q.GroupBy, unitDimension) {
		p.add("query.metric", "quantities of unlike units do not add up: group by pricingUnit, or filter one, as filter=pricingUnit:Hrs",
			MetricName(q.Metric))
	} else if q.Top > 0 {
		p.add("query.top", "the rest would add quantities of unlike units: filter one unit, as filter=pricingUnit:Hrs", "")
	}
}

const unitDimension Dimension = "pricingUnit"

// unit is the one pricing unit that a filter leaves.
func (q *Question) unit() (unit string, one bool) {
	for _, f := range q.Filters {
		if f.Dimension == unitDimension && !f.Not && len(f.Values) == 1 {
			return f.Values[0], true
		}
	}
	return "", false
}

// last is the last day asked for.
func (q *Question) last() calendar.Day { return q.End - 1 }

// wholeMonths tells whether the range begins and ends with months.
func (q *Question) wholeMonths() bool {
	return q.Start == q.Start.Month().First() && q.End == q.End.Month().First()
}

// span is days, to exclusive.
type span struct{ from, to calendar.Day }

func (s span) has(d calendar.Day) bool { return d >= s.from && d < s.to }

// whole is the days that months can answer: the whole months of the range where no single days are asked for.
func (q *Question) whole() span {
	if q.Granularity == Daily {
		return span{}
	}
	s := span{q.Start, q.End.Month().First()}
	if m := q.Start.Month(); m.First() != q.Start {
		s.from = (m + 1).First()
	}
	return s
}

// points is how many points in time a group can have.
func (q *Question) points() int {
	switch q.Granularity {
	case Daily:
		return int(q.End - q.Start)
	case Total:
		return 1
	}
	return int(q.last().Month()-q.Start.Month()) + 1
}

// date is the first day of a point.
func (q *Question) date(point int) calendar.Day {
	if q.Granularity == Daily {
		return q.Start + calendar.Day(point)
	}
	return (q.Start.Month() + calendar.Month(point)).First()
}

// dimensions are all that are asked for, each once, with the parameter that asks for it first.
func (q *Question) dimensions() (all []Dimension, at []string) {
	add := func(d Dimension, parameter string) {
		if !slices.Contains(all, d) {
			all, at = append(all, d), append(at, parameter)
		}
	}
	for i, d := range q.GroupBy {
		add(d, fmt.Sprintf("query.groupBy[%d]", i))
	}
	for i, f := range q.Filters {
		add(f.Dimension, fmt.Sprintf("query.filter[%d]", i))
	}
	return all, at
}
