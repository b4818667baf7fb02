package document

import (
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"sync"

	"github.com/tenantry/tenantry/pkg/money"
)

// values is one document being written: the cells of rows that are to become a part, and what is known of those before.
type values struct {
	emit   func(part []byte) error
	ends   []int // by key: where its cells end
	cells  []Cell
	weight int // about the bytes of the cells, encoded
	hash   hash.Hash
	line   []byte // what is next to be hashed
	sum    Summary
}

const hashBytes = 4 << 10 // hashed at once

// spare is values whose documents are written, for their memory.
var spare = sync.Pool{New: func() any { return &values{hash: sha256.New()} }}

func newValues(emit func(part []byte) error) *values {
	v := spare.Get().(*values)
	v.emit = emit
	return v
}

// free gives the memory away. v must not be used again.
func (v *values) free() {
	v.reset()
	v.hash.Reset()
	v.emit, v.line, v.sum = nil, v.line[:0], Summary{}
	spare.Put(v)
}

func (v *values) reset() { v.ends, v.cells, v.weight = v.ends[:0], v.cells[:0], 0 }

// add appends the cells of a row.
func (v *values) add(cells []Cell) error {
	if err := v.count(cells); err != nil {
		return err
	}
	v.cells = append(v.cells, cells...)
	v.ends = append(v.ends, len(v.cells))
	v.weight += 6
	b, last := binary.AppendUvarint(v.line, uint64(len(cells))), Col{}
	for i := range cells {
		c := &cells[i]
		hi, lo := c.Amount.Unscaled(money.Scale)
		v.weight += 2 + (int128{uint64(hi), lo}).zigzag().len()/8
		b = c.digest(b, last, hi, lo)
		last = c.Col
	}
	if v.line = b; len(b) >= hashBytes {
		v.hash.Write(b)
		v.line = b[:0]
	}
	return nil
}

// digest appends what is hashed of a cell after that of column last, the amount at the finest scale.
func (c *Cell) digest(b []byte, last Col, hi int64, lo uint64) []byte {
	b = binary.AppendVarint(b, int64(c.Col.Billing)-int64(last.Billing))
	b = binary.AppendVarint(b, int64(c.Col.Day)-int64(last.Day))
	b = binary.LittleEndian.AppendUint64(binary.AppendVarint(b, hi), lo)
	b = binary.AppendUvarint(b, uint64(c.Nulls))
	if c.Valid {
		return append(b, 1)
	}
	return append(b, 0)
}

// count checks the cells of a row and adds them to the summary.
func (v *values) count(cells []Cell) (err error) {
	s := &v.sum
	for i := range cells {
		c := &cells[i]
		switch {
		case i > 0 && cells[i-1].Col.Compare(c.Col) >= 0:
			return fmt.Errorf("column %v after %v: columns must ascend", c.Col, cells[i-1].Col)
		case c.Nulls < 0 || !c.Valid && !c.Amount.IsZero():
			return fmt.Errorf("column %v: negative nulls, or an amount that is not valid", c.Col)
		case c.Amount.Sign() < 0 && c.Amount.Neg().Sign() < 0: // -2^127, the one that FromUnscaled refuses
			return money.ErrOverflow
		}
		if s.Total, err = s.Total.Add(c.Amount); err != nil {
			return err
		}
		if s.Nulls += c.Nulls; s.Nulls < 0 {
			return money.ErrOverflow
		}
		if day := c.Col.Day; s.Cells == 0 && i == 0 {
			s.First, s.Last = day, day
		} else {
			s.First, s.Last = min(s.First, day), max(s.Last, day)
		}
	}
	s.Keys++
	s.Cells += int64(len(cells))
	return nil
}

// row gives the cells of a key.
func (v *values) row(key int) []Cell {
	if key == 0 {
		return v.cells[:v.ends[0]]
	}
	return v.cells[v.ends[key-1]:v.ends[key]]
}

// between gives the cells of a range of keys, one at least.
func (v *values) between(from, to int) []Cell {
	return v.cells[v.ends[from]-len(v.row(from)) : v.ends[to-1]]
}
