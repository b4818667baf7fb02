package money

import (
	"errors"
	"fmt"
	"math/big"
	"strings"
)

// ErrSyntax says that a text is no decimal number: [+-]digits[.digits][(e|E)[+-]digits].
var ErrSyntax = errors.New("not a decimal number")

const (
	maxText     = 256  // characters of a number; real files hold about 40
	maxExponent = 1000 // either way
)

// Parse reads a decimal number. Digits beyond the 18th decimal are rounded half even, and what the rounding took away
// (text minus result) is the residual, nil where nothing was. Errors are ErrSyntax and ErrOverflow.
func Parse[T ~string | ~[]byte](text T) (Amount, *Residual, error) {
	if a, ok := parseShort(text); ok {
		return a, nil, nil
	}
	return parseLong(string(text))
}

// MustParse is Parse for constants; it panics where the text is wrong or finer than 18 decimals.
func MustParse(text string) Amount {
	a, residual, err := Parse(text)
	if err != nil || residual != nil {
		panic(fmt.Sprintf("money: %q is no amount", text))
	}
	return a
}

// parseShort serves what nearly every line holds: at most 18 digits before the point, 18 after, no exponent.
func parseShort[T ~string | ~[]byte](text T) (Amount, bool) {
	i, neg := 0, false
	if len(text) > 0 && (text[0] == '-' || text[0] == '+') {
		neg, i = text[0] == '-', 1
	}
	whole, start := uint64(0), i
	for ; i < len(text) && text[i]-'0' <= 9; i++ {
		whole = whole*10 + uint64(text[i]-'0')
	}
	digits := i - start
	if digits > 18 {
		return Amount{}, false
	}
	var part uint64
	if i < len(text) && text[i] == '.' {
		i++
		start = i
		for ; i < len(text) && text[i]-'0' <= 9; i++ {
			if i-start < 18 {
				part = part*10 + uint64(text[i]-'0')
			}
		}
		decimals := i - start
		if decimals == 0 || decimals > 18 {
			return Amount{}, false
		}
		part *= pow10[18-decimals]
		digits += decimals
	}
	if digits == 0 || i != len(text) {
		return Amount{}, false
	}
	h, l, _ := mul128(0, whole, pow10[Scale])
	sum, err := Amount{int64(h), l}.Add(Amount{0, part})
	if err != nil {
		return Amount{}, false
	}
	if neg {
		sum = sum.negate()
	}
	return sum, true
}

func parseLong(text string) (Amount, *Residual, error) {
	if len(text) > maxText {
		return Amount{}, nil, ErrSyntax
	}
	coef, exp, err := scan(text)
	if err != nil {
		return Amount{}, nil, err
	}
	if coef.Sign() == 0 {
		return Amount{}, nil, nil
	}
	if exp > 40 {
		return Amount{}, nil, ErrOverflow
	}
	shift := exp + Scale
	if shift >= 0 {
		coef.Mul(coef, tenTo(shift))
		a, err := fromBig(coef)
		return a, nil, err
	}
	unit := tenTo(-shift)
	quotient, rest := new(big.Int).QuoRem(coef, unit, new(big.Int))
	switch twice := new(big.Int).Abs(rest); twice.Lsh(twice, 1).Cmp(unit) {
	case 1:
		quotient.Add(quotient, big.NewInt(int64(coef.Sign())))
	case 0:
		if quotient.Bit(0) == 1 {
			quotient.Add(quotient, big.NewInt(int64(coef.Sign())))
		}
	}
	a, err := fromBig(quotient)
	if err != nil {
		return Amount{}, nil, err
	}
	rest.Sub(coef, quotient.Mul(quotient, unit))
	if rest.Sign() == 0 {
		return a, nil, nil
	}
	return a, (&Residual{coef: *rest, scale: Scale - shift}).trim(), nil
}

// scan splits a number into its digits and the power of ten they are to be multiplied by.
func scan(text string) (*big.Int, int, error) {
	mantissa, exponent, hasExp := text, "", false
	if i := strings.IndexAny(text, "eE"); i >= 0 {
		mantissa, exponent, hasExp = text[:i], text[i+1:], true
	}
	neg := strings.HasPrefix(mantissa, "-")
	mantissa = strings.TrimPrefix(mantissa, "-")
	if !neg {
		mantissa = strings.TrimPrefix(mantissa, "+")
	}
	whole, part, point := strings.Cut(mantissa, ".")
	digits := whole + part
	if digits == "" || !allDigits(digits) || point && part == "" {
		return nil, 0, ErrSyntax
	}
	exp := 0
	if hasExp {
		e := strings.TrimLeft(exponent, "+-")
		if e == "" || !allDigits(e) || len(exponent)-len(e) > 1 {
			return nil, 0, ErrSyntax
		}
		for _, d := range e {
			if exp = exp*10 + int(d-'0'); exp > maxExponent {
				return nil, 0, ErrOverflow
			}
		}
		if exponent[0] == '-' {
			exp = -exp
		}
	}
	coef, _ := new(big.Int).SetString(digits, 10)
	if neg {
		coef.Neg(coef)
	}
	return coef, exp - len(part), nil
}

func allDigits(s string) bool {
	for i := range len(s) {
		if s[i]-'0' > 9 {
			return false
		}
	}
	return true
}

func tenTo(n int) *big.Int { return new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(n)), nil) }

func fromBig(n *big.Int) (Amount, error) {
	if n.BitLen() > 127 {
		return Amount{}, ErrOverflow
	}
	var b [16]byte
	new(big.Int).Abs(n).FillBytes(b[:])
	var a Amount
	for i := range 8 {
		a.hi = a.hi<<8 | int64(b[i])
		a.lo = a.lo<<8 | uint64(b[8+i])
	}
	if n.Sign() < 0 {
		a = a.negate()
	}
	return a, nil
}

// String is the shortest plain decimal: no exponent, no trailing zeros, "0" for zero.
func (a Amount) String() string { return string(a.Append(nil)) }

// Append appends String's text to b.
func (a Amount) Append(b []byte) []byte {
	if a.IsZero() {
		return append(b, '0')
	}
	if a.hi < 0 {
		b = append(b, '-')
		a = a.negate()
	}
	h, whole, part := div128(uint64(a.hi), a.lo, pow10[Scale])
	if h != 0 { // 2^127 / 1e18 has 68 bits: peel nineteen digits more
		_, top, rest := div128(h, whole, pow10[19])
		b = append(b, big.NewInt(0).SetUint64(top).String()...)
		b = append(b, fmt.Sprintf("%019d", rest)...)
	} else {
		b = append(b, big.NewInt(0).SetUint64(whole).String()...)
	}
	if part == 0 {
		return b
	}
	var digits [Scale]byte
	for i := Scale - 1; i >= 0; i-- {
		digits[i] = byte('0' + part%10)
		part /= 10
	}
	n := Scale
	for digits[n-1] == '0' {
		n--
	}
	return append(append(b, '.'), digits[:n]...)
}

// MarshalText is String.
func (a Amount) MarshalText() ([]byte, error) { return a.Append(nil), nil }

// UnmarshalText is Parse; a text finer than 18 decimals is refused.
func (a *Amount) UnmarshalText(text []byte) error {
	v, residual, err := Parse(text)
	if err != nil {
		return err
	}
	if residual != nil {
		return fmt.Errorf("%w: finer than %d decimals", ErrSyntax, Scale)
	}
	*a = v
	return nil
}
