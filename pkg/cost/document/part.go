package document

import (
	"iter"
	"slices"

	"github.com/tenantry/tenantry/pkg/money"
)

// Part is a decoded part of a document. It is not changed by its methods, and what they give must not be changed.
type Part struct {
	cols    []Col
	scale   int
	dicts   []vocabulary // by dimension
	index   [][]uint32   // by dimension, then key
	rows    []row        // by key
	cells   int
	colAt   []uint32 // columns of cells; see row
	invalid []uint64 // a bit per cell; nil where all are valid
	nullAt  []uint32 // cells with nulls, ascending
	nulls   []int64  // as many as nullAt
	amounts []byte   // bits, and bitsPad bytes
}

// row tells where the cells of a key are. Their columns are colAt[cols:cols+cells]. The amounts of those that are valid
// are width bits each from bit at on, plus base; those of a narrow row and their bases are int64.
type row struct {
	base         int128
	first, cells uint32 // of all the part's cells
	cols         uint32
	at           uint32
	width        uint8
	narrow       bool
}

func (r *row) wide(amounts []byte, i int) int128 {
	width := uint(r.width)
	return wideAt(amounts, uint(r.at)+uint(i)*width, width).add(r.base)
}

// Dims is the number of dimensions.
func (p *Part) Dims() int { return len(p.dicts) }

// Dict is the distinct texts of the keys' dim-th place, ascending.
func (p *Part) Dict(dim int) []string { return p.dicts[dim].texts }

// Name is the display name of Dict(dim)[index], "" where there is none.
func (p *Part) Name(dim, index int) string {
	if d := &p.dicts[dim]; d.names != nil {
		return d.names[index]
	}
	return ""
}

// Keys is the number of keys.
func (p *Part) Keys() int { return len(p.rows) }

// Index is for each key, ascending, the place of its text in Dict(dim).
func (p *Part) Index(dim int) []uint32 { return p.index[dim] }

// Cols is the columns, ascending.
func (p *Part) Cols() []Col { return p.cols }

// Scale is the decimals that amounts are stored with.
func (p *Part) Scale() int { return p.scale }

// Cells calls f for the cells of a key, columns ascending; col is an index into Cols.
func (p *Part) Cells(key int, f func(col int, amount money.Amount, nulls int64, valid bool)) {
	r := &p.rows[key]
	null, _ := slices.BinarySearch(p.nullAt, r.first)
	place := 0
	for i, col := range p.colAt[r.cols : r.cols+r.cells] {
		cell, amount, nulls := r.first+uint32(i), money.Amount{}, int64(0)
		valid := p.invalid == nil || p.invalid[cell/64]>>(cell%64)&1 == 0
		if valid {
			v := r.wide(p.amounts, place)
			amount, _ = money.FromUnscaled(int64(v.hi), v.lo, p.scale) // in range, or Decode had refused it
			place++
		}
		if null < len(p.nullAt) && p.nullAt[null] == cell {
			nulls = p.nulls[null]
			null++
		}
		f(int(col), amount, nulls, valid)
	}
}

// Rows gives the part's rows, keys ascending. A row's slices hold until the next.
func (p *Part) Rows() iter.Seq[Row] {
	return func(yield func(Row) bool) {
		var r Row
		for key := range p.rows {
			r.Key, r.Cells = r.Key[:0], r.Cells[:0]
			for d := range p.dicts {
				if d > 0 {
					r.Key = append(r.Key, 0)
				}
				r.Key = append(r.Key, p.dicts[d].texts[p.index[d][key]]...)
			}
			p.Cells(key, func(col int, amount money.Amount, nulls int64, valid bool) {
				r.Cells = append(r.Cells, Cell{Col: p.cols[col], Amount: amount, Nulls: nulls, Valid: valid})
			})
			if !yield(r) {
				return
			}
		}
	}
}
