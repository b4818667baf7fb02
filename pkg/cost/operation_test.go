package cost_test

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cost"
	"github.com/tenantry/tenantry/pkg/cost/document"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/project"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// members authorizes by token: the scope of the tenant that the token is for.
type members map[string]*tenant.Scope

func (m members) Principal(context.Context, string) (tenant.Principal, error) {
	return tenant.Principal{}, fault.New(fault.Unauthenticated, "none")
}

func (m members) Scope(_ context.Context, token, id string, need tenant.Permission) (*tenant.Scope, error) {
	if s := m[token]; s != nil && string(s.Tenant()) == id && s.Role().May(need) {
		return s, nil
	}
	return nil, fault.New(fault.NotFound, "There is no such tenant.")
}

// office is a tenant with a ledger behind the real handler.
type office struct {
	t       *testing.T
	store   *store.Store
	scope   *tenant.Scope
	members members
	handler http.Handler
}

func newOffice(t *testing.T, l *ledger) *office {
	o := &office{t: t, store: newStore(t), scope: newScope(t)}
	o.members = members{"alice": o.scope}
	l.write(t, o.store, o.scope)
	service := &cost.Service{Store: o.store, Clock: func() time.Time { return calendar.Date(2026, 3, 10).Time() }}
	var err error
	o.handler, err = route.Handler(service.Operations(), o.members, route.Options{Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	return o
}

// ask gets a path below the office's tenant.
func (o *office) ask(token, path string, headers ...string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, "/v1/tenants/"+string(o.scope.Tenant())+path, nil)
	r.Header.Set("Authorization", token)
	for i := 0; i < len(headers); i += 2 {
		r.Header.Set(headers[i], headers[i+1])
	}
	w := httptest.NewRecorder()
	o.handler.ServeHTTP(w, r)
	return w
}

func (o *office) costs(query string) *cost.Answer {
	w := o.ask("alice", "/costs?"+query)
	require.Equal(o.t, http.StatusOK, w.Code, w.Body.String())
	var a cost.Answer
	require.NoError(o.t, json.Unmarshal(w.Body.Bytes(), &a))
	return &a
}

const january26 = "start=2026-01-01&end=2026-02-01"

// usage is a charge of January 2026, by service and billed amount.
func usage(p tenant.ProjectID, service, amount string) charge {
	c := charge{project: p, source: "upload:aws", billing: calendar.Date(2026, 1, 1).Month(), day: calendar.Date(2026, 1, 31), tags: map[string]string{}}
	c.dims[focus.BillingCurrency], c.dims[focus.BillingAccountID], c.dims[focus.SubAccountID] = "USD", "b1", "s1"
	c.dims[focus.ServiceName], c.dims[focus.ChargeCategory], c.dims[focus.PricingUnit] = service, "Usage", "Hrs"
	for m := range c.amounts {
		c.amounts[m] = amount
	}
	return c
}

func shop(charges ...charge) *ledger {
	return &ledger{
		projects: []project.Project{{ID: web, Name: "web", Environment: "production", Labels: map[string]string{"team": "a"}},
			{ID: api, Name: "api", Environment: "staging"}},
		charges: charges, open: time.Date(2026, 2, 3, 4, 5, 6, 0, time.UTC), names: map[string]string{"s1": "Shop"},
		tagKeys: func(batch) []string { return []string{"env"} },
	}
}

func TestCostsAnswersInTheDocumentedForm(t *testing.T) {
	null := usage(web, "", "")
	o := newOffice(t, shop(usage(web, "EC2", "2.50"), usage(api, "S3", "-0.5"), null))
	w := o.ask("alice", "/costs?"+january26+"&groupBy=serviceName,subAccountId")
	require.Equal(t, http.StatusOK, w.Code)
	require.JSONEq(t, `{"start":"2026-01-01","end":"2026-02-01","granularity":"monthly","metric":"effectiveCost","period":"charge","currency":"USD",
		"asOf":"2026-02-03T04:05:06Z","complete":true,"estimated":false,"final":false,"incomplete":[],"total":"2","absent":1,"groups":[
		{"key":{"serviceName":"EC2","subAccountId":"s1"},"total":"2.5","points":[{"date":"2026-01-01","amount":"2.5"}]},
		{"key":{"serviceName":"S3","subAccountId":"s1"},"total":"-0.5","points":[{"date":"2026-01-01","amount":"-0.5"}]},
		{"key":{"serviceName":null,"subAccountId":"s1"},"total":null,"absent":1,"points":[{"date":"2026-01-01","amount":null}]}],
		"names":{"subAccountId":{"s1":"Shop"}}}`, w.Body.String())
}

func TestCostsAnswersNothing(t *testing.T) {
	o := newOffice(t, shop())
	w := o.ask("alice", "/costs?start=2027-01-01&end=2027-02-01")
	require.JSONEq(t, `{"start":"2027-01-01","end":"2027-02-01","granularity":"monthly","metric":"effectiveCost","period":"charge","currency":"",
		"asOf":null,"complete":true,"estimated":false,"final":false,"incomplete":[],"total":"0","groups":[]}`, w.Body.String())
}

func TestCostsRefusesWithThePlace(t *testing.T) {
	o := newOffice(t, shop(usage(web, "EC2", "1")))
	many := strings.TrimSuffix(strings.Repeat("serviceName,", 20), ",")
	for name, c := range map[string]struct {
		query  string
		status int
		at     string
	}{
		"no start":                           {"end=2026-02-01", 422, "query.start"},
		"a day of the year 1":                {"start=0001-01-01&end=2026-02-01", 422, "query.start"},
		"a day that is none":                 {"start=2026-02-30&end=2026-04-01", 422, "query.start"},
		"an unknown parameter":               {january26 + "&colour=red", 422, "query.colour"},
		"an unknown dimension":               {january26 + "&groupBy=colour", 422, "query.groupBy[0]"},
		"20 dimensions":                      {january26 + "&groupBy=" + many, 422, "query.groupBy"},
		"an empty dimension":                 {january26 + "&groupBy=serviceName,", 422, "query.groupBy[1]"},
		"a filter of 10,000 characters":      {january26 + "&filter=serviceName:" + strings.Repeat("a", 10_000), 422, "query.filter"},
		"a filter without a value":           {january26 + "&filter=project:web&filter=serviceName", 422, "query.filter[1]"},
		"an unknown metric":                  {january26 + "&metric=netCost", 422, "query.metric"},
		"an unknown granularity":             {january26 + "&granularity=hourly", 422, "query.granularity"},
		"a limit over 1,000":                 {january26 + "&limit=1001", 422, "query.limit"},
		"a cursor nobody gave":               {january26 + "&cursor=abc", 400, "query.cursor"},
		"a currency in small letters":        {january26 + "&currency=usd", 422, "query.currency"},
		"a combination no view keeps":        {january26 + "&groupBy=skuId,tag:env", 422, "query.groupBy[0]"},
		"single days of resources":           {january26 + "&groupBy=resourceId&granularity=daily", 422, "query.granularity"},
		"parts of a month of invoices":       {"start=2026-01-02&end=2026-02-01&groupBy=invoiceId", 422, "query.start"},
		"a tag key that is not kept":         {january26 + "&groupBy=tag:owner", 422, "query.groupBy[0]"},
		"a filter on a key that is not kept": {january26 + "&filter=tag:owner:x", 422, "query.filter[0]"},
	} {
		t.Run(name, func(t *testing.T) {
			w := o.ask("alice", "/costs?"+c.query)
			require.Equal(t, c.status, w.Code, w.Body.String())
			var p route.Problem
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &p))
			require.NotEmpty(t, p.Errors, w.Body.String())
			require.Equal(t, c.at, p.Errors[0].Location, w.Body.String())
		})
	}
}

