package delivery

import (
	"context"
	"sync"
	"time"

	"github.com/tenantry/tenantry/pkg/cost"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/store"
)

const (
	leaseTime   = time.Minute     // how long a silent worker keeps a delivery
	renewal     = 3 * time.Second // how often a live one says so, and how far it is
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
	lost    bool
}

// take takes the lease of a delivery. *Busy where another worker has it; nil where there is no such delivery.
func (s *Service) take(ctx context.Context, t *store.Tenant, m Message) (*lease, error) {
	l := &lease{service: s, tenant: t}
	var err error
	if l.version, err = t.Read(ctx, store.Delivery(m.Delivery), &l.record); err != nil || l.version == 0 {
		return nil, err
	}
	w := &l.record.Work
	now := s.Clock()
	if w.Owner != "" && now.Before(w.Until) && !s.dead(w.Owner) {
		return nil, &Busy{Wait: w.Until.Sub(now)}
	}
	err = l.write(ctx, func(r *record) {
		r.Work.Owner, r.Work.Until = s.owner(), now.Add(leaseTime).UTC()
		r.Work.Attempts++
	})
	if store.Conflicted(err) != nil {
		return nil, &Busy{Wait: renewal}
	}
	return l, err
}

// dead tells whether an owner is known not to live any more, before its lease ends.
func (s *Service) dead(owner string) bool { return s.Alone != "" && owner != s.Alone }

func (s *Service) owner() string {
	if s.Alone != "" {
		return s.Alone
	}
	return "worker"
}

// write changes the delivery while the lease is held.
func (l *lease) write(ctx context.Context, change func(*record), own ...store.Change) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	next := l.record
	change(&next)
	err := l.tenant.Write(ctx, append([]store.Change{{Key: store.Delivery(next.ID), Value: next,
		Condition: store.VersionIs(l.version)}}, own...)...)
	if err == nil {
		l.record = next
		l.version++
	}
	l.lost = l.lost || store.Conflicted(err) != nil
	return err
}

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
	if l.lost || !l.service.Clock().Before(l.record.Work.Until) {
		return cost.ErrOvertaken
	}
	return nil
}

// renew keeps the lease and writes progress until ctx ends or the lease is lost, which cancels the work.
func (l *lease) renew(ctx context.Context, cancel context.CancelFunc, progress func() *Progress) {
	tick := time.NewTicker(renewal)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		err := l.write(ctx, func(r *record) {
			r.Work.Until = l.service.Clock().Add(leaseTime).UTC()
			if r.Status == Running {
				r.Progress = progress()
			}
		})
		if store.Conflicted(err) != nil {
			cancel()
			return
		}
	}
}

// release gives the lease up. What is written of the delivery else is the caller's change.
func (l *lease) release(ctx context.Context, change func(*record)) error {
	err := l.write(ctx, func(r *record) {
		r.Work.Owner, r.Work.Until = "", time.Time{}
		change(r)
	})
	if store.Conflicted(err) != nil {
		return fault.Wrap(err, fault.Unavailable, "Another worker has taken the delivery over.")
	}
	return err
}
