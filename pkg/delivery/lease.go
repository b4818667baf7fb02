package delivery

import (
	"context"
	"strings"
	"sync"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/tenantry/tenantry/pkg/cost"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/queue"
	"github.com/tenantry/tenantry/pkg/store"
)

const (
	leaseTime   = time.Minute     // how long a silent worker keeps a delivery
	renewal     = 3 * time.Second // how often a live one says so, and how far it is
	firstWord   = renewal / 8     // when it does first; the times between are doubled up to renewal
	maxAttempts = 5
)

// lease is one worker's hold on a delivery: whoever holds it alone writes the delivery, each write on condition of the
// version before, so that a worker that was thought dead cannot write any more.
type lease struct {
	service *Service
	tenant  *store.Tenant
	mu      sync.Mutex
	record  record
	version int64
	lost    bool // somebody else has written: the lease is theirs
	unsure  bool // a write failed, and whether it was made could not be read
}

// take takes the lease of a delivery. *queue.Busy where another worker has it; nil where there is no such delivery.
func (s *Service) take(ctx context.Context, t *store.Tenant, m Message) (*lease, error) {
	l := &lease{service: s, tenant: t}
	var err error
	if l.version, err = t.Read(ctx, store.Delivery(m.Delivery), &l.record); err != nil || l.version == 0 {
		return nil, err
	}
	w := &l.record.Work
	now := s.Clock()
	if w.Owner != "" && now.Before(w.Until) && !s.dead(w.Owner) {
		return nil, &queue.Busy{Wait: w.Until.Sub(now)}
	}
	owner, err := ulid.New(ulid.Timestamp(now), s.Random)
	if err != nil {
		return nil, err
	}
	err = l.write(ctx, func(r *record) {
		r.Work.Owner, r.Work.Until = s.Alone+"/"+owner.String(), now.Add(leaseTime).UTC()
		r.Work.Attempts++
	})
	if store.Conflicted(err) != nil {
		return nil, &queue.Busy{Wait: renewal}
	}
	return l, err
}

// dead tells whether an owner is known not to live any more, before its lease ends.
func (s *Service) dead(owner string) bool {
	return s.Alone != "" && !strings.HasPrefix(owner, s.Alone+"/")
}

// write changes the delivery while the lease is held, and writes what goes with that.
func (l *lease) write(ctx context.Context, change func(*record), with ...store.Change) error {
	return l.writeWith(ctx, change, func(own store.Change) error { return l.tenant.Write(ctx, append(with, own)...) })
}

// writeWith has commit write the changed delivery, with whatever else belongs to the same moment. A write that failed may
// have been made all the same: what is stored decides.
func (l *lease) writeWith(ctx context.Context, change func(*record), commit func(own store.Change) error) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	next := l.record
	change(&next)
	next.Work.Writes++
	err := commit(store.Change{Key: store.Delivery(next.ID), Value: next, Condition: store.VersionIs(l.version)})
	if err == nil {
		l.record = next
		l.version++
		return nil
	}
	var stored record
	version, rerr := l.tenant.Read(context.WithoutCancel(ctx), store.Delivery(next.ID), &stored)
	switch {
	case rerr != nil:
		l.unsure = true
	case stored.Work.Writes == next.Work.Writes && (stored.Work.Owner == next.Work.Owner || next.Work.Owner == ""):
		l.record, l.version = next, version
		return nil
	case version != l.version:
		l.lost = true
	}
	return err
}

// sure is nil where what is known of the delivery is what is stored, and the lease has not been lost.
func (l *lease) sure() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.unsure || l.lost {
		return errUnsure
	}
	return nil
}

var errUnsure = fault.New(fault.Unavailable, "What is stored of the delivery is not known.")

// work is the workers' notes as they are now.
func (l *lease) work() work {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.record.Work
}

// held is nil as long as the worker may write: its lease has not ended by its own clock.
func (l *lease) held() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.lost || l.unsure || !l.service.Clock().Before(l.record.Work.Until) {
		return cost.ErrOvertaken
	}
	return nil
}

// renew keeps the lease and writes progress until ctx ends or the lease is lost, which cancels the work.
func (l *lease) renew(ctx context.Context, cancel context.CancelFunc, progress func() *Progress) {
	for wait := firstWord; ; wait = min(2*wait, renewal) {
		select {
		case <-ctx.Done():
			return
		case <-time.After(wait):
		}
		err := l.write(ctx, func(r *record) {
			r.Work.Until = l.service.Clock().Add(leaseTime).UTC()
			if r.Status == Running {
				r.Progress = progress()
			}
		})
		if err != nil && l.sure() != nil {
			cancel()
			return
		}
	}
}

// release gives the lease up. What is written of the delivery else is the caller's change, with what goes with that.
func (l *lease) release(ctx context.Context, change func(*record), with ...store.Change) error {
	err := l.write(ctx, func(r *record) {
		r.Work.Owner, r.Work.Until = "", time.Time{}
		change(r)
	}, with...)
	if store.Conflicted(err) != nil {
		return fault.Wrap(err, fault.Unavailable, "Another worker has taken the delivery over.")
	}
	return err
}
