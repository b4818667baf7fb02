package blob_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/blob"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Whatever a file is called, its key stays below the tenant's folder, or there is none.
func TestAKeyIsBelowItsTenant(t *testing.T) {
	id, err := tenant.NewID(time.Unix(1, 0), strings.NewReader(strings.Repeat("x", 16)))
	require.NoError(t, err)
	scope, err := tenant.Work(id, "test")
	require.NoError(t, err)
	rapid.Check(t, func(t *rapid.T) {
		name := rapid.OneOf(rapid.StringMatching(`[a./\\ ]{0,12}`), rapid.String()).Draw(t, "name")
		key, err := blob.Key(scope, name)
		if err != nil {
			require.Equal(t, fault.NotFound, fault.KindOf(err))
			return
		}
		require.Equal(t, "tenants/"+string(id)+"/"+name, key)
		for part := range strings.SplitSeq(key, "/") {
			require.NotContains(t, []string{"", ".", ".."}, part)
		}
		of, same, ok := blob.Owner(key)
		require.True(t, ok)
		require.Equal(t, id, of)
		require.Equal(t, name, same)
	})
}

// What has an owner is a key that Key gives to the owner's scope, and nothing else has one.
func FuzzOwner(f *testing.F) {
	const id = "ten_01J00000000000000000000000"
	for _, key := range []string{
		"tenants/" + id + "/deliveries/d/0", "tenants/" + id + "/a", "tenants/" + id, "tenants/" + id + "/", "tenants/" + id + "/.", "tenants/" + id + "/../x",
		"tenants//a", "tenants/ten_x/a", "tenants/tenants/" + id + "/a", "tenants/" + strings.ToLower(id) + "/a", id + "/a", "/tenants/" + id + "/a", "",
	} {
		f.Add(key)
	}
	f.Fuzz(func(t *testing.T, key string) {
		of, name, ok := blob.Owner(key)
		if !ok {
			require.Empty(t, of)
			require.Empty(t, name)
			return
		}
		scope, err := tenant.Work(of, "test")
		require.NoError(t, err)
		same, err := blob.Key(scope, name)
		require.NoError(t, err)
		require.Equal(t, same, key)
	})
}

func TestWhatIsNobodysKeyHasNoOwner(t *testing.T) {
	const id = "ten_01J00000000000000000000000"
	of, name, ok := blob.Owner("tenants/" + id + "/deliveries/d/0")
	require.True(t, ok)
	require.Equal(t, "deliveries/d/0", name)
	require.Equal(t, tenant.ID(id), of)
	for name, key := range map[string]string{
		"none":                  "",
		"no name":               "tenants/" + id,
		"an empty name":         "tenants/" + id + "/",
		"the folder itself":     "tenants/" + id + "/.",
		"one that climbs":       "tenants/" + id + "/../" + id + "/a",
		"another folder":        "incoming/" + id + "/a",
		"no folder":             id + "/a",
		"an absolute path":      "/tenants/" + id + "/a",
		"the folder twice":      "tenants/tenants/" + id + "/a",
		"an ID that is none":    "tenants/ten_x/a",
		"an ID of another sort": "tenants/prj_01J00000000000000000000000/a",
	} {
		t.Run(name, func(t *testing.T) {
			_, _, ok := blob.Owner(key)
			require.False(t, ok, key)
		})
	}
}
