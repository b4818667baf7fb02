package collect

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/job"
	"github.com/tenantry/tenantry/pkg/queue"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// fetch is what a connection was asked for last, of one kind, as it is stored: for which slot, by whom, and what came of it. Whoever
// holds its lease is a run; the next run of a later slot begins anew.
type fetch struct {
	Job       job.Record           `json:"job"` // Waiting while it is fetched, Done when that is at its end; Owner is a run
	Slot      time.Time            `json:"slot"`
	Project   tenant.ProjectID     `json:"project"` // of the run that is at it, or was at its end
	Run       tenant.RunID         `json:"run"`
	Result    PartStatus           `json:"result,omitempty"`
	Reason    string               `json:"reason,omitempty"`
	Asides    []string             `json:"asides,omitempty"`
	Stage     string               `json:"stage,omitempty"`
	Counts    map[string]int64     `json:"counts,omitempty"`
	Skipped   []Skipped            `json:"skipped,omitempty"`
	Uses      map[tenant.RunID]Use `json:"uses,omitempty"` // for the slot, of each run that was at it
	Last      time.Time            `json:"last"`           // the slot that was fetched whole last
	Denied    time.Time            `json:"denied"`         // when AWS denied access last; zero once it gave it
	Resume    time.Time            `json:"resume"`         // not to be asked before
	Throttles int                  `json:"throttles,omitempty"`
	Retry     time.Time            `json:"retry"`             // for the slot: not to be tried before, since it failed
	Trouble   string               `json:"trouble,omitempty"` // as what
	ByHand    time.Time            `json:"byHand"`            // when a run that was started by hand began one last
}

// fetchBook is the job.Book of a fetch, for one run.
type fetchBook struct {
	tenant *store.Tenant
	clock  func() time.Time
	key    store.Key
	run    *runBook
	free   bool // whoever has the lease is a run that has ended
	fetch  fetch
	stored int64 // version of the item, 0 where there is none
	source connection.Connection
	known  int64          // version of the source that this worker knows
	with   []store.Change // written with the end of the fetch
}

// Read reads the fetch as the run sees it: one of an earlier slot that nobody is at is one of the run's slot, not begun. The version
// is one more than the stored one, since no version means no record. *waiting where it is to wait.
func (b *fetchBook) Read(ctx context.Context, r *job.Record) (int64, error) {
	b.fetch = fetch{}
	var err error
	if b.stored, err = b.tenant.Read(ctx, b.key, &b.fetch); err != nil {
		return 0, fmt.Errorf("read a fetch: %w", err)
	}
	f, now := &b.fetch, b.clock()
	held := f.Job.Status == job.Waiting && f.Job.Owner != "" && f.Job.Owner != b.owner() && now.Before(f.Job.Until)
	if b.free = false; held {
		if b.free, err = b.over(ctx, f.Job.Owner); err != nil {
			return 0, err
		}
		held = !b.free
	}
	if b.stored == 0 || !held && b.older(now) {
		*f = f.anew(&b.run.run.Run, now)
	}
	switch {
	case held:
		return 0, f.held(now)
	case b.often(now):
		until := f.ByHand.Add(distance)
		return 0, wait(until.Sub(now), "Runs that were started by hand have begun it several times already. It goes on by itself at "+second(until)+".", nil)
	case f.Job.Status == job.Waiting && now.Before(f.Resume):
		return 0, wait(f.Resume.Sub(now), "AWS asks to slow down. It goes on by itself at "+second(f.Resume)+".", nil)
	case f.Job.Status == job.Waiting && now.Before(f.Retry):
		return 0, wait(f.Retry.Sub(now), f.retry(), nil)
	}
	*r = f.Job
	return b.stored + 1, nil
}

// over tells whether the run is at its end that has a lease of this name.
func (b *fetchBook) over(ctx context.Context, owner string) (bool, error) {
	project, run, _ := strings.Cut(owner, "/")
	id, err := tenant.ParseRunID(run)
	if err != nil {
		return false, fmt.Errorf("read who fetches: %w", err)
	}
	var holder Run
	version, err := b.tenant.Read(ctx, runKey(tenant.ProjectID(project), b.run.run.Kind, id.Slot()), &holder)
	if err != nil {
		return false, fmt.Errorf("read who fetches: %w", err)
	}
	return version == 0 || holder.done(), nil
}

// patient is how long a run that waits for another does not look whether that is at its end.
const patient = 15 * time.Second

// held is the error of a run that finds another at the connection.
func (f *fetch) held(now time.Time) error {
	return wait(min(f.Job.Until.Sub(now), patient), "Another run is reading the account. It goes on by itself when that is at its end.", &Origin{f.Project, f.Run})
}

func second(t time.Time) string { return t.UTC().Format(time.RFC3339) }

// waiting is the error of a run that has to wait, with what for in words for people.
type waiting struct {
	*queue.Busy
	why string
	by  *Origin
}

