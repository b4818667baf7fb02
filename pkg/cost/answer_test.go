package cost_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cost"
	"github.com/tenantry/tenantry/pkg/cost/document"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// groups is an answer's total, then its groups as "values = total", with "*" for the rest.
func groups(q string, a *cost.Answer) []string {
	all := []string{plain(a.Total)}
	for _, g := range a.Groups {
		var key []string
		for d := range strings.SplitSeq(q, ",") {
			if v, there := g.Key[d]; there {
				key = append(key, deref(v))
			}
		}
		if g.Other {
			key = []string{"*"}
		}
		all = append(all, strings.Join(key, " ")+" = "+plain(g.Total))
	}
	return all
}

func TestCostsGroupsAndFilters(t *testing.T) {
	left := usage(tenant.Unassigned, "S3", "0.25")
	credit := usage(web, "EC2", "-4")
	credit.dims[focus.ChargeCategory], credit.dims[focus.RegionID] = "Credit", "eu"
	tagged := usage(api, "EC2", "8")
	tagged.tags["env"] = "x"
	even, odd := usage(api, "Even", "1"), usage(api, "Even", "-1")
	odd.dims[focus.RegionID] = "us"
	o := newOffice(t, shop(usage(web, "EC2", "5"), left, credit, tagged, even, odd, usage(web, "", "0.5"), usage(web, "Other", "")))
	for name, c := range map[string]struct {
		groupBy, more string
		want          []string
	}{
		"all":                            {"", "", []string{"9.75", " = 9.75"}},
		"by service":                     {"serviceName", "", []string{"9.75", "EC2 = 9", " = 0.5", "S3 = 0.25", "Even = 0", "Other = null"}},
		"the largest two":                {"serviceName", "top=2", []string{"9.75", "EC2 = 9", " = 0.5", "* = 0.25"}},
		"the largest of fewer":           {"serviceName", "top=5", []string{"9.75", "EC2 = 9", " = 0.5", "S3 = 0.25", "Even = 0", "Other = null"}},
		"a rest without amounts":         {"serviceName", "top=4", []string{"9.75", "EC2 = 9", " = 0.5", "S3 = 0.25", "Even = 0", "* = null"}},
		"by project":                     {"project", "", []string{"9.75", string(api) + " = 8", string(web) + " = 1.5", "unassigned = 0.25"}},
		"by environment":                 {"environment", "", []string{"9.75", "staging = 8", "production = 1.5", " = 0.25"}},
		"by label":                       {"label:team", "", []string{"9.75", " = 8.25", "a = 1.5"}},
		"by tag":                         {"tag:env", "", []string{"9.75", "x = 8", " = 1.75"}},
		"by two":                         {"environment,chargeCategory", "", []string{"9.75", "staging Usage = 8", "production Usage = 5.5", " Usage = 0.25", "production Credit = -4"}},
		"by currency":                    {"currency", "", []string{"9.75", "USD = 9.75"}},
		"of an environment":              {"", "filter=environment:production", []string{"1.5", " = 1.5"}},
		"of no environment":              {"project", "filter=environment:", []string{"0.25", "unassigned = 0.25"}},
		"of an environment without any":  {"", "filter=environment:test", []string{"0"}},
		"of a project by name":           {"", "filter=project:web", []string{"1.5", " = 1.5"}},
		"of two projects by ID and name": {"", "filter=project:web," + string(api), []string{"9.5", " = 9.5"}},
		"of all projects but one":        {"", "filter=!project:web", []string{"8.25", " = 8.25"}},
		"of what is unassigned":          {"", "filter=project:unassigned", []string{"0.25", " = 0.25"}},
		"of a project there is not":      {"serviceName", "filter=project:none", []string{"0"}},
		"without credits":                {"", "filter=!chargeCategory:Credit", []string{"13.75", " = 13.75"}},
		"without a region":               {"", "filter=regionId:", []string{"14.75", " = 14.75"}},
		"with a region":                  {"regionId", "filter=!regionId:", []string{"-5", "us = -1", "eu = -4"}},
		"not of a region, nulls kept":    {"", "filter=!regionId:eu", []string{"13.75", " = 13.75"}},
		"filters that all hold":          {"", "filter=serviceName:EC2,S3&filter=environment:production&filter=chargeCategory:Usage", []string{"5", " = 5"}},
		"nothing with an amount":         {"", "filter=serviceName:Other", []string{"null", " = null"}},
		"the currency there is":          {"", "currency=USD", []string{"9.75", " = 9.75"}},
		"a currency without costs":       {"serviceName", "currency=CHF", []string{"0"}},
		"a currency by filter":           {"", "filter=currency:USD", []string{"9.75", " = 9.75"}},
	} {
		t.Run(name, func(t *testing.T) {
			a := o.costs(january26 + "&granularity=total&groupBy=" + c.groupBy + "&" + c.more)
			require.Equal(t, c.want, groups(c.groupBy, a))
		})
	}
	a := o.costs(january26 + "&groupBy=project,subAccountId")
	require.Equal(t, map[string]map[string]string{"project": {string(web): "web", string(api): "api"}, "subAccountId": {"s1": "Shop"}}, a.Names)
	require.EqualValues(t, 1, a.Absent)
}

