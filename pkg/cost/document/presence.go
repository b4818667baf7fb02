package document

// readPresence makes the rows and gives each its columns: a stretch of colAt, whose first len(cols) places are the
// columns in order, so that rows without gaps need none of their own.
func (p *Part) readPresence(r *reader, keys int) {
	counts, all := r.runs(keys, len(p.cols))
	if r.err != nil {
		return
	}
	total, apart := 0, len(p.cols)
	p.rows = make([]row, keys)
	for key, rest := 0, all; key < keys; key++ {
		row := &p.rows[key]
		row.first = uint32(total)
		for _, run := range rest[:counts[key]] {
			row.cells += run.length
		}
		if counts[key] == 1 {
			row.cols = rest[0].first
		} else if counts[key] > 1 {
			row.cols = uint32(apart)
			apart += int(row.cells)
		}
		rest = rest[counts[key]:]
		if total += int(row.cells); total > maxCells {
			r.fail("more than %d cells", maxCells)
			return
		}
	}
	p.cells = total
	p.colAt = make([]uint32, 0, apart)
	for i := range p.cols {
		p.colAt = append(p.colAt, uint32(i))
	}
	for _, n := range counts {
		if n > 1 {
			for _, run := range all[:n] {
				p.colAt = append(p.colAt, p.colAt[run.first:run.first+run.length]...)
			}
		}
		all = all[n:]
	}
}
