package job

import (
	"context"
	"time"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/queue"
	"github.com/tenantry/tenantry/pkg/store"
)

// Lease is one owner's hold on a record: it alone writes the record, each time on condition of the version before.
type Lease struct {
	Record  Record // as it is stored
	clock   func() time.Time
	book    Book
	version int64
}

// Take takes the lease of a record for an owner, for LeaseTime. *queue.Busy where another has it, unless mine says that the lease of
// that owner may be taken; nil where there is no such record, or it is at its end. Errors of the book are passed on.
func Take(ctx context.Context, clock func() time.Time, b Book, owner string, mine func(owner string) bool) (*Lease, error) {
	l := &Lease{clock: clock, book: b}
	var err error
	if l.version, err = b.Read(ctx, &l.Record); err != nil || l.version == 0 || l.Record.Status != Waiting {
		return nil, err
	}
	now := clock()
	if l.Record.Owner != "" && now.Before(l.Record.Until) && !mine(l.Record.Owner) {
		return nil, &queue.Busy{Wait: l.Record.Until.Sub(now)}
	}
	return l, l.Write(ctx, func(rec *Record) {
		rec.Owner, rec.Until = owner, now.Add(LeaseTime).UTC()
		if rec.Asked = 0; l.Record.Owner == "" {
			rec.Attempts++
		} else {
			rec.Lost++ // with the worker who had it, in place of whose attempt this is
		}
	})
}

// Write changes the record while the lease is held; *queue.Busy where another has taken it over. Where it fails, whoever has the
// message next reads what is stored.
func (l *Lease) Write(ctx context.Context, change func(*Record)) error {
	next := l.Record
	change(&next)
	next.UpdatedAt = l.clock().UTC().Truncate(time.Millisecond)
	err := l.book.Write(ctx, next, l.version)
	if store.Conflicted(err) != nil {
		return &queue.Busy{Wait: time.Second}
	}
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "The job could not be noted now.")
	}
	l.Record = next
	l.version++
	return nil
}
