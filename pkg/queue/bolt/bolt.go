// Package bolt is a durable queue of one process, for where there is no SQS: every message is on the disk before Send
// returns, and comes at least once, after a kill too.
package bolt

import (
	"context"
	"encoding/binary"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"go.etcd.io/bbolt"
	bolterrors "go.etcd.io/bbolt/errors"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/observe"
)

// ErrInUse says that another process has the queue open.
var ErrInUse = errors.New("another process has the queue open")

// Options of a queue. Path, Clock and Log are needed.
type Options struct {
	Path     string // of its file, made where absent
	Clock    func() time.Time
	Log      *slog.Logger
	Attempts int           // after so many a failing message goes to the dead letters; 10 where 0
	Backoff  time.Duration // before the second attempt, doubled for each further one; 1 s where 0
}

// lockWait is how long Open waits for a process that is just ending.
const lockWait = 500 * time.Millisecond

var (
	waiting = []byte("waiting")
	dead    = []byte("dead")
)

// Queue is a queue of one process. It is safe for concurrent use.
type Queue struct {
	Options
	db *bbolt.DB

	mu      sync.Mutex
	held    map[uint64]bool // received and not settled; forgotten with the process, so that nothing waits for the dead
	changed chan struct{}   // closed and replaced when a message has come or is free again
}

// Message is a message that was received.
type Message struct {
	Body    []byte
	Attempt int    // from 1; what killed processes had in hand counts
	Trace   string // observe.Trace's, "" where it was sent in none
	id      uint64
}

// item is how a message is stored, under its number in 8 bytes.
type item struct {
	Body     string    `json:"body"`
	Sent     time.Time `json:"sent"`
	Due      time.Time `json:"due"`
	Attempts int       `json:"attempts"`
	Trace    string    `json:"trace,omitempty"`
}

// Open opens the queue; ErrInUse where another process has it.
func Open(o Options) (*Queue, error) {
	if o.Attempts == 0 {
		o.Attempts = 10
	}
	if o.Backoff == 0 {
		o.Backoff = time.Second
	}
	db, err := bbolt.Open(o.Path, 0o600, &bbolt.Options{Timeout: lockWait})
	if errors.Is(err, bolterrors.ErrTimeout) {
		return nil, ErrInUse
	}
	if err != nil {
		return nil, fmt.Errorf("open the queue: %w", err)
	}
	err = db.Update(func(tx *bbolt.Tx) error {
		_, err1 := tx.CreateBucketIfNotExists(waiting)
		_, err2 := tx.CreateBucketIfNotExists(dead)
		return errors.Join(err1, err2)
	})
	if err != nil {
		return nil, errors.Join(fmt.Errorf("prepare the queue: %w", err), db.Close())
	}
	return &Queue{Options: o, db: db, held: map[uint64]bool{}, changed: make(chan struct{})}, nil
}

// Close closes the queue. Messages in hand come again after the next Open.
func (q *Queue) Close() error { return q.db.Close() }

// SendBody queues a message by its body, with the trace of ctx.
func (q *Queue) SendBody(ctx context.Context, body []byte) error {
	now := q.Clock().UTC()
	err := q.db.Update(func(tx *bbolt.Tx) error {
		id, err := tx.Bucket(waiting).NextSequence()
		if err != nil {
			return err
		}
		return put(tx.Bucket(waiting), id, item{Body: string(body), Sent: now, Due: now, Trace: observe.TraceIn(ctx).XRay()})
	})
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "the work cannot be queued now: is the disk full?")
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	q.tell()
	return nil
}

// Receive waits for the oldest message that is due and nobody has in hand. Every message it gives must be settled.
func (q *Queue) Receive(ctx context.Context) (*Message, error) {
	for {
		m, next, changed, err := q.take()
		if m != nil || err != nil {
			return m, err
		}
		timer := time.NewTimer(next)
		select {
		case <-ctx.Done():
		case <-changed:
		case <-timer.C:
		}
		timer.Stop()
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
	}
}

var errNone = errors.New("no message is due") // rolls the transaction back: nothing need reach the disk

// take gives a message, or how long there is none and what is closed when there may be one before.
func (q *Queue) take() (m *Message, next time.Duration, changed chan struct{}, err error) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.Clock()
	next = time.Minute
	err = q.db.Update(func(tx *bbolt.Tx) error {
		c := tx.Bucket(waiting).Cursor()
		for k, v := c.First(); k != nil; k, v = c.Next() {
			id := binary.BigEndian.Uint64(k)
			var i item
			if err := json.Unmarshal(v, &i); err != nil {
				return fmt.Errorf("read message %d: %w", id, err)
			}
			if q.held[id] {
				continue
			}
			if wait := i.Due.Sub(now); wait > 0 {
				next = min(next, wait)
				continue
			}
			i.Attempts++
			m = &Message{Body: []byte(i.Body), Attempt: i.Attempts, Trace: i.Trace, id: id}
			return put(tx.Bucket(waiting), id, i)
		}
		return errNone
	})
	if errors.Is(err, errNone) {
		return nil, next, q.changed, nil
	}
	if err != nil {
		return nil, 0, nil, err
	}
	q.held[m.id] = true
	return m, 0, nil, nil
}
