package cost

import (
	"bytes"
	"context"
	"fmt"
	"iter"

	"github.com/tenantry/tenantry/pkg/cost/document"
	"github.com/tenantry/tenantry/pkg/store"
)

// rows is the rows of one document in key order; a row's memory is valid until the next one.
type rows = iter.Seq2[document.Row, error]

// readAhead is how many parts are fetched at once: about 3 MB.
const readAhead = 8

// storedRows reads a document from the store, part after part.
func storedRows(ctx context.Context, t *store.Tenant, keys []store.Key, learn func(*document.Part)) rows {
	return func(yield func(document.Row, error) bool) {
		for len(keys) > 0 {
			n := min(readAhead, len(keys))
			records, err := t.Get(ctx, store.Strongly, keys[:n]...)
			if err != nil {
				yield(document.Row{}, err)
				return
			}
			keys = keys[n:]
			for _, r := range records {
				if r == nil {
					yield(document.Row{}, errSuperseded)
					return
				}
				var p part
				err := r.Value.Decode(&p)
				if !yieldPart(p.Body, err, learn, yield) {
					return
				}
			}
		}
	}
}

// spooledRows reads a document from the spool.
func spooledRows(s *spool, parts []extent, learn func(*document.Part)) rows {
	return func(yield func(document.Row, error) bool) {
		for _, x := range parts {
			body, err := s.read(x)
			if !yieldPart(body, err, learn, yield) {
				return
			}
		}
	}
}

// yieldPart gives the rows of one part, after learn (may be nil) has seen it.
func yieldPart(body []byte, err error, learn func(*document.Part), yield func(document.Row, error) bool) bool {
	var p *document.Part
	if err == nil {
		p, err = document.Decode(body)
	}
	if err != nil {
		yield(document.Row{}, fmt.Errorf("read a document: %w", err))
		return false
	}
	if learn != nil {
		learn(p)
	}
	for r := range p.Rows() {
		if !yield(r, nil) {
			return false
		}
	}
	return true
}

// keep gives the rows whose billing account is not among those replaced.
func keep(in rows, replaced map[string]bool) rows {
	return func(yield func(document.Row, error) bool) {
		for r, err := range in {
			if (err != nil || !replaced[billingAccount(r.Key)]) && !yield(r, err) {
				return
			}
		}
	}
}

// billingAccount is the second place of every key (document.Base).
func billingAccount(key []byte) string {
	_, rest, _ := bytes.Cut(key, []byte{0})
	account, _, _ := bytes.Cut(rest, []byte{0})
	return string(account)
}

// currency is the first.
func currency(key []byte) []byte {
	c, _, _ := bytes.Cut(key, []byte{0})
	return c
}

// monthly maps rows onto the columns of a year document, leaving out the cells that skip names.
func monthly(in rows, skip func(document.Col) bool) rows {
	return func(yield func(document.Row, error) bool) {
		var cells []document.Cell
		for r, err := range in {
			if err == nil {
				cells, err = toMonths(cells[:0], r.Cells, skip)
			}
			if err == nil && len(cells) == 0 {
				continue
			}
			if !yield(document.Row{Key: r.Key, Cells: cells}, err) || err != nil {
				return
			}
		}
	}
}

func toMonths(into, cells []document.Cell, skip func(document.Col) bool) ([]document.Cell, error) {
	for _, c := range cells {
		if skip != nil && skip(c.Col) {
			continue
		}
		if n := len(into); n > 0 && into[n-1].Col.Billing == c.Col.Billing && c.Col.Day <= into[n-1].Col.Day.Month().Last() {
			if err := addCell(&into[n-1], c); err != nil {
				return nil, err
			}
			continue
		}
		c.Col.Day = c.Col.Day.Month().First()
		into = append(into, c)
	}
	return into, nil
}

func addCell(to *document.Cell, c document.Cell) (err error) {
	to.Amount, err = to.Amount.Add(c.Amount)
	to.Nulls += c.Nulls
	to.Valid = to.Valid || c.Valid
	return err
}

// addRows sums two rows of one key into cells.
func addRows(into, a, b []document.Cell) ([]document.Cell, error) {
	for len(a) > 0 && len(b) > 0 {
		switch c := a[0].Col.Compare(b[0].Col); {
		case c < 0:
			into, a = append(into, a[0]), a[1:]
		case c > 0:
			into, b = append(into, b[0]), b[1:]
		default:
			sum := a[0]
			if err := addCell(&sum, b[0]); err != nil {
				return nil, err
			}
			into, a, b = append(into, sum), a[1:], b[1:]
		}
	}
	return append(append(into, a...), b...), nil
}

// merge gives the rows of all streams in key order, one for each key.
func merge(all ...rows) rows {
	if len(all) == 1 {
		return all[0]
	}
	return func(yield func(document.Row, error) bool) {
		heads := make([]*head, len(all))
		for i, in := range all {
			heads[i] = newHead(in)
			defer heads[i].stop()
		}
		var cells, spare []document.Cell
		for {
			least := leastOf(heads)
			if least == nil {
				return
			}
			if least.err != nil {
				yield(document.Row{}, least.err)
				return
			}
			row := least.row
			var used []*head
			for _, h := range heads {
				if h == least || !h.ok || h.err != nil || !bytes.Equal(h.row.Key, row.Key) {
					continue
				}
				var err error
				if spare, err = addRows(spare[:0], row.Cells, h.row.Cells); err != nil {
					yield(document.Row{}, err)
					return
				}
				cells, spare = spare, cells
				row.Cells = cells
				used = append(used, h)
			}
			if !yield(row, nil) {
				return
			}
			least.advance()
			for _, h := range used {
				h.advance()
			}
		}
	}
}

// head is the first row of a stream that has not been taken.
type head struct {
	next func() (document.Row, error, bool)
	stop func()
	row  document.Row
	err  error
	ok   bool
}

func newHead(in rows) *head {
	h := &head{}
	h.next, h.stop = iter.Pull2(in)
	h.advance()
	return h
}

func (h *head) advance() { h.row, h.err, h.ok = h.next() }

// leastOf gives the stream with the least key, or one that failed, or nil where all are at their end.
func leastOf(heads []*head) (least *head) {
	for _, h := range heads {
		switch {
		case !h.ok:
		case h.err != nil:
			return h
		case least == nil || bytes.Compare(h.row.Key, least.row.Key) < 0:
			least = h
		}
	}
	return least
}