func TestCostsNamesEachProjectThatCannotBeAnswered(t *testing.T) {
	o := newOffice(t, shop(usage(web, "EC2", "1")))
	says := o.ask("alice", "/costs?"+january26+"&groupBy=skuId,tag:env").Body.String()
	require.Contains(t, says, `project \"web\" (`+string(web)+`)`)
	require.Contains(t, says, `project \"api\"`)
	require.Contains(t, says, "usage, which is without tag:env")
	require.Contains(t, says, "tags, which is without skuId")
	says = o.ask("alice", "/costs?"+january26+"&groupBy=tag:owner").Body.String()
	require.Contains(t, says, `project \"web\"`)
	require.Contains(t, says, "which has env and is without tag:owner")
	require.NotContains(t, says, `project \"api\"`)
}

func TestCostsAnswersInPart(t *testing.T) {
	l := shop(usage(web, "EC2", "1"), usage(api, "S3", "2"))
	l.charges[1].source = "upload:old"
	l.tagKeys = func(b batch) []string { return map[string][]string{"upload:aws": {"env"}}[b.source] }
	o := newOffice(t, l)
	require.Equal(t, 422, o.ask("alice", "/costs?"+january26+"&groupBy=tag:env").Code)
	a := o.costs(january26 + "&groupBy=tag:env&allowPartial=true")
	require.Equal(t, "1", a.Total.String())
	require.False(t, a.Complete)
	require.Len(t, a.Incomplete, 1)
	require.Equal(t, api, a.Incomplete[0].Project)
	require.Contains(t, a.Incomplete[0].Reason, "left out: of upload:old")
}

