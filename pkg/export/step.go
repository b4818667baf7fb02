package export

import (
	"context"
	"errors"
	"fmt"

	"github.com/tenantry/tenantry/pkg/audit"
	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cost"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/job"
	"github.com/tenantry/tenantry/pkg/store"
)

// notes are what a step leaves to the next: how far the archive is.
type notes struct {
	Attempt  int      `json:"attempt"`
	Restarts int      `json:"restarts"` // attempts, and steps, that were in vain since deliveries moved the costs
	Writing  string   `json:"writing,omitempty"`
	Tags     []string `json:"tags,omitempty"` // of the parts
	Rest     rest     `json:"rest"`
	Zip      packed   `json:"zip"`
	At       place    `json:"at"`
	Digest   string   `json:"digest,omitempty"` // of what counted of the costs written so far
	Totals   totals   `json:"totals,omitempty"`
}

// maxRestarts bounds how often deliveries may be quicker.
const maxRestarts = 20

// errAnew says that what was written is lost or no longer right.
var errAnew = errors.New("the archive is to be begun anew")

// step writes on until it rests after its time is over, or to the end.
func (s *Service) step(ctx context.Context, r *job.Run) (more bool, err error) {
	e, version, err := find(ctx, r.Tenant, r.ID)
	if err != nil {
		return false, err
	}
	var n notes
	if err := r.Notes(&n); err != nil {
		return false, err
	}
	if e.done() {
		return false, s.clean(ctx, r, &e, n)
	}
	if n.Writing == "" {
		return s.start(ctx, r, e, n, version)
	}
	w, err := s.open(ctx, r, &e, &n)
	if err == nil {
		more, err = w.write(ctx)
	}
	if err == nil && !more {
		err = s.finish(ctx, r, w, version)
	}
	if errors.Is(err, cost.ErrMoved) || errors.Is(err, errAnew) {
		return true, s.again(ctx, r, err)
	}
	if err != nil {
		return false, err
	}
	if !more {
		return false, nil
	}
	e.Progress = w.progress()
	return s.note(ctx, r, e, version, n)
}

// start begins to write an attempt. Nothing else is done before that is kept, so that little is left behind.
func (s *Service) start(ctx context.Context, r *job.Run, e record, n notes, version int64) (more bool, err error) {
	if n.Writing, err = s.Files.Begin(ctx, r.Scope, archiveName(e.ID, n.Attempt)); err != nil {
		return false, err
	}
	e.Status, e.Progress = Running, &Progress{Stage: "entities", Restarts: n.Restarts}
	return s.note(ctx, r, e, version, n)
}

// note writes how far an export is, and keeps the notes. Where another worker has brought it to its end, what this one has
// written is taken away.
func (s *Service) note(ctx context.Context, r *job.Run, e record, version int64, n notes) (more bool, err error) {
	err = r.Tenant.Write(ctx, store.Change{Key: store.Export(e.ID), Value: e, Condition: store.VersionIs(version)})
	if err == nil {
		return true, r.Keep(n)
	}
	err = fmt.Errorf("note how far an export is: %w", err)
	now, _, found := find(ctx, r.Tenant, r.ID)
	if found != nil || !now.done() {
		return false, err
	}
	return false, errors.Join(s.drop(ctx, r, n), s.clean(ctx, r, &now, n))
}

// again has the next step go on from where this one did, where only that had moved, or begin anew.
func (s *Service) again(ctx context.Context, r *job.Run, why error) error {
	var n notes
	if err := r.Notes(&n); err != nil {
		return err
	}
	if n.Restarts++; n.Restarts > maxRestarts {
		return fault.New(fault.Conflict, "Deliveries changed the costs again and again while they were exported. Export at a time when fewer come.")
	}
	if errors.Is(why, errAnew) {
		if err := s.drop(ctx, r, n); err != nil {
			return err
		}
		n = notes{Attempt: n.Attempt + 1, Restarts: n.Restarts}
	}
	return r.Keep(n)
}

