package main_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cloud/customertest"
	"github.com/tenantry/tenantry/pkg/cloud/mototest"
	"github.com/tenantry/tenantry/pkg/collect/aws/cesim"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/money"
)

// TestARunThatAKillEndsIsFinished kills the platform while it asks Cost Explorer, in an account that was connected by its role: nothing of
// it is seen, and the next start finishes the run.
func TestARunThatAKillEndsIsFinished(t *testing.T) {
	const account = "777700000011"
	clouds, sim := customertest.Over(t, mototest.Start(t)), cesim.New(t, cesim.Options{Clock: time.Now})
	clouds.Bill(sim)
	day := calendar.DayOf(time.Now()) - 2
	sim.Set([]cesim.Charge{{RecordType: "Usage", Record: focus.Record{ChargePeriodStart: day.Time(), ChargePeriodEnd: (day + 1).Time(), SubAccountID: account,
		BillingAccountID: account, ServiceName: "Amazon S3", RegionID: "eu-west-1", ChargeCategory: "Usage", BilledCost: money.MustParse("1.0000000001"),
		EffectiveCost: money.MustParse("1.0000000001"), BillingCurrency: "USD"}}})
	asked, asking, killed := 0, make(chan struct{}), make(chan struct{})
	sim.Fail(func(cesim.Call) *cesim.Fault {
		if asked++; asked == 2 {
			close(asking)
			<-killed
		}
		return nil
	})
	data, env := t.TempDir(), append(mototest.Env(clouds.URL), "TENANTRY_PRINCIPAL_ARN="+customertest.Platform)
	p := start(t, data, env...)
	alice := p.as(t, "alice")
	tenant, project := alice.project(t)
	made := alice.do(t, 201, "POST", tenant+"/connections", map[string]string{"name": "production", "accountId": account})
	role := clouds.Role(t, account, "read", customertest.Trust(customertest.Platform, made["externalId"].(string)))
	alice.do(t, 200, "PATCH", tenant+"/connections/"+made["id"].(string), map[string]string{"roleArn": role})
	alice.do(t, 200, "PATCH", project, map[string]any{"accountIds": []string{account}})
	run := project + "/runs/" + alice.do(t, 202, "POST", project+"/runs", map[string]string{"kind": "costs"})["id"].(string)
	<-asking
	p.kill(t)
	close(killed)

	alice = start(t, data, env...).as(t, "alice")
	got := alice.until(t, run, "succeeded", "failed")
	require.Equal(t, "succeeded", got["status"], got)
	require.EqualValues(t, 2, got["attempts"])
	costs := tenant + "/costs?metric=billedCost&start=" + day.String() + "&end=" + (day + 1).String()
	require.Eventually(t, func() bool { return alice.do(t, 200, "GET", costs, nil)["total"] == "1.0000000001" }, 30*time.Second, 50*time.Millisecond)
	for _, c := range clouds.Calls() {
		require.Equal(t, customertest.Call{Action: c.Action, Account: account, Role: role, Session: "tenantry-" + tenant[len("/v1/tenants/"):]}, c)
	}
}

func TestARoleWhereNobodyKnowsWhomItTrusts(t *testing.T) {
	alice := start(t, t.TempDir()).as(t, "alice")
	tenant, _ := alice.project(t)
	made := alice.do(t, 201, "POST", tenant+"/connections", map[string]string{"name": "production", "accountId": "111122223333"})
	one := tenant + "/connections/" + made["id"].(string)
	for path, body := range map[string]any{"": map[string]string{"roleArn": "arn:aws:iam::111122223333:role/tenantry/r"}, "/setup": nil, "/template": nil, "/verify": nil} {
		method := map[string]string{"": "PATCH", "/setup": "GET", "/template": "GET", "/verify": "POST"}[path]
		answer := alice.do(t, 503, method, one+path, body)
		require.Contains(t, answer["detail"], "sets TENANTRY_PRINCIPAL_ARN")
		require.Contains(t, answer["detail"], "PATCH the connection with a `profile`")
	}
}
