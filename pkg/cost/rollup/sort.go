package rollup

import (
	"encoding/binary"
	"math/bits"
	"slices"
	"strings"
)

// pair is a line of the batch, or a symbol, and the number it is sorted by.
type pair struct {
	key uint64
	of  uint32
}

// sorter has the memory to sort with, for one thing at a time.
type sorter struct{ pairs, spare []pair }

// start makes n pairs of the numbers from first on.
func (s *sorter) start(first, n int) {
	s.pairs, s.spare = grow(s.pairs, n), grow(s.spare, n)
	for i := range s.pairs {
		s.pairs[i] = pair{of: uint32(first + i)}
	}
}

// lines gives the batch's lines in the order of the axes, the first the most significant. Keys are equal where all axes
// are. As many axes as fit are packed into one number; where they do not all fit, the lines are sorted by the last of
// them first, and their position in that order takes the place of those.
func (s *sorter) lines(b *batch, axes []axis) []pair {
	s.start(0, b.n)
	for width := uint(0); ; width = condense(s.pairs) {
		first, total := len(axes), width
		for first > 0 && total+axes[first-1].bits <= 64 {
			first--
			total += axes[first].bits
		}
		pack(s.pairs, b, axes[first:], width)
		radix(s.pairs, s.spare, total)
		if axes = axes[:first]; len(axes) == 0 {
			return s.pairs
		}
	}
}

// pack puts the axes' ranks before the lowest width bits of the keys.
func pack(pairs []pair, b *batch, axes []axis, width uint) {
	for i := range pairs {
		p := &pairs[i]
		e := b.at(p.of)
		var key uint64
		for j := range axes {
			a := &axes[j]
			key = key<<a.bits | uint64(a.rank[e.slots[a.slot]-a.base])
		}
		p.key |= key << width
	}
}

// condense replaces the keys, which are sorted, by their position among the distinct ones, and gives their new width.
func condense(pairs []pair) uint {
	var rank uint64
	last := pairs[0].key
	for i := range pairs {
		if pairs[i].key != last {
			last = pairs[i].key
			rank++
		}
		pairs[i].key = rank
	}
	return uint(bits.Len64(rank))
}

// symbols gives n symbols from first on in the order of their texts.
func (s *sorter) symbols(first, n int, text func(uint32) string) []pair {
	s.start(first, n)
	byText(s.pairs, s.spare, text)
	return s.pairs
}

// byText sorts by the first eight bytes in which the texts differ, and then those that have the same there.
func byText(pairs, spare []pair, text func(uint32) string) {
	if len(pairs) < 32 {
		slices.SortFunc(pairs, func(p, q pair) int { return strings.Compare(text(p.of), text(q.of)) })
		return
	}
	head := text(pairs[0].of)
	for _, p := range pairs {
		head = head[:common(head, text(p.of))]
	}
	for i := range pairs {
		var word [8]byte
		copy(word[:], text(pairs[i].of)[len(head):])
		pairs[i].key = binary.BigEndian.Uint64(word[:])
	}
	radix(pairs, spare, 64)
	for start, end := 0, 0; start < len(pairs); start = end {
		for end++; end < len(pairs) && pairs[end].key == pairs[start].key; end++ {
		}
		byText(pairs[start:end], spare, text)
	}
}

// radix sorts by the lowest width bits of the keys, byte by byte from the last, which keeps equals in order.
func radix(pairs, spare []pair, width uint) {
	var tables [8][256]uint32
	counts := tables[:(width+7)/8]
	for i := range pairs {
		for d := range counts {
			counts[d][byte(pairs[i].key>>(8*d))]++
		}
	}
	from, to := pairs, spare[:len(pairs)]
	for d := range counts {
		if counts[d][byte(pairs[0].key>>(8*d))] == uint32(len(pairs)) {
			continue
		}
		var next uint32
		for i, n := range counts[d] {
			counts[d][i] = next
			next += n
		}
		for _, p := range from {
			at := &counts[d][byte(p.key>>(8*d))]
			to[*at] = p
			*at++
		}
		from, to = to, from
	}
	if &from[0] != &pairs[0] {
		copy(pairs, from)
	}
}

// grow gives a slice of n elements with room to spare, the same one where it has room.
func grow[T any](s []T, n int) []T {
	if cap(s) < n {
		s = make([]T, n+n/4)
	}
	return s[:n]
}
