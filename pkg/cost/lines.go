package cost

import (
	"bytes"
	"iter"
	"slices"

	"github.com/tenantry/tenantry/pkg/cost/document"
	"github.com/tenantry/tenantry/pkg/cost/rollup"
	"github.com/tenantry/tenantry/pkg/focus"
)

// line is one key with its cells in each of several documents of the same keys.
type line struct {
	key   []byte
	cells [][]document.Cell
}

// lines is those of documents in key order; a line's memory is valid until the next one.
type lines = iter.Seq2[line, error]

// rolled gives rows of new lines as those of some metrics.
func rolled(in iter.Seq2[rollup.Row, error], metrics []focus.Metric) lines {
	return func(yield func(line, error) bool) {
		l := line{cells: make([][]document.Cell, len(metrics))}
		for r, err := range in {
			l.key = r.Key
			for i, m := range metrics {
				cells := l.cells[i][:0]
				for n := range r.Cells {
					c := &r.Cells[n]
					cells = append(cells, document.Cell{Col: c.Col, Amount: c.Sums[m], Nulls: c.Nulls[m], Valid: c.Nulls[m] < c.Lines})
				}
				l.cells[i] = cells
			}
			if !yield(l, err) || err != nil {
				return
			}
		}
	}
}

// beside reads documents of the same keys together, one for each stream. A key that one of them lacks has no cells there.
func beside(all []rows) lines {
	return func(yield func(line, error) bool) {
		heads := make([]*head[document.Row], len(all))
		for i, in := range all {
			heads[i] = newHead(in, func(r document.Row) []byte { return r.Key })
			defer heads[i].stop()
		}
		l := line{cells: make([][]document.Cell, len(all))}
		for {
			least := leastOf(heads)
			if least == nil {
				return
			}
			l.key = append(l.key[:0], least.key...)
			for i, h := range heads {
				if l.cells[i] = l.cells[i][:0]; h.has(l.key) {
					l.cells[i] = append(l.cells[i], h.item.Cells...)
					h.advance()
				}
			}
			if err := least.err; !yield(l, err) || err != nil {
				return
			}
		}
	}
}

// together reads the documents of some metrics of a version beside each other, each document once.
func together(v *Version, metrics []focus.Metric, read func(*Doc) rows) lines {
	var all []rows
	var docs []*Doc
	places := make([]int, len(metrics))
	for i, m := range metrics {
		d := v.Doc(m)
		places[i] = slices.IndexFunc(docs, func(o *Doc) bool { return o == d || o != nil && d != nil && o.Of == d.Of && o.Gen == d.Gen })
		if places[i] >= 0 {
			continue
		}
		places[i] = len(docs)
		if docs = append(docs, d); d == nil {
			all = append(all, func(func(document.Row, error) bool) {})
		} else {
			all = append(all, read(d))
		}
	}
	return pick(beside(all), places)
}

// merge gives the lines of all streams in key order, one for each key, with the sums of their cells.
func merge(all ...lines) lines {
	if len(all) == 1 {
		return all[0]
	}
	return func(yield func(line, error) bool) {
		heads := make([]*head[line], len(all))
		for i, in := range all {
			heads[i] = newHead(in, func(l line) []byte { return l.key })
			defer heads[i].stop()
		}
		var key []byte
		var sum cellSums
		for {
			least := leastOf(heads)
			if least == nil {
				return
			}
			err := least.err
			key = append(key[:0], least.key...)
			sum.reset(len(least.item.cells))
			for _, h := range heads {
				if err == nil && h.has(key) {
					err = sum.add(h.item.cells)
					h.advance()
				}
			}
			if !yield(line{key, sum.cells}, err) || err != nil {
				return
			}
		}
	}
}

// cellSums adds up the cells of lines of one key.
type cellSums struct{ cells, spare [][]document.Cell }

func (s *cellSums) reset(documents int) {
	if len(s.cells) != documents {
		s.cells, s.spare = make([][]document.Cell, documents), make([][]document.Cell, documents)
	}
	for i := range s.cells {
		s.cells[i] = s.cells[i][:0]
	}
}

func (s *cellSums) add(cells [][]document.Cell) (err error) {
	for i := range cells {
		if s.spare[i], err = addRows(s.spare[i][:0], s.cells[i], cells[i]); err != nil {
			return err
		}
		s.cells[i], s.spare[i] = s.spare[i], s.cells[i]
	}
	return nil
}

// pick gives lines of some of the documents that a stream has.
func pick(in lines, documents []int) lines {
	return func(yield func(line, error) bool) {
		cells := make([][]document.Cell, len(documents))
		for l, err := range in {
			for i, d := range documents {
				if err == nil {
					cells[i] = l.cells[d]
				}
			}
			if !yield(line{l.key, cells}, err) || err != nil {
				return
			}
		}
	}
}

// keep gives the lines whose billing account is not among those replaced.
func keep(in lines, replaced map[string]bool) lines {
	return func(yield func(line, error) bool) {
		for l, err := range in {
			if (err != nil || !replaced[billingAccount(l.key)]) && !yield(l, err) {
				return
			}
		}
	}
}

// monthly maps lines onto the columns of a year document, leaving out the cells that skip (may be nil) names, and lines
// without any.
func monthly(in lines, skip func(document.Col) bool) lines {
	return func(yield func(line, error) bool) {
		var months monthCells
		for l, err := range in {
			some := err != nil
			if err == nil {
				l.cells, some, err = months.of(l.cells, skip)
			}
			if (some || err != nil) && !yield(l, err) || err != nil {
				return
			}
		}
	}
}

// monthCells is the cells of a line by charge month.
type monthCells [][]document.Cell

// of tells too whether there are any. What it gives holds until it is called again.
func (m *monthCells) of(cells [][]document.Cell, skip func(document.Col) bool) (by [][]document.Cell, some bool, err error) {
	if len(*m) != len(cells) {
		*m = make(monthCells, len(cells))
	}
	by = *m
	for i := range cells {
		if by[i], err = toMonths(by[i][:0], cells[i], skip); err != nil {
			return nil, false, err
		}
		some = some || len(by[i]) > 0
	}
	return by, some, nil
}

// head is the first item of a stream that has not been taken.
type head[T any] struct {
	next  func() (T, error, bool)
	stop  func()
	keyOf func(T) []byte
	item  T
	key   []byte
	err   error
	ok    bool
}

func newHead[T any](in iter.Seq2[T, error], key func(T) []byte) *head[T] {
	h := &head[T]{keyOf: key}
	h.next, h.stop = iter.Pull2(in)
	h.advance()
	return h
}

func (h *head[T]) advance() {
	if h.item, h.err, h.ok = h.next(); h.ok && h.err == nil {
		h.key = h.keyOf(h.item)
	}
}

// has tells whether the item is there and of a key.
func (h *head[T]) has(key []byte) bool { return h.ok && h.err == nil && bytes.Equal(h.key, key) }

// leastOf gives the stream with the least key, or one that failed, or nil where all are at their end.
func leastOf[T any](heads []*head[T]) (least *head[T]) {
	for _, h := range heads {
		switch {
		case !h.ok:
		case h.err != nil:
			return h
		case least == nil || bytes.Compare(h.key, least.key) < 0:
			least = h
		}
	}
	return least
}
