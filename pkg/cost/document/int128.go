package document

import "math/bits"

// int128 is a two's complement integer of 128 bits; its arithmetic wraps.
type int128 struct{ hi, lo uint64 }

func (a int128) add(b int128) int128 {
	lo, carry := bits.Add64(a.lo, b.lo, 0)
	return int128{a.hi + b.hi + carry, lo}
}

func (a int128) sub(b int128) int128 {
	lo, borrow := bits.Sub64(a.lo, b.lo, 0)
	return int128{a.hi - b.hi - borrow, lo}
}

func (a int128) less(b int128) bool {
	return int64(a.hi) < int64(b.hi) || a.hi == b.hi && a.lo < b.lo
}

// len is the number of bits of a read as unsigned.
func (a int128) len() int {
	if a.hi != 0 {
		return 64 + bits.Len64(a.hi)
	}
	return bits.Len64(a.lo)
}

// zigzag maps 0, -1, 1, -2, ... to 0, 1, 2, 3, ...
func (a int128) zigzag() int128 {
	sign := uint64(int64(a.hi) >> 63)
	return int128{(a.hi<<1 | a.lo>>63) ^ sign, a.lo<<1 ^ sign}
}

func (a int128) unzigzag() int128 {
	sign := -(a.lo & 1)
	return int128{a.hi>>1 ^ sign, (a.lo>>1 | a.hi<<63) ^ sign}
}
