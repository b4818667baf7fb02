// Package reconcile goes over all tenants and makes what lies outside of their tables follow them: schedules, both ways, and claims on
// accounts.
//
// It is done in pieces: each call goes on where the one before it came to its end or was killed, and the first call after the whole
// is done begins anew. What is right already is only read, so that doing it twice changes nothing.
package reconcile

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/organization"
	"github.com/tenantry/tenantry/pkg/schedule"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Schedules makes one tenant's schedules match: schedule.Service.
type Schedules interface {
	Match(ctx context.Context, id tenant.ID) (schedule.Counts, error)
}

// Claims gives up the claims on accounts of a tenant's connections that are no more: connection.Service.
type Claims interface {
	Sweep(ctx context.Context, scope *tenant.Scope) (int64, error)
}

// Service reconciles. All fields are needed.
type Service struct {
	Store     *store.Store
	Schedules Schedules
	Scheduler schedule.Scheduler
	Claims    Claims
	Clock     func() time.Time
	Log       *slog.Logger
}

// Report says what a reconciliation has come to, in all of its pieces.
type Report struct {
	Begun   time.Time `json:"begun"`
	Tenants int64     `json:"tenants"` // that were gone over
	Gone    int64     `json:"gone"`    // that had schedules and are not there any more
	Failed  int64     `json:"failed"`  // tenants that could not be gone over; the log says why, and the next reconciliation tries again
	schedule.Counts
	Claims int64 `json:"claims"` // on accounts, that were given up
	Done   bool  `json:"done"`   // else the next call goes on
}

// place is how far a reconciliation has come, as it is stored.
type place struct {
	Report
	Names bool      `json:"names"` // all tenants are gone over, and those that are none any more are looked for
	After string    `json:"after"` // of the list that is being gone over
	Until time.Time `json:"until"` // nobody else is at it before
}

// grace is how long after its time a call may still be at work.
const grace = 2 * time.Minute

// Reconcile goes on until all is done or the time has come. *Busy where another call is at it.
func (s *Service) Reconcile(ctx context.Context, until time.Time) (Report, error) {
	p, err := s.begin(ctx, until)
	if err != nil {
		return Report{}, err
	}
	for !p.Done && s.Clock().Before(until) && err == nil {
		step := s.listed
		if p.Names {
			step = s.named
		}
		if err = step(ctx, &p.place, until); err == nil {
			err = p.keep(ctx)
		}
	}
	if e := p.end(context.WithoutCancel(ctx)); err == nil {
		err = e
	}
	s.Log.InfoContext(ctx, "reconciliation", "report", p.Report, "error", err)
	return p.Report, err
}

// held is the place while this call has it.
type held struct {
	place
	directory *store.Directory
	version   int64
}

// begin takes the place, that of a new reconciliation where the last one is done.
func (s *Service) begin(ctx context.Context, until time.Time) (*held, error) {
	h := &held{directory: s.Store.Directory()}
	now := s.Clock().UTC().Truncate(time.Millisecond)
	var err error
	if h.version, err = h.directory.Read(ctx, store.Reconciliation(), &h.place); err != nil {
		return nil, fmt.Errorf("read how far the reconciliation is: %w", err)
	}
	if now.Before(h.Until) {
		return nil, fault.New(fault.Conflict, "Another reconciliation is under way, until %s at the latest.", h.Until.Format(time.RFC3339))
	}
	if h.version == 0 || h.Done {
		h.place = place{Report: Report{Begun: now}}
	}
	h.Until = until.Add(grace).UTC()
	return h, h.keep(ctx)
}

// keep writes the place, as long as nobody else has taken it.
func (h *held) keep(ctx context.Context) error {
	err := h.directory.Write(ctx, store.DirectoryChange{Key: store.Reconciliation(), Value: h.place, Condition: store.VersionIs(h.version)})
	if store.Conflicted(err) != nil {
		return fault.New(fault.Conflict, "Another reconciliation has begun.")
	}
	if err != nil {
		return fmt.Errorf("write how far the reconciliation is: %w", err)
	}
	h.version++
	return nil
}

// end gives the place to whoever comes next.
func (h *held) end(ctx context.Context) error {
	h.Until = time.Time{}
	return h.keep(ctx)
}

const perPage = 25 // tenants between two times that the place is kept

// listed goes over a page of the tenants that there are.
func (s *Service) listed(ctx context.Context, p *place, until time.Time) error {
	page, err := s.Store.Directory().Query(ctx, store.TenantEntries(), store.List{After: p.After, Limit: perPage, Consistency: store.Strongly})
	if err != nil {
		return fmt.Errorf("list tenants: %w", err)
	}
	for _, r := range page.Records {
		if !s.Clock().Before(until) {
			return nil
		}
		var t organization.Listed
		if err := r.Value.Decode(&t); err != nil {
			return fmt.Errorf("read a tenant of the list: %w", err)
		}
		if err := s.one(ctx, p, t.Tenant); err != nil {
			return err
		}
		p.Tenants++
		p.After = r.Address.SK
	}
	if p.After = page.Next; page.Next == "" {
		p.Names = true
	}
	return nil
}

// named goes over a page of the names of all schedules there are, for those of tenants that are not in the list.
func (s *Service) named(ctx context.Context, p *place, _ time.Time) error {
	names, next, err := s.Scheduler.Names(ctx, p.After)
	if err != nil && p.After != "" { // the place may be too old for it
		p.After = ""
		names, next, err = s.Scheduler.Names(ctx, "")
	}
	if err != nil {
		return err
	}
	seen := map[tenant.ID]bool{}
	for _, n := range names {
		if seen[n.Tenant] {
			continue
		}
		seen[n.Tenant] = true
		var listed organization.Listed
		version, err := s.Store.Directory().Read(ctx, store.TenantEntry(n.Tenant), &listed)
		if err != nil {
			return fmt.Errorf("look for a tenant: %w", err)
		}
		if version > 0 {
			continue
		}
		if err := s.one(ctx, p, n.Tenant); err != nil {
			return err
		}
		p.Gone++
	}
	p.After, p.Done = next, next == ""
	return nil
}

// one goes over one tenant. What fails with it holds nobody else up.
func (s *Service) one(ctx context.Context, p *place, id tenant.ID) error {
	done, err := s.Schedules.Match(ctx, id)
	p.Checked += done.Checked
	p.Created += done.Created
	p.Updated += done.Updated
	p.Removed += done.Removed
	if err == nil {
		err = s.sweep(ctx, p, id)
	}
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil {
		s.Log.ErrorContext(ctx, "tenant cannot be reconciled", "tenant", id, "error", err)
		p.Failed++
	}
	return nil
}

// sweep gives up claims of a tenant that is there; those of others erasure takes away.
func (s *Service) sweep(ctx context.Context, p *place, id tenant.ID) error {
	scope, err := organization.See(ctx, s.Store, id, "reconcile")
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	n, err := s.Claims.Sweep(ctx, scope)
	p.Report.Claims += n
	return err
}