func wait(d time.Duration, why string, by *Origin) error {
	return &waiting{&queue.Busy{Wait: d}, why, by}
}

// Unwrap gives how long.
func (w *waiting) Unwrap() error { return w.Busy }

// Write writes the fetch; where it is at its end with all that makes it seen, and only where the run is still this worker's.
func (b *fetchBook) Write(ctx context.Context, r job.Record, version int64) error {
	next := b.fetch
	next.Job, next.Project, next.Run = r, b.run.run.ProjectID, b.run.run.ID
	changes := []store.Change{{Key: b.key, Value: next, Condition: store.VersionIs(version - 1)}}
	if r.Status == job.Done || b.stored == 0 { // what is new comes only into a tenant that is there
		changes = append(changes, b.run.check())
	}
	if r.Status == job.Done {
		changes = append(append(changes, b.readable()), b.with...)
	}
	if err := b.tenant.Write(ctx, changes...); err != nil {
		return err
	}
	b.fetch, b.stored = next, version
	return nil
}

// owner names the run as the holder of a lease: whoever has the run's own lease has this one too.
func (b *fetchBook) owner() string { return string(b.run.run.ProjectID) + "/" + string(b.run.run.ID) }

// check holds as long as the worker has the run's lease, and the run is not cancelled.
func (b *runBook) check() store.Change {
	return store.Change{Action: store.Check, Key: b.key, Condition: store.VersionIs(b.version)}
}

// guard holds as long as this worker has the run and the fetch, and the connection is as it was.
func (b *fetchBook) guard() []store.Change {
	return append(b.hold(), b.readable())
}

// hold holds as long as this worker has the run and the fetch, whatever has become of the connection.
func (b *fetchBook) hold() []store.Change {
	return []store.Change{b.run.check(), {Action: store.Check, Key: b.key, Condition: store.VersionIs(b.stored)}}
}

// readable holds as long as the connection is the one that was read: of what was deleted meanwhile nothing becomes visible.
func (b *fetchBook) readable() store.Change {
	return store.Change{Action: store.Check, Key: store.Connection(b.source.ID), Condition: store.VersionIs(b.known)}
}

// add puts what a step has said of itself into the fetch.
func (b *fetchBook) add(t *Task) {
	f, own := &b.fetch, b.run.run.ID
	f.Uses, f.Counts = maps.Clone(f.Uses), maps.Clone(f.Counts)
	if f.Uses == nil {
		f.Uses = map[tenant.RunID]Use{}
	}
	f.Uses[own] = f.Uses[own].plus(t.use)
	for name, n := range t.said.counts {
		if f.Counts == nil {
			f.Counts = map[string]int64{}
		}
		f.Counts[name] += n
	}
	for _, s := range t.said.skipped {
		f.skip(s)
	}
	for _, reason := range t.said.aside {
		if !slices.Contains(f.Asides, reason) && len(f.Asides) < maxAsides {
			f.Asides = append(f.Asides[:len(f.Asides):len(f.Asides)], reason)
		}
	}
	f.Stage = cmp.Or(t.said.stage, f.Stage)
	f.Reason = cmp.Or(t.said.partial, f.Reason)
}

func (f *fetch) skip(s Skipped) {
	for _, other := range f.Skipped {
		if other.Region == s.Region {
			return
		}
	}
	if len(f.Skipped) < maxSkipped {
		f.Skipped = append(f.Skipped[:len(f.Skipped):len(f.Skipped)], s)
	}
}

// maxAsides bounds what one fetch says.
const maxAsides = 20

// maxSkipped is more regions than AWS has.
const maxSkipped = 60

// free tells whether nothing was asked for that is paid for.
func (f *fetch) free() bool {
	for _, use := range f.Uses {
		if use.thousandths() > 0 {
			return false
		}
	}
	return true
}

// took tells a run's part what the run has asked for.
func (f *fetch) took(p *Part, own tenant.RunID) {
	if use, ok := f.Uses[own]; ok {
		p.Pages, p.Metrics, p.Calls = use.Pages, use.Metrics, use.Calls
	}
}

// tell puts the state of the fetch into a run's part.
func (f *fetch) tell(p *Part, own tenant.RunID) {
	f.took(p, own)
	p.Reason = strings.Join(append(slices.Clone(f.Asides), f.Reason), " ")
	if f.Reason == "" {
		p.Reason = strings.Join(f.Asides, " ")
	}
	p.Status, p.SkippedMore = PartRunning, 0
	if f.Job.Status == job.Done {
		p.Status = f.Result
	}
	if f.Run != own {
		p.FetchedBy, p.Counts, p.Skipped, p.Stage = &Origin{f.Project, f.Run}, nil, nil, ""
		return
	}
	p.FetchedBy, p.Counts, p.Skipped, p.Stage = nil, f.Counts, f.Skipped, f.Stage
	if p.ended() {
		p.Stage = ""
	}
}
