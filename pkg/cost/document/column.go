package document

import (
	"encoding/binary"
	"slices"

	"github.com/tenantry/tenantry/pkg/calendar"
)

// columns are the distinct columns of cells, ascending.
func columns(cells []Cell) []Col {
	seen, cols := map[Col]bool{}, []Col(nil)
	for _, c := range cells {
		if !seen[c.Col] {
			seen[c.Col] = true
			cols = append(cols, c.Col)
		}
	}
	slices.SortFunc(cols, Col.Compare)
	return cols
}

// indexOf finds c, which is in cols and most often the first or second.
func indexOf(cols []Col, c Col) int {
	for i := range min(2, len(cols)) {
		if cols[i] == c {
			return i
		}
	}
	i, _ := slices.BinarySearchFunc(cols, c, Col.Compare)
	return i
}

// appendCols appends all billing periods, then all days, each as the signed difference to the one before.
func appendCols(b []byte, cols []Col) []byte {
	last := int64(0)
	for _, c := range cols {
		b = binary.AppendVarint(b, int64(c.Billing)-last)
		last = int64(c.Billing)
	}
	last = 0
	for _, c := range cols {
		b = binary.AppendVarint(b, int64(c.Day)-last)
		last = int64(c.Day)
	}
	return b
}

// readCols reads what appendCols writes.
func (p *Part) readCols(r *reader, n int) {
	if !r.has(n, 2) {
		return
	}
	p.cols = make([]Col, n)
	last := int64(0)
	for i := range p.cols {
		last = r.step(last)
		p.cols[i].Billing = calendar.Month(last)
	}
	last = 0
	for i := range p.cols {
		last = r.step(last)
		p.cols[i].Day = calendar.Day(last)
		if i > 0 && p.cols[i-1].Compare(p.cols[i]) >= 0 {
			r.fail("columns do not ascend")
			return
		}
	}
}

// step reads a signed difference to last and gives the sum, which has 32 bits.
func (r *reader) step(last int64) int64 {
	u := r.uvarint()
	v := last + (int64(u>>1) ^ -int64(u&1))
	if v != int64(int32(v)) {
		r.fail("column out of range")
		return 0
	}
	return v
}
