// Package bolt is the Scheduler of one process, for where there is no EventBridge Scheduler: what it has is on the disk before Put
// returns, and a slot that came while the process was not there is made up for, the latest of each schedule alone.
package bolt

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"hash/fnv"
	"maps"
	"slices"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/tenantry/tenantry/pkg/collect"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/schedule"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// ErrInUse says that another process has the schedules open.
var ErrInUse = errors.New("another process has the schedules open")

// Options of a Scheduler. Path, Clock and Send are needed.
type Options struct {
	Path   string // of its file, made where absent
	Clock  func() time.Time
	Send   func(context.Context, collect.Message) error // to the collect queue, which keeps it once this returns
	NoSync bool                                         // for tests: what a crash of the machine takes is not there to be missed
}

// lockWait is how long Open waits for a process that is just ending.
const lockWait = 500 * time.Millisecond

var bucket = []byte("schedules")

// Scheduler is a schedule.Scheduler. Somebody must call Tick again and again. It is safe for concurrent use.
type Scheduler struct {
	Options
	db *bbolt.DB

	mu  sync.Mutex
	all map[schedule.Name]*item
}

// item is an entry and how far it has come.
type item struct {
	schedule.Entry
	expression schedule.Expression
	after      time.Time // slots after it are still to be sent
	due        time.Time // when the next message is, its slot and the lateness; zero where there is none
}

// stored is an item on the disk, under its name.
type stored struct {
	Expression    string    `json:"expression"`
	WindowMinutes int       `json:"windowMinutes"`
	Enabled       bool      `json:"enabled"`
	After         time.Time `json:"after"`
}

// Open opens the schedules; ErrInUse where another process has them.
func Open(o Options) (*Scheduler, error) {
	db, err := bbolt.Open(o.Path, 0o600, &bbolt.Options{Timeout: lockWait, NoSync: o.NoSync, NoFreelistSync: true})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, ErrInUse
	}
	if err != nil {
		return nil, fmt.Errorf("open the schedules: %w", err)
	}
	s := &Scheduler{Options: o, db: db, all: map[schedule.Name]*item{}}
	err = db.Update(func(tx *bbolt.Tx) error {
		b, err := tx.CreateBucketIfNotExists(bucket)
		if err != nil {
			return err
		}
		return b.ForEach(s.load)
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("read the schedules: %w", err), db.Close())
	}
	return s, nil
}

func (s *Scheduler) load(k, v []byte) error {
	var was stored
	name, err := schedule.ParseName(string(k))
	if err != nil {
		return err
	}
	if err := json.Unmarshal(v, &was); err != nil {
		return fmt.Errorf("read schedule %s: %w", k, err)
	}
	i, err := made(schedule.Entry{Name: name, Expression: was.Expression, WindowMinutes: was.WindowMinutes, Enabled: was.Enabled}, was.After)
	s.all[name] = i
	return err
}

// made gives an item whose slots after a time are still to be sent.
func made(e schedule.Entry, after time.Time) (*item, error) {
	expression, err := schedule.ParseExpression(e.Expression)
	if err != nil {
		return nil, fmt.Errorf("schedule %s: %w", e.Name, err)
	}
	i := &item{Entry: e, expression: expression}
	i.from(after)
	return i, nil
}

// from counts on from a slot that is done with.
func (i *item) from(after time.Time) {
	i.after, i.due = after, time.Time{}
	if next := i.expression.Next(after); i.Enabled && !next.IsZero() {
		i.due = next.Add(i.lateness())
	}
}

// lateness is how long after its slots a schedule's messages come: less than its window, always the same, and for many schedules
// spread evenly over it.
func (i *item) lateness() time.Duration {
	window := uint64(i.WindowMinutes) * uint64(time.Minute/time.Second)
	if window == 0 {
		return 0
	}
	h := fnv.New64a()
	_, _ = h.Write([]byte(i.Name.String()))
	return time.Duration(h.Sum64()%window) * time.Second
}

// Close closes the schedules.
func (s *Scheduler) Close() error { return s.db.Close() }

// Put makes the entry, or makes it as given. One that is new, was paused or has another expression begins with its next slot.
func (s *Scheduler) Put(_ context.Context, e schedule.Entry) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	was := s.all[e.Name]
	if was != nil && was.Entry == e {
		return nil
	}
	after := s.Clock().UTC()
	if was != nil && was.Enabled && was.Expression == e.Expression {
		after = was.after
	}
	i, err := made(e, after)
	if err != nil {
		return err
	}
	if err := s.keep(i); err != nil {
		return err
	}
	s.all[e.Name] = i
	return nil
}

func (s *Scheduler) keep(i *item) error {
	v, err := json.Marshal(stored{i.Expression, i.WindowMinutes, i.Enabled, i.after})
	if err != nil {
		return err
	}
	return s.update(func(b *bbolt.Bucket) error { return b.Put([]byte(i.Name.String()), v) })
}

func (s *Scheduler) update(change func(*bbolt.Bucket) error) error {
	if err := s.db.Update(func(tx *bbolt.Tx) error { return change(tx.Bucket(bucket)) }); err != nil {
		return fault.Wrap(err, fault.Unavailable, "the schedules cannot be kept now: is the disk full?")
	}
	return nil
}

// Remove removes an entry.
func (s *Scheduler) Remove(_ context.Context, n schedule.Name) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.all[n] == nil {
		return nil
	}
	if err := s.update(func(b *bbolt.Bucket) error { return b.Delete([]byte(n.String())) }); err != nil {
		return err
	}
	delete(s.all, n)
	return nil
}

// List gives all entries of a tenant.
func (s *Scheduler) List(_ context.Context, id tenant.ID) (all []schedule.Entry, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, i := range s.all {
		if i.Tenant == id {
			all = append(all, i.Entry)
		}
	}
	return all, nil
}

// Names gives all names at once.
func (s *Scheduler) Names(context.Context, string) ([]schedule.Name, string, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Collect(maps.Keys(s.all)), "", nil
}

// Tick sends the messages that are due, and tells how many; where one cannot be sent it comes with the next Tick. A process that
// ends between sending one and noting it sends it again, of the same slot.
func (s *Scheduler) Tick(ctx context.Context) (sent int, err error) {
	now := s.Clock().UTC()
	s.mu.Lock()
	var due []*item
	for _, i := range s.all {
		if !i.due.IsZero() && !i.due.After(now) {
			due = append(due, i)
		}
	}
	s.mu.Unlock()
	slices.SortFunc(due, func(a, b *item) int { return a.due.Compare(b.due) })
	for _, i := range due {
		slot := i.expression.Latest(i.after, now.Add(-i.lateness()))
		if err := s.Send(ctx, collect.Message{Kind: i.Kind, Tenant: i.Tenant, Project: i.Project, Slot: slot}); err != nil {
			return sent, fmt.Errorf("send the message of a schedule: %w", err)
		}
		sent++
		if err := s.done(i, slot); err != nil {
			return sent, err
		}
	}
	return sent, nil
}

// done notes that a slot's message is sent, unless the slots are others by now.
func (s *Scheduler) done(i *item, slot time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	now := s.all[i.Name]
	if now == nil || now.Expression != i.Expression || !now.after.Before(slot) {
		return nil
	}
	next := *now
	next.from(slot)
	if err := s.keep(&next); err != nil {
		return err
	}
	s.all[i.Name] = &next
	return nil
}
