package usage

import (
	"context"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Days gives what was used from the first day to the last, without days of no use.
func Days(ctx context.Context, st *store.Store, scope *tenant.Scope, first, last calendar.Day) ([]Day, error) {
	counts, err := (&Service{Store: st}).counts(ctx, scope, first, last)
	if err != nil {
		return nil, err
	}
	var a Answer
	err = a.fill(counts)
	return a.Days, err
}