// finish makes the archive a file, and says so.
func (s *Service) finish(ctx context.Context, r *job.Run, w *writer, version int64) error {
	err := s.Files.Finish(ctx, r.Scope, w.name, w.notes.Writing, w.notes.Tags)
	if fault.Is(err, fault.NotFound) {
		return errAnew // it was finished before, and that could not be noted; or by somebody else
	}
	if err != nil {
		return err
	}
	now := s.now()
	ends := now.Add(kept)
	id := w.export.ID
	if err := s.Store.Directory().Write(ctx, store.DirectoryChange{Key: store.ExportEnd(ends, r.Scope.Tenant(), id), Value: ending{r.Scope.Tenant(), id}}); err != nil {
		return fmt.Errorf("note when an export ends: %w", err)
	}
	e := *w.export
	e.Status, e.Progress, e.FinishedAt, e.ValidUntil, e.Archive, e.Attempt = Succeeded, nil, &now, &ends, w.archive(), w.notes.Attempt
	if err := s.end(ctx, r, e, version); err != nil {
		return err
	}
	return s.clean(ctx, r, &e, *w.notes)
}

// end writes an export that is at its end, and that none is under way.
func (s *Service) end(ctx context.Context, r *job.Run, e record, version int64) error {
	var b book
	at, err := r.Tenant.Read(ctx, store.ExportBook(), &b)
	if err != nil {
		return fmt.Errorf("end an export: %w", err)
	}
	changes := []store.Change{{Key: store.Export(e.ID), Value: e, Condition: store.VersionIs(version)}}
	if b.Active == e.ID {
		b.Active = ""
		if r.GaveUp && b.Day == calendar.DayOf(e.CreatedAt) {
			b.Begun = max(b.Begun-1, 0)
		}
		changes = append(changes, store.Change{Key: store.ExportBook(), Value: b, Condition: store.VersionIs(at)})
	}
	outcome := audit.Done
	if e.Status == Failed {
		outcome = audit.Failed
	}
	row, err := s.Audit.Row(ctx, r.Scope, audit.Event{Target: target(e.ID), Operation: "writeExport", Before: told{Status: Running}, After: tell(&e.Export),
		Outcome: outcome, Reason: e.Error})
	if err != nil {
		return err
	}
	if err := r.Tenant.Write(ctx, append(changes, row)...); err != nil {
		return fmt.Errorf("end an export: %w", err)
	}
	return nil
}

// failed ends an export that cannot be written.
func (s *Service) failed(ctx context.Context, r *job.Run, reason string) error {
	e, version, err := find(ctx, r.Tenant, r.ID)
	if fault.Is(err, fault.NotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	var n notes
	if err := r.Notes(&n); err != nil {
		return err
	}
	if !e.done() {
		now := s.now()
		e.Status, e.Progress, e.FinishedAt, e.Error = Failed, nil, &now, reason
		if err := s.end(ctx, r, e, version); err != nil {
			return err
		}
		if err := s.drop(ctx, r, n); err != nil {
			return err
		}
	}
	return s.clean(ctx, r, &e, n)
}

// drop takes away what an attempt has written. The archive itself stays: it may be that of a worker who was quicker.
func (s *Service) drop(ctx context.Context, r *job.Run, n notes) error {
	if n.Writing == "" {
		return nil
	}
	return s.Files.Drop(ctx, r.Scope, archiveName(exportOf(r), n.Attempt), n.Writing)
}

// clean takes away all that attempts have left beside the archive that an export at its end has.
func (s *Service) clean(ctx context.Context, r *job.Run, e *record, n notes) error {
	for attempt := range max(n.Attempt, e.Attempt) + 1 {
		names := []string{restName(e.ID, attempt, 0), restName(e.ID, attempt, 1)}
		if e.Status != Succeeded || attempt != e.Attempt {
			names = append(names, archiveName(e.ID, attempt))
		}
		for _, name := range names {
			if err := s.Files.Remove(ctx, r.Scope, name); err != nil {
				return err
			}
		}
	}
	return nil
}
