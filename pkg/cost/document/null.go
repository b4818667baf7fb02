package document

import (
	"encoding/binary"
	"math"
)

// appendNulls appends which cells are not valid and which have nulls, as runs of places among all cells, then how many
// nulls these have, less one.
func appendNulls(head []byte, cells []Cell) []byte {
	var invalid, null []int
	for i, c := range cells {
		if !c.Valid {
			invalid = append(invalid, i)
		}
		if c.Nulls > 0 {
			null = append(null, i)
		}
	}
	for _, list := range [][]int{invalid, null} {
		var r runs
		r.add(len(list), func(i int) int { return list[i] })
		head = r.appendTo(head)
	}
	for _, i := range null {
		head = binary.AppendUvarint(head, uint64(cells[i].Nulls-1))
	}
	return head
}

// readNulls reads what appendNulls writes.
func (p *Part) readNulls(r *reader) {
	_, all := r.runs(1, p.cells)
	if len(all) > 0 {
		p.invalid = make([]uint64, p.cells/64+1)
	}
	for _, run := range all {
		for i := range run.length {
			p.invalid[(run.first+i)/64] |= 1 << ((run.first + i) % 64)
		}
	}
	_, all = r.runs(1, p.cells)
	total := 0
	for _, run := range all {
		total += int(run.length)
	}
	if !r.has(total, 1) {
		return
	}
	p.nullAt, p.nulls = make([]uint32, 0, total), make([]int64, 0, total)
	for _, run := range all {
		for i := range run.length {
			p.nullAt = append(p.nullAt, run.first+i)
			p.nulls = append(p.nulls, int64(r.number(math.MaxInt64-1))+1)
		}
	}
}
