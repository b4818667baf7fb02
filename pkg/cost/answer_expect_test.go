package cost_test

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/cost"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/money"
	"github.com/tenantry/tenantry/pkg/project"
)

// answered is an answer in plain texts: groups and points as "key|date" with their amounts.
type answered struct {
	Total    string
	Absent   int64
	Currency string
	Groups   []string
	Points   map[string]string
	Shadows  map[string]bool
	Partial  bool
}

func flatten(t require.TestingT, q cost.Question, a *cost.Answer) answered {
	out := answered{Total: plain(a.Total), Absent: a.Absent, Currency: a.Currency, Points: map[string]string{}, Shadows: map[string]bool{}}
	for _, g := range a.Groups {
		var key []string
		for _, d := range q.GroupBy {
			key = append(key, fmt.Sprint(deref(g.Key[string(d)])))
		}
		k := strings.Join(key, "|")
		if g.Other {
			for _, v := range g.Key {
				require.Equal(t, "Other", *v)
			}
			k = "(other)"
		}
		out.Groups = append(out.Groups, k+" = "+plain(g.Total))
		for _, p := range g.Points {
			out.Points[k+" "+p.Date.String()] = plain(p.Amount)
		}
	}
	for _, s := range a.Shadows {
		for _, account := range s.Accounts {
			out.Shadows[s.Source+" "+s.Period.String()+" "+account] = true
		}
	}
	out.Partial = slices.ContainsFunc(a.Incomplete, func(g cost.Gap) bool { return strings.HasPrefix(g.Reason, "left out") })
	require.Equal(t, a.Complete, len(a.Incomplete) == 0)
	return out
}

func plain(a *money.Amount) string {
	if a == nil {
		return "null"
	}
	return a.String()
}

func deref(s *string) string {
	if s == nil {
		return ""
	}
	return *s
}

// adding is a sum that may be null.
type adding struct {
	sum   money.Amount
	some  bool
	lines int
}

func (a *adding) add(amount string) {
	a.lines++
	if amount != "" {
		a.sum, _ = a.sum.Add(money.MustParse(amount))
		a.some = true
	}
}

func (a *adding) plus(b adding) {
	a.sum, _ = a.sum.Add(b.sum)
	a.some, a.lines = a.some || b.some, a.lines+b.lines
}

func (a adding) String() string {
	if !a.some && a.lines > 0 {
		return "null"
	}
	return a.sum.String()
}

// expect answers the question from the lines; refused says why it must not be answered.
func (l *ledger) expect(q cost.Question) (want answered, refused string) {
	if err := q.Check(); err != nil {
		return want, err.Error()
	}
	tags, refused := viewOf(q)
	if refused != "" {
		return want, refused
	}
	want = answered{Points: map[string]string{}, Shadows: map[string]bool{}}
	groups, points, currencies, all := map[string]*adding{}, map[string]*adding{}, map[string]bool{}, adding{}
	units := map[string]bool{}
	if want.Partial = tags && l.partial(q); want.Partial && !q.AllowPartial {
		return want, "tag keys are not kept"
	}
	for i := range l.charges {
		c := &l.charges[i]
		if !l.asks(q, c) {
			continue
		}
		if tags && l.lacks(q, c) {
			continue
		}
		if !l.keeps(q, c, false) {
			continue
		}
		if slices.Contains(l.shadowed[batch{c.source, c.billing}], c.unit()) {
			want.Shadows[c.source+" "+c.billing.String()+" "+strings.TrimPrefix(c.unit(), "\x00")] = true
			continue
		}
		currencies[c.dims[focus.BillingCurrency]] = true
		units[c.dims[focus.PricingUnit]] = true
		if c.amounts[q.Metric] == "" {
			want.Absent++
		}
		var key []string
		for _, d := range q.GroupBy {
			key = append(key, l.value(c, d))
		}
		k := strings.Join(key, "|")
		at(groups, k).add(c.amounts[q.Metric])
		at(points, k+" "+dateOf(q, c)).add(c.amounts[q.Metric])
		all.add(c.amounts[q.Metric])
	}
	if want.Total = all.String(); q.Metric == focus.PricingQuantity && slices.Contains(q.GroupBy, "pricingUnit") && len(units) > 1 {
		want.Total = "null"
	}
	if q.Metric == focus.PricingQuantity || q.Currency != "" {
		want.Currency = string(q.Currency)
	} else if len(currencies) == 1 {
		want.Currency = slices.Collect(maps.Keys(currencies))[0]
	} else if len(currencies) > 1 {
		return want, "several currencies"
	}
	want.list(q, groups, points)
	return want, ""
}

