package packed

import "slices"

// Index numbers what it is given, in the order first seen, so that columns hold numbers for what comes again. Its zero value is empty.
type Index[K comparable] struct {
	All []K // by number
	of  map[K]int32
}

// Number gives the number of k, a new one where it has none.
func (x *Index[K]) Number(k K) int32 {
	n, ok := x.of[k]
	if !ok {
		if x.of == nil {
			x.of = map[K]int32{}
		}
		n = int32(len(x.All))
		x.of[k], x.All = n, append(x.All, k)
	}
	return n
}

// Within tells whether all are numbers of one of n.
func Within(all []int32, n int) bool {
	return !slices.ContainsFunc(all, func(i int32) bool { return i < 0 || int(i) >= n })
}
