package cost_test

import (
	"context"
	"fmt"
	"maps"
	"slices"
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
		for range 12 {
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
		focus.PricingUnit: {"Hrs", "GB"}, focus.ResourceID: {"", "i-1", "i-2"}, focus.InvoiceIssuerName: {"AWS", "", "Reseller"}, focus.InvoiceID: {"", "n1"},
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
	dims := append(cost.Dimensions(), "tag:env", "tag:aws:team", "tag:env", "label:team", "serviceName", "regionId", "chargeCategory")
	dim := rapid.SampledFrom(dims)
	q := cost.Question{
		Granularity: rapid.SampledFrom([]cost.Granularity{cost.Daily, cost.Monthly, cost.Total, ""}).Draw(t, "granularity"),
		Metric:      focus.Metric(rapid.SampledFrom([]int{0, 1, 1, 1, 2, 3, 4}).Draw(t, "metric")),
		GroupBy:     rapid.SliceOfNDistinct(dim, 0, 2, rapid.ID).Draw(t, "groupBy"),
		Currency:    rapid.SampledFrom([]money.Currency{"", "USD", "USD", "USD", "EUR", "CHF"}).Draw(t, "currency"),
		Top:         rapid.SampledFrom([]int{0, 0, 0, 1, 2}).Draw(t, "top"),
		Billing:     rapid.IntRange(0, 3).Draw(t, "billing") == 0,
	}
	q.AllowPartial = rapid.Bool().Draw(t, "partial")
	from, to := rapid.IntRange(-1, 4).Draw(t, "from"), rapid.SampledFrom([]int{0, 1, 2, 3, 5, 12}).Draw(t, "months")
	q.Start, q.End = (january + calendar.Month(from)).First(), (january + calendar.Month(from+to)).First()
	if rapid.Bool().Draw(t, "parts of months") {
		q.Start += calendar.Day(rapid.IntRange(0, 27).Draw(t, "first"))
		q.End += calendar.Day(rapid.IntRange(0, 27).Draw(t, "last"))
	}
	if q.Metric == focus.PricingQuantity && rapid.IntRange(0, 3).Draw(t, "unit") > 0 {
		q.Filters = []cost.Filter{{Dimension: "pricingUnit", Values: []string{"Hrs"}}}
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
