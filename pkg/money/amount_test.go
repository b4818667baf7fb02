package money_test

import (
	"encoding/json"
	"math/big"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/money"
)

const greatest = "170141183460469231731.687303715884105727" // 2^127-1 in units of 1e-18

func TestParse(t *testing.T) {
	for name, c := range map[string]struct{ text, want, residual string }{
		"a whole number":               {"12", "12", "0"},
		"decimals":                     {"0.00000080000", "0.0000008", "0"},
		"a sign":                       {"-2.6137", "-2.6137", "0"},
		"a plus":                       {"+1", "1", "0"},
		"zero":                         {"-0.000", "0", "0"},
		"no digit before the point":    {".5", "0.5", "0"},
		"an exponent":                  {"1.5E-7", "0.00000015", "0"},
		"an exponent upwards":          {"1.5e+3", "1500", "0"},
		"zero with a great exponent":   {"0e999", "0", "0"},
		"the greatest":                 {greatest, greatest, "0"},
		"leading zeros":                {"00000000000000000000000007", "7", "0"},
		"a half is rounded to even":    {"0.0000000000000000005", "0", "0.0000000000000000005"},
		"a half above odd":             {"0.0000000000000000015", "0.000000000000000002", "-0.0000000000000000005"},
		"a half below zero":            {"-0.0000000000000000015", "-0.000000000000000002", "0.0000000000000000005"},
		"more than a half":             {"1.00000000000000000051", "1.000000000000000001", "-0.00000000000000000049"},
		"less than a half":             {"1.00000000000000000049", "1", "0.00000000000000000049"},
		"far below the last decimal":   {"1e-400", "0", "0." + strings.Repeat("0", 399) + "1"},
		"twenty decimals that are 0":   {"1.00000000000000000000", "1", "0"},
		"what rounding carries over":   {"0.9999999999999999999", "1", "-0.0000000000000000001"},
		"a number quoted to 11 places": {"20.52022672899", "20.52022672899", "0"},
	} {
		t.Run(name, func(t *testing.T) {
			a, residual, err := money.Parse(c.text)
			require.NoError(t, err)
			require.Equal(t, c.want, a.String())
			require.Equal(t, c.residual, residual.String())
			b, _, err := money.Parse([]byte(c.text))
			require.NoError(t, err)
			require.Equal(t, a, b)
		})
	}
}

func TestParseRefuses(t *testing.T) {
	for text, want := range map[string]error{
		"": money.ErrSyntax, "-": money.ErrSyntax, ".": money.ErrSyntax, "1.": money.ErrSyntax, "1,234.56": money.ErrSyntax, "NaN": money.ErrSyntax,
		"Inf": money.ErrSyntax, "0x10": money.ErrSyntax, "1e": money.ErrSyntax, "1e+-1": money.ErrSyntax, "--1": money.ErrSyntax, "+-1": money.ErrSyntax,
		" 1": money.ErrSyntax, "1 ": money.ErrSyntax, "1_0": money.ErrSyntax, "١": money.ErrSyntax, "true": money.ErrSyntax,
		strings.Repeat("1", 300): money.ErrSyntax, "1e400": money.ErrOverflow, "1e99999": money.ErrOverflow,
		"170141183460469231731.687303715884105728": money.ErrOverflow, "999999999999999999999": money.ErrOverflow,
	} {
		_, _, err := money.Parse(text)
		require.ErrorIs(t, err, want, "%q", text)
	}
}

func rat(t require.TestingT, text string) *big.Rat {
	r, ok := new(big.Rat).SetString(text)
	require.True(t, ok, text)
	return r
}

func draw(t *rapid.T, name string) money.Amount {
	hi, lo := rapid.Int64().Draw(t, name), rapid.Uint64().Draw(t, name)
	a, err := money.FromUnscaled(hi>>rapid.IntRange(1, 63).Draw(t, name), lo, money.Scale)
	require.NoError(t, err)
	return a
}

func TestArithmeticIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := draw(t, "a"), draw(t, "b")
		x, y := rat(t, a.String()), rat(t, b.String())
		sum, err := a.Add(b)
		require.NoError(t, err)
		require.Zero(t, rat(t, sum.String()).Cmp(new(big.Rat).Add(x, y)))
		less, err := a.Sub(b)
		require.NoError(t, err)
		require.Zero(t, rat(t, less.String()).Cmp(new(big.Rat).Sub(x, y)))
		require.Equal(t, x.Cmp(y), a.Cmp(b))
		require.Equal(t, x.Sign(), a.Sign())
		again, residual, err := money.Parse(a.String())
		require.NoError(t, err)
		require.True(t, residual.IsZero())
		require.Equal(t, a, again)
	})
}

