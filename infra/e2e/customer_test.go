package e2e_test

import (
	"bytes"
	"encoding/json"
	"io"
	"net/http"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/infra/e2e"
	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cloud/customertest"
	"github.com/tenantry/tenantry/pkg/collect/aws/cesim"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/identity/localissuer"
	"github.com/tenantry/tenantry/pkg/money"
)

// caller is a person who calls the API; base changes when the platform is built anew.
type caller struct{ base, token string }

func call(t *testing.T, p *e2e.Platform, i *localissuer.Issuer, subject string) *caller {
	token, err := i.Token(subject, "")
	require.NoError(t, err)
	return &caller{p.URL, token}
}

func (c *caller) do(t *testing.T, status int, method, path string, body any) map[string]any {
	b, err := json.Marshal(body)
	require.NoError(t, err)
	r, err := http.NewRequestWithContext(t.Context(), method, c.base+path, bytes.NewReader(b))
	require.NoError(t, err)
	if r.Header.Set("Authorization", "Bearer "+c.token); body != nil {
		r.Header.Set("Content-Type", "application/json")
	} else {
		r.Body = http.NoBody
	}
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	all, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Equal(t, status, answer.StatusCode, "%s %s: %s", method, path, all)
	out := map[string]any{}
	if len(all) > 0 {
		require.NoError(t, json.Unmarshal(all, &out), string(all))
	}
	return out
}

const account = "777755550001"

// customer connects an account of a customer's and collects its costs, once because a person asks and once because the clock does; it gives
// the tenant's path, and what asks for all that can be seen there.
func customer(t *testing.T, c *e2e.Cloud, p *e2e.Platform, i *localissuer.Issuer) string {
	clouds, sim := customertest.Over(t, c.Moto), cesim.New(t, cesim.Options{Clock: time.Now})
	clouds.Bill(sim)
	c.Account.Beyond(clouds)
	yesterday := calendar.DayOf(time.Now()) - 1
	quantity := money.MustParse("1")
	sim.Set([]cesim.Charge{{RecordType: "Usage", Record: focus.Record{BillingPeriodStart: yesterday.Month().First().Time(), BillingPeriodEnd: (yesterday.Month() + 1).First().Time(),
		ChargePeriodStart: yesterday.Time(), ChargePeriodEnd: (yesterday + 1).Time(), BillingAccountID: account, SubAccountID: account, ServiceName: "Amazon S3",
		RegionID: "us-east-1", ChargeCategory: "Usage", ProviderName: "AWS", InvoiceIssuerName: "Amazon Web Services, Inc.", BilledCost: money.MustParse("1.0000000001"),
		EffectiveCost: money.MustParse("1.0000000001"), BillingCurrency: "USD", PricingUnit: "Hrs", PricingQuantity: &quantity}}})
	dana := call(t, p, i, "dana")
	base := "/v1/tenants/" + dana.do(t, 201, "POST", "/v1/tenants", map[string]any{"name": "ABC"})["id"].(string)
	con := dana.do(t, 201, "POST", base+"/connections", map[string]any{"name": "production", "accountId": account, "regions": []string{"us-east-1"},
		"project": map[string]string{"name": "web", "environment": "production"}})
	role := clouds.Role(t, account, "read", customertest.Trust(customertest.Platform, con["externalId"].(string)))
	var actions []string
	for _, a := range connection.Actions() {
		actions = append(actions, a.Name)
	}
	clouds.Allow(t, account, "read", actions...)
	one := base + "/connections/" + con["id"].(string)
	dana.do(t, 200, "PATCH", one, map[string]string{"roleArn": role})
	require.Equal(t, "connected", dana.do(t, 200, "POST", one+"/verify", nil)["status"])
	p.Drain(t)
	runs := base + "/projects/" + con["projectId"].(string) + "/runs"
	run := dana.do(t, 202, "POST", runs, map[string]string{"kind": "costs"})
	p.Drain(t)
	is := dana.do(t, 200, "GET", runs+"/"+run["id"].(string), nil)
	require.Equal(t, "succeeded", is["status"], is)
	require.Equal(t, "1.0000000001", costs(t, dana, base)["total"])
	require.Positive(t, p.Tick(t, "costs", time.Now()), "schedules of the project")
	p.Drain(t)
	require.Len(t, dana.do(t, 200, "GET", runs+"?kind=costs", nil)["items"], 2)
	require.Empty(t, clouds.Refused())
	return base
}

func costs(t *testing.T, c *caller, base string) map[string]any {
	today := calendar.DayOf(time.Now())
	return c.do(t, 200, "GET", base+"/costs?metric=billedCost&granularity=daily&groupBy=serviceName&start="+(today.Month()-1).First().String()+"&end="+(today+1).String(), nil)
}

// answers are all that a tenant is told.
func answers(t *testing.T, p *e2e.Platform, i *localissuer.Issuer, base string) map[string]any {
	dana, all := call(t, p, i, "dana"), map[string]any{}
	all["costs"] = costs(t, dana, base)
	for _, path := range []string{"", "/projects", "/connections", "/members", "/imports", "/tag-keys", "/resources", "/exports", "/api-keys"} {
		all[path] = dana.do(t, 200, "GET", base+path, nil)
	}
	return all
}

// schedules are all of the tenants', as EventBridge Scheduler has them, but for when they were made.
func schedules(t *testing.T, p *e2e.Platform) map[string]string {
	all := map[string]string{}
	for _, s := range p.Schedules(t) {
		all[*s.GroupName+"/"+*s.Name] = string(s.State) + " " + *s.ScheduleExpression + " " + *s.Target.Arn + " " + *s.Target.Input
	}
	return all
}
