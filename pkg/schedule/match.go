package schedule

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"sync"
	"time"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/job"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Service has the operations on schedules and makes a Scheduler match. Operations need no Scheduler; matching needs Store,
// Scheduler, Clock and Log alone.
type Service struct {
	Store     *store.Store
	Scheduler Scheduler
	Jobs      job.Queue
	Clock     func() time.Time
	Random    io.Reader
	Log       *slog.Logger
}

// Kind is of the message that has one tenant's schedules made to match.
const Kind job.Kind = "schedules"

// Works lists what jobs there are.
func (s *Service) Works() []job.Work {
	return []job.Work{{Kind: Kind, Once: func(ctx context.Context, m job.Message) error {
		if _, err := tenant.ParseID(string(m.Tenant)); err != nil {
			return fault.Wrap(err, fault.Malformed, "the message names no tenant")
		}
		_, err := s.Match(ctx, m.Tenant)
		return err
	}}}
}

// Changed has the schedules of the scope's tenant made to match, after a project, a schedule or the tenant's status has changed. Where
// nothing is connected there is nothing to match. Where that cannot be asked for now it is said in the log and the change stands:
// Reconcile makes good for it.
func (s *Service) Changed(ctx context.Context, scope *tenant.Scope) {
	h, err := s.Store.Tenant(scope)
	connected := false
	if err == nil {
		connected, err = collected(ctx, h)
	}
	if err != nil || connected {
		s.Connected(ctx, scope)
	}
}

// Connected is Changed after a connection has changed or gone: whether anything is connected may be what has changed.
func (s *Service) Connected(ctx context.Context, scope *tenant.Scope) {
	if err := s.Jobs.Send(ctx, job.Message{Kind: Kind, Tenant: scope.Tenant()}); err != nil {
		s.Log.WarnContext(ctx, "schedules are to be matched by the next reconciliation", "tenant", scope.Tenant(), "error", err)
	}
}

// Counts are what was found of schedules and done about it.
type Counts struct {
	Checked int64 `json:"checked"` // that should be
	Created int64 `json:"created"`
	Updated int64 `json:"updated"` // that were not as they should be
	Removed int64 `json:"removed"` // that should not be
}

func (c *Counts) add(o Counts) {
	c.Checked += o.Checked
	c.Created += o.Created
	c.Updated += o.Updated
	c.Removed += o.Removed
}

const (
	atOnce = 16 // calls of a Scheduler
	rounds = 10 // of a tenant that goes on changing
)

// Match makes the Scheduler match what the tables say of a tenant, and is over only when they say, after its last call, what they
// said before it: so whoever matches last of several at once leaves what is right, and whoever changes the tables sends a message
// after that.
func (s *Service) Match(ctx context.Context, id tenant.ID) (c Counts, err error) {
	want, err := wanted(ctx, s.Store, id)
	if err != nil {
		return c, err
	}
	for range rounds {
		have, err := s.Scheduler.List(ctx, id)
		if err != nil {
			return c, err
		}
		done, err := s.apply(ctx, want, have)
		c.Checked = int64(len(want))
		c.add(done)
		if err != nil || done == (Counts{}) {
			return c, err
		}
		now, err := wanted(ctx, s.Store, id)
		if err != nil || maps.Equal(want, now) {
			return c, err
		}
		want = now
	}
	return c, fault.New(fault.Unavailable, "the schedules of %s change faster than they are matched", id)
}

// apply makes the calls that are needed, several at once, as many of them as succeed.
func (s *Service) apply(ctx context.Context, want map[Name]Entry, have []Entry) (done Counts, err error) {
	there := make(map[Name]Entry, len(have))
	for _, e := range have {
		there[e.Name] = e
	}
	calls := calls{ctx: ctx, free: make(chan struct{}, atOnce)}
	for n, e := range want {
		switch was, ok := there[n]; {
		case !ok:
			calls.do(&done.Created, func() error { return s.Scheduler.Put(ctx, e) })
		case was != e:
			calls.do(&done.Updated, func() error { return s.Scheduler.Put(ctx, e) })
		}
	}
	for n := range there {
		if _, ok := want[n]; !ok {
			calls.do(&done.Removed, func() error { return s.Scheduler.Remove(ctx, n) })
		}
	}
	err = calls.wait()
	return done, err
}

// calls are some that are made at once, and what they count. The first error ends them.
type calls struct {
	ctx   context.Context
	free  chan struct{}
	group sync.WaitGroup
	mu    sync.Mutex
	err   error
}

func (c *calls) do(counted *int64, call func() error) {
	c.free <- struct{}{}
	c.mu.Lock()
	over := c.err != nil || c.ctx.Err() != nil
	c.mu.Unlock()
	if over {
		<-c.free
		return
	}
	c.group.Go(func() {
		defer func() { <-c.free }()
		err := call()
		c.mu.Lock()
		defer c.mu.Unlock()
		if err == nil {
			*counted++
		} else if c.err == nil {
			c.err = fmt.Errorf("match a schedule: %w", err)
		}
	})
}

func (c *calls) wait() error {
	c.group.Wait()
	if c.err != nil {
		return c.err
	}
	return c.ctx.Err()
}

// Clear removes all schedules of a tenant that is at its end, and tells how many.
func (s *Service) Clear(ctx context.Context, id tenant.ID) (int, error) {
	have, err := s.Scheduler.List(ctx, id)
	if err != nil {
		return 0, err
	}
	done, err := s.apply(ctx, nil, have)
	return int(done.Removed), err
}

// Left counts the schedules of a tenant.
func (s *Service) Left(ctx context.Context, id tenant.ID) (int, error) {
	have, err := s.Scheduler.List(ctx, id)
	return len(have), err
}
