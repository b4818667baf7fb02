package erasure_test

import (
	"context"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/delivery"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// opening does something, once, when a file is opened.
type opening struct {
	delivery.Files
	do func()
}

func (o *opening) Open(ctx context.Context, s *tenant.Scope, name string) (delivery.File, error) {
	f, err := o.Files.Open(ctx, s, name)
	if do := o.do; do != nil {
		o.do = nil
		do()
	}
	return f, err
}

// A worker that has opened a file sleeps while the tenant ends and is erased, and goes on; an address for an upload is used after
// that. Neither brings anything back.
func TestWhoComesLateBringsNothingBack(t *testing.T) {
	on(t, func(t *testing.T, a *apptest.App) {
		deletes := func() { a.Alice.Do(t, "DELETE", a.Alice.Path("?name=alice%27s"), nil).Is(t, 202) }
		fill(t, a, a.Alice)
		address := announced(t, a.Alice)
		require.Less(t, upload(t, a, announced(t, a.Alice), costs()), 300)
		var others map[string]string
		a.Deliveries.Files = &opening{a.Deliveries.Files, func() {
			deletes()
			require.Equal(t, 403, upload(t, a, address, costs()), "an address is worth nothing while the tenant rests")
			_, others = about(t, a, a.Alice.Tenant)
			a.Advance(apptest.Grace)
			erase(t, a)
			requireErased(t, a, others)
		}}
		a.WorkLate()
		require.NotNil(t, others, "the worker was in the middle of it")
		require.Equal(t, 403, upload(t, a, address, costs()))
		requireErased(t, a, others)
	})
}
