package project_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/organization"
	"github.com/tenantry/tenantry/pkg/project"
	"github.com/tenantry/tenantry/pkg/tenant"
)

func TestArchivedProjectsLeaveRoomForOthers(t *testing.T) {
	a := apptest.New(t)
	_, err := a.SetPlan(t.Context(), organization.PlanChange{TenantID: string(a.Alice.Tenant), Plan: string(tenant.Free), By: "ops@example.com", Reason: "small"})
	require.NoError(t, err)
	used := func() int64 {
		s, err := organization.Work(t.Context(), a.Store, a.Alice.Tenant, "test")
		require.NoError(t, err)
		n, err := (&project.Service{Store: a.Store}).Used(t.Context(), s)
		require.NoError(t, err)
		return n["projects"]
	}
	var all []project.Project // beside the one that is there
	more := func() body {
		return body{"name": fmt.Sprint("p", len(all)), "environment": "test"}
	}
	for range 4 {
		all = append(all, create(t, a.Alice, more()))
	}
	path := a.Alice.Path("/projects")
	a.Alice.Do(t, "POST", path, more()).Fails(t, 403, "limit of projects of 5 that are not archived, and there are 5. Archive one")
	require.EqualValues(t, 5, used())
	for len(all) < 49 {
		a.Alice.Do(t, "POST", of(a.Alice, all[len(all)-1])+"/archive", nil).Is(t, 200)
		require.EqualValues(t, 4, used())
		all = append(all, create(t, a.Alice, more()))
	}
	back := body{"archived": false}
	a.Alice.Do(t, "PATCH", of(a.Alice, all[10]), back).Fails(t, 403, "limit of projects of 5 that are not archived")
	a.Alice.Do(t, "PATCH", of(a.Alice, all[10]), body{"name": "still"}).Is(t, 200)
	a.Alice.Do(t, "POST", of(a.Alice, all[0])+"/archive", nil).Is(t, 200)
	a.Alice.Do(t, "POST", path, more()).Fails(t, 403, "of 50 with archived ones, and there are 50. Projects cannot be deleted: PATCH an archived one")
	back["name"] = "again"
	a.Alice.Do(t, "PATCH", of(a.Alice, all[10]), back).Is(t, 200)
	require.EqualValues(t, 5, used())
}
