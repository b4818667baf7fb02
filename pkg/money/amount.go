// Package money holds exact decimal amounts and ISO 4217 currencies. No float comes near it.
package money

import (
	"errors"
	"math/bits"
)

// Scale is the number of decimals every Amount carries; the finest a document stores.
const Scale = 18

// ErrOverflow says that a sum or a number left the range of an Amount, about +-1.7e20.
var ErrOverflow = errors.New("amount is out of range")

// Amount is an exact decimal number of 18 decimals: a signed 128-bit integer of 1e-18 units.
// The zero value is 0. Amounts are comparable with ==.
type Amount struct {
	hi int64
	lo uint64
}

// FromInt gives the amount of n whole units.
func FromInt(n int64) Amount {
	a, err := FromUnscaled(n>>63, uint64(n), 0)
	if err != nil { // |n| * 1e18 < 2^127 for every int64
		panic(err)
	}
	return a
}

// FromUnscaled gives the amount of the signed 128-bit integer hi:lo divided by 10^scale, 0 <= scale <= Scale.
// It returns ErrOverflow where the result has no place in an Amount.
func FromUnscaled(hi int64, lo uint64, scale int) (Amount, error) {
	if scale < 0 || scale > Scale {
		return Amount{}, ErrOverflow
	}
	a := Amount{hi, lo}
	neg := a.hi < 0
	if neg {
		a = a.negate()
	}
	h, l, over := mul128(uint64(a.hi), a.lo, pow10[Scale-scale])
	if over || h > 1<<63-1 {
		return Amount{}, ErrOverflow
	}
	a = Amount{int64(h), l}
	if neg {
		a = a.negate()
	}
	return a, nil
}

// Unscaled gives the amount times 10^scale as a signed 128-bit integer. scale must be at least a.Decimals() and at
// most Scale: fewer would lose digits, and the lost digits are cut off.
func (a Amount) Unscaled(scale int) (hi int64, lo uint64) {
	if scale >= Scale {
		return a.hi, a.lo
	}
	neg := a.hi < 0
	if neg {
		a = a.negate()
	}
	h, l, _ := div128(uint64(a.hi), a.lo, pow10[Scale-scale])
	a = Amount{int64(h), l}
	if neg {
		a = a.negate()
	}
	return a.hi, a.lo
}

// Add gives a+b, or ErrOverflow.
func (a Amount) Add(b Amount) (Amount, error) {
	lo, carry := bits.Add64(a.lo, b.lo, 0)
	hi := a.hi + b.hi + int64(carry)
	sum := Amount{hi, lo}
	if (a.hi < 0) == (b.hi < 0) && (hi < 0) != (a.hi < 0) {
		return Amount{}, ErrOverflow
	}
	return sum, nil
}

// Sub gives a-b, or ErrOverflow.
func (a Amount) Sub(b Amount) (Amount, error) { return a.Add(b.Neg()) }

// Neg gives -a.
func (a Amount) Neg() Amount { return a.negate() }

func (a Amount) negate() Amount {
	lo, borrow := bits.Sub64(0, a.lo, 0)
	return Amount{-a.hi - int64(borrow), lo}
}

// Cmp is -1, 0 or +1 as a is less than, equal to or more than b.
func (a Amount) Cmp(b Amount) int {
	switch {
	case a.hi < b.hi || a.hi == b.hi && a.lo < b.lo:
		return -1
	case a == b:
		return 0
	}
	return 1
}

// Sign is -1, 0 or +1.
func (a Amount) Sign() int { return a.Cmp(Amount{}) }

// IsZero tells whether a is 0.
func (a Amount) IsZero() bool { return a == Amount{} }

// Decimals is the least number of decimals that writes a exactly, 0 to Scale.
func (a Amount) Decimals() int {
	if a.IsZero() {
		return 0
	}
	if a.hi < 0 {
		a = a.negate()
	}
	h, l, n := uint64(a.hi), a.lo, Scale
	for _, step := range [...]int{8, 4, 2, 1, 1, 1, 1} {
		for n >= step {
			qh, ql, r := div128(h, l, pow10[step])
			if r != 0 {
				break
			}
			h, l, n = qh, ql, n-step
		}
	}
	return n
}

var pow10 = func() (p [20]uint64) {
	p[0] = 1
	for i := 1; i < len(p); i++ {
		p[i] = p[i-1] * 10
	}
	return p
}()

func mul128(hi, lo, by uint64) (h, l uint64, over bool) {
	carry, l := bits.Mul64(lo, by)
	top, mid := bits.Mul64(hi, by)
	h, c := bits.Add64(mid, carry, 0)
	return h, l, top != 0 || c != 0
}

func div128(hi, lo, by uint64) (h, l, rem uint64) {
	h = hi / by
	l, rem = bits.Div64(hi%by, lo, by)
	return h, l, rem
}
