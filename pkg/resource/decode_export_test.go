package resource

import "github.com/tenantry/tenantry/pkg/packed"

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
