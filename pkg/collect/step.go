package collect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"runtime/debug"
	"slices"
	"time"

	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/job"
	"github.com/tenantry/tenantry/pkg/project"
	"github.com/tenantry/tenantry/pkg/queue"
	"github.com/tenantry/tenantry/pkg/store"
)

// step does one step of the first connection that is not at its end and can go on, and tells whether more is left of the run.
func (r *running) step(ctx context.Context, j *job.Run) (more bool, err error) {
	meter := store.MeterIn(ctx)
	before := meter.Total()
	run := &r.book.run
	defer func() {
		took := meter.Total()
		run.ReadHalves += int64(took.Read - before.Read)
		run.WriteHalves += int64(took.Write - before.Write)
	}()
	why, err := r.rests(ctx)
	if err != nil {
		return false, err
	}
	if why != "" {
		run.Outcome, run.Reason = Cancelled, why
		run.leave()
		return false, nil
	}
	if err := r.plan(ctx); err != nil {
		return false, err
	}
	if r.service.Clock().Sub(run.CreatedAt) >= lifetime {
		r.expire()
	}
	if err := r.some(ctx, j); err != nil {
		return false, err
	}
	for i := range run.Connections {
		if !run.Connections[i].ended() {
			return true, nil
		}
	}
	r.conclude()
	return false, nil
}

// some does a step of the first connection that can go on. One that failed is left alone until the message comes again, and the
// others are collected.
func (r *running) some(ctx context.Context, j *job.Run) error {
	var busy *queue.Busy
	var failed error
	var reasons []string
	r.book.run.Reason = ""
	for i := range r.book.run.Connections {
		p := &r.book.run.Connections[i]
		if p.ended() {
			continue
		}
		err := r.failed[p.ConnectionID]
		if err == nil {
			err = r.advance(ctx, j, p)
		}
		if err == nil {
			r.book.worked = true
			return nil
		}
		if w, ok := errors.AsType[*waiting](err); ok {
			p.Stage, p.FetchedBy = w.why, w.by
			reasons = append(reasons, "Account "+p.AccountID+": "+w.why)
		}
		if b, ok := errors.AsType[*queue.Busy](err); ok {
			if busy == nil || b.Wait < busy.Wait {
				busy = b
			}
			continue
		}
		r.failed[p.ConnectionID], failed = err, err
	}
	r.book.run.Reason = joined(reasons)
	if failed != nil || busy == nil {
		return failed
	}
	r.book.waited = !r.book.worked
	return busy
}

// plan chooses the connections of a run, once.
func (r *running) plan(ctx context.Context) error {
	run := &r.book.run
	if run.Planned {
		return nil
	}
	all, err := connection.List(ctx, r.tenant)
	if err != nil {
		return err
	}
	r.all = all
	for _, c := range reach(all, r.project, run.Kind) {
		run.Connections = append(run.Connections, Part{ConnectionID: c.ID, AccountID: c.AccountID, Status: PartWaiting})
	}
	run.Planned = true
	return nil
}

// expire ends what a run has waited for too long.
func (r *running) expire() {
	for i := range r.book.run.Connections {
		if p := &r.book.run.Connections[i]; !p.ended() {
			p.Reason = "It was not at its end after 24 hours; the next run begins anew. " + cmp.Or(p.Reason, p.Stage)
			p.Status, p.Stage, p.FetchedBy = PartFailed, "", nil
		}
	}
}

// conclude says what the run ends as.
func (r *running) conclude() {
	run := &r.book.run
	var got bool
	var reasons, soon []string
	for _, p := range run.Connections {
		if p.ended() && p.Stage != "" {
			soon = append(soon, p.naming()+p.Stage)
		}
		got = got || p.Status == Collected
		if p.Reason != "" {
			reasons = append(reasons, p.why())
		}
	}
	run.Outcome = Succeeded
	switch {
	case len(run.Connections) == 0:
		run.Outcome, run.Reason = Failed, noConnection(r.all, r.project, run.Kind)
		return
	case !got:
		run.Outcome = Failed
	case len(reasons) > 0:
		run.Partial = true
	}
	run.Reason = joined(append(reasons, soon...))
}

// advance does one step of a connection, or finds that another run has done it. *queue.Busy where it is to wait.
func (r *running) advance(ctx context.Context, j *job.Run, p *Part) error {
	s, run := r.service, &r.book.run
	c, version, err := connection.Read(ctx, r.tenant, p.ConnectionID)
	if err != nil {
		return err
	}
	switch {
	case version == 0:
		p.leave("The connection was removed.")
		return nil
	case c.Status == connection.Pending:
		p.leave("The connection is not verified any more: verify it.")
		return nil
	case c.Status == connection.Paused:
		p.leave("The connection is paused: resume it. " + c.Reason)
		return nil
	}
	book := &fetchBook{tenant: r.tenant, clock: s.Clock, key: store.Fetch(c.ID, string(run.Kind)), run: r.book, source: c, known: version}
	l, err := job.Take(ctx, s.Clock, book, book.owner(), func(owner string) bool { return owner == book.owner() || book.free })
	if err != nil {
		return passing(err)
	}
	if l == nil {
		book.fetch.tell(p, run.ID)
		if book.recent(s.Clock()) {
			p.Stage = book.fetch.tooSoon()
		}
		return nil
	}
	f := &fetching{running: r, part: p, connection: c, book: book, lease: l}
	return f.step(ctx, j)
}

