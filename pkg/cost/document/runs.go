package document

import "encoding/binary"

// runs codes ascending numbers as runs of successive ones: for each list how many runs, for each run how many numbers
// lie between it and the one before (less one after the first run), and its length less one. The three kinds are kept
// apart, for the compressor.
type runs struct{ counts, gaps, lengths []byte }

// add appends a list of n numbers, at gives the i-th.
func (r *runs) add(n int, at func(i int) int) {
	count, next := uint64(0), 0
	for i := 0; i < n; count++ {
		first, length := at(i), 1
		for i++; i < n && at(i) == first+length; i++ {
			length++
		}
		r.gaps = binary.AppendUvarint(r.gaps, uint64(first-next))
		r.lengths = binary.AppendUvarint(r.lengths, uint64(length-1))
		next = first + length + 1
	}
	r.counts = binary.AppendUvarint(r.counts, count)
}

func (r *runs) appendTo(b []byte) []byte {
	return append(append(append(b, r.counts...), r.gaps...), r.lengths...)
}

// run is the numbers from first on, length of them.
type run struct{ first, length uint32 }

// runs reads that many lists of numbers below limit, one after the other; counts tells how many runs each has.
func (r *reader) runs(lists, limit int) (counts []uint32, all []run) {
	if !r.has(lists, 1) {
		return nil, nil
	}
	counts, total := make([]uint32, lists), 0
	for i := range counts {
		counts[i] = uint32(r.count())
		total += int(counts[i])
	}
	if !r.has(total, 2) {
		return nil, nil
	}
	all = make([]run, total)
	for i := range all {
		all[i].first = uint32(r.number(limit))
	}
	i := 0
	for _, n := range counts {
		next := 0
		for range n {
			first, length := next+int(all[i].first), 1+r.number(limit)
			if next = first + length + 1; next > limit+1 {
				r.fail("run beyond %d", limit)
				return nil, nil
			}
			all[i] = run{uint32(first), uint32(length)}
			i++
		}
	}
	return counts, all
}
