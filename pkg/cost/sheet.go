package cost

import (
	"encoding/binary"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cost/document"
	"github.com/tenantry/tenantry/pkg/money"
)

// sheet is a period's lines by charge month, put aside in the spool while its documents are encoded, so that those of the
// year need not be made by decoding them. A line is its size, then the key behind its length, then of each document the
// number of cells, and the cells.
type sheet struct {
	spool     *spool
	documents int
	buffer    []byte
	extents   []extent
}

const (
	sheetBlock = 256 << 10
	sheetCell  = 33 // bytes: billing period, day, amount, nulls, valid
)

// through gives lines as they are and puts them aside.
func (s *sheet) through(in lines) lines {
	return func(yield func(line, error) bool) {
		var months monthCells
		for l, err := range in {
			if err == nil {
				err = s.put(l.key, l.cells, &months)
			}
			if !yield(l, err) || err != nil {
				return
			}
		}
		if err := s.flush(); err != nil {
			yield(line{}, err)
		}
	}
}

func (s *sheet) put(key []byte, cells [][]document.Cell, months *monthCells) error {
	by, _, err := months.of(cells, nil)
	if err != nil {
		return err
	}
	start := len(s.buffer)
	b := append(s.buffer, 0, 0, 0, 0)
	b = append(binary.AppendUvarint(b, uint64(len(key))), key...)
	for _, cells := range by {
		b = binary.AppendUvarint(b, uint64(len(cells)))
		for i := range cells {
			b = appendCell(b, &cells[i])
		}
	}
	binary.LittleEndian.PutUint32(b[start:], uint32(len(b)-start-4))
	if s.buffer = b; len(b) < sheetBlock {
		return nil
	}
	return s.flush()
}

func (s *sheet) flush() error {
	if len(s.buffer) == 0 {
		return nil
	}
	x, err := s.spool.add(s.buffer)
	s.extents, s.buffer = append(s.extents, x), s.buffer[:0]
	return err
}

func appendCell(b []byte, c *document.Cell) []byte {
	hi, lo := c.Amount.Unscaled(money.Scale)
	b = binary.LittleEndian.AppendUint32(b, uint32(c.Col.Billing))
	b = binary.LittleEndian.AppendUint32(b, uint32(c.Col.Day))
	b = binary.LittleEndian.AppendUint64(b, uint64(hi))
	b = binary.LittleEndian.AppendUint64(b, lo)
	b = binary.LittleEndian.AppendUint64(b, uint64(c.Nulls))
	if c.Valid {
		return append(b, 1)
	}
	return append(b, 0)
}

func cellOf(b []byte) (c document.Cell, err error) {
	c.Col.Billing = calendar.Month(binary.LittleEndian.Uint32(b))
	c.Col.Day = calendar.Day(binary.LittleEndian.Uint32(b[4:]))
	c.Amount, err = money.FromUnscaled(int64(binary.LittleEndian.Uint64(b[8:])), binary.LittleEndian.Uint64(b[16:]), money.Scale)
	c.Nulls, c.Valid = int64(binary.LittleEndian.Uint64(b[24:])), b[32] == 1
	return c, err
}

// lines reads what was put aside.
func (s *sheet) lines() lines {
	return func(yield func(line, error) bool) {
		l := line{cells: make([][]document.Cell, s.documents)}
		for _, x := range s.extents {
			block, err := s.spool.read(x)
			for len(block) > 0 && err == nil {
				size := 4 + int(binary.LittleEndian.Uint32(block))
				if err = l.read(block[4:size]); !yield(l, err) {
					return
				}
				block = block[size:]
			}
			if err != nil {
				yield(l, err)
				return
			}
		}
	}
}

func (l *line) read(b []byte) (err error) {
	size, n := binary.Uvarint(b)
	l.key, b = b[n:n+int(size)], b[n+int(size):]
	for i := range l.cells {
		count, n := binary.Uvarint(b)
		l.cells[i], b = l.cells[i][:0], b[n:]
		for range count {
			c, err := cellOf(b)
			if err != nil {
				return err
			}
			l.cells[i], b = append(l.cells[i], c), b[sheetCell:]
		}
	}
	return nil
}
