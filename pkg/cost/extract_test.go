package cost_test

import (
	"context"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cost"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/money"
	"github.com/tenantry/tenantry/pkg/project"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// summed is the sums of some charges by metric; null where none has an amount.
type summed [focus.NumMetrics]string

// ledgerSums adds amounts up by key.
type ledgerSums map[string]*[focus.NumMetrics]*money.Amount

func (a ledgerSums) add(t require.TestingT, key []string, amounts [focus.NumMetrics]*money.Amount) {
	at := strings.Join(key, "|")
	if a[at] == nil {
		a[at] = &[focus.NumMetrics]*money.Amount{}
	}
	for m, amount := range amounts {
		if amount == nil {
			continue
		}
		var before money.Amount
		if a[at][m] != nil {
			before = *a[at][m]
		}
		sum, err := before.Add(*amount)
		require.NoError(t, err)
		a[at][m] = &sum
	}
}

func (a ledgerSums) sums() map[string]summed {
	all := map[string]summed{}
	for key, amounts := range a {
		var s summed
		for m, amount := range amounts {
			if s[m] = "null"; amount != nil {
				s[m] = amount.String()
			}
		}
		all[key] = s
	}
	return all
}

// asked are dimensions that some view has together, by grain: what is asked of either must be answered alike.
var asked = map[cost.Grain][][]focus.Dim{
	cost.ByDay: {
		{focus.ProviderName, focus.ServiceName, focus.RegionID, focus.ChargeCategory, focus.ChargeClass},
		{focus.ServiceName, focus.RegionID, focus.ChargeCategory, focus.ChargeClass, focus.Tags},
	},
	cost.BySKU: {{focus.ProviderName, focus.ServiceName, focus.RegionID, focus.ChargeCategory, focus.ChargeClass, focus.SkuID,
		focus.PricingCategory, focus.PricingUnit}},
	cost.ByResource: {{focus.ResourceID, focus.ServiceName, focus.ChargeCategory}},
	cost.ByInvoice:  {{focus.InvoiceIssuerName, focus.InvoiceID, focus.ChargeCategory}},
}

func texts(dims []focus.Dim, of func(focus.Dim) string, tags func(string) string, keys []string) (all []string) {
	for _, d := range append([]focus.Dim{focus.BillingCurrency, focus.BillingAccountID, focus.SubAccountID}, dims...) {
		if d != focus.Tags {
			all = append(all, of(d))
			continue
		}
		for _, k := range keys {
			all = append(all, k+"="+tags(k))
		}
	}
	return all
}

func textOf(r *focus.Record) func(focus.Dim) string {
	return func(d focus.Dim) string {
		return map[focus.Dim]string{
			focus.BillingCurrency: r.BillingCurrency, focus.BillingAccountID: r.BillingAccountID, focus.SubAccountID: r.SubAccountID,
			focus.ProviderName: r.ProviderName, focus.ServiceName: r.ServiceName, focus.RegionID: r.RegionID,
			focus.ChargeCategory: r.ChargeCategory, focus.ChargeClass: r.ChargeClass, focus.SkuID: r.SkuID,
			focus.PricingCategory: r.PricingCategory, focus.PricingUnit: r.PricingUnit, focus.ResourceID: r.ResourceID,
			focus.InvoiceIssuerName: r.InvoiceIssuerName, focus.InvoiceID: r.InvoiceID,
		}[d]
	}
}

// lines adds up those of a ledger that count.
func (l *ledger) lines(t require.TestingT, g cost.Grain, dims []focus.Dim) map[string]summed {
	all := ledgerSums{}
	for i := range l.charges {
		c := &l.charges[i]
		b := batch{c.source, c.billing}
		if slices.Contains(l.shadowed[b], c.unit()) {
			continue
		}
		day := c.day
		if g == cost.ByResource || g == cost.ByInvoice {
			day = day.Month().First()
		}
		var amounts [focus.NumMetrics]*money.Amount
		for m, text := range c.amounts {
			if text != "" && (focus.Metric(m) != focus.PricingQuantity || g == cost.BySKU) {
				a := money.MustParse(text)
				amounts[m] = &a
			}
		}
		amounts[focus.BilledCost], amounts[focus.EffectiveCost] = orZero(amounts[focus.BilledCost]), orZero(amounts[focus.EffectiveCost])
		key := texts(dims, func(d focus.Dim) string { return c.dims[d] }, func(k string) string { return c.tags[k] }, l.tagKeys(b))
		all.add(t, append(key, string(c.project), c.source, c.billing.String(), day.String()), amounts)
	}
	return all.sums()
}

func orZero(a *money.Amount) *money.Amount {
	if a == nil {
		return &money.Amount{}
	}
	return a
}

// Whatever is held: charges of every grain sum to the lines that count, by all that a view has, and null stays null.
func TestAnExtractSumsToTheLines(t *testing.T) {
	s := newStore(t)
	rapid.Check(t, func(t *rapid.T) {
		scope := newScope(t)
		l := drawLedger(t)
		l.crowd(t)
		l.write(t, s, scope)
		handle, err := s.Tenant(scope)
		require.NoError(t, err)
		for g, all := range asked {
			for _, dims := range all {
				require.Equal(t, l.lines(t, g, dims), extracted(t, handle, l, g, dims), "%s %v", g, dims)
			}
		}
	})
}

// crowd makes many lines alike in all but provider, tags and what only usage has: several providers sell the same.
func (l *ledger) crowd(t *rapid.T) {
	for i := range l.charges {
		if i == 0 || rapid.IntRange(0, 3).Draw(t, "of its own") == 0 {
			continue
		}
		c, first := &l.charges[i], l.charges[0]
		c.project, c.source, c.billing, c.day = first.project, first.source, first.billing, first.day+calendar.Day(i%2)
		for _, d := range []focus.Dim{focus.BillingCurrency, focus.BillingAccountID, focus.SubAccountID, focus.ServiceName, focus.RegionID,
			focus.ChargeCategory, focus.ChargeClass} {
			c.dims[d] = first.dims[d]
		}
	}
}

func extracted(t require.TestingT, handle *store.Tenant, l *ledger, g cost.Grain, dims []focus.Dim) map[string]summed {
	x, err := cost.NewExtract(context.Background(), handle)
	require.NoError(t, err)
	all := ledgerSums{}
	for _, period := range x.Periods() {
		for _, p := range []tenant.ProjectID{web, api, tenant.Unassigned} {
			for c, err := range x.Charges(context.Background(), g, p, period) {
				require.NoError(t, err)
				r := &c.Record
				key := texts(dims, textOf(r), func(k string) string { return r.Tags[k] }, l.tagKeys(batch{c.Source, period}))
				require.Equal(t, period, calendar.MonthOf(r.BillingPeriodStart))
				all.add(t, append(key, string(p), c.Source, period.String(), calendar.DayOf(r.ChargePeriodStart).String()),
					[focus.NumMetrics]*money.Amount{clone(&r.BilledCost), clone(&r.EffectiveCost), clone(r.ListCost), clone(r.ContractedCost), clone(r.PricingQuantity)})
			}
		}
	}
	return all.sums()
}

func clone(a *money.Amount) *money.Amount {
	if a == nil {
		return nil
	}
	b := *a
	return &b
}

func TestAnExtractTellsWhatMoved(t *testing.T) {
	s, scope := newStore(t), newScope(t)
	l := &ledger{charges: []charge{
		{project: web, source: "upload:a", billing: january, day: january.First(), amounts: [focus.NumMetrics]string{"1", "1", "1", "1", "1"}},
		{project: web, source: "upload:a", billing: january + 1, day: january.First(), amounts: [focus.NumMetrics]string{"2", "2", "2", "2", "2"}},
	}}
	l.projects = []project.Project{{ID: web, Name: "web"}}
	l.write(t, s, scope)
	handle, err := s.Tenant(scope)
	require.NoError(t, err)
	before, err := cost.NewExtract(t.Context(), handle)
	require.NoError(t, err)
	l.charges[1].amounts[0], l.gen = "3", "02"
	l.write(t, s, scope)
	after, err := cost.NewExtract(t.Context(), handle)
	require.NoError(t, err)
	require.NotEqual(t, before.Digest(january), after.Digest(january), "both months are of another generation")
	require.Equal(t, before.Digest(january-1), after.Digest(january-1))
	require.Len(t, after.Generations(), 2)
	for _, err := range before.Charges(t.Context(), cost.ByDay, web, january) {
		require.ErrorIs(t, err, cost.ErrMoved, "the index no longer has what counted")
	}
	for c := range maps.Keys(maps.Collect(after.Charges(t.Context(), cost.ByDay, web, january+1))) {
		require.Equal(t, "3", c.Record.BilledCost.String())
	}
}
