package dataexport

import (
	"context"
	"fmt"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/delivery"
	"github.com/tenantry/tenantry/pkg/packed"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// book is what is known of a connection's exports: one item, whose version decides which of two workers has written.
type book struct {
	Slot    int64                `json:"slot"` // done; Unix nanoseconds
	Exports map[string]*exported `json:"exports"`
	Plan    *plan                `json:"plan,omitempty"`
	Old     []leftover           `json:"old,omitempty"` // files that are no delivery's
}

// exported is what was taken of an export.
type exported struct {
	From    connection.Export        `json:"from"`
	Periods map[calendar.Month]taken `json:"periods"`
	Pending []made                   `json:"pending,omitempty"` // deliveries whose end was not seen yet
}

// taken is what of a billing period was taken last.
type taken struct {
	Manifest stamp  `json:"manifest"`
	Files    string `json:"files"` // of their keys, sizes and ETags
}

// stamp tells one writing of an object from another: an ETag alone is that of the bytes.
type stamp struct {
	ETag     string `json:"etag"`
	Modified int64  `json:"modified"` // Unix milliseconds
}

type made struct {
	Delivery tenant.DeliveryID `json:"delivery"`
	Periods  []calendar.Month  `json:"periods"`
}

// plan is what of a slot is left to be done.
type plan struct {
	Slot  int64            `json:"slot"`
	Left  []string         `json:"left"` // exports; the first is being looked at or copied
	Copy  *copying         `json:"copy,omitempty"`
	Tries int              `json:"tries,omitempty"` // of the first of Left
	Skip  []calendar.Month `json:"skip,omitempty"`  // of the first of Left: cannot be taken now
}

// next goes on to the next export.
func (p *plan) next() { p.Left, p.Copy, p.Tries, p.Skip = p.Left[1:], nil, 0, nil }

// copying is a delivery whose files are put in place. It is made when all of them are.
type copying struct {
	Export   string                   `json:"export"`
	From     connection.Export        `json:"from"`
	Delivery tenant.DeliveryID        `json:"delivery"`
	Format   string                   `json:"format"`
	Periods  map[calendar.Month]taken `json:"periods"`
	Files    []file                   `json:"files"`
	At       int                      `json:"at"`                // how many files are in place
	Writing  string                   `json:"writing,omitempty"` // of the one that is written
	Tags     []string                 `json:"tags,omitempty"`    // of its parts
}

// file is an object of the customer's bucket.
type file struct {
	Key  string `json:"key"`
	ETag string `json:"etag"`
	Size int64  `json:"size"`
}

// leftover is a file that was copied for nothing, or the writing of one.
type leftover struct {
	Name    string `json:"name"`
	Writing string `json:"writing,omitempty"`
}

func (b *book) of(export string) *exported {
	if b.Exports == nil {
		b.Exports = map[string]*exported{}
	}
	if b.Exports[export] == nil {
		b.Exports[export] = &exported{}
	}
	return b.Exports[export]
}

// giveUp has what was copied so far emptied.
func (s *step) giveUp(c *copying) {
	for i := range c.At {
		s.book.Old = append(s.book.Old, leftover{Name: delivery.Name(c.Delivery, i)})
	}
	if c.Writing != "" {
		s.book.Old = append(s.book.Old, leftover{delivery.Name(c.Delivery, c.At), c.Writing})
	}
}

// load reads the book, and empties the files that were given up.
func (s *step) load(ctx context.Context) (err error) {
	var item packed.Item
	s.book = book{}
	if s.version, err = s.task.Tenant.Read(ctx, store.DataExports(s.task.Connection.ID), &item); err == nil && s.version > 0 {
		err = item.Into(&s.book)
	}
	if err != nil {
		return fmt.Errorf("read the book of a connection's exports: %w", err)
	}
	return s.sweep(ctx)
}

// save writes the book while the worker has the run and nobody else has written it, then empties the files that it gives up.
func (s *step) save(ctx context.Context) error {
	item, err := packed.Of(s.book)
	if err != nil {
		return err
	}
	change := store.Change{Key: store.DataExports(s.task.Connection.ID), Value: item, Condition: store.VersionIs(s.version)}
	if err := s.task.Tenant.Write(ctx, append(s.task.Guard(), change)...); err != nil {
		return err
	}
	s.version++
	return s.sweep(ctx)
}

// sweep empties files, since raw files of deliveries may be removed by an erasure alone. The book names them until it is written the
// next time, which does no harm: no other delivery has their names.
func (s *step) sweep(ctx context.Context) error {
	for _, l := range s.book.Old {
		var err error
		if l.Writing != "" {
			err = s.collector.Files.Drop(ctx, s.task.Scope, l.Name, l.Writing)
		} else {
			err = s.collector.Files.Put(ctx, s.task.Scope, l.Name, nil)
		}
		if err != nil {
			return err
		}
	}
	s.book.Old = nil
	return nil
}