// list sorts the groups and makes the rest one.
func (a *answered) list(q cost.Question, groups, points map[string]*adding) {
	keys := slices.SortedFunc(maps.Keys(groups), func(x, y string) int {
		gx, gy := groups[x], groups[y]
		if gx.some != gy.some {
			return map[bool]int{true: -1, false: 1}[gx.some]
		}
		return cmp.Or(gy.sum.Cmp(gx.sum), slices.Compare(strings.Split(x, "|"), strings.Split(y, "|")))
	})
	var other adding
	others := map[string]*adding{}
	for i, k := range keys {
		if q.Top > 0 && i >= q.Top {
			other.plus(*groups[k])
		} else {
			a.Groups = append(a.Groups, k+" = "+groups[k].String())
		}
	}
	for p, sum := range points {
		k, date := p[:strings.LastIndex(p, " ")], p[strings.LastIndex(p, " "):]
		if i := slices.Index(keys, k); q.Top > 0 && i >= q.Top {
			k = "(other)"
		}
		at(others, k+date).plus(*sum)
	}
	if other.lines > 0 {
		a.Groups = append(a.Groups, "(other) = "+other.String())
	}
	for p, sum := range others {
		if q.Granularity != cost.Total {
			a.Points[p] = sum.String()
		}
	}
}

func at(m map[string]*adding, k string) *adding {
	if m[k] == nil {
		m[k] = &adding{}
	}
	return m[k]
}

// asks tells whether the line is in the range and of a project that is asked for.
func (l *ledger) asks(q cost.Question, c *charge) bool {
	day := c.day
	if q.Billing {
		day = c.billing.First()
	}
	return day >= q.Start && day < q.End && l.keeps(q, c, true)
}

// keeps tells whether the filters on projects, or the others, keep the line.
func (l *ledger) keeps(q cost.Question, c *charge, projects bool) bool {
	for _, f := range q.Filters {
		of := f.Dimension == "project" || f.Dimension == "environment" || strings.HasPrefix(string(f.Dimension), "label:")
		if of != projects {
			continue
		}
		value := l.value(c, f.Dimension)
		found := slices.Contains(f.Values, value) || f.Dimension == "project" && slices.Contains(f.Values, l.project(c).Name) && l.project(c).Name != ""
		if found == f.Not {
			return false
		}
	}
	return projects || q.Currency == "" || string(q.Currency) == c.dims[focus.BillingCurrency]
}

func (l *ledger) project(c *charge) project.Project {
	for _, p := range l.projects {
		if p.ID == c.project {
			return p
		}
	}
	return project.Project{}
}

func (l *ledger) value(c *charge, d cost.Dimension) string {
	kind, key, _ := strings.Cut(string(d), ":")
	switch kind {
	case "project":
		return string(c.project)
	case "environment":
		return l.project(c).Environment
	case "label":
		return l.project(c).Labels[key]
	case "tag":
		return c.tags[key]
	}
	return c.dims[columnsOf[d]]
}

func (l *ledger) lacks(q cost.Question, c *charge) bool {
	kept := l.tagKeys(batch{c.source, c.billing})
	return slices.ContainsFunc(dimsOf(q), func(d cost.Dimension) bool {
		key, ok := strings.CutPrefix(string(d), "tag:")
		return ok && !slices.Contains(kept, key)
	})
}

// partial tells whether a project has a billing period that touches the range and lacks tag keys.
func (l *ledger) partial(q cost.Question) bool {
	for i := range l.charges {
		c, before, after := &l.charges[i], false, false
		if !l.lacks(q, c) || !l.keeps(q, c, true) {
			continue
		}
		for j := range l.charges {
			if o := &l.charges[j]; o.project == c.project && o.source == c.source && o.billing == c.billing {
				before, after = before || o.day < q.End, after || o.day >= q.Start
			}
		}
		if q.Billing && c.billing.First() >= q.Start && c.billing.First() < q.End || !q.Billing && before && after {
			return true
		}
	}
	return false
}

func dimsOf(q cost.Question) []cost.Dimension {
	all := slices.Clone(q.GroupBy)
	for _, f := range q.Filters {
		all = append(all, f.Dimension)
	}
	return all
}

// viewOf tells whether a view has all that is asked for, and whether only tags may be it.
func viewOf(q cost.Question) (tags bool, refused string) {
	whole := q.Start == q.Start.Month().First() && q.End == q.End.Month().First() && q.Granularity != cost.Daily
	for view, has := range viewDims {
		ok := q.Metric != focus.PricingQuantity || view == "usage"
		ok = ok && (whole || view != "resource" && view != "invoice")
		for _, d := range dimsOf(q) {
			kind, _, _ := strings.Cut(string(d), ":")
			switch kind {
			case "project", "environment", "label":
			case "tag":
				tags = true
				ok = ok && view == "tags"
			default:
				ok = ok && strings.Contains(has, " "+string(d)+" ")
			}
		}
		if ok {
			return tags, ""
		}
	}
	return tags, "no view has all"
}

func dateOf(q cost.Question, c *charge) string {
	switch {
	case q.Granularity == cost.Daily:
		return c.day.String()
	case q.Billing:
		return c.billing.First().String()
	}
	return c.day.Month().First().String()
}