func TestCostsOfCorrectionsAndPeriods(t *testing.T) {
	correction, credit := usage(web, "EC2", "-1"), usage(web, "EC2", "-0.25")
	correction.billing = calendar.Date(2026, 2, 1).Month() // of a day in January
	credit.billing, credit.day = correction.billing, calendar.Date(2026, 2, 20)
	o := newOffice(t, shop(usage(web, "EC2", "5"), correction, credit))
	for query, want := range map[string]string{
		"start=2026-01-01&end=2026-02-01":                "4",
		"start=2026-01-01&end=2026-02-01&period=billing": "5",
		"start=2026-02-01&end=2026-03-01":                "-0.25",
		"start=2026-02-01&end=2026-03-01&period=billing": "-1.25",
		"start=2026-01-31&end=2026-02-01":                "4",
		"start=2026-01-30&end=2026-01-31":                "0",
		"start=2025-06-01&end=2027-01-01":                "3.75",
	} {
		for _, granularity := range []string{"monthly", "total", "daily"} {
			if granularity == "daily" && (strings.Contains(query, "billing") || strings.Contains(query, "2027")) {
				continue
			}
			require.Equal(t, want, o.costs(query+"&granularity="+granularity).Total.String(), "%s %s", query, granularity)
		}
	}
}

func TestCostsOfSeveralCurrencies(t *testing.T) {
	euro := usage(api, "S3", "7")
	euro.dims[focus.BillingCurrency] = "EUR"
	o := newOffice(t, shop(usage(web, "EC2", "5"), euro))
	w := o.ask("alice", "/costs?"+january26)
	require.Equal(t, 422, w.Code)
	require.Contains(t, w.Body.String(), "EUR, USD")
	require.Contains(t, w.Body.String(), "query.currency")
	for query, want := range map[string]string{
		"currency=EUR": "7 EUR", "currency=USD": "5 USD", "currency=CHF": "0 CHF", "filter=project:api": "7 EUR", "filter=currency:EUR": "7 EUR",
		"metric=pricingQuantity&filter=pricingUnit:Hrs": "12 ", "metric=pricingQuantity&filter=pricingUnit:Hrs&currency=EUR": "7 EUR",
	} {
		a := o.costs(january26 + "&" + query)
		require.Equal(t, want, a.Total.String()+" "+a.Currency, query)
	}
}

func TestCostsOfQuantities(t *testing.T) {
	gigabytes := usage(web, "S3", "7")
	gigabytes.dims[focus.PricingUnit] = "GB"
	o := newOffice(t, shop(usage(web, "EC2", "5"), usage(web, "EC2", "0.5"), gigabytes))
	a := o.costs(january26 + "&metric=pricingQuantity&groupBy=pricingUnit&granularity=total")
	require.Equal(t, []string{"null", "GB = 7", "Hrs = 5.5"}, groups("pricingUnit", a))
	a = o.costs(january26 + "&metric=pricingQuantity&groupBy=serviceName&granularity=total&filter=pricingUnit:Hrs")
	require.Equal(t, []string{"5.5", "EC2 = 5.5"}, groups("serviceName", a))
	require.Equal(t, "Hrs", a.Unit)
}

