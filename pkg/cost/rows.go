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