func TestScales(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a := draw(t, "a")
		n := a.Decimals()
		_, decimals, _ := strings.Cut(a.String(), ".")
		require.Len(t, decimals, n)
		scale := rapid.IntRange(n, money.Scale).Draw(t, "scale")
		hi, lo := a.Unscaled(scale)
		again, err := money.FromUnscaled(hi, lo, scale)
		require.NoError(t, err)
		require.Equal(t, a, again)
	})
}

func TestOverflowIsAnError(t *testing.T) {
	top := money.MustParse(greatest)
	_, err := top.Add(money.MustParse("0.000000000000000001"))
	require.ErrorIs(t, err, money.ErrOverflow)
	_, err = top.Neg().Sub(money.MustParse("0.000000000000000002"))
	require.ErrorIs(t, err, money.ErrOverflow)
	_, err = money.FromUnscaled(1<<62, 0, 0)
	require.ErrorIs(t, err, money.ErrOverflow)
	require.Equal(t, "9223372036854775807", money.FromInt(1<<63-1).String())
	require.Equal(t, "-9223372036854775808", money.FromInt(-1<<63).String())
}

func TestParseRoundsHalfEvenAndKeepsTheRest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`-?[0-9]{1,12}\.[0-9]{19,40}`).Draw(t, "text")
		a, residual, err := money.Parse(text)
		require.NoError(t, err)
		rest := rat(t, residual.String())
		require.Zero(t, rat(t, text).Cmp(new(big.Rat).Add(rat(t, a.String()), rest)), "the amount and the residual are the text")
		half := rat(t, "0.0000000000000000005")
		require.LessOrEqual(t, new(big.Rat).Abs(rest).Cmp(half), 0)
	})
}

func TestResidualsAddUpInAnyOrder(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		texts := rapid.SliceOf(rapid.StringMatching(`-?0\.0{18}[0-9]{1,20}`)).Draw(t, "texts")
		want, sum, back := new(big.Rat), money.Residual{}, money.Residual{}
		for i := range texts {
			_, r, err := money.Parse(texts[i])
			require.NoError(t, err)
			sum.Add(r)
			_, r, err = money.Parse(texts[len(texts)-1-i])
			require.NoError(t, err)
			back.Add(r)
			a, _, err := money.Parse(texts[i])
			require.NoError(t, err)
			want.Add(want, new(big.Rat).Sub(rat(t, texts[i]), rat(t, a.String())))
		}
		require.Zero(t, rat(t, sum.String()).Cmp(want))
		require.Equal(t, sum.String(), back.String())
		b, err := json.Marshal(&sum)
		require.NoError(t, err)
		var again money.Residual
		require.NoError(t, json.Unmarshal(b, &again))
		require.Equal(t, sum.String(), again.String())
	})
}

func TestAmountInJSON(t *testing.T) {
	b, err := json.Marshal(map[string]money.Amount{"a": money.MustParse("-1.50")})
	require.NoError(t, err)
	require.JSONEq(t, `{"a":"-1.5"}`, string(b))
	var a money.Amount
	require.NoError(t, json.Unmarshal([]byte(`"0.25"`), &a))
	require.Equal(t, "0.25", a.String())
	require.Error(t, json.Unmarshal([]byte(`0.25`), &a), "a JSON number is no amount")
	require.Error(t, json.Unmarshal([]byte(`"0.0000000000000000001"`), &a))
}

func TestCurrency(t *testing.T) {
	for _, code := range []string{"USD", "EUR", "JPY"} {
		c, err := money.ParseCurrency(code)
		require.NoError(t, err)
		require.Equal(t, money.Currency(code), c)
	}
	for _, code := range []string{"", "usd", "XXX", "US", "USDE", "EUR ", " EU", "D E", "R A", "XAU"} {
		_, err := money.ParseCurrency(code)
		require.Error(t, err, code)
	}
}

func FuzzParse(f *testing.F) {
	for _, text := range []string{"1", "-0.5", "1e-7", "1e400", "1,2", greatest, "0.0000000000000000005"} {
		f.Add(text)
	}
	f.Fuzz(func(t *testing.T, text string) {
		a, residual, err := money.Parse(text)
		if err != nil {
			return
		}
		sum := new(big.Rat).Add(rat(t, a.String()), rat(t, residual.String()))
		require.Zero(t, rat(t, text).Cmp(sum))
	})
}

func BenchmarkParse(b *testing.B) {
	text := []byte("0.00001605990")
	for b.Loop() {
		if _, _, err := money.Parse(text); err != nil {
			b.Fatal(err)
		}
	}
}
