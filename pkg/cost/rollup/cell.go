package rollup

import (
	"encoding/binary"
	"math/bits"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cost/document"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/money"
)

// Cell is the sum of the lines of one key and column. A metric is valid where Nulls < Lines: where it is not, all lines
// had none, and its sum is 0.
type Cell struct {
	Col   document.Col
	Sums  [focus.NumMetrics]money.Amount
	Nulls [focus.NumMetrics]int64
	Lines int64
}

// Row is the cells of one key, columns ascending, none twice. Key is as in document.Row.
type Row struct {
	Key   []byte
	Cells []Cell
}

func (c *Cell) add(e *entry) (err error) {
	for m := range c.Sums {
		if c.Sums[m], err = c.Sums[m].Add(e.amounts[m]); err != nil {
			return overflow()
		}
		c.Nulls[m] += int64(e.nulls>>m&1) * int64(e.lines)
	}
	c.Lines += int64(e.lines)
	return nil
}

func (c *Cell) merge(d *Cell) (err error) {
	for m := range c.Sums {
		if c.Sums[m], err = c.Sums[m].Add(d.Sums[m]); err != nil {
			return overflow()
		}
		c.Nulls[m] += d.Nulls[m]
	}
	c.Lines += d.Lines
	return nil
}

// A cell in a run is its day as a difference, a byte of these flags, the line count, and each metric that is not like
// the one before it: its nulls, the number of bytes of its sum, and those, little endian.
const (
	likeFirst = 1 << iota // the second metric is like the first; three more bits say so of the others
	_
	_
	_
	hasNulls // some metric has nulls
	hasLines // more lines than one
)

// slack is how many bytes behind a run's last one can be read, so that sums of any length are read as two words.
const slack = 16

func (c *Cell) append(b []byte, before calendar.Day) []byte {
	b = binary.AppendVarint(b, int64(c.Col.Day-before))
	var flags byte
	if c.Lines != 1 {
		flags |= hasLines
	}
	for m := range c.Sums {
		if c.Nulls[m] != 0 {
			flags |= hasNulls
		}
		if m > 0 && c.Sums[m] == c.Sums[m-1] && c.Nulls[m] == c.Nulls[m-1] {
			flags |= likeFirst << (m - 1)
		}
	}
	b = append(b, flags)
	if flags&hasLines != 0 {
		b = binary.AppendUvarint(b, uint64(c.Lines))
	}
	for m := range c.Sums {
		if m > 0 && flags&(likeFirst<<(m-1)) != 0 {
			continue
		}
		if flags&hasNulls != 0 {
			b = binary.AppendUvarint(b, uint64(c.Nulls[m]))
		}
		b = appendAmount(b, c.Sums[m])
	}
	return b
}

// read fills c from b, which goes on for slack bytes behind it, and gives what follows it. c.Col.Day is the day before
// it and becomes its own.
func (c *Cell) read(b []byte) []byte {
	days, n := binary.Varint(b)
	c.Col.Day += calendar.Day(days)
	flags := b[n]
	b = b[n+1:]
	c.Lines = 1
	if flags&hasLines != 0 {
		c.Lines, b = readCount(b)
	}
	for m := range c.Sums {
		if m > 0 && flags&(likeFirst<<(m-1)) != 0 {
			c.Sums[m], c.Nulls[m] = c.Sums[m-1], c.Nulls[m-1]
			continue
		}
		c.Nulls[m] = 0
		if flags&hasNulls != 0 {
			c.Nulls[m], b = readCount(b)
		}
		c.Sums[m], b = readAmount(b)
	}
	return b
}

func readCount(b []byte) (int64, []byte) {
	v, n := binary.Uvarint(b)
	return int64(v), b[n:]
}

func appendAmount(b []byte, a money.Amount) []byte {
	hi, lo := a.Unscaled(money.Scale)
	sign := uint64(hi >> 63)
	size := bits.Len64(lo ^ sign)
	if top := uint64(hi) ^ sign; top != 0 {
		size = 64 + bits.Len64(top)
	}
	size = size/8 + 1
	b = append(b, byte(size))
	b = binary.LittleEndian.AppendUint64(b, lo)
	b = binary.LittleEndian.AppendUint64(b, uint64(hi))
	return b[:len(b)-16+size]
}

func readAmount(b []byte) (money.Amount, []byte) {
	size := uint(b[0])
	b = b[1:]
	lo, hi := binary.LittleEndian.Uint64(b), int64(binary.LittleEndian.Uint64(b[8:]))
	if size <= 8 {
		unused := 64 - 8*size
		v := int64(lo<<unused) >> unused
		lo, hi = uint64(v), v>>63
	} else {
		unused := 128 - 8*size
		hi = hi << unused >> unused
	}
	a, _ := money.FromUnscaled(hi, lo, money.Scale) // it came from an Amount, so there is no overflow
	return a, b[size:]
}