func TestCostsPages(t *testing.T) {
	l := shop()
	l.views = []document.View{document.Service}
	for i := range 2500 {
		l.charges = append(l.charges, usage(web, fmt.Sprintf("service %04d", i), fmt.Sprint(i+1)))
	}
	o := newOffice(t, l)
	var services []string
	query, pages := january26+"&groupBy=serviceName,subAccountId&granularity=total", 0
	next := ""
	for ; pages == 0 || next != ""; pages++ {
		a := o.costs(query + "&cursor=" + next)
		require.Equal(t, "3126250", a.Total.String())
		require.Equal(t, map[string]map[string]string{"subAccountId": {"s1": "Shop"}}, a.Names)
		for _, g := range a.Groups {
			services = append(services, *g.Key["serviceName"])
		}
		if next = a.Next; pages == 0 {
			require.Len(t, a.Groups, cost.MaxPage)
			require.Equal(t, 400, o.ask("alice", "/costs?"+query+"&top=3&cursor="+next).Code, "another question's cursor")
			other := newScope(t)
			o.members["bob"] = other
			l.write(t, o.store, other)
			r := httptest.NewRequest(http.MethodGet, "/v1/tenants/"+string(other.Tenant())+"/costs?"+query+"&cursor="+next, nil)
			r.Header.Set("Authorization", "bob")
			w := httptest.NewRecorder()
			o.handler.ServeHTTP(w, r)
			require.Equal(t, 400, w.Code, "another tenant's cursor")
		}
	}
	require.Equal(t, 3, pages)
	require.Len(t, services, 2500)
	require.Equal(t, "service 2499", services[0])
	require.Equal(t, "service 0000", services[2499])

	first := o.costs(query)
	l.charges[7].amounts[focus.EffectiveCost] = "1000000"
	l.write(t, o.store, o.scope)
	w := o.ask("alice", "/costs?"+query+"&cursor="+first.Next)
	require.Equal(t, 400, w.Code)
	require.Contains(t, w.Body.String(), "costs have changed")
}

