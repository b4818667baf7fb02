// Package job is long work for one tenant: more than a request or a message has time for. A job is a record in the store and
// messages that say it is there; a worker does it in steps, each short, and keeps after each what the next one needs.
//
// Whatever is killed, delivered twice or done by two workers at once: the record says who is at it (a lease) and how far it
// is, a step may be done again from its beginning, and only the holder of the lease moves the record.
package job

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/observe"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Kind names a sort of work, as "export".
type Kind string

// Message says that there is a job to be done. One of a kind that is of no tenant has the kind alone.
type Message struct {
	Kind   Kind      `json:"kind"`
	Tenant tenant.ID `json:"tenant,omitempty"`
	ID     string    `json:"id,omitempty"` // the job's own among those of its kind and tenant
}

// Subject is of the message's log line.
func (m Message) Subject() observe.Subject {
	return observe.Subject{Operation: string(m.Kind), Tenant: m.Tenant}
}

// Queue takes messages for the worker: queue.Sender over SQS or the local queue. Delivered at least once.
type Queue interface {
	Send(ctx context.Context, m Message) error
}

// ParseMessages reads the body of a queue message. Errors are fault.Malformed.
func ParseMessages(body []byte) ([]Message, error) {
	var m Message
	d := json.NewDecoder(bytes.NewReader(body))
	d.DisallowUnknownFields()
	if err := d.Decode(&m); err != nil || d.More() || m.Kind == "" {
		return nil, fault.Wrap(err, fault.Malformed, "the message is none of a job")
	}
	return []Message{m}, nil
}

// Status of a job.
type Status string

// The statuses. The last two are the end.
const (
	Waiting Status = "waiting" // it is to be done, or is being done
	Done    Status = "done"
	Failed  Status = "failed"
)

// Record is a job as it is kept.
type Record struct {
	Status    Status    `json:"status"`
	Notes     []byte    `json:"notes,omitempty"` // JSON of the kind's own
	Steps     int64     `json:"steps"`           // that came to their end
	Attempts  int       `json:"attempts"`        // that were begun since then, and did not end with their worker
	Lost      int       `json:"lost,omitempty"`  // that did, since then
	Asked     int       `json:"asked,omitempty"` // how often Again sent the message, since a worker had it
	Owner     string    `json:"owner,omitempty"` // of the lease
	Until     time.Time `json:"until"`           // when the lease ends
	Reason    string    `json:"reason,omitempty"`
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
}

// New gives the change that makes a job: a part of the Write of what it is for, after which Again sends the message. Where the
// sender is killed before it sends, that is repeated by whoever asks for the job again.
func New(m Message, now time.Time) store.Change {
	now = now.UTC().Truncate(time.Millisecond)
	return store.Change{Key: store.Job(string(m.Kind), m.ID), Value: Record{Status: Waiting, CreatedAt: now, UpdatedAt: now}, Condition: store.Absent}
}

// Renew gives the change that makes a job, whether there was one of its kind and ID or not: then it begins anew. It is made on condition
// of what there was.
func Renew(ctx context.Context, t *store.Tenant, m Message, now time.Time) (store.Change, error) {
	var before Record
	version, err := t.Read(ctx, store.Job(string(m.Kind), m.ID), &before)
	if err != nil {
		return store.Change{}, fmt.Errorf("read a job: %w", err)
	}
	c := New(m, now)
	c.Condition = store.VersionIs(version)
	return c, nil
}

