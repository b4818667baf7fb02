package resource

import (
	"context"

	"github.com/tenantry/tenantry/pkg/packed"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Encode and Decode are how snapshots are stored.
func Encode(all []Resource) ([]packed.Item, error) { return encode(all) }

// Decode gives the resources of a part.
func Decode(item packed.Item) (all []Resource, err error) {
	s, err := decode(item)
	if err != nil {
		return nil, err
	}
	for i := range s.Head {
		all = append(all, s.resource(i))
	}
	return all, nil
}

// Of answers listProjectResources in its default form.
func (s *Service) Of(ctx context.Context, id tenant.ID, p tenant.ProjectID, filters ...string) (*Listing, error) {
	scope, err := tenant.Work(id, "test")
	if err != nil {
		return nil, err
	}
	out, err := s.listProject(ctx, scope, &listProjectIn{ProjectID: string(p), Narrowing: Narrowing{Filter: filters, Sort: "name", Limit: 50}})
	if err != nil {
		return nil, err
	}
	return &out.Body, nil
}
