package document

import (
	"slices"

	"github.com/tenantry/tenantry/pkg/money"
)

// Sum is what cells sum to.
type Sum struct {
	Amount money.Amount
	Nulls  int64
	Cells  int64 // valid ones
}

func (s *Sum) add(amount money.Amount, cells int64) (err error) {
	s.Cells += cells
	s.Amount, err = s.Amount.Add(amount)
	return err
}

func (s *Sum) addNulls(n int64) error {
	if s.Nulls += n; s.Nulls < 0 {
		return money.ErrOverflow
	}
	return nil
}

// AddTo adds each cell of a key to sums[colTo[col]], where that is not negative; col is the cell's index into Cols, and
// colTo as long as Cols. The error is money.ErrOverflow; sums are then void.
func (p *Part) AddTo(key int, colTo []int32, sums []Sum) error {
	r := &p.rows[key]
	if p.invalid != nil || !r.narrow {
		return p.addWide(key, colTo, sums)
	}
	cols := p.colAt[r.cols : r.cols+r.cells]
	if err := p.addNarrow(r, cols, colTo, sums); err != nil {
		return err
	}
	null, _ := slices.BinarySearch(p.nullAt, r.first)
	for ; null < len(p.nullAt) && p.nullAt[null] < r.first+r.cells; null++ {
		if to := colTo[cols[p.nullAt[null]-r.first]]; to >= 0 {
			if err := sums[to].addNulls(p.nulls[null]); err != nil {
				return err
			}
		}
	}
	return nil
}

// addNarrow adds up successive cells of one sum as int64, while they stay in its range.
func (p *Part) addNarrow(r *row, cols []uint32, colTo []int32, sums []Sum) error {
	at, width, base := uint(r.at), uint(r.width), int64(r.base.lo)
	last, sum, cells := int32(-1), int64(0), int64(0)
	for _, col := range cols {
		to, v := colTo[col], int64(bitsAt(p.amounts, at, width))+base
		at += width
		if next := sum + v; to == last && (sum^next)&(v^next) >= 0 {
			sum = next
			cells++
			continue
		}
		if last >= 0 {
			if err := sums[last].add(money.FromScaled(sum, p.scale), cells); err != nil {
				return err
			}
		}
		last, sum, cells = to, v, 1
	}
	if last < 0 {
		return nil
	}
	return sums[last].add(money.FromScaled(sum, p.scale), cells)
}

func (p *Part) addWide(key int, colTo []int32, sums []Sum) (err error) {
	p.Cells(key, func(col int, amount money.Amount, nulls int64, valid bool) {
		to := colTo[col]
		if to < 0 || err != nil {
			return
		}
		if valid {
			err = sums[to].add(amount, 1)
		}
		if err == nil {
			err = sums[to].addNulls(nulls)
		}
	})
	return err
}