// Again sends the message of a job that waits while nobody is at it. However often it is called, few messages are sent: at once, then
// after a second, two, and so on up to a minute, for as long as no worker takes the job.
func Again(ctx context.Context, q Queue, t *store.Tenant, m Message, now time.Time) error {
	var r Record
	version, err := t.Read(ctx, store.Job(string(m.Kind), m.ID), &r)
	if err != nil {
		return fmt.Errorf("read a job: %w", err)
	}
	if version == 0 || r.Status != Waiting || r.Owner != "" && now.Before(r.Until) {
		return nil
	}
	if r.Asked > 0 && now.Before(r.UpdatedAt.Add(min(time.Second<<min(r.Asked-1, 6), time.Minute))) {
		return nil
	}
	if err := q.Send(ctx, m); err != nil {
		return err
	}
	r.Asked++
	r.UpdatedAt = now.UTC().Truncate(time.Millisecond)
	err = t.Write(ctx, store.Change{Key: store.Job(string(m.Kind), m.ID), Value: r, Condition: store.VersionIs(version)})
	if store.Conflicted(err) != nil {
		return nil // a worker has it
	}
	return err
}

// Read reads a tenant's job; false where there is none of its kind and ID.
func Read(ctx context.Context, t *store.Tenant, m Message) (r Record, found bool, err error) {
	version, err := t.Read(ctx, store.Job(string(m.Kind), m.ID), &r)
	return r, version > 0, err
}

// Run is what a step is given.
type Run struct {
	Message
	Scope  *tenant.Scope
	Tenant *store.Tenant
	Until  time.Time // when the step should be at its end
	GaveUp bool      // told to Failed: the platform could not do it, and the tenant is not to blame
	notes  Notes
}

// Notes fills into with what the step before kept; it stays as it is in the first step.
func (r *Run) Notes(into any) error { return r.notes.Read(into) }

// Keep has the next step find v as its notes, if this one comes to its end without an error. JSON of v must be under 300 KB.
func (r *Run) Keep(v any) error { return r.notes.Keep(v) }

// Notes are what one step of a work keeps for the next: JSON of its own, none in the first.
type Notes []byte

const maxNotes = 300 << 10

// Read fills into with what was kept; it stays as it is where nothing was.
func (n Notes) Read(into any) error {
	if len(n) == 0 {
		return nil
	}
	if err := json.Unmarshal(n, into); err != nil {
		return fmt.Errorf("read the notes of a step: %w", err)
	}
	return nil
}

// Keep makes them JSON of v, which must be under 300 KB; after an error they are as they were.
func (n *Notes) Keep(v any) error {
	b, err := json.Marshal(v)
	if err != nil {
		return fmt.Errorf("keep the notes of a step: %w", err)
	}
	if len(b) > maxNotes {
		return errors.New("the notes of a step are over 300 KB")
	}
	*n = b
	return nil
}

// Work is what a feature registers of a kind.
type Work struct {
	Kind Kind
	// Step does one bounded part and tells whether more is left. It must end within StepTime, which its context enforces, and be
	// right when it is done again from its beginning, beside another worker too. *queue.Busy has it done again after the wait;
	// errors of the kinds that pass are repeated; others end the job as Failed.
	Step func(ctx context.Context, r *Run) (more bool, err error)
	// Failed is told of a job that ends without being done, before that is written: the reason is for the people of the tenant.
	// It may be told again. May be nil.
	Failed func(ctx context.Context, r *Run, reason string) error
	// Endless is set where the job is never given up, whatever fails.
	Endless bool
	// Resting is set where the work goes on in tenants that are not active: it reads, and changes only what is its own.
	Resting bool
	// Open finds a job whose record is not among the tenant's items; nil where it is.
	Open func(ctx context.Context, m Message) (*Run, Book, error)
	// Once does work that has no record, whole and however often it is asked for, instead of all of the above.
	Once func(ctx context.Context, m Message) error
}

// ErrLater is the error of a step that has nothing to do before a later time, when whoever knows that time sends the message
// again: this one is done with.
var ErrLater = errors.New("the job goes on later")

// Book is where the record of a job is kept: among its tenant's items, or outside of them where the job takes those away.
type Book interface {
	// Read fills the record and gives its version, 0 where there is none.
	Read(ctx context.Context, r *Record) (version int64, err error)
	// Write writes the record over a version; *store.ConditionError where that is not the one that is stored.
	Write(ctx context.Context, r Record, version int64) error
}
