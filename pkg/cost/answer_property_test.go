package cost_test

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cost"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/money"
	"github.com/tenantry/tenantry/pkg/project"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// TestAskEqualsTheLines asks any question of any ledger and adds the lines up by hand.
func TestAskEqualsTheLines(t *testing.T) {
	s := newStore(t)
	service := &cost.Service{Store: s, Clock: func() time.Time { return calendar.Date(2026, 6, 1).Time() }}
	rapid.Check(t, func(t *rapid.T) {
		scope := newScope(t)
		l := drawLedger(t)
		l.write(t, s, scope)
		for range 20 {
			q := drawQuestion(t)
			a, err := service.Ask(context.Background(), scope, q)
			want, refused := l.expect(q)
			if refused != "" {
				require.True(t, fault.Is(err, fault.Invalid), "%s, but: %v", refused, err)
				continue
			}
			require.NoError(t, err)
			got := flatten(t, q, a)
			if len(got.Groups) == 0 {
				got.Currency = want.Currency // where nothing is, it may be told from what is not asked for
			}
			require.Equal(t, want, got)
		}
	})
}

var (
	columnsOf = map[cost.Dimension]focus.Dim{
		"currency": focus.BillingCurrency, "billingAccountId": focus.BillingAccountID, "subAccountId": focus.SubAccountID,
		"providerName": focus.ProviderName, "serviceName": focus.ServiceName, "regionId": focus.RegionID,
		"chargeCategory": focus.ChargeCategory, "chargeClass": focus.ChargeClass, "skuId": focus.SkuID,
		"pricingCategory": focus.PricingCategory, "pricingUnit": focus.PricingUnit, "resourceId": focus.ResourceID,
		"invoiceIssuerName": focus.InvoiceIssuerName, "invoiceId": focus.InvoiceID,
	}
	viewDims = map[string]string{ // by hand, from DESIGN.md
		"service":  " currency billingAccountId subAccountId providerName serviceName regionId chargeCategory chargeClass ",
		"usage":    " currency billingAccountId subAccountId providerName serviceName regionId chargeCategory chargeClass skuId pricingCategory pricingUnit ",
		"tags":     " currency billingAccountId subAccountId serviceName regionId chargeCategory chargeClass ",
		"resource": " currency billingAccountId subAccountId resourceId serviceName chargeCategory ",
		"invoice":  " currency billingAccountId subAccountId invoiceIssuerName invoiceId chargeCategory ",
	}
	web, api = tenant.ProjectID("prj_01JZZZZZZZZZZZZZZZZZZZZZZA"), tenant.ProjectID("prj_01JZZZZZZZZZZZZZZZZZZZZZZB")
	values   = map[focus.Dim][]string{
		focus.BillingAccountID: {"b1", "b2"}, focus.SubAccountID: {"", "s1", "s2"}, focus.ProviderName: {"AWS", "Oracle"},
		focus.ServiceName: {"", "EC2", "S3"}, focus.RegionID: {"", "eu", "us"}, focus.ChargeCategory: {"Usage", "Credit"},
		focus.ChargeClass: {"", "Correction"}, focus.SkuID: {"", "k1"}, focus.PricingCategory: {"", "Standard"},
		focus.PricingUnit: {"Hrs", "GB"}, focus.ResourceID: {"", "i-1", "i-2"}, focus.InvoiceIssuerName: {"AWS"}, focus.InvoiceID: {"", "n1"},
	}
	january = calendar.Date(2025, 11, 1).Month()
)

