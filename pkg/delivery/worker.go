package delivery

import (
	"context"
	"errors"
	"fmt"
	"sync/atomic"

	"github.com/tenantry/tenantry/pkg/audit"
	"github.com/tenantry/tenantry/pkg/cost"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/organization"
	"github.com/tenantry/tenantry/pkg/project"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Handle does what one message asks. It may be called any number of times, by any number of workers, with the same
// message. A nil error or one of a kind that no repetition mends means the message is done with; *queue.Busy and
// fault.Unavailable ask for it again.
func (s *Service) Handle(ctx context.Context, m Message) error {
	scope, err := organization.Work(ctx, s.Store, m.Tenant, "ingest")
	if fault.Is(err, fault.NotFound) {
		return nil // deleted, or never there: nothing of it may be written
	}
	if err != nil {
		return err
	}
	if m.Kind == Uploaded {
		closed, err := s.uploaded(ctx, scope, m)
		if err != nil || !closed {
			return err
		}
	}
	t, err := s.Store.Tenant(scope)
	if err != nil {
		return err
	}
	l, err := s.take(ctx, t, m)
	if err != nil || l == nil {
		return err
	}
	r := &reading{service: s, scope: scope, tenant: t, lease: l, delivery: l.record}
	return r.run(ctx, m.Kind)
}

// reading is one attempt of one worker at one delivery.
type reading struct {
	service  *Service
	scope    *tenant.Scope
	tenant   *store.Tenant
	lease    *lease
	delivery record // as it was when the lease was taken
	meter    meter
	concerns []tenant.ProjectID // that what it comes to tells of
}

// run settles what earlier attempts left, then reads the delivery unless that is done, and gives the lease back.
func (r *reading) run(ctx context.Context, kind Kind) error {
	rec := &r.delivery
	projects, err := r.projects(ctx)
	if err == nil && rec.Work.Gen != "" {
		err = r.settle(ctx, rec.Work.Settle, projects)
	}
	if err != nil {
		return errors.Join(r.lease.release(context.WithoutCancel(ctx), func(*record) {}), err)
	}
	again := kind == Rebuild && rec.Status == Succeeded
	if !again && rec.Status != Queued && rec.Status != Running {
		return r.lease.release(ctx, func(rec *record) { rec.Work.Attempts = 0 })
	}
	if rec.Work.Attempts > maxAttempts {
		return r.give(ctx, again, fmt.Errorf("%d attempts", rec.Work.Attempts-1))
	}
	work, cancel := context.WithCancel(ctx)
	defer cancel()
	go r.lease.renew(work, cancel, r.meter.progress)
	err = r.read(work, again)
	cancel()
	return r.end(context.WithoutCancel(ctx), again, err)
}

// settle takes away what an attempt loaded, or what a committed one superseded, and forgets the attempt.
func (r *reading) settle(ctx context.Context, committed bool, projects []tenant.ProjectID) error {
	if err := cost.Settle(ctx, r.tenant, r.delivery.ID, committed, projects); err != nil {
		return err
	}
	return r.lease.write(ctx, func(rec *record) { rec.Work.Gen, rec.Work.Settle = "", false })
}

func (r *reading) projects(ctx context.Context) ([]tenant.ProjectID, error) {
	roster, _, err := project.Read(ctx, r.tenant)
	all := []tenant.ProjectID{tenant.Unassigned}
	for _, p := range roster.Projects {
		all = append(all, p.ID)
	}
	return all, err
}

// end writes how the attempt came out, settles, and says whether the message is to come again.
func (r *reading) end(ctx context.Context, again bool, err error) error {
	if unsure := r.lease.sure(); unsure != nil {
		return errors.Join(unsure, err) // whoever has the lease next reads what is to be settled
	}
	if err == nil {
		projects, err := r.projects(ctx)
		if left := r.lease.work(); err == nil && left.Gen != "" {
			err = r.settle(ctx, left.Settle, projects)
		}
		return errors.Join(err, r.lease.release(ctx, func(rec *record) { rec.Work.Attempts = 0 }))
	}
	if left := r.lease.work(); left.Gen != "" {
		if projects, perr := r.projects(ctx); perr != nil {
			err = errors.Join(err, perr)
		} else if serr := r.settle(ctx, left.Settle, projects); serr != nil {
			err = errors.Join(err, serr)
		}
	}
	switch kind := fault.KindOf(err); {
	case again && kind == fault.Invalid:
		return r.give(ctx, again, err)
	case kind == fault.Invalid:
		return r.fail(ctx, err)
	case errors.Is(err, cost.ErrOvertaken):
		err = fault.Wrap(err, fault.Unavailable, "Another delivery of the source was quicker.")
		return errors.Join(r.lease.release(ctx, func(rec *record) { rec.Work.Attempts-- }), err)
	default:
		err = fault.Wrap(err, fault.Unavailable, "The delivery could not be read now.")
		return errors.Join(r.lease.release(ctx, func(*record) {}), err)
	}
}

// fail ends the delivery: what it brought cannot be taken.
func (r *reading) fail(ctx context.Context, err error) error {
	var f *fault.Error
	errors.As(err, &f)
	now := r.service.Clock().UTC()
	row, rerr := r.service.row(ctx, r.scope, audit.Event{Target: target(r.delivery.ID), Operation: ended, Outcome: audit.Failed, Reason: f.Message,
		Before: told{Status: Running}, After: told{Status: Failed}})
	if rerr != nil {
		return errors.Join(r.lease.release(ctx, func(*record) {}), rerr)
	}
	return r.lease.release(ctx, func(rec *record) {
		rec.Status, rec.FinishedAt, rec.Progress = Failed, &now, nil
		rec.Error, rec.Problems, rec.Concerns = f.Message, f.Details, r.concerns
		if len(rec.Problems) > maxProblems {
			rec.Problems, rec.More = rec.Problems[:maxProblems], true
		}
	}, row)
}

// give gives up after too many attempts that failed for reasons of the platform's own.
func (r *reading) give(ctx context.Context, again bool, err error) error {
	r.service.Log.ErrorContext(ctx, "delivery given up", "tenant", r.scope.Tenant(), "delivery", r.delivery.ID,
		"rebuild", again, "error", err)
	if again {
		return r.lease.release(ctx, func(rec *record) { rec.Work.Attempts = 0 })
	}
	return r.fail(ctx, fault.New(fault.Invalid, "The delivery could not be read after %d attempts, for a reason that is the platform's. "+
		"Nothing of it is stored. Deliver it again; if that fails too, tell the operator this delivery's ID.", maxAttempts))
}

// maxProblems is how many problems of a delivery are told.
const maxProblems = 20

// meter counts what an attempt has read of its delivery, for its progress.
type meter struct {
	stage        atomic.Value // string
	bytes, lines atomic.Int64
	all          int64
}

func (m *meter) progress() *Progress {
	stage, _ := m.stage.Load().(string)
	return &Progress{Stage: stage, BytesRead: m.bytes.Load(), Bytes: m.all, Lines: m.lines.Load()}
}
