package delivery

import (
	"context"
	"fmt"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/job"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Wake is the job that has what came while a tenant rested be read: its messages were refused.
const Wake job.Kind = "wake"

// Works lists what jobs there are.
func (s *Service) Works() []job.Work { return []job.Work{{Kind: Wake, Step: s.wake, Endless: true}} }

// waking is how far a job is.
type waking struct {
	After string `json:"after"`
}

const woken = 100 // deliveries at once

// wake sends the messages of all deliveries that wait for one again. Those that come twice do no harm.
func (s *Service) wake(ctx context.Context, r *job.Run) (more bool, err error) {
	var at waking
	if err := r.Notes(&at); err != nil {
		return false, err
	}
	for begun := false; !begun || s.Clock().Before(r.Until); begun = true {
		page, err := r.Tenant.Query(ctx, store.Deliveries(), store.List{After: at.After, Limit: woken, Consistency: store.Strongly})
		if err != nil {
			return false, fmt.Errorf("list deliveries: %w", err)
		}
		for _, record := range page.Records {
			var d Delivery
			if err := record.Value.Decode(&d); err != nil {
				return false, fmt.Errorf("list deliveries: %w", err)
			}
			if err := s.remind(ctx, r.Scope, &d); err != nil {
				return false, err
			}
		}
		if at.After = page.Next; at.After == "" {
			return false, nil
		}
	}
	return true, r.Keep(at)
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