func drawLedger(t *rapid.T) *ledger {
	l := &ledger{projects: []project.Project{
		{ID: web, Name: "web", Environment: "production", Labels: map[string]string{"team": "a"}},
		{ID: api, Name: "api", Environment: "staging"},
	}, shadowed: map[batch][]string{}}
	currencies := rapid.SampledFrom([][]string{{"USD"}, {"USD", "EUR"}}).Draw(t, "currencies")
	amount := rapid.Custom(func(t *rapid.T) string {
		if rapid.IntRange(0, 5).Draw(t, "null") == 0 {
			return ""
		}
		return fmt.Sprintf("%d.%0*d", rapid.IntRange(-9, 99).Draw(t, "whole"), rapid.IntRange(1, 17).Draw(t, "scale"), rapid.IntRange(0, 9).Draw(t, "part"))
	})
	for range rapid.IntRange(0, 40).Draw(t, "lines") {
		c := charge{
			project: rapid.SampledFrom([]tenant.ProjectID{web, api, tenant.Unassigned}).Draw(t, "project"),
			source:  rapid.SampledFrom([]string{"upload:a", "upload:b"}).Draw(t, "source"),
			billing: january + calendar.Month(rapid.IntRange(0, 5).Draw(t, "billing")),
			tags:    map[string]string{},
		}
		c.day = c.billing.First() + calendar.Day(rapid.SampledFrom([]int{0, 1, 14, 27, -1, -40, 33}).Draw(t, "day"))
		c.dims[focus.BillingCurrency] = rapid.SampledFrom(currencies).Draw(t, "currency")
		for _, d := range slices.Sorted(maps.Keys(values)) {
			c.dims[d] = rapid.SampledFrom(values[d]).Draw(t, "dim")
		}
		for _, k := range []string{"env", "aws:team"} {
			c.tags[k] = rapid.SampledFrom([]string{"", "x", "y"}).Draw(t, "tag")
		}
		for m := range c.amounts {
			c.amounts[m] = amount.Draw(t, "amount")
		}
		l.charges = append(l.charges, c)
		if rapid.IntRange(0, 3).Draw(t, "shadow") == 0 {
			b := batch{c.source, c.billing}
			l.shadowed[b] = append(l.shadowed[b], c.unit())
		}
	}
	for b := range l.shadowed {
		slices.Sort(l.shadowed[b])
		l.shadowed[b] = slices.Compact(l.shadowed[b])
	}
	without := calendar.Month(rapid.IntRange(0, 7).Draw(t, "a month without tag keys"))
	l.tagKeys = func(b batch) []string {
		if b.period == january+without && b.source == "upload:b" {
			return []string{"aws:team"}
		}
		return []string{"aws:team", "env"}
	}
	missing := rapid.IntRange(2024, 2026).Draw(t, "a year without documents")
	l.noYear = func(_ string, y int) bool { return y == missing }
	return l
}

func drawQuestion(t *rapid.T) cost.Question {
	var dims []cost.Dimension
	for _, d := range cost.Dimensions() {
		dims = append(dims, d)
	}
	dims = append(dims, "tag:env", "tag:aws:team", "tag:env", "label:team", "serviceName", "regionId", "chargeCategory")
	dim := rapid.SampledFrom(dims)
	q := cost.Question{
		Granularity: rapid.SampledFrom([]cost.Granularity{cost.Daily, cost.Monthly, cost.Total, ""}).Draw(t, "granularity"),
		Metric:      focus.Metric(rapid.IntRange(0, int(focus.NumMetrics)-1).Draw(t, "metric")),
		GroupBy:     rapid.SliceOfNDistinct(dim, 0, 2, rapid.ID).Draw(t, "groupBy"),
		Currency:    rapid.SampledFrom([]money.Currency{"", "USD", "USD", "EUR", "CHF"}).Draw(t, "currency"),
		Top:         rapid.SampledFrom([]int{0, 0, 0, 1, 2}).Draw(t, "top"),
		Billing:     rapid.IntRange(0, 3).Draw(t, "billing") == 0,
	}
	q.AllowPartial = rapid.Bool().Draw(t, "partial")
	from, to := rapid.IntRange(-1, 5).Draw(t, "from"), rapid.IntRange(0, 6).Draw(t, "months")
	q.Start, q.End = (january + calendar.Month(from)).First(), (january + calendar.Month(from+to)).First()
	if rapid.Bool().Draw(t, "parts of months") {
		q.Start += calendar.Day(rapid.IntRange(0, 27).Draw(t, "first"))
		q.End += calendar.Day(rapid.IntRange(0, 27).Draw(t, "last"))
	}
	for range rapid.SampledFrom([]int{0, 0, 1, 2}).Draw(t, "filters") {
		f := cost.Filter{Dimension: dim.Draw(t, "filter"), Not: rapid.Bool().Draw(t, "not")}
		some := []string{"", "x", "a", "web", string(api), "production", "USD"}
		if d, ok := columnsOf[f.Dimension]; ok {
			some = append(slices.Clone(values[d]), "", "USD", "none")
		}
		f.Values = rapid.SliceOfN(rapid.SampledFrom(some), 1, 2).Draw(t, "values")
		q.Filters = append(q.Filters, f)
	}
	return q
}

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
			require.Empty(t, g.Key)
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
