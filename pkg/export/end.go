package export

import (
	"context"
	"errors"
	"fmt"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/job"
	"github.com/tenantry/tenantry/pkg/organization"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// ending is an archive that is to be erased.
type ending struct {
	Tenant tenant.ID       `json:"tenant"`
	Export tenant.ExportID `json:"export"`
}

const atOnce = 100

// End erases the archives whose time is over. What cannot be erased now is met again the next time; the others are erased all
// the same.
func (s *Service) End(ctx context.Context, _ job.Message) error {
	d := s.Store.Directory()
	var failed error
	for after := ""; ; {
		page, err := d.Query(ctx, store.ExportEnds(s.Clock()), store.List{After: after, Limit: atOnce, Consistency: store.Strongly})
		if err != nil {
			return fmt.Errorf("list archives that end: %w", err)
		}
		for _, r := range page.Records {
			var e ending
			if err := r.Value.Decode(&e); err != nil {
				failed = errors.Join(failed, err)
				continue
			}
			if err := s.erase(ctx, e); err != nil {
				failed = errors.Join(failed, fmt.Errorf("erase an archive: %w", err))
				continue
			}
			if err := d.Write(ctx, store.DirectoryChange{Action: store.Delete, Key: store.ExportEndAt(r.Address.SK)}); err != nil {
				failed = errors.Join(failed, err)
			}
		}
		if after = page.Next; after == "" {
			break
		}
	}
	if failed != nil {
		return fault.Wrap(failed, fault.Unavailable, "Not all archives could be erased.")
	}
	return nil
}

// erase takes away the files of one archive. A tenant that is no more has none.
func (s *Service) erase(ctx context.Context, e ending) error {
	scope, err := organization.See(ctx, s.Store, e.Tenant, string(Ending))
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	t, err := s.Store.Tenant(scope)
	if err != nil {
		return err
	}
	var x record
	version, err := t.Read(ctx, store.Export(e.Export), &x)
	if err != nil || version == 0 {
		return err
	}
	for place := range 2 {
		if err := s.Files.Remove(ctx, scope, restName(e.Export, x.Attempt, place)); err != nil {
			return err
		}
	}
	return s.Files.Remove(ctx, scope, archiveName(e.Export, x.Attempt))
}
