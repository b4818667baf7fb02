package job

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/organization"
	"github.com/tenantry/tenantry/pkg/queue"
	"github.com/tenantry/tenantry/pkg/store"
)

const (
	// StepTime is the longest that a step may take; what takes longer is cut off and counts as failed.
	StepTime = time.Minute
	// aim is when a step should be at its end.
	aim = 20 * time.Second
	// LeaseTime is how long a silent worker keeps a job: longer than any step.
	LeaseTime = 2 * time.Minute
	// turn is how long a worker goes on with one job before it gives way to others, steps not begun before.
	turn        = 90 * time.Second
	maxAttempts = 5
	// maxLost is how many attempts in a row may end with their worker: a step that kills workers must come to an end, and a worker that
	// is stopped, or a machine that is switched off, says nothing of the job.
	maxLost = 50
	kept    = 30 * 24 * time.Hour // of a record after the job's end
)

// Worker does jobs. All fields but Alone and Turn are needed.
type Worker struct {
	Store  *store.Store
	Queue  Queue
	Works  []Work
	Clock  func() time.Time
	Random io.Reader
	Log    *slog.Logger
	// Alone names this process where no other works on the store: then leases of other names are those of the dead.
	Alone string
	Turn  time.Duration // of one job, before others have theirs; 90 s where 0
}

// Handle does what one message asks, for as long as a turn, and sends itself another where more is left. It may be called any
// number of times, by any number of workers, with the same message. A nil error or one of a kind that no repetition mends
// means the message is done with; *queue.Busy and fault.Unavailable ask for it again.
func (w *Worker) Handle(ctx context.Context, m Message) error {
	work, err := w.work(m.Kind)
	if err != nil {
		return err
	}
	if work.Once != nil {
		return work.Once(ctx, m)
	}
	r, book, err := w.open(ctx, work, m)
	if fault.Is(err, fault.NotFound) {
		return nil // deleted, resting, or never there
	}
	if err != nil {
		return err
	}
	l, err := w.take(ctx, book)
	if err != nil || l == nil {
		return err
	}
	r.notes = l.Record.Notes
	return w.turn(ctx, work, r, l)
}

func (w *Worker) work(k Kind) (Work, error) {
	for _, work := range w.Works {
		if work.Kind == k {
			return work, nil
		}
	}
	return Work{}, fault.New(fault.Internal, "there is no work of the kind %q", k) // a later version may have some
}

func (w *Worker) open(ctx context.Context, work Work, m Message) (*Run, Book, error) {
	if work.Open != nil {
		return work.Open(ctx, m)
	}
	find := organization.Work
	if work.Resting {
		find = organization.See
	}
	scope, err := find(ctx, w.Store, m.Tenant, string(m.Kind))
	if err != nil {
		return nil, nil, err
	}
	t, err := w.Store.Tenant(scope)
	if err != nil {
		return nil, nil, err
	}
	return &Run{Message: m, Scope: scope, Tenant: t}, &items{t, store.Job(string(m.Kind), m.ID)}, nil
}

// turn does steps until the job or the time is at its end.
func (w *Worker) turn(ctx context.Context, work Work, r *Run, l *Lease) error {
	if (l.Record.Attempts > maxAttempts || l.Record.Lost > maxLost) && !work.Endless {
		r.GaveUp = true
		return w.fail(ctx, work, r, l, "It was tried several times and failed each time, for a reason that is the platform's. "+
			"Begin it again; if that fails too, tell the operator its ID.")
	}
	begun := w.Clock()
	for {
		more, err := w.step(ctx, work, r)
		if err != nil {
			return w.failed(context.WithoutCancel(ctx), work, r, l, err)
		}
		if !more {
			return l.Write(ctx, func(rec *Record) { rec.Status, rec.Owner, rec.Notes, rec.Attempts = Done, "", r.notes, 0; rec.Steps++ })
		}
		over := ctx.Err() != nil || w.Clock().Sub(begun) >= cmp.Or(w.Turn, turn) || late(ctx)
		err = l.Write(context.WithoutCancel(ctx), func(rec *Record) {
			rec.Steps++
			rec.Notes, rec.Attempts, rec.Lost, rec.Until = r.notes, 1, 0, w.Clock().Add(LeaseTime).UTC()
			if over {
				rec.Owner, rec.Attempts = "", 0
			}
		})
		if err != nil {
			return err
		}
		if over {
			return w.Queue.Send(context.WithoutCancel(ctx), r.Message)
		}
	}
}

