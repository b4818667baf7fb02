package collect

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/job"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Collector collects what is of one Kind.
type Collector interface {
	// Collect does one bounded part of what is to be fetched through a connection and tells whether more is left. It should end by
	// t.Until, and must within a minute, which its context enforces. A step may be done again from its beginning, beside another
	// worker too, so that what it writes before the end must be seen by nobody; whatever makes it visible is given to t.Reveal, or is
	// a Write that holds t.Guard and finds itself done when it is done again. *Denied, *Throttled and ErrCapped say why it cannot go on; other errors
	// of the kinds that pass have the step repeated, and all others end the run as failed, with their message.
	Collect(ctx context.Context, t *Task) (more bool, err error)
}

// Task is one connection, one kind and one slot. A Task that is made by a literal works, without bounds and without a guard.
type Task struct {
	Scope      *tenant.Scope
	Tenant     *store.Tenant
	Connection connection.Connection
	Kind       Kind
	Slot       time.Time
	Last       time.Time // the slot that was fetched whole last, zero where there was none
	Until      time.Time // when the step should be at its end

	said  said
	kept  *said // as it was at the last Keep
	use   Use
	seen  []store.Change
	spend func(context.Context, Use) error
	guard func() []store.Change
}

// Use is what is paid for by the piece.
type Use struct {
	Pages   int64 // of Cost Explorer
	Metrics int64 // asked for with GetMetricData
	Calls   int64 // of AWS, these among them
}

// said is what a collector had to say so far.
type said struct {
	notes   job.Notes
	counts  map[string]int64
	skipped []Skipped
	partial string
	aside   []string
	stage   string
}

func (s said) clone() said {
	s.counts, s.skipped, s.aside = maps.Clone(s.counts), slices.Clone(s.skipped), slices.Clone(s.aside)
	return s
}

// Skipped is a region that was left out.
type Skipped struct {
	Region string `json:"region"`
	Reason string `json:"reason"`
}

// Notes fills into with what was kept last for the slot; it stays as it is where nothing was.
func (t *Task) Notes(into any) error { return t.said.notes.Read(into) }

// Keep has the next step find v as its notes. Where this one ends as *Throttled, the next one goes on from the last Keep, and what was
// counted since is not; after other errors it is as if the step had said nothing. JSON of v must be under 300 KB.
func (t *Task) Keep(v any) error {
	if err := t.said.notes.Keep(v); err != nil {
		return err
	}
	kept := t.said.clone()
	t.kept = &kept
	return nil
}

// Spend is asked before calls are made that it counts: for the run, the tenant's meter and its plan. It is ErrCapped where the plan has
// no more for this month; then they must not be made.
func (t *Task) Spend(ctx context.Context, u Use) error {
	if t.spend != nil {
		if err := t.spend(ctx, u); err != nil {
			return err
		}
	}
	t.use = t.use.plus(u)
	return nil
}

// Spent is what Spend has counted in this step.
func (t *Task) Spent() Use { return t.use }

// Count adds to what the run says it has brought, as ("resources", 12).
func (t *Task) Count(name string, n int64) {
	if t.said.counts == nil {
		t.said.counts = map[string]int64{}
	}
	t.said.counts[name] += n
}

// Skip says that a region is left out and why, in words for people: a region that is disabled.
func (t *Task) Skip(region, reason string) {
	for _, s := range t.said.skipped {
		if s.Region == region {
			return
		}
	}
	t.said.skipped = append(t.said.skipped, Skipped{region, reason})
}

// Partial says, in words for people, that something waits for a later run, and why. The last word counts.
func (t *Task) Partial(reason string) { t.said.partial = reason }

// Aside says, in words for people, that something was left out which holds up nothing else, and what to do. All of it is said, each once,
// before what Partial says.
func (t *Task) Aside(reason string) {
	if !slices.Contains(t.said.aside, reason) {
		t.said.aside = append(t.said.aside, reason)
	}
}

// Asides is what Aside was given.
func (t *Task) Asides() []string { return t.said.aside }

// Stage says how far it is, in words for people.
func (t *Task) Stage(s string) { t.said.stage = s }

// Reveal gives changes, at most 90, that make visible what was collected: they are written in the transaction that ends the fetch, if
// this step is the last and ends without an error, and so exactly once.
func (t *Task) Reveal(changes ...store.Change) { t.seen = append(t.seen, changes...) }

// Revealed is what Reveal was given in this step.
func (t *Task) Revealed() []store.Change { return t.seen }

// Guard gives checks that hold as long as this worker has the run, the run was not cancelled and nobody else has fetched: a part of the
// Write that makes visible what was collected. Where they do not hold the Write fails with a *store.ConditionError; Collect
// then returns that error.
func (t *Task) Guard() []store.Change {
	if t.guard == nil {
		return nil
	}
	return t.guard()
}

// forget takes back what was said since a time.
func (t *Task) forget(since said) { t.said, t.kept, t.seen = since.clone(), nil, nil }

func (u Use) plus(v Use) Use {
	return Use{Pages: u.Pages + v.Pages, Metrics: u.Metrics + v.Metrics, Calls: u.Calls + v.Calls}
}

// Denied is the error of a collector that AWS does not let in. It breaks the connection.
type Denied struct{ Reason string } // what was denied and what to do, in words for people

// Error says what was denied.
func (d *Denied) Error() string { return d.Reason }

// Throttled is the error of a collector that AWS told to slow down; it goes on after the time, or one of the worker's choice where that
// is 0.
type Throttled struct{ After time.Duration }

// Error says so.
func (t *Throttled) Error() string { return "AWS asks to slow down" }

// ErrCapped says that the tenant's plan has no more of what Spend asked for in this month.
var ErrCapped = fault.New(fault.Limited, "The plan's limit of collectionPagesPerMonth is used up.")
