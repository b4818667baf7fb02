package api_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/api"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// What GET /v1/me lists of a limited member's permissions rests on this.
func TestAPermissionIsOfTheWholeWhereAllItsOperationsAre(t *testing.T) {
	within, all := map[tenant.Permission]bool{}, map[tenant.Permission]bool{}
	for _, o := range api.Operations() {
		if o.Reach != "" {
			all[o.Permission] = true
			within[o.Permission] = within[o.Permission] || o.Reach == route.Within
		}
	}
	for _, p := range tenant.Owner.Permissions() {
		require.True(t, all[p], "%s is of no operation", p)
		require.Equal(t, !within[p], p.OfWhole(), p)
	}
}