// late tells whether there is no time for another step before the context's deadline, that of the function.
func late(ctx context.Context) bool {
	deadline, ok := ctx.Deadline()
	return ok && time.Until(deadline) < StepTime+10*time.Second
}

func (w *Worker) step(ctx context.Context, work Work, r *Run) (more bool, err error) {
	ctx, stop := context.WithTimeout(ctx, StepTime)
	defer stop()
	notes := r.notes
	r.Until = w.Clock().Add(min(aim, cmp.Or(w.Turn, turn)))
	if more, err = work.Step(ctx, r); err != nil {
		r.notes = notes
	}
	return more, err
}

// failed says what becomes of a job whose step has failed.
func (w *Worker) failed(ctx context.Context, work Work, r *Run, l *Lease, err error) error {
	if busy, ok := errors.AsType[*queue.Busy](err); ok {
		return errors.Join(l.Write(ctx, func(rec *Record) { rec.Owner, rec.Attempts = "", 0 }), busy)
	}
	if errors.Is(err, ErrLater) {
		return l.Write(ctx, func(rec *Record) { rec.Owner, rec.Attempts = "", 0 })
	}
	switch kind := fault.KindOf(err); {
	case work.Endless, kind == fault.Internal, kind == fault.Limited, kind == fault.Unavailable:
		err = fault.Wrap(err, fault.Unavailable, "The job could not go on now.")
		return errors.Join(l.Write(ctx, func(rec *Record) { rec.Owner = "" }), err)
	}
	reason := "It cannot be done."
	if f, ok := errors.AsType[*fault.Error](err); ok {
		reason = f.Message
	}
	return w.fail(ctx, work, r, l, reason)
}

// fail ends a job that is not done.
func (w *Worker) fail(ctx context.Context, work Work, r *Run, l *Lease, reason string) error {
	w.Log.ErrorContext(ctx, "job given up", "kind", r.Kind, "tenant", r.Message.Tenant, "job", r.ID, "reason", reason)
	if work.Failed != nil {
		if err := work.Failed(ctx, r, reason); err != nil {
			err = fault.Wrap(err, fault.Unavailable, "The end of the job could not be written now.")
			return errors.Join(l.Write(ctx, func(rec *Record) { rec.Owner = "" }), err)
		}
	}
	return l.Write(ctx, func(rec *Record) { rec.Status, rec.Owner, rec.Reason = Failed, "", reason })
}

// take takes the lease of a job. *queue.Busy where another worker has it; nil where there is no such job, or it is at its end.
func (w *Worker) take(ctx context.Context, b Book) (*Lease, error) {
	owner, err := ulid.New(ulid.Timestamp(w.Clock()), w.Random)
	if err != nil {
		return nil, fmt.Errorf("name the holder of a lease: %w", err)
	}
	return Take(ctx, w.Clock, b, w.Alone+"/"+owner.String(), w.dead)
}

// dead tells whether an owner is known not to live any more, before its lease ends.
func (w *Worker) dead(owner string) bool {
	return w.Alone != "" && !strings.HasPrefix(owner, w.Alone+"/")
}

// items is the Book of a job among its tenant's items.
type items struct {
	tenant *store.Tenant
	key    store.Key
}

// Read reads the tenant's item.
func (b *items) Read(ctx context.Context, r *Record) (int64, error) {
	return b.tenant.Read(ctx, b.key, r)
}

// Write writes the tenant's item. A record of a job that is at its end goes after a month.
func (b *items) Write(ctx context.Context, r Record, version int64) error {
	c := store.Change{Key: b.key, Value: r, Condition: store.VersionIs(version)}
	if r.Status != Waiting {
		c.ExpiresAt = r.UpdatedAt.Add(kept)
	}
	return b.tenant.Write(ctx, c)
}
