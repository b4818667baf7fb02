package money

import (
	"fmt"
	"math/big"
	"strings"
)

// Residual is the exact sum of what rounding to 18 decimals took away. The zero value is 0; a nil *Residual reads as 0.
type Residual struct {
	coef  big.Int
	scale int
}

// Add adds b to r; a nil b adds nothing.
func (r *Residual) Add(b *Residual) {
	if b == nil || b.coef.Sign() == 0 {
		return
	}
	other := new(big.Int).Set(&b.coef)
	switch {
	case r.scale < b.scale:
		r.coef.Mul(&r.coef, tenTo(b.scale-r.scale))
		r.scale = b.scale
	case r.scale > b.scale:
		other.Mul(other, tenTo(r.scale-b.scale))
	}
	r.coef.Add(&r.coef, other)
	r.trim()
}

// IsZero tells whether r is 0.
func (r *Residual) IsZero() bool { return r == nil || r.coef.Sign() == 0 }

func (r *Residual) trim() *Residual {
	ten, rest := big.NewInt(10), new(big.Int)
	for r.scale > 0 {
		q, m := new(big.Int).QuoRem(&r.coef, ten, rest)
		if m.Sign() != 0 {
			break
		}
		r.coef.Set(q)
		r.scale--
	}
	return r
}

// String is a plain decimal as Amount writes it, with as many decimals as it takes.
func (r *Residual) String() string {
	if r.IsZero() {
		return "0"
	}
	digits := new(big.Int).Abs(&r.coef).String()
	if pad := r.scale + 1 - len(digits); pad > 0 {
		digits = strings.Repeat("0", pad) + digits
	}
	text := digits[:len(digits)-r.scale]
	if r.scale > 0 {
		text += "." + digits[len(digits)-r.scale:]
	}
	if r.coef.Sign() < 0 {
		text = "-" + text
	}
	return text
}

// MarshalText is String.
func (r *Residual) MarshalText() ([]byte, error) { return []byte(r.String()), nil }

// UnmarshalText reads what String writes.
func (r *Residual) UnmarshalText(text []byte) error {
	coef, exp, err := scan(string(text))
	if err != nil {
		return fmt.Errorf("residual: %w", err)
	}
	if exp > 0 {
		coef.Mul(coef, tenTo(exp))
		exp = 0
	}
	*r = Residual{coef: *coef, scale: -exp}
	r.trim()
	return nil
}