func TestCostsThatAnotherSourceCounts(t *testing.T) {
	twice, bare := usage(web, "EC2", "5"), usage(web, "EC2", "1")
	twice.source, bare.source = "upload:b", "upload:b"
	bare.dims[focus.SubAccountID] = ""
	l := shop(usage(web, "EC2", "5"), twice, bare, usage(api, "S3", "2"))
	january := twice.billing
	l.shadowed = map[batch][]string{{"upload:b", january}: {cost.Unit("b1", ""), "s1"}}
	o := newOffice(t, l)
	for _, query := range []string{"", "&granularity=daily", "&period=billing", "&granularity=total"} {
		a := o.costs(january26 + query)
		require.Equal(t, "7", a.Total.String())
		require.Equal(t, []cost.Shadow{{Source: "upload:b", Period: january, Accounts: []string{"b1", "s1"}}}, a.Shadows)
	}
	require.Equal(t, []string{"s1"}, o.costs(january26 + "&filter=!subAccountId:").Shadows[0].Accounts)
	require.Empty(t, o.costs(january26+"&filter=project:api").Shadows)
	require.Empty(t, o.costs("start=2025-01-01&end=2025-02-01").Shadows)
}

func TestCostsOfAScope(t *testing.T) {
	o := newOffice(t, shop(usage(web, "EC2", "5"), usage(api, "S3", "2"), usage(tenant.Unassigned, "S3", "1")))
	o.members["web alone"] = scopeOf(t, o.scope.Tenant(), web)
	o.members["nothing"] = scopeOf(t, o.scope.Tenant(), []tenant.ProjectID{}...)
	ask := func(token, more string) (a cost.Answer, body string) {
		w := o.ask(token, "/costs?"+january26+"&groupBy=project&"+more)
		require.Equal(t, 200, w.Code, w.Body.String())
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &a))
		return a, w.Body.String()
	}
	a, body := ask("web alone", "")
	require.Equal(t, []string{"5", string(web) + " = 5"}, groups("project", &a))
	require.NotContains(t, body, string(api))
	_, unseen := ask("web alone", "filter=project:"+string(api))
	_, byName := ask("web alone", "filter=project:api")
	_, none := ask("web alone", "filter=project:prj_01JZZZZZZZZZZZZZZZZZZZZZZC")
	require.Equal(t, none, unseen)
	require.Equal(t, none, byName)

	other := newScope(t)
	o.members["bob"] = other
	require.Equal(t, 404, o.ask("bob", "/costs?"+january26).Code)
	o.scope = other
	a, _ = ask("bob", "")
	require.Equal(t, []string{"0"}, groups("project", &a))
}

func TestCostsThatAreTooMuch(t *testing.T) {
	const most = "99999999999999999999"
	o := newOffice(t, shop(usage(web, "s1", most), usage(api, "s2", most), usage(tenant.Unassigned, "s3", most)))
	for _, query := range []string{"", "&groupBy=serviceName", "&groupBy=serviceName&top=1", "&groupBy=project"} {
		w := o.ask("alice", "/costs?"+january26+query)
		require.Equal(t, 422, w.Code, query)
		require.Contains(t, w.Body.String(), "1.7e20")
	}
}

func TestCostsOfMoreGroupsThanAreAnswered(t *testing.T) {
	l := shop()
	l.views = []document.View{document.Service}
	for i := range 12_000 {
		l.charges = append(l.charges, usage(web, fmt.Sprint("s", i), "1"))
	}
	w := newOffice(t, l).ask("alice", "/costs?start=2025-06-01&end=2026-07-01&groupBy=serviceName&granularity=daily")
	require.Equal(t, 422, w.Code)
	require.Contains(t, w.Body.String(), "too many groups")
}