func TestCostsAsCSV(t *testing.T) {
	formula := usage(api, `=cmd("x"), "y"`, "-3")
	formula.tags["env"] = "@here"
	o := newOffice(t, shop(usage(web, "EC2", "2.50"), usage(web, "S3", "0.1"), formula, usage(web, "", "")))
	for name, c := range map[string]struct{ query, want string }{
		"by month": {"&groupBy=serviceName", "serviceName,date,effectiveCost,currency\r\n" +
			"EC2,2026-01-01,2.5,USD\r\nS3,2026-01-01,0.1,USD\r\n\"'=cmd(\"\"x\"\"), \"\"y\"\"\",2026-01-01,-3,USD\r\n,2026-01-01,,USD\r\n"},
		"in total":    {"&granularity=total&metric=billedCost", "billedCost,currency\r\n-0.4,USD\r\n"},
		"the largest": {"&granularity=total&groupBy=serviceName&top=1", "serviceName,effectiveCost,currency,other\r\nEC2,2.5,USD,\r\nOther,-2.9,USD,true\r\n"},
		"by tag":      {"&granularity=total&groupBy=tag:env&filter=!tag:env:", "tag:env,effectiveCost,currency\r\n'@here,-3,USD\r\n"},
		"by project":  {"&granularity=total&groupBy=project&top=1", "project,effectiveCost,currency,other,projectName\r\n" + string(web) + ",2.6,USD,,web\r\nOther,-3,USD,true,\r\n"},
		"nothing":     {"&filter=project:none", "date,effectiveCost,currency\r\n"},
	} {
		t.Run(name, func(t *testing.T) {
			w := o.ask("alice", "/costs?"+january26+c.query, "Accept", "text/csv")
			require.Equal(t, 200, w.Code)
			require.Equal(t, "text/csv; charset=utf-8; header=present", w.Header().Get("Content-Type"))
			require.Equal(t, c.want, w.Body.String())
		})
	}
}

func TestCostsAsCSVHasAllGroups(t *testing.T) {
	l := shop()
	l.views = []document.View{document.Service}
	for i := range 1500 {
		l.charges = append(l.charges, usage(web, fmt.Sprint("s", i), "1"))
	}
	w := newOffice(t, l).ask("alice", "/costs?"+january26+"&groupBy=serviceName&limit=3", "Accept", "text/csv")
	require.Equal(t, 1501, strings.Count(w.Body.String(), "\r\n"))
}

func TestCostsTakesTheFormThatIsAccepted(t *testing.T) {
	o := newOffice(t, shop(usage(web, "EC2", "1")))
	for accept, csv := range map[string]bool{
		"": false, "*/*": false, "application/json": false, "text/csv": true, "TEXT/CSV; charset=utf-8": true, "text/csv, */*;q=0.1": true,
		"text/csv, application/json": true, "application/json, text/csv": false, "text/csv;q=0.5, application/json": false,
		"application/json;q=0.5,text/csv;q=0.90": true, "text/csv;q=0": false, "text/html": false,
	} {
		w := o.ask("alice", "/costs?"+january26, "Accept", accept)
		require.Equal(t, csv, strings.HasPrefix(w.Header().Get("Content-Type"), "text/csv"), "%q", accept)
	}
}

func TestDimensions(t *testing.T) {
	euro := usage(api, "S3", "1")
	euro.dims[focus.BillingCurrency] = "EUR"
	o := newOffice(t, shop(usage(web, "EC2", "1"), euro))
	var asked cost.Asked
	read := func(token string) {
		w := o.ask(token, "/dimensions")
		require.Equal(t, 200, w.Code, w.Body.String())
		asked = cost.Asked{}
		require.NoError(t, json.Unmarshal(w.Body.Bytes(), &asked))
	}
	read("alice")
	require.Equal(t, []string{"env"}, asked.TagKeys)
	require.Equal(t, []string{"team"}, asked.LabelKeys)
	require.Equal(t, []string{"EUR", "USD"}, asked.Currencies)
	require.Contains(t, asked.Dimensions, cost.AskedDimension{Name: "tag:env", Views: []document.View{document.Tags}})
	require.Contains(t, asked.Dimensions, cost.AskedDimension{Name: "label:team", Views: document.Views})
	require.Contains(t, asked.Dimensions, cost.AskedDimension{Name: "providerName", Views: []document.View{document.Service, document.Usage}})
	o.members["limited"] = scopeOf(t, o.scope.Tenant(), api)
	read("limited")
	require.Equal(t, []string{"EUR"}, asked.Currencies)
	require.Empty(t, asked.LabelKeys)
}

