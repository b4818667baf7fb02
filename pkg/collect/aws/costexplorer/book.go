package costexplorer

import (
	"bytes"
	"compress/gzip"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/cost"
	"github.com/tenantry/tenantry/pkg/delivery"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// book is what is known of a connection's costs: one item, which names the files that hold their cells. Files are never
// written over: the item's version decides which of two workers has written, and what the other wrote is named by nobody.
type book struct {
	Slot      time.Time                 `json:"slot"`            // fetched whole
	Kind      connection.Kind           `json:"kind,omitempty"`  // of the connection, when it was asked last
	Good      calendar.Day              `json:"good,omitempty"`  // of the last good run; 0 where there was none
	Swept     calendar.Day              `json:"swept,omitempty"` // when all months were asked about last
	Months    map[calendar.Month]*month `json:"months"`
	Plan      *plan                     `json:"plan,omitempty"`
	Delivered tenant.DeliveryID         `json:"delivered,omitempty"` // the last
	Views     views                     `json:"views"`
	Old       []string                  `json:"old,omitempty"` // files that nothing names any more
}

// month is what is known of a month.
type month struct {
	Revision  int64               `json:"rev"`       // counts the changes
	Delivered int64               `json:"delivered"` // the revision that was delivered
	Changed   calendar.Day        `json:"changed,omitempty"`
	Final     bool                `json:"final,omitempty"`
	Moving    bool                `json:"moving,omitempty"` // some accounts were read again at its close, and not all
	Days      controls            `json:"days"`             // whose cells are those that the files have
	Accounts  map[string]*account `json:"accounts"`         // by ID
	Cells     cellSums            `json:"cells,omitempty"`  // what the cells of Days come to
}

// account names the file of an account's cells of a month.
type account struct {
	File  string `json:"file"`
	Lines int    `json:"lines"`
	Net   bool   `json:"net,omitempty"` // some cell has a private discount
}

// plan is what of a slot is left to be fetched.
type plan struct {
	Slot      time.Time `json:"slot"`
	Made      time.Time `json:"made"`
	Asked     span      `json:"asked"`               // of the control request
	Left      []span    `json:"left"`                // newest first
	Trying    bool      `json:"trying"`              // the first of Left was begun, and may have been too much for one step
	Days      controls  `json:"days"`                // of the days of Left
	Flags     controls  `json:"flags,omitempty"`     // of days whose cells stand, and which are an estimate no longer, or one again
	Closing   closing   `json:"closing,omitempty"`   // whose days are fetched though their totals are those known
	Recheck   recheck   `json:"recheck,omitempty"`   // days that are fetched again, since their cells were not their total
	Rechecked bool      `json:"rechecked,omitempty"` // what differed was fetched again
	Delivered bool      `json:"delivered,omitempty"` // the service view is done
	Sweep     bool      `json:"sweep,omitempty"`
}

func (b *book) month(m calendar.Month) *month {
	if b.Months == nil {
		b.Months = map[calendar.Month]*month{}
	}
	if b.Months[m] == nil {
		b.Months[m] = &month{Days: controls{}, Accounts: map[string]*account{}}
	}
	return b.Months[m]
}

// estimated tells whether Cost Explorer calls any day of the month an estimate.
func (m *month) estimated() bool {
	for _, c := range m.Days {
		if c.Estimated {
			return true
		}
	}
	return false
}

// lines counts the cells of all accounts.
func (m *month) lines() (n int) {
	for _, a := range m.Accounts {
		n += a.Lines
	}
	return n
}

// move counts a change.
func (m *month) move(today calendar.Day) {
	m.Revision++
	m.Changed, m.Final = today, false
}

// follow begins anew where the connection is of another kind than it was, since a payer's account is then asked for its own costs and no
// more for those of the accounts below it, or the reverse. Months that Cost Explorer has no more stay as they were delivered.
func (s *step) follow() {
	b, kind := &s.book, s.task.Connection.Kind
	if b.Kind != "" && b.Kind != kind {
		for of, m := range b.Months {
			for _, a := range m.Accounts {
				b.Old = append(b.Old, a.File)
			}
			if of <= s.today().Month()-history {
				delete(b.Months, of)
				continue
			}
			*m = month{Revision: m.Revision, Delivered: m.Delivered, Days: controls{}, Accounts: map[string]*account{}}
			m.move(s.today())
		}
		for _, name := range b.Views.Working {
			b.Old = append(b.Old, name)
		}
		b.Views = views{Since: b.Views.Since}
		b.Good, b.Plan = 0, nil
	}
	b.Kind = kind
}

// digest is of a delivery's content: a slot that is given up between the delivery and its book has used up a revision, which is another
// slot's then.
func digest(body []byte, terms delivery.Period) (string, error) {
	told, err := json.Marshal(terms)
	sum := sha256.Sum256(slices.Concat(body, told))
	return hex.EncodeToString(sum[:8]), err
}

// load reads the book, and takes away the files that were given up.
func (s *step) load(ctx context.Context) (err error) {
	var item packed
	if s.version, err = s.task.Tenant.Read(ctx, store.CostBook(s.task.Connection.ID), &item); err != nil {
		return fmt.Errorf("read the book of a connection's costs: %w", err)
	}
	s.book = book{}
	if s.version > 0 {
		if err := unpack(item.Body, &s.book); err != nil {
			return fmt.Errorf("read the book of a connection's costs: %w", err)
		}
	}
	return s.sweep(ctx)
}

// packed is a book as it is stored: a payer's of hundreds of accounts would be larger than an item else.
type packed struct {
	Body []byte `json:"body"` // JSON, gzip-compressed
	cost.Brought
}

func pack(v any) ([]byte, error) {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if err := json.NewEncoder(w).Encode(v); err != nil {
		return nil, err
	}
	err := w.Close()
	return b.Bytes(), err
}

func unpack(body []byte, into any) error {
	r, err := gzip.NewReader(bytes.NewReader(body))
	if err != nil {
		return err
	}
	return json.NewDecoder(r).Decode(into)
}

func (s *step) sweep(ctx context.Context) error {
	for _, name := range s.book.Old {
		if err := s.collector.Files.Remove(ctx, s.task.Scope, name); err != nil {
			return err
		}
	}
	s.book.Old = nil
	return nil
}

// save writes the book while the worker has the run and nobody else has written it, then takes the files away that it names no
// more.
func (s *step) save(ctx context.Context) error {
	body, err := pack(s.book)
	if err != nil {
		return err
	}
	change := store.Change{Key: store.CostBook(s.task.Connection.ID), Value: packed{body, cost.Brought{Whole: s.book.Good > 0, Some: s.book.Delivered != ""}}, Condition: store.VersionIs(s.version)}
	if err := s.task.Tenant.Write(ctx, append(s.task.Guard(), change)...); err != nil {
		return err
	}
	s.version++
	return s.sweep(ctx)
}

// days is an account's month in its file.
type days map[calendar.Day]*day

type day struct {
	Control Sum    `json:"control"`
	Cells   []cell `json:"cells"`
}

// has tells whether a day's cells are those, in whatever order; a day of which nothing is known has none.
func (d *day) has(cells []cell) bool {
	if d == nil {
		return len(cells) == 0
	}
	left := map[cell]int{}
	for _, c := range d.Cells {
		left[c]++
	}
	for _, c := range cells {
		if left[c]--; left[c] < 0 {
			return false
		}
	}
	return len(d.Cells) == len(cells)
}

// readDays reads an account's month; an empty one where there is none.
func (s *step) readDays(ctx context.Context, a *account) (days, error) {
	all := days{}
	if a == nil {
		return all, nil
	}
	body, err := s.collector.Files.Get(ctx, s.task.Scope, a.File)
	if fault.Is(err, fault.NotFound) {
		return nil, fmt.Errorf("the file of collected costs is gone: %w", err)
	}
	if err != nil {
		return nil, err
	}
	return all, unpack(body, &all)
}

// together is how many files are read at once: a payer's month is one of each account, and a step has a minute.
const together = 16

// each gives what the accounts of a month have, by their IDs in order.
func (s *step) each(ctx context.Context, m *month, do func(id string, all days) error) error {
	for ids := range slices.Chunk(slices.Sorted(maps.Keys(m.Accounts)), together) {
		read := make([]days, len(ids))
		g, ctx := errgroup.WithContext(ctx)
		for i, id := range ids {
			g.Go(func() (err error) {
				read[i], err = s.readDays(ctx, m.Accounts[id])
				return err
			})
		}
		if err := g.Wait(); err != nil {
			return err
		}
		for i, id := range ids {
			if err := do(id, read[i]); err != nil {
				return err
			}
		}
	}
	return nil
}

// writeDays puts an account's month into a file of its own and has the book name it.
func (s *step) writeDays(ctx context.Context, of calendar.Month, id string, all days) error {
	body, err := pack(all)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(body)
	a := &account{File: fmt.Sprintf("collected/%s/%s/%s.%d.%s", s.task.Connection.ID, of, id, s.version, hex.EncodeToString(sum[:6]))}
	for _, d := range all {
		a.Lines += len(d.Cells)
		a.Net = a.Net || slices.ContainsFunc(d.Cells, func(c cell) bool { return c.Costs[0] != c.Costs[2] || c.Costs[1] != c.Costs[3] })
	}
	if err := s.collector.Files.Put(ctx, s.task.Scope, a.File, body); err != nil {
		return err
	}
	m := s.book.month(of)
	if old := m.Accounts[id]; old != nil && old.File != a.File {
		s.book.Old = append(s.book.Old, old.File)
	}
	m.Accounts[id] = a
	return nil
}
