package document

import "github.com/tenantry/tenantry/pkg/money"

// scaleOf is the least scale that holds all amounts.
func scaleOf(cells []Cell) int {
	scale := 0
	for _, c := range cells {
		hi, lo := c.Amount.Unscaled(scale)
		if back, err := money.FromUnscaled(hi, lo, scale); err != nil || back != c.Amount {
			scale = c.Amount.Decimals()
		}
	}
	return scale
}

func unscaled(a money.Amount, scale int) int128 {
	hi, lo := a.Unscaled(scale)
	return int128{uint64(hi), lo}
}

// amountPacker packs the amounts of one key after the other, each with the bits its key's largest needs.
type amountPacker struct {
	bits          bitWriter
	widths, bases []byte
	values        []int128
}

func (p *amountPacker) add(cells []Cell, scale int) {
	p.values = p.values[:0]
	var least, most int128
	for _, c := range cells {
		if !c.Valid {
			continue
		}
		v := unscaled(c.Amount, scale)
		if len(p.values) == 0 {
			least, most = v, v
		} else if v.less(least) {
			least = v
		} else if most.less(v) {
			most = v
		}
		p.values = append(p.values, v)
	}
	base, width := least, most.sub(least).len()
	if plain := most.len(); int64(least.hi) >= 0 && plain*len(p.values) <= base.zigzag().len()+width*len(p.values) {
		base, width = int128{}, plain
	}
	p.widths, p.bases = append(p.widths, byte(width)), append(p.bases, byte(base.zigzag().len()))
	p.bits.put(base.zigzag(), uint(base.zigzag().len()))
	for _, v := range p.values {
		p.bits.put(v.sub(base), uint(width))
	}
}

// readAmounts reads what amountPacker tells of each key and finds its amounts in the second section, the first size
// bytes of p.amounts.
func (p *Part) readAmounts(r *reader, size int) {
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
