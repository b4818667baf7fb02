package delivery

import (
	"context"
	"fmt"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/job"
	"github.com/tenantry/tenantry/pkg/organization"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Wake is the job that has what came while a tenant rested be read: its messages were refused.
const Wake job.Kind = "wake"

// Works lists what jobs there are.
func (s *Service) Works() []job.Work { return []job.Work{{Kind: Wake, Once: s.wake}} }

// wake sends the messages of all deliveries that wait for one again. Those that come twice do no harm.
func (s *Service) wake(ctx context.Context, m job.Message) error {
	scope, err := organization.Work(ctx, s.Store, m.Tenant, string(Wake))
	if fault.Is(err, fault.NotFound) {
		return nil // it rests again
	}
	if err != nil {
		return err
	}
	t, err := s.Store.Tenant(scope)
	if err != nil {
		return err
	}
	for l := (store.List{Consistency: store.Strongly}); ; {
		page, err := t.Query(ctx, store.Deliveries(), l)
		if err != nil {
			return fmt.Errorf("list deliveries: %w", err)
		}
		for _, r := range page.Records {
			var d Delivery
			if err := r.Value.Decode(&d); err != nil {
				return fmt.Errorf("list deliveries: %w", err)
			}
			if err := s.remind(ctx, scope, &d); err != nil {
				return err
			}
		}
		if l.After = page.Next; l.After == "" {
			return nil
		}
	}
}

// remind sends the message that a delivery waits for, if it waits for one.
func (s *Service) remind(ctx context.Context, scope *tenant.Scope, d *Delivery) error {
	m := Message{Kind: Closed, Tenant: scope.Tenant(), Delivery: d.ID}
	switch alone := d.ProjectID != "" && len(d.Files) == 1; {
	case d.Status == Queued, d.Status == Running:
	case d.Status == Awaiting && alone: // its only file closes it
		f, err := s.Files.Open(ctx, scope, Name(d.ID, 0))
		if fault.Is(err, fault.NotFound) {
			return nil
		}
		if err != nil {
			return err
		}
		m.Kind, m.Size = Uploaded, f.Size()
		if err := f.Close(); err != nil {
			return err
		}
	default:
		return nil
	}
	return s.Queue.Send(ctx, m)
}
