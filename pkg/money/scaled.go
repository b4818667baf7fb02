package money

import "math/bits"

// FromScaled gives the amount v / 10^scale, 0 <= scale <= Scale. Every int64 has a place in an Amount.
func FromScaled(v int64, scale int) Amount {
	unit := pow10[Scale-scale]
	hi, lo := bits.Mul64(uint64(v), unit)
	return Amount{int64(hi) - v>>63&int64(unit), lo}
}
