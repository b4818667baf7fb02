package rollup

import (
	"bytes"
	"encoding/binary"
	"io"
	"slices"

	"github.com/tenantry/tenantry/pkg/cost/document"
)

// cursor reads the rows of one segment.
type cursor struct {
	from     io.ReaderAt
	off, end int64  // of what has not been read yet
	buf      []byte // slack bytes longer than what is ever read into it
	pos, n   int    // buf[pos:n] is what has been read and not been used
	key      []byte
	cells    []byte // of the present row, as they are stored
	done     bool
}

func (c *cursor) open(from io.ReaderAt, s segment, size int) error {
	if c.buf == nil {
		c.buf = make([]byte, size+slack)
	}
	*c = cursor{from: from, off: s.start, end: s.end, buf: c.buf, key: c.key[:0]}
	return c.next()
}

// next moves on to the next row; done is set where there is none.
func (c *cursor) next() error {
	if c.pos == c.n && c.off == c.end {
		c.done = true
		return nil
	}
	if err := c.need(4); err != nil {
		return err
	}
	size := int(binary.LittleEndian.Uint32(c.buf[c.pos:]))
	c.pos += 4
	if err := c.need(size); err != nil {
		return err
	}
	row := c.buf[c.pos:]
	c.pos += size
	shared, n := binary.Uvarint(row)
	row = row[n:]
	rest, n := binary.Uvarint(row)
	row = row[n:]
	c.key = append(c.key[:shared], row[:rest]...)
	c.cells = row[rest:]
	return nil
}

// need sees to it that the next size bytes are in the buffer.
func (c *cursor) need(size int) error {
	if c.n-c.pos >= size {
		return nil
	}
	c.n = copy(c.buf, c.buf[c.pos:c.n])
	c.pos = 0
	if size > len(c.buf)-slack {
		c.buf = append(make([]byte, 0, 2*size+slack), c.buf...)[:2*size+slack]
	}
	want := int(min(int64(len(c.buf)-slack-c.n), c.end-c.off))
	n, err := c.from.ReadAt(c.buf[c.n:c.n+want], c.off)
	if n < want {
		return unreadable(err)
	}
	c.off += int64(n)
	c.n += n
	return nil
}

// merger is a tournament of cursors. The cursor with the least key has won; for each match the one that lost is kept.
type merger struct {
	cursors []*cursor
	losers  []int // by match; match i is between the winners of matches 2i and 2i+1, beyond which are the cursors
	winner  int
}

func newMerger(cursors []*cursor) *merger {
	m := &merger{cursors: cursors, losers: make([]int, len(cursors))}
	for i := range m.losers {
		m.losers[i] = -1
	}
	for i := range cursors {
		m.play(i)
	}
	return m
}

// play lets cursor i, which has moved on, meet those that lost on its way up. While the tournament is set up, the
// cursor that finds a match without an opponent waits there.
func (m *merger) play(i int) {
	for at := (i + len(m.cursors)) / 2; at > 0; at /= 2 {
		other := m.losers[at]
		if other < 0 {
			m.losers[at] = i
			return
		}
		if m.less(other, i) {
			m.losers[at], i = i, other
		}
	}
	m.winner = i
}

func (m *merger) less(i, j int) bool {
	a, b := m.cursors[i], m.cursors[j]
	if a.done || b.done {
		return !a.done
	}
	return bytes.Compare(a.key, b.key) < 0
}

// rows gives the merged rows.
func (m *merger) rows(start document.Col, yield func(Row, error) bool) {
	var row Row
	for {
		c := m.cursors[m.winner]
		if c.done || !bytes.Equal(c.key, row.Key) {
			if len(row.Cells) > 0 && !yield(row, nil) || c.done {
				return
			}
			row.Key, row.Cells = append(row.Key[:0], c.key...), row.Cells[:0]
		}
		err := row.merge(c.cells, start)
		if err == nil {
			err = c.next()
		}
		if err != nil {
			yield(Row{}, err)
			return
		}
		m.play(m.winner)
	}
}

// merge adds stored cells to the row's. col is what the day of the first is counted from.
func (r *Row) merge(stored []byte, col document.Col) error {
	count, stored := readCount(stored)
	if len(r.Cells) == 0 {
		r.Cells = slices.Grow(r.Cells, int(count))
	}
	cell := Cell{Col: col}
	for ; count > 0; count-- {
		stored = cell.read(stored)
		if err := r.add(&cell); err != nil {
			return err
		}
	}
	return nil
}

func (r *Row) add(c *Cell) error {
	i := len(r.Cells)
	for i > 0 && r.Cells[i-1].Col.Day > c.Col.Day {
		i--
	}
	if i > 0 && r.Cells[i-1].Col.Day == c.Col.Day {
		return r.Cells[i-1].merge(c)
	}
	r.Cells = slices.Insert(r.Cells, i, *c)
	return nil
}
