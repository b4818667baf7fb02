package organization_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/audit"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/organization"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// life asks for a change of Alice's tenant and gives what it is then.
func life(t *testing.T, a *apptest.App, method, below string, headers ...string) (o organization.Organization) {
	answer := a.Alice.Do(t, method, a.Alice.Path(below), nil, headers...)
	require.Less(t, answer.Status, 300, "%s", answer.Body)
	answer.Into(t, &o)
	var got organization.Organization
	a.Alice.Get(t, a.Alice.Path("")).Is(t, 200).Into(t, &got)
	require.Equal(t, got, o)
	return o
}

func TestSuspendAndActivate(t *testing.T) {
	a := apptest.New(t)
	o := life(t, a, "POST", "/suspend")
	require.Equal(t, tenant.Suspended, o.Status)
	require.Equal(t, o, life(t, a, "POST", "/suspend"), "again")
	_, err := organization.Work(t.Context(), a.Store, a.Alice.Tenant, "test")
	require.True(t, fault.Is(err, fault.NotFound), "a worker finds nothing to do")
	_, err = organization.See(t.Context(), a.Store, a.Alice.Tenant, "test")
	require.NoError(t, err)
	a.Bob.Do(t, "PATCH", a.Bob.Path(""), body{"name": "other"}).Is(t, 200)

	require.Equal(t, tenant.Active, life(t, a, "POST", "/activate").Status)
	a.Alice.Do(t, "PATCH", a.Alice.Path(""), body{"name": "other"}).Is(t, 200)
	_, err = organization.Work(t.Context(), a.Store, a.Alice.Tenant, "test")
	require.NoError(t, err)
}

func TestDeleteAndRestore(t *testing.T) {
	t.Run("asks for the name", func(t *testing.T) {
		a := apptest.New(t)
		a.Alice.Do(t, "DELETE", a.Alice.Path(""), nil).Fails(t, 422, "name")
		a.Alice.Do(t, "DELETE", a.Alice.Path("?name=Alice%27s"), nil).Fails(t, 422, "confirm")
		a.Alice.Do(t, "DELETE", a.Alice.Path("?name=alice%27s"), nil, `If-Match: "v9"`).Is(t, 412)
		require.Equal(t, tenant.Active, life(t, a, "POST", "/activate").Status)
	})
	t.Run("leaves a time of grace, in which owners bring it back as it was", func(t *testing.T) {
		for _, before := range []string{"/activate", "/suspend"} {
			a := apptest.New(t)
			was := life(t, a, "POST", before)
			o := life(t, a, "DELETE", "?name=alice%27s")
			require.Equal(t, tenant.Deleting, o.Status)
			require.Equal(t, a.Now().Add(apptest.Grace), *o.DeleteAfter)
			a.Advance(time.Minute)
			require.Equal(t, o, life(t, a, "DELETE", "?name=alice%27s"), "asked for again it does not take longer")
			a.Alice.Do(t, "POST", a.Alice.Path("/activate"), nil).Fails(t, 409, "Restore it first")
			a.Alice.Do(t, "POST", a.Alice.Path("/suspend"), nil).Fails(t, 409, "Restore it first")
			got := life(t, a, "POST", "/restore")
			was.UpdatedAt = got.UpdatedAt
			require.Equal(t, was, got)
		}
	})
	t.Run("is for owners alone, and so is the tenant until it ends", func(t *testing.T) {
		a := apptest.New(t)
		admin := a.Join(t, a.Alice.Tenant, "carol", tenant.Admin)
		for _, below := range []string{"/suspend", "/activate", "/restore"} {
			admin.Do(t, "POST", a.Alice.Path(below), nil).Fails(t, 403, "")
		}
		admin.Do(t, "DELETE", a.Alice.Path("?name=alice%27s"), nil).Fails(t, 403, "")
		a.Bob.Do(t, "DELETE", a.Alice.Path("?name=alice%27s"), nil).Fails(t, 404, "")
		life(t, a, "DELETE", "?name=alice%27s")
		admin.Get(t, a.Alice.Path("")).Fails(t, 403, "Ask an owner")
		var me struct {
			Tenants []struct {
				Status      tenant.Status
				Permissions []tenant.Permission
			}
		}
		admin.Get(t, "/v1/me").Is(t, 200).Into(t, &me)
		require.Equal(t, tenant.Deleting, me.Tenants[0].Status)
		require.Equal(t, []tenant.Permission{tenant.LeaveTenant}, me.Tenants[0].Permissions)
		admin.Do(t, "POST", a.Alice.Path("/leave"), nil).Is(t, 204)
		a.Alice.Do(t, "POST", a.Alice.Path("/leave"), nil).Fails(t, 409, "")
	})
}

func TestTheAuditLogTellsOfATenantsLife(t *testing.T) {
	a := apptest.New(t)
	for _, step := range [][2]string{{"POST", "/suspend"}, {"POST", "/activate"}, {"DELETE", "?name=alice%27s"}, {"POST", "/restore"}} {
		a.Advance(time.Second)
		life(t, a, step[0], step[1])
	}
	a.Advance(time.Second)
	var page route.Page[audit.Row]
	a.Alice.Get(t, a.Alice.Path("/audit?limit=4")).Is(t, 200).Into(t, &page)
	var told []string
	for _, r := range page.Items {
		told = append([]string{r.Operation + " " + string(r.Changes[len(r.Changes)-1].After)}, told...)
	}
	require.Equal(t, []string{`suspendTenant "suspended"`, `activateTenant "active"`, `deleteTenant "deleting"`, `restoreTenant "active"`}, told)
}

func TestALifeThatIsRepeatedHasNoSchedulesMatched(t *testing.T) {
	a := apptest.New(t)
	a.Connect(t, a.Alice.Tenant)
	for _, path := range []string{"/activate", "/restore"} {
		life(t, a, "POST", path)
		require.Empty(t, a.PendingJobs(), "it was active before")
	}
	for range 20 {
		life(t, a, "POST", "/suspend")
	}
	require.Len(t, a.PendingJobs(), 1)
}

func TestALifeThatIsRepeatedMakesNoWork(t *testing.T) {
	a := apptest.New(t)
	due := func() int {
		page, err := a.Store.Directory().Query(t.Context(), store.Erasures(a.Now().Add(1000*time.Hour)), store.List{Consistency: store.Strongly})
		require.NoError(t, err)
		return len(page.Records)
	}
	for range 20 {
		life(t, a, "POST", "/activate")
		life(t, a, "POST", "/restore")
	}
	require.Empty(t, a.PendingJobs(), "it was active before")
	for range 3 {
		life(t, a, "POST", "/suspend")
		for range 20 {
			life(t, a, "POST", "/activate")
		}
		require.Len(t, a.PendingJobs(), 1)
		a.WorkJobs(t)
	}
	for range 3 {
		life(t, a, "DELETE", "?name=alice%27s")
		require.Equal(t, 1, due())
		life(t, a, "POST", "/restore")
		require.Zero(t, due())
	}
	require.Len(t, a.PendingJobs(), 3, "one for each change")
	life(t, a, "DELETE", "?name=alice%27s")
	require.Equal(t, 1, due(), "in the same second as before")
}
