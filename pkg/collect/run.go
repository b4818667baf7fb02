package collect

import (
	"context"
	"fmt"
	"log/slog"
	"slices"
	"time"

	"github.com/tenantry/tenantry/pkg/audit"
	"github.com/tenantry/tenantry/pkg/job"
	"github.com/tenantry/tenantry/pkg/money"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Status of a run.
type Status string

// The statuses, in their order; the last three are the end.
const (
	Queued    Status = "queued"
	Running   Status = "running"
	Succeeded Status = "succeeded" // what was collected is seen; Partial says that it is not all
	Failed    Status = "failed"    // nothing of it is seen, also where the plan's limit was reached before
	Cancelled Status = "cancelled" // what was not seen yet never will be
)

// Run is one collection of one kind for one project.
type Run struct {
	ID          tenant.RunID     `json:"id" doc:"run_ and 26 characters."`
	ProjectID   tenant.ProjectID `json:"projectId"`
	Kind        Kind             `json:"kind" enum:"costs,resources,metrics"`
	Slot        time.Time        `json:"slot" doc:"When it was due by its schedule, or was started by hand. There is one run of a project, kind and slot."`
	Status      Status           `json:"status" enum:"queued,running,succeeded,failed,cancelled"`
	Partial     bool             `json:"partial,omitempty" doc:"Not all could be collected; reason says why."`
	Reason      string           `json:"reason,omitempty" doc:"Why it failed, was cancelled or is partial, and what to do; of one that is running what it waits for, or what went wrong and is tried again."`
	StartedBy   *audit.Actor     `json:"startedBy,omitempty" doc:"Who started it by hand; absent where its schedule did."`
	CreatedAt   time.Time        `json:"createdAt"`
	StartedAt   *time.Time       `json:"startedAt,omitempty"`
	FinishedAt  *time.Time       `json:"finishedAt,omitempty"`
	DurationMS  int64            `json:"durationMs,omitempty" doc:"From its start to its end, waiting included."`
	Attempts    int              `json:"attempts" doc:"How often a worker has worked on it; one that found that it must wait has not."`
	Counts      map[string]int64 `json:"counts,omitempty" doc:"What it brought, by name."`
	Pages       int64            `json:"pages" doc:"Asked of Cost Explorer. What a worker that was killed asked for since its last step is in the usage of the plan alone."`
	Metrics     int64            `json:"metrics" doc:"Asked for with GetMetricData."`
	Calls       int64            `json:"calls" doc:"Of AWS."`
	Cost        money.Amount     `json:"cost" doc:"USD, of pages and metrics: $0.01 a page, $0.01 per 1,000 metrics."`
	ReadUnits   money.Amount     `json:"readUnits" doc:"Of the store, until its last step was noted."`
	WriteUnits  money.Amount     `json:"writeUnits" doc:"Of the store, as readUnits."`
	Connections []Part           `json:"connections,omitempty" doc:"What became of each connection. Left out of lists."`
}

// Part is one connection of a run.
type Part struct {
	ConnectionID tenant.ConnectionID `json:"connectionId"`
	AccountID    string              `json:"accountId"`
	Status       PartStatus          `json:"status" enum:"waiting,running,collected,denied,capped,failed,left"`
	Reason       string              `json:"reason,omitempty" doc:"Why not all was collected, and what to do."`
	FetchedBy    *Origin             `json:"fetchedBy,omitempty" doc:"The other run that fetched this connection for the slot, or for a later one: an account that several projects share is fetched once. While this one waits, whom it waits for."`
	Stage        string              `json:"stage,omitempty" doc:"How far it is, or what it waits for."`
	Skipped      []Skipped           `json:"skipped,omitempty" doc:"Regions that were left out."`
	SkippedMore  int                 `json:"skippedMore,omitempty" doc:"How many more were left out than there is room for in skipped."`
	Counts       map[string]int64    `json:"counts,omitempty"`
	Pages        int64               `json:"pages"`
	Metrics      int64               `json:"metrics"`
	Calls        int64               `json:"calls"`
}

// Origin is a run of another project. Members who may not know of that project are told of none.
type Origin struct {
	ProjectID tenant.ProjectID `json:"projectId,omitempty"`
	RunID     tenant.RunID     `json:"runId,omitempty"`
}

// PartStatus is what became of a connection in a run.
type PartStatus string

// The statuses of a connection. All but the first two are the end.
const (
	PartWaiting PartStatus = "waiting"
	PartRunning PartStatus = "running"
	Collected   PartStatus = "collected" // all of it, or what Reason leaves
	AccessDeny  PartStatus = "denied"
	Capped      PartStatus = "capped" // by the plan
	PartFailed  PartStatus = "failed"
	Left        PartStatus = "left" // it is not to be read
)

func (p *Part) ended() bool { return p.Status != PartWaiting && p.Status != PartRunning }

// record is a run as it is stored: with its lease, as a job's, and what is summed up in other units.
type record struct {
	Run
	Job         job.Record `json:"job"`
	Planned     bool       `json:"planned,omitempty"` // Connections are chosen
	Outcome     Status     `json:"outcome,omitempty"` // what the run ends as
	ReadHalves  int64      `json:"readHalves"`
	WriteHalves int64      `json:"writeHalves"`
}

func (r *Run) done() bool { return r.Status != Queued && r.Status != Running }

// kept is how long a run is listed after its end.
const kept = 90 * 24 * time.Hour

// slotText is a slot in keys, which sort by it.
func slotText(t time.Time) string { return t.UTC().Format(time.RFC3339) }

func runKey(p tenant.ProjectID, k Kind, slot time.Time) store.Key {
	return store.Run(p, string(k), slotText(slot))
}

// newRecord is a run that nobody has taken up.
func newRecord(m Message, now time.Time) record {
	now = now.UTC().Truncate(time.Millisecond)
	return record{Run: Run{ID: m.ID(), ProjectID: m.Project, Kind: m.Kind, Slot: m.Slot, Status: Queued, CreatedAt: now},
		Job: job.Record{Status: job.Waiting, CreatedAt: now, UpdatedAt: now}}
}

// end makes the run one that is at its end, whoever is at it.
func (r *record) end(s Status, reason string, now time.Time) {
	now = now.UTC().Truncate(time.Millisecond)
	r.Status, r.FinishedAt = s, &now
	if reason != "" {
		r.Reason = reason
	}
	if r.StartedAt != nil {
		r.DurationMS = now.Sub(*r.StartedAt).Milliseconds()
	}
	r.Job.Owner = ""
	if r.Job.Status == job.Waiting {
		r.Job.Status, r.Job.Reason = job.Failed, reason
	}
}

// leave ends the connections of a run that nobody goes on with.
func (r *Run) leave() {
	r.Connections = slices.Clone(r.Connections)
	for i := range r.Connections {
		if p := &r.Connections[i]; !p.ended() {
			p.leave(p.Reason)
		}
	}
}

// leave ends the part of a connection that is not read.
func (p *Part) leave(reason string) {
	p.Status, p.Reason, p.Stage, p.FetchedBy = Left, reason, "", nil
}

// change writes the run over a version.
func (r *record) change(version int64) store.Change {
	c := store.Change{Key: runKey(r.ProjectID, r.Kind, r.Slot), Value: r.fitting(), Condition: store.VersionIs(version)}
	if r.done() {
		c.ExpiresAt = r.FinishedAt.Add(kept)
	}
	return c
}

// sum adds up what the connections have brought and taken.
func (r *record) sum() {
	r.Counts, r.Pages, r.Metrics, r.Calls = nil, 0, 0, 0
	for _, p := range r.Connections {
		r.Pages, r.Metrics, r.Calls = r.Pages+p.Pages, r.Metrics+p.Metrics, r.Calls+p.Calls
		for name, n := range p.Counts {
			if r.Counts == nil {
				r.Counts = map[string]int64{}
			}
			r.Counts[name] += n
		}
	}
	r.Cost = Use{Pages: r.Pages, Metrics: r.Metrics}.Cost()
	r.ReadUnits, r.WriteUnits = money.FromScaled(r.ReadHalves*5, 1), money.FromScaled(r.WriteHalves*5, 1)
}

// runBook is the job.Book of a run: the lease of its worker is in the run's own item.
type runBook struct {
	tenant  *store.Tenant
	clock   func() time.Time
	log     *slog.Logger
	key     store.Key
	run     record
	version int64 // of the item as this worker has read or written it
	worked  bool  // since the lease was taken
	waited  bool  // instead
}

// Read reads the run.
func (b *runBook) Read(ctx context.Context, r *job.Record) (int64, error) {
	b.run = record{}
	version, err := b.tenant.Read(ctx, b.key, &b.run)
	if err != nil {
		return 0, fmt.Errorf("read a run: %w", err)
	}
	b.version, *r = version, b.run.Job
	return version, nil
}

// Write writes the run with what the step has done to it.
func (b *runBook) Write(ctx context.Context, r job.Record, version int64) error {
	next := b.run
	switch {
	case r.Owner != "" && r.Owner != next.Job.Owner:
		next.Attempts++
		b.worked, b.waited = false, false
	case r.Owner == "" && next.Job.Owner != "" && b.waited:
		next.Attempts-- // it has but waited
	}
	now := r.UpdatedAt
	next.Job = r
	switch r.Status {
	case job.Waiting:
		next.Status = Running
		if next.StartedAt == nil {
			next.StartedAt = &now
		}
	case job.Done:
		next.end(next.Outcome, "", now)
	case job.Failed:
		next.end(Failed, r.Reason, now)
	}
	next.sum()
	if err := b.tenant.Write(ctx, next.change(version)); err != nil {
		if store.Conflicted(err) != nil {
			b.settle(context.WithoutCancel(ctx), next.Connections)
		}
		return err
	}
	b.run, b.version = next, version+1
	return nil
}

// settle has a run that was ended meanwhile, as one that was cancelled, tell of all that its worker has asked for.
func (b *runBook) settle(ctx context.Context, parts []Part) {
	for range attempts {
		var rec record
		version, err := b.tenant.Read(ctx, b.key, &rec)
		if err == nil && (version == 0 || !rec.done() || !rec.took(parts)) {
			return
		}
		if err == nil {
			rec.sum()
			err = b.tenant.Write(ctx, rec.change(version))
		}
		if err == nil {
			return
		}
		if store.Conflicted(err) == nil {
			b.log.WarnContext(ctx, "what a run took last is in the usage of the plan alone", "run", b.run.ID, "error", err)
			return
		}
	}
}

// took adds to a run what its parts say they have taken, where it says less, and tells whether it did.
func (r *Run) took(parts []Part) (more bool) {
	r.Connections = slices.Clone(r.Connections)
	for _, p := range parts {
		i := slices.IndexFunc(r.Connections, func(known Part) bool { return known.ConnectionID == p.ConnectionID })
		if i < 0 {
			i = len(r.Connections)
			r.Connections = append(r.Connections, Part{ConnectionID: p.ConnectionID, AccountID: p.AccountID, Status: Left})
			more = true
		}
		if known := &r.Connections[i]; p.Calls > known.Calls || p.Pages > known.Pages || p.Metrics > known.Metrics {
			known.Pages, known.Metrics, known.Calls = max(p.Pages, known.Pages), max(p.Metrics, known.Metrics), max(p.Calls, known.Calls)
			more = true
		}
	}
	return more
}