// passing gives errors of the store the kind of those that pass.
func passing(err error) error {
	if _, ok := errors.AsType[*queue.Busy](err); ok || fault.Is(err, fault.Unavailable) {
		return err
	}
	return fault.Wrap(err, fault.Unavailable, "The store cannot be reached now.")
}

// fetching is a run's hold on a connection.
type fetching struct {
	*running
	part       *Part
	connection connection.Connection
	book       *fetchBook
	lease      *job.Lease
	looked     time.Time // when last whether the run is still this worker's
	gone       error     // where it is not
	capped     bool      // the plan has refused something
}

func (f *fetching) step(ctx context.Context, j *job.Run) error {
	collector := f.service.Collectors[f.message.Kind]
	state := &f.book.fetch
	switch {
	case collector == nil:
		return f.end(ctx, PartFailed, "Nothing here collects "+string(f.message.Kind)+".")
	case f.lease.Record.Attempts > maxAttempts:
		return f.end(ctx, PartFailed, gaveUp(state.Trouble, maxAttempts))
	case f.left():
		return f.end(ctx, AccessDeny, f.connection.Reason+" It is tried again once a day, and at once by a run that is started by hand.")
	}
	t := &Task{Scope: f.scope, Tenant: f.tenant, Connection: f.connection, Kind: f.message.Kind, Slot: state.Slot, Last: state.Last, Until: j.Until,
		said: said{notes: state.Job.Notes}, guard: f.book.guard}
	t.spend = func(ctx context.Context, u Use) error {
		if err := f.look(ctx, u); err != nil {
			return err
		}
		err := f.service.spend(ctx, f.scope, f.tenant, u)
		f.capped = f.capped || errors.Is(err, ErrCapped)
		return err
	}
	f.book.run.worked = true
	more, err := f.collect(ctx, collector, t)
	ctx = context.WithoutCancel(ctx)
	if err == nil && !more {
		if err = f.same(ctx); err != nil {
			t.forget(said{notes: state.Job.Notes})
		}
	}
	f.book.add(t)
	if f.gone != nil {
		return f.quit(ctx)
	}
	if err != nil {
		return f.failed(ctx, t, err)
	}
	if more {
		state.Throttles = 0
		return f.note(ctx, func(rec *job.Record) {
			rec.Steps++
			rec.Notes, rec.Attempts, rec.Until = t.said.notes, 0, f.service.Clock().Add(job.LeaseTime).UTC()
		})
	}
	f.book.with = t.seen
	if err := f.mended(ctx); err != nil {
		return f.unmarked(ctx, err)
	}
	if state.Denied, state.Throttles = (time.Time{}), 0; f.capped && state.free() {
		return f.end(ctx, Capped, state.Reason)
	}
	if err := f.unknown(ctx); err != nil {
		return passing(err)
	}
	state.Last = state.Slot
	return f.end(ctx, Collected, state.Reason)
}

// unknown says of metrics that were asked for of nothing, since nobody has looked yet what there is.
func (f *fetching) unknown(ctx context.Context) error {
	state := &f.book.fetch
	if f.message.Kind != Metrics || !state.free() || state.Reason != "" {
		return nil
	}
	var inventory fetch
	if _, err := f.tenant.Read(ctx, store.Fetch(f.connection.ID, string(Resources)), &inventory); err != nil {
		return fmt.Errorf("read what was fetched: %w", err)
	}
	if inventory.Last.IsZero() {
		state.Reason = "No resources of the account are known yet. Start a run of the kind resources first: metrics are asked for of what it finds."
	}
	return nil
}

// looks is how often it is looked whether the run is still this worker's, where nothing is paid for.
const looks = 2 * time.Second

// look tells whether the run is still this worker's before something is asked for: each time that this is paid for. One that was cancelled
// asks no more.
func (f *fetching) look(ctx context.Context, u Use) error {
	now := f.service.Clock()
	if f.gone != nil || u.thousandths() == 0 && now.Sub(f.looked) < looks {
		return f.gone
	}
	var as struct{}
	version, err := f.tenant.Read(ctx, f.book.run.key, &as)
	if err != nil {
		return passing(err)
	}
	if f.looked = now; version != f.book.run.version {
		f.gone = &queue.Busy{Wait: time.Second}
	}
	return f.gone
}

// quit leaves the fetch of a run that is no more this worker's to whoever wants it, and notes what it took.
func (f *fetching) quit(ctx context.Context) error {
	return cmp.Or(f.note(ctx, func(rec *job.Record) { rec.Owner, rec.Attempts = "", 0 }), f.gone)
}

