package rollup

import "sort"

// ranking is the order of a column's symbols by their texts. It is kept from batch to batch, for most symbols come back.
type ranking struct {
	order []uint32 // symbols by text
	rank  []uint32 // symbol -> position in order
}

// extend takes in the symbols up to n, where it knows fewer: they are sorted, and merged in from the greatest down.
func (r *ranking) extend(n int, text func(uint32) string, s *sorter) {
	end := len(r.order)
	if n <= end {
		return
	}
	fresh := s.symbols(end, n-end, text)
	r.order = append(r.order, make([]uint32, len(fresh))...)
	for i := len(fresh) - 1; i >= 0; i-- {
		last := text(fresh[i].of)
		at := after(r.order[:end], func(symbol uint32) bool { return text(symbol) > last })
		copy(r.order[at+i+1:], r.order[at:end])
		r.order[at+i] = fresh[i].of
		end = at
	}
	r.rank = grow(r.rank, n)
	for i, symbol := range r.order {
		r.rank[symbol] = uint32(i)
	}
}

// after gives the position of the first symbol that is greater. It looks from the end, in growing steps.
func after(order []uint32, greater func(uint32) bool) int {
	high, step := len(order), 1
	for high >= step && greater(order[high-step]) {
		high -= step
		step *= 2
	}
	low := max(high-step, 0)
	return low + sort.Search(high-low, func(i int) bool { return greater(order[low+i]) })
}

func (r *ranking) bytes() int64 { return 4 * int64(cap(r.order)+cap(r.rank)) }
