package metric

import (
	"context"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/packed"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Encode packs series of a month and a type, for tests.
func Encode(m calendar.Month, kind string, all []*Series) ([]packed.Item, error) {
	return encode(m, kind, all)
}

// Decode reads a part, for tests.
func Decode(item packed.Item) ([]*Series, error) { return decode(item) }

// Left is for how long something may wait for its end.
const Left = left

// Look reads series as a list does, for tests.
func (s *Service) Look(ctx context.Context, h *store.Tenant, id tenant.ID, p tenant.ProjectID, start, end calendar.Day, types ...string) ([]Shown, error) {
	all, _, err := s.look(ctx, h, &query{tenant: id, project: p, start: start, end: end, types: types})
	return all, err
}
