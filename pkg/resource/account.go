package resource

import (
	"context"
	"errors"

	"github.com/tenantry/tenantry/pkg/generation"
	"github.com/tenantry/tenantry/pkg/store"
)

// Of gives all that is kept of an account, what is gone among it, as its last survey has told: without IDs, each with the project that it
// is in. There is nothing of an account that was never looked at.
func Of(ctx context.Context, h *store.Tenant, id string) ([]Resource, error) {
	_, all, err := look(ctx, h, id, func(*account) error { return nil })
	return all, err
}

// look reads an account, of no generation where it was never looked at, and all that is kept of it. Between the two it does what
// first says.
func look(ctx context.Context, h *store.Tenant, id string, first func(*account) error) (now account, all []Resource, err error) {
	err = generation.Try(ctx, func() error {
		x, _, err := readHead(ctx, h)
		if err != nil {
			return err
		}
		now = account{ID: id}
		if a := x.of(id); a != nil {
			now = *a
		}
		if err := first(&now); err != nil {
			return err
		}
		sheets, err := generation.Get(ctx, h, now.keys(), decode)
		if err == nil {
			all = now.resources(sheets)
		}
		return err
	})
	if errors.Is(err, generation.ErrMoved) {
		err = ErrOvertaken
	}
	return now, all, err
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
