package resource

import (
	"context"
	"errors"

	"github.com/tenantry/tenantry/pkg/store"
)

// Of gives all that is kept of an account, what is gone among it, as its last survey has told: without IDs, each with the project that it
// is in. There is nothing of an account that was never looked at.
func Of(ctx context.Context, h *store.Tenant, account string) ([]Resource, error) {
	for attempt := range attempts {
		if err := pause(ctx, attempt); err != nil {
			return nil, err
		}
		x, _, err := readHead(ctx, h)
		if err != nil {
			return nil, err
		}
		a := x.of(account)
		if a == nil {
			return nil, nil
		}
		sheets, err := get(ctx, h, a.keys())
		if errors.Is(err, errMoved) {
			continue
		}
		if err != nil {
			return nil, err
		}
		return a.resources(sheets), nil
	}
	return nil, ErrOvertaken
}

// resources gives those of an account's parts, which are in the order of its keys.
func (a *account) resources(sheets []*sheet) (all []Resource) {
	n := 0
	for _, from := range a.Holdings {
		for range from.Parts {
			for i := range sheets[n].Head {
				r := sheets[n].resource(i)
				r.AccountID, r.ProjectID = a.ID, from.Project
				all = append(all, r)
			}
			n++
		}
	}
	return all
}
