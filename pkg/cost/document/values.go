package document

import (
	"encoding/binary"
	"fmt"
	"hash"

	"github.com/tenantry/tenantry/pkg/money"
)

// values is one document being written: the cells of rows that are to become a part, and what is known of those before.
type values struct {
	emit   func(part []byte) error
	ends   []int // by key: where its cells end
	cells  []Cell
	weight int // about the bytes of the cells, encoded
	hash   hash.Hash
	line   []byte
	sum    Summary
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
	b := binary.AppendUvarint(v.line[:0], uint64(len(cells)))
	for i := range cells {
		c := &cells[i]
		hi, lo := c.Amount.Unscaled(money.Scale)
		v.weight += 2 + (int128{uint64(hi), lo}).zigzag().len()/8
		b = c.digest(b, uint64(hi), lo)
	}
	v.hash.Write(b)
	v.line = b
	return nil
}

// digest appends what is hashed of a cell, the amount at the finest scale.
func (c *Cell) digest(b []byte, hi, lo uint64) []byte {
	b = binary.LittleEndian.AppendUint32(b, uint32(c.Col.Billing))
	b = binary.LittleEndian.AppendUint32(b, uint32(c.Col.Day))
	b = binary.LittleEndian.AppendUint64(b, hi)
	b = binary.LittleEndian.AppendUint64(b, lo)
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
