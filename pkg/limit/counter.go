package limit

import (
	"context"
	"fmt"
	"time"

	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Counter reads what is taken of tenants' rates. Both fields are needed.
type Counter struct {
	Store *store.Store
	Clock func() time.Time
}

// Used gives how many requests of the present minute the processes have taken for the scope's tenant: what they let pass, but for the
// first Free of each, and what they have leased and not used.
func (c *Counter) Used(ctx context.Context, scope *tenant.Scope) (map[string]int64, error) {
	h, err := c.Store.Tenant(scope)
	if err != nil {
		return nil, err
	}
	var counter struct {
		Taken int64 `json:"taken"`
	}
	if _, err := h.Read(ctx, store.Rate(c.Clock().UTC().Truncate(window)), &counter); err != nil {
		return nil, fmt.Errorf("read a tenant's rate: %w", err)
	}
	return map[string]int64{"requestsPerMinute": min(counter.Taken, scope.Standing().Plan.Limits().RequestsPerMinute)}, nil
}
