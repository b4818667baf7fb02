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
	})
}
