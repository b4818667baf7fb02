package document

import (
	"encoding/binary"
	"hash/crc32"
	"math"
	"strings"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/money"
)

// Decode reads a part that an Encoder emitted and keeps nothing of it. It takes at most 64 MB for any bytes whatever;
// errors wrap ErrCorrupt.
func Decode(part []byte) (*Part, error) {
	r := &reader{}
	if len(part) < 5 || len(part) > MaxPart || part[0] != version {
		r.fail("no part of version %d in %d bytes", version, len(part))
		return nil, r.err
	}
	sum := len(part) - 4
	if crc32.Checksum(part[:sum], castagnoli) != binary.LittleEndian.Uint32(part[sum:]) {
		r.fail("checksum differs")
		return nil, r.err
	}
	r.b = part[1:sum]
	head, body := r.section(), r.section()
	if err := r.end(); err != nil {
		return nil, err
	}
	r = &reader{b: head}
	p := &Part{amounts: body[:cap(body)]}
	p.read(r, len(body))
	if err := r.end(); err != nil {
		return nil, err
	}
	return p, nil
}

// read fills the part from the first section; the second, size bytes, is in place.
func (p *Part) read(r *reader, size int) {
	dims, keys, cols := r.count(), r.count(), r.count()
	p.scale = r.number(money.Scale)
	p.cols = r.cols(cols)
	p.dicts = make([]dict, dims)
	for d := range p.dicts {
		p.dicts[d] = r.dict()
	}
	p.readIndexes(r, keys)
	p.readPresence(r, keys)
	p.readNulls(r)
	p.readRows(r, size)
}

func (r *reader) cols(n int) []Col {
	if !r.has(n, 2) {
		return nil
	}
	cols := make([]Col, n)
	last := int64(0)
	for i := range cols {
		last = r.step(last)
		cols[i].Billing = calendar.Month(last)
	}
	last = 0
	for i := range cols {
		last = r.step(last)
		cols[i].Day = calendar.Day(last)
		if i > 0 && cols[i-1].Compare(cols[i]) >= 0 {
			r.fail("columns do not ascend")
		}
	}
	return cols
}

// step reads a signed difference to last; the sum has 32 bits.
func (r *reader) step(last int64) int64 {
	u := r.uvarint()
	v := last + (int64(u>>1) ^ -int64(u&1))
	if v != int64(int32(v)) {
		r.fail("column out of range")
		return 0
	}
	return v
}

func (r *reader) dict() dict {
	d := dict{texts: r.texts(r.count())}
	for i, text := range d.texts {
		if i > 0 && d.texts[i-1] >= text || strings.IndexByte(text, 0) >= 0 {
			r.fail("texts that do not ascend, or hold NUL")
		}
	}
	if r.number(1) == 1 {
		d.names = r.texts(len(d.texts))
	}
	return d
}

func (r *reader) texts(n int) []string {
	if !r.has(n, 1) {
		return nil
	}
	ends, total := make([]int, n), 0
	for i := range ends {
		total += r.count()
		ends[i] = total
	}
	all, texts, start := string(r.take(total)), make([]string, n), 0
	if r.err != nil {
		return nil
	}
	for i, end := range ends {
		texts[i] = all[start:end]
		start = end
	}
	return texts
}

// readIndexes reads what appendKeys writes after the dictionaries. By their form the keys cannot descend.
func (p *Part) readIndexes(r *reader, keys int) {
	if len(p.dicts) == 0 || keys == 0 {
		r.fail("%d keys of %d dimensions", keys, len(p.dicts))
	}
	if r.err != nil || !r.has(keys, len(p.dicts)) {
		return
	}
	p.index = make([][]uint32, len(p.dicts))
	same := make([]bool, keys)
	for i := range same {
		same[i] = i > 0
	}
	for d := range p.index {
		index, before, most := make([]uint32, keys), 0, len(p.dicts[d].texts)-1
		for i := range index {
			v := r.number(math.MaxInt32)
			if same[i] {
				same[i] = v == 0
				v += before
			}
			if v > most {
				r.fail("text %d of %d", v, most+1)
				return
			}
			index[i], before = uint32(v), v
		}
		p.index[d] = index
	}
	for i := range same {
		if same[i] {
			r.fail("key %d twice", i)
		}
	}
}

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

// readNulls reads what appendNulls writes.
func (p *Part) readNulls(r *reader) {
	_, all := r.runs(1, p.cells)
	if len(all) > 0 {
		p.invalid = make([]uint64, p.cells/64+1)
	}
	for _, run := range all {
		for i := run.first; i < run.first+run.length; i++ {
			p.invalid[i/64] |= 1 << (i % 64)
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

// readRows finds each key's amounts in the second section, size bytes of p.amounts.
func (p *Part) readRows(r *reader, size int) {
	widths, bases := r.take(len(p.rows)), r.take(len(p.rows))
	if r.err != nil {
		return
	}
	at := 0
	for key := range p.rows {
		row := &p.rows[key]
		n, width, base := p.valid(row), int(widths[key]), int(bases[key])
		if max(width, base) > 128 || at+base+n*width > 8*size {
			r.fail("key %d has %d amounts of %d bits", key, n, width)
			return
		}
		row.base = wideAt(p.amounts, uint(at), uint(base)).unzigzag()
		row.at, row.width = uint32(at+base), uint8(width)
		row.narrow = width <= 62 && base <= 63
		at += base + n*width
		if !row.narrow && !p.inRange(row, n) {
			r.fail("key %d has an amount out of range", key)
			return
		}
	}
	if (at+7)/8 != size {
		r.fail("%d bits of amounts in %d bytes", at, size)
	}
}

// valid counts the cells of a row that have an amount.
func (p *Part) valid(row *row) int {
	n := int(row.cells)
	if p.invalid != nil {
		for i := range row.cells {
			n -= int(p.invalid[(row.first+i)/64] >> ((row.first + i) % 64) & 1)
		}
	}
	return n
}

// inRange tells whether the n amounts of a row are Amounts. Those of a narrow row are: 2^63 * 10^18 < 2^127.
func (p *Part) inRange(row *row, n int) bool {
	for i := range n {
		v := row.wide(p.amounts, i)
		if _, err := money.FromUnscaled(int64(v.hi), v.lo, p.scale); err != nil {
			return false
		}
	}
	return true
}