// left tells whether a broken connection is not to be tried: it is once a day, and whenever somebody starts a run.
func (f *fetching) left() bool {
	denied := f.book.fetch.Denied
	return f.connection.Status == connection.Broken && f.book.run.run.StartedBy == nil && !denied.IsZero() &&
		f.service.Clock().Sub(denied) < retried
}

// collect does a step of the collector, again after a wait where AWS asks to slow down and there is time. A panic is an error.
func (f *fetching) collect(ctx context.Context, c Collector, t *Task) (more bool, err error) {
	for n := f.book.fetch.Throttles; ; n++ {
		more, err = safely(ctx, c, t)
		slow, ok := errors.AsType[*Throttled](err)
		if !ok {
			return more, err
		}
		wait := cmp.Or(slow.After, backoff(n))
		f.book.fetch.Throttles = n + 1
		f.book.fetch.Resume = f.service.now().Add(wait)
		if ctx.Err() != nil || !f.service.Clock().Add(wait).Before(t.Until) {
			return false, err
		}
		f.service.sleep(ctx, wait)
	}
}

func safely(ctx context.Context, c Collector, t *Task) (more bool, err error) {
	before := t.said.clone()
	defer func() {
		if p := recover(); p != nil {
			t.forget(before)
			err = fmt.Errorf("the collector panicked: %v\n%s", p, debug.Stack())
		}
	}()
	more, err = c.Collect(ctx, t)
	if _, slow := errors.AsType[*Throttled](err); slow && t.kept != nil {
		t.forget(*t.kept)
	} else if err != nil {
		t.forget(before)
	}
	return more, err
}

// failed says what becomes of a fetch whose step has failed.
func (f *fetching) failed(ctx context.Context, t *Task, err error) error {
	state := &f.book.fetch
	if denied, ok := errors.AsType[*Denied](err); ok {
		reason, err := f.broken(ctx, denied.Reason)
		if err != nil {
			return f.unmarked(ctx, err)
		}
		state.Denied = f.service.now()
		return f.end(ctx, AccessDeny, reason)
	}
	if errors.Is(err, errChanged) {
		return f.unmarked(ctx, err)
	}
	if errors.Is(err, ErrCapped) {
		return f.end(ctx, Capped, Words(err))
	}
	if _, ok := errors.AsType[*Throttled](err); ok {
		wait := max(state.Resume.Sub(f.service.Clock()), time.Second)
		state.Stage = "AWS asks to slow down; it goes on by itself."
		return errors.Join(f.note(ctx, func(rec *job.Record) { rec.Notes, rec.Owner, rec.Attempts = t.said.notes, "", 0 }), &queue.Busy{Wait: wait})
	}
	if busy, ok := errors.AsType[*queue.Busy](err); ok {
		return errors.Join(f.note(ctx, func(rec *job.Record) { rec.Owner, rec.Attempts = "", 0 }), busy)
	}
	if store.Conflicted(err) != nil { // the guard: the run is another's by now, or cancelled
		return &queue.Busy{Wait: time.Second}
	}
	if kind := fault.KindOf(err); kind == fault.Internal || kind == fault.Limited || kind == fault.Unavailable {
		return f.later(ctx, err)
	}
	return f.end(ctx, PartFailed, Words(err))
}

// Words are what an error says to people, without its cause.
func Words(err error) string {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f.Message
	}
	return err.Error()
}

// end ends the fetch, and with it the part of every run that waits for it.
func (f *fetching) end(ctx context.Context, result PartStatus, reason string) error {
	f.book.fetch.Result, f.book.fetch.Reason = result, reason
	return f.note(ctx, func(rec *job.Record) {
		rec.Steps++
		rec.Status, rec.Owner, rec.Notes, rec.Attempts = job.Done, "", nil, 0
	})
}

// note writes the fetch and tells the run.
func (f *fetching) note(ctx context.Context, change func(*job.Record)) error {
	err := f.lease.Write(ctx, change)
	if _, ok := errors.AsType[*queue.Busy](err); ok { // somebody has taken it up; what was taken was taken
		f.book.fetch.took(f.part, f.book.run.run.ID)
	}
	if err != nil {
		return err
	}
	f.book.fetch.tell(f.part, f.book.run.run.ID)
	return nil
}

// noConnection says what to do for a project that no connection of all reaches.
func noConnection(all []connection.Connection, p project.Project, k Kind) string {
	const how = "Connect one with POST .../connections and verify it."
	switch payer := slices.ContainsFunc(all, func(c connection.Connection) bool { return usable(c) && c.Kind == connection.Payer }); {
	case len(p.AccountIDs) == 0:
		return "No AWS account is connected. " + how
	case k == Costs:
		return "No connection reaches the project's accounts (accountIds): neither one of them nor their payer is connected. " + how
	case payer:
		return fmt.Sprintf("No connection reaches the %s of the project's accounts (accountIds): a payer brings costs only. Connect one of the accounts itself "+
			"with POST .../connections and verify it.", k)
	}
	return fmt.Sprintf("No connection reaches the %s of the project's accounts (accountIds): none of them is connected. %s", k, how)
}