func TestDimensionValues(t *testing.T) {
	hidden := usage(api, "Hidden", "1")
	hidden.dims[focus.SubAccountID], hidden.day, hidden.billing = "s2", calendar.Date(2025, 12, 3), calendar.Date(2025, 12, 3).Month()
	o := newOffice(t, shop(usage(web, "EC2", "1"), usage(web, "", "1"), usage(web, "Elastic", "0"), hidden))
	o.members["limited"] = scopeOf(t, o.scope.Tenant(), web)
	for name, c := range map[string]struct{ token, path, want string }{
		"all, null first":           {"alice", "serviceName/values", `{"items":[{"value":null},{"value":"EC2"},{"value":"Elastic"},{"value":"Hidden"}]}`},
		"of the range":              {"alice", "serviceName/values?start=2025-12-01&end=2026-01-01", `{"items":[{"value":"Hidden"}]}`},
		"that begin so":             {"alice", "serviceName/values?prefix=e", `{"items":[{"value":"EC2"},{"value":"Elastic"}]}`},
		"whose names begin so":      {"alice", "subAccountId/values?prefix=sHo", `{"items":[{"value":"s1","name":"Shop"}]}`},
		"of the projects seen":      {"limited", "subAccountId/values", `{"items":[{"value":"s1","name":"Shop"}]}`},
		"of currencies":             {"alice", "currency/values", `{"items":[{"value":"USD"}]}`},
		"of a tag":                  {"alice", "tag:env/values", `{"items":[{"value":null}]}`},
		"of a tag nobody keeps":     {"alice", "tag:owner/values", `{"items":[]}`},
		"of a tag key with a slash": {"alice", url.PathEscape("tag:kubernetes.io/name") + "/values", `{"items":[]}`},
		"of environments":           {"alice", "environment/values", `{"items":[{"value":null},{"value":"production"},{"value":"staging"}]}`},
		"of a label":                {"alice", url.PathEscape("label:team") + "/values", `{"items":[{"value":null},{"value":"a"}]}`},
		"of projects, those seen":   {"limited", "project/values", `{"items":[{"value":"` + string(web) + `","name":"web"}]}`},
	} {
		t.Run(name, func(t *testing.T) {
			w := o.ask(c.token, "/dimensions/"+c.path)
			require.Equal(t, 200, w.Code, w.Body.String())
			require.JSONEq(t, c.want, w.Body.String())
		})
	}
	t.Run("by pages", func(t *testing.T) {
		var page route.Page[cost.Value]
		var all []string
		for next, n := "", 0; n == 0 || next != ""; n++ {
			w := o.ask("alice", "/dimensions/serviceName/values?limit=3&cursor="+next)
			page = route.Page[cost.Value]{}
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &page))
			for _, v := range page.Items {
				all = append(all, deref(v.Value))
			}
			next = page.Next
		}
		require.Equal(t, []string{"", "EC2", "Elastic", "Hidden"}, all)
	})
	for path, status := range map[string]int{
		"colour/values": 422, "resourceId/values?start=2026-01-02": 422, "serviceName/values?start=x": 422,
		"serviceName/values?start=2026-01-02&end=2026-01-02": 422, "serviceName/values?cursor=x": 400,
	} {
		require.Equal(t, status, o.ask("alice", "/dimensions/"+path).Code, path)
	}
}

func TestOperationsAreTheTenantsOwn(t *testing.T) {
	o := newOffice(t, shop(usage(web, "EC2", "1")))
	for _, path := range []string{"/costs?" + january26, "/dimensions", "/dimensions/serviceName/values"} {
		require.Equal(t, 404, o.ask("bob", path).Code)
	}
}

func TestOperationsAreDocumented(t *testing.T) {
	doc, err := route.OpenAPI((*cost.Service)(nil).Operations(), route.Info{Title: "t", Version: "1"})
	require.NoError(t, err)
	for _, says := range []string{"allowPartial", "text/csv", "CostAnswer", `\"other\": true`} {
		require.Contains(t, string(doc), says)
	}
}

func viewsOf(d cost.Dimension) string {
	var all []string
	for _, v := range document.Views {
		if d.In(v) {
			all = append(all, string(v))
		}
	}
	return strings.Join(all, " ")
}
