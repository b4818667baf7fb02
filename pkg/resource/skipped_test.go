package resource_test

import (
	"crypto/rand"
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/resource"
	"github.com/tenantry/tenantry/pkg/tenant"
)

func TestWhatCouldNotBeReadIsToldBriefly(t *testing.T) {
	app := apptest.New(t)
	scope, err := tenant.Work(app.Alice.Tenant, "test")
	require.NoError(t, err)
	h, err := app.Store.Tenant(scope)
	require.NoError(t, err)
	k := resource.Keeper{Clock: app.Now, Random: rand.Reader}
	const accounts = 40
	for i := range accounts {
		s := resource.Survey{Account: fmt.Sprintf("1111%08d", i), At: app.Now()}
		for n := range 60 {
			s.Looks = append(s.Looks, resource.Look{Region: "eu-west-1", Types: []string{fmt.Sprint("ec2:type-", n)}, Service: fmt.Sprint("things ", n), Reason: "denied"})
		}
		_, err := k.Commit(t.Context(), h, s)
		require.NoError(t, err)
	}
	var list struct{ Accounts []resource.Origin }
	app.Alice.Get(t, app.Alice.Path("/resources?limit=1")).Is(t, 200).Into(t, &list)
	require.Len(t, list.Accounts, accounts)
	told := 0
	for i, a := range list.Accounts {
		require.NotEmpty(t, a.Skipped, "that something is missing is never left out")
		require.Contains(t, a.Skipped[len(a.Skipped)-1].Reason, "than is told here")
		if told += len(a.Skipped); i == 0 {
			require.Len(t, a.Skipped, 20)
		}
	}
	require.LessOrEqual(t, told, 500+accounts)
}
