package cesim

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/money"
)

// Charge is a line of the ledger: as an export has it, and how Cost Explorer calls it.
type Charge struct {
	focus.Record
	RecordType string           // as Usage, Tax, Credit, Refund, RIFee; its billed and effective cost are UnblendedCost and AmortizedCost
	Service    string           // Cost Explorer's name for it; "" for ServiceName
	Net        *[2]money.Amount // unblended and amortized with private discounts; nil where there are none
}

// dimension is the charge's value of a dimension as Cost Explorer writes it.
func (c *Charge) dimension(key string) string {
	switch key {
	case "LINKED_ACCOUNT":
		return c.SubAccountID
	case "SERVICE":
		return cmp.Or(c.Service, c.ServiceName)
	case "REGION":
		return cmp.Or(c.RegionID, "NoRegion")
	case "USAGE_TYPE":
		return cmp.Or(c.SkuID, "NoUsageType")
	}
	return c.RecordType
}

func (c *Charge) group(by []Grouping) (keys []string) {
	for _, g := range by {
		if g.Type == "TAG" {
			keys = append(keys, g.Key+"$"+c.Tags[g.Key])
		} else {
			keys = append(keys, c.dimension(g.Key))
		}
	}
	return keys
}

func (c *Charge) amount(metric string) money.Amount {
	net := [2]money.Amount{c.BilledCost, c.EffectiveCost}
	if c.Net != nil {
		net = *c.Net
	}
	switch metric {
	case "UnblendedCost":
		return c.BilledCost
	case "AmortizedCost":
		return c.EffectiveCost
	case "NetUnblendedCost":
		return net[0]
	case "NetAmortizedCost":
		return net[1]
	}
	if c.PricingQuantity == nil {
		return money.Amount{}
	}
	return *c.PricingQuantity
}

// Answer is GetCostAndUsage's.
type Answer struct {
	GroupDefinitions []Grouping
	NextPageToken    string `json:",omitempty"`
	ResultsByTime    []Result
}

// Result is one day or month.
type Result struct {
	TimePeriod Interval
	Total      map[string]Value
	Groups     []Group
	Estimated  bool
}

// Group is one group of a Result.
type Group struct {
	Keys    []string
	Metrics map[string]Value
}

// Value is an amount and its unit; the unit of unlike units is N/A.
type Value struct{ Amount, Unit string }

// row is one group of one day or month.
type row struct {
	from, to calendar.Day
	keys     []string
	sums     []money.Amount
	unit     string
	currency string
}

func (s *Sim) answer(account string, a *asked) *Answer {
	rows := s.rows(account, a)
	out := &Answer{GroupDefinitions: a.GroupBy}
	end := s.page(rows, a)
	for _, r := range rows[a.offset:end] {
		n := slices.IndexFunc(out.ResultsByTime, func(b Result) bool { return b.TimePeriod.Start == r.from.String() })
		if n < 0 {
			n = len(out.ResultsByTime)
			out.ResultsByTime = append(out.ResultsByTime, Result{TimePeriod: Interval{r.from.String(), r.to.String()}, Total: map[string]Value{},
				Groups: []Group{}, Estimated: r.to > s.estimated})
		}
		result := &out.ResultsByTime[n]
		if len(a.GroupBy) == 0 {
			result.Total = r.values(a.Metrics)
		} else {
			result.Groups = append(result.Groups, Group{r.keys, r.values(a.Metrics)})
		}
	}
	if end < len(rows) {
		out.NextPageToken = a.digest + "." + strconv.Itoa(end)
	}
	return out
}

// page gives the end of the page that begins at the offset. What is not grouped has one.
func (s *Sim) page(rows []row, a *asked) int {
	if a.offset = min(a.offset, len(rows)); len(a.GroupBy) == 0 {
		return len(rows)
	}
	if !s.options.Series {
		return min(a.offset+s.options.PageRows, len(rows))
	}
	series := map[string]bool{}
	for i := a.offset; i < len(rows); i++ {
		series[strings.Join(rows[i].keys, "\x00")] = true
		if len(series) > s.options.PageRows {
			return i
		}
	}
	return len(rows)
}

// rows are the groups of all days or months in order; ungrouped, one of each.
func (s *Sim) rows(account string, a *asked) (all []row) {
	places := map[string]int{}
	if len(a.GroupBy) == 0 {
		for day := a.start; day < a.end; {
			from, to := a.bucket(day)
			places[from.String()] = len(all)
			all = append(all, row{from: from, to: to, sums: make([]money.Amount, len(a.Metrics))})
			day = to
		}
	}
	for i := range s.ledger {
		c := &s.ledger[i]
		day := calendar.DayOf(c.ChargePeriodStart)
		if day < a.start || day >= a.end || !s.sees(account, c.SubAccountID) || !s.Unfiltered && !a.Filter.keeps(c) {
			continue
		}
		from, to := a.bucket(day)
		keys := c.group(a.GroupBy)
		name := strings.Join(append([]string{from.String()}, keys...), "\x00")
		at, ok := places[name]
		if !ok {
			at = len(all)
			places[name] = at
			all = append(all, row{from: from, to: to, keys: keys, sums: make([]money.Amount, len(a.Metrics))})
		}
		all[at].add(c, a.Metrics)
	}
	slices.SortStableFunc(all, func(x, y row) int {
		if s.options.Series {
			return cmp.Or(slices.Compare(x.keys, y.keys), cmp.Compare(x.from, y.from))
		}
		return cmp.Or(cmp.Compare(x.from, y.from), slices.Compare(x.keys, y.keys))
	})
	return all
}

func (r *row) add(c *Charge, metrics []string) {
	for i, m := range metrics {
		sum, err := r.sums[i].Add(c.amount(m))
		if err != nil {
			panic(err) // of the test's own ledger
		}
		r.sums[i] = sum
	}
	r.currency = c.BillingCurrency
	if unit := cmp.Or(c.PricingUnit, "N/A"); r.unit == "" || r.unit == unit {
		r.unit = unit
	} else {
		r.unit = "N/A"
	}
}

func (r *row) values(metrics []string) map[string]Value {
	all := map[string]Value{}
	for i, m := range metrics {
		unit := cmp.Or(r.currency, "USD")
		if m == "UsageQuantity" {
			unit = cmp.Or(r.unit, "N/A")
		}
		all[m] = Value{r.sums[i].String(), unit}
	}
	return all
}

// bucket is the day, or the part of its month that is asked for.
func (a *asked) bucket(day calendar.Day) (from, to calendar.Day) {
	if a.Granularity == "DAILY" {
		return day, day + 1
	}
	return max(day.Month().First(), a.start), min(day.Month().Last()+1, a.end)
}

// sees tells whether an account sees the charges of another: its own, and those of accounts that it pays for.
func (s *Sim) sees(account, of string) bool {
	return account == of || slices.Contains(s.members[account], of)
}
