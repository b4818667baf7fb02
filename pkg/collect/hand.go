package collect

import (
	"fmt"
	"time"

	"github.com/tenantry/tenantry/pkg/job"
)

// distance is the least time between two fetches of a connection and kind that are asked for by hand and paid for: what the plan has for a
// month is for the schedules first.
const distance = 15 * time.Minute

// older tells whether what is stored is of an earlier slot than the run's, which begins anew then. A slot that is to come is none: a run
// of it has not been.
func (b *fetchBook) older(now time.Time) bool {
	f := &b.fetch
	if f.Run == b.run.run.ID {
		return false
	}
	return f.Slot.After(now.Add(early)) || f.Slot.Before(b.run.run.Slot) && !b.recent(now)
}

// recent tells whether a run that was started by hand finds what another such run has fetched or begun a short time ago, which is not
// begun anew.
func (b *fetchBook) recent(now time.Time) bool {
	f, run := &b.fetch, &b.run.run
	if run.StartedBy == nil || f.Run == run.ID || !now.Before(f.ByHand.Add(distance)) || !f.Slot.Before(run.Slot) {
		return false
	}
	var paid Use
	for _, use := range f.Uses {
		paid = paid.plus(use)
	}
	verified := b.source.VerifiedAt != nil && b.source.VerifiedAt.After(f.Job.UpdatedAt)
	return f.Job.Status == job.Waiting || paid.thousandths() > 0 && f.Result != Capped && !verified
}

// often tells whether a run that was started by hand is one more of several that have begun what none of them ended: who starts and cancels
// them asks for the same again and again.
func (b *fetchBook) often(now time.Time) bool {
	f := &b.fetch
	_, own := f.Uses[b.run.run.ID]
	return f.Job.Status == job.Waiting && b.recent(now) && len(f.Uses) >= several && !own
}

// several is how many runs may begin the same by hand.
const several = 3

// anew is the fetch of a run's slot, of which nothing is done yet.
func (f *fetch) anew(run *Run, now time.Time) fetch {
	now = now.UTC().Truncate(time.Millisecond)
	next := fetch{Slot: run.Slot, Last: f.Last, Denied: f.Denied, Resume: f.Resume, Throttles: f.Throttles, ByHand: f.ByHand,
		Job: job.Record{Status: job.Waiting, CreatedAt: now}}
	if next.Last.After(now.Add(early)) {
		next.Last = f.Job.UpdatedAt // its slot was to come
	}
	if run.StartedBy != nil {
		next.ByHand = now
	}
	return next
}

// tooSoon says why a run that was started by hand has asked for nothing.
func (f *fetch) tooSoon() string {
	return fmt.Sprintf("It was read at %s: by hand that is done once in %d minutes, the next time from %s on, or once the connection was verified again. This is what came of it.",
		f.Job.UpdatedAt.Format(time.RFC3339), int(distance.Minutes()), f.ByHand.Add(distance).Format(time.RFC3339))
}
