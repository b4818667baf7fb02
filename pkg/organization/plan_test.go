package organization_test

import (
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/audit"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/organization"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store/storetest"
	"github.com/tenantry/tenantry/pkg/tenant"
)

func planOf(a *apptest.App, plan string) organization.PlanChange {
	return organization.PlanChange{TenantID: string(a.Alice.Tenant), Plan: plan, By: "ops@example.com", Reason: "contract 4711"}
}

func TestATenantIsShownWithItsPlansLimits(t *testing.T) {
	a := apptest.New(t)
	var o organization.Organization
	a.Alice.Get(t, a.Alice.Path("")).Is(t, 200).Into(t, &o)
	limits := tenant.Enterprise.Limits()
	require.Equal(t, &limits, o.Limits)
	var list route.Page[organization.Organization]
	a.Alice.Get(t, "/v1/tenants").Is(t, 200).Into(t, &list)
	require.Equal(t, &limits, list.Items[0].Limits, "in lists too")
}

func TestTheOperatorChangesThePlan(t *testing.T) {
	a := apptest.New(t)
	path, projects := a.Alice.Path(""), a.Alice.Path("/projects")
	for i := range 6 {
		a.Alice.Do(t, "POST", projects, body{"name": fmt.Sprint("p", i), "environment": "test"}).Is(t, 201)
	}
	policy := func() string { return a.Alice.Get(t, path).Is(t, 200).Header.Get("RateLimit-Policy") }
	require.Equal(t, `"requests";q=60000;w=60`, policy())
	o, err := a.SetPlan(t.Context(), planOf(a, "free"))
	require.NoError(t, err)
	require.Equal(t, tenant.Free, o.Plan)
	require.Equal(t, int64(5), o.Limits.Projects)

	a.Advance(time.Minute)
	require.Equal(t, `"requests";q=600;w=60`, policy(), "within a minute")
	a.Alice.Do(t, "POST", projects, body{"name": "more", "environment": "test"}).Fails(t, 403, "limit of projects of 5")
	var page route.Page[struct{ ID string }]
	a.Alice.Get(t, projects).Is(t, 200).Into(t, &page)
	require.Len(t, page.Items, 7, "what is there stays")
	a.Alice.Do(t, "PATCH", projects+"/"+page.Items[6].ID, body{"name": "renamed"}).Is(t, 200)

	var rows route.Page[audit.Row]
	a.Alice.Get(t, a.Alice.Path("/audit?actor=operator")).Is(t, 200).Into(t, &rows)
	require.Len(t, rows.Items, 1)
	row := rows.Items[0]
	require.Equal(t, "setPlan", row.Operation)
	require.Equal(t, tenant.Platform, row.Credential)
	require.Equal(t, "ops@example.com: contract 4711", row.Reason)
	require.Contains(t, row.Changes, audit.Field{Name: "plan", Before: `"enterprise"`, After: `"free"`})

	a.Faults.Plan(nil)
	_, err = a.SetPlan(t.Context(), planOf(a, "free"))
	require.NoError(t, err)
	require.Zero(t, a.Faults.Calls(storetest.Write), "the plan it has")
}

func TestThePlanOfATenantThatRestsCanBeChanged(t *testing.T) {
	a := apptest.New(t)
	a.Alice.Do(t, "POST", a.Alice.Path("/suspend"), nil).Is(t, 200)
	o, err := a.SetPlan(t.Context(), planOf(a, "team"))
	require.NoError(t, err)
	require.Equal(t, tenant.Team, o.Plan)
	require.Equal(t, tenant.Suspended, o.Status)
}

func TestPlanChangesThatAreRefused(t *testing.T) {
	a := apptest.New(t)
	for name, c := range map[string]struct {
		change func(*organization.PlanChange)
		kind   fault.Kind
	}{
		"a plan that there is not":   {func(c *organization.PlanChange) { c.Plan = "gold" }, fault.Invalid},
		"nobody who does it":         {func(c *organization.PlanChange) { c.By = " " }, fault.Invalid},
		"no reason":                  {func(c *organization.PlanChange) { c.Reason = "" }, fault.Invalid},
		"a tenant that there is not": {func(c *organization.PlanChange) { c.TenantID = apptest.Never("tenantId") }, fault.NotFound},
		"what is no ID":              {func(c *organization.PlanChange) { c.TenantID = "x" }, fault.NotFound},
	} {
		t.Run(name, func(t *testing.T) {
			change := planOf(a, "free")
			c.change(&change)
			_, err := a.SetPlan(t.Context(), change)
			require.True(t, fault.Is(err, c.kind), "%v", err)
		})
	}
	a.Alice.Do(t, "PATCH", a.Alice.Path(""), body{"name": "a", "plan": "enterprise"}).Fails(t, 422, "plan")
}
