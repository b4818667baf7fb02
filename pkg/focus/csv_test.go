package focus_test

import (
	"bytes"
	"errors"
	"io"
	"runtime"
	"strings"
	"testing"
	"testing/iotest"

	"github.com/klauspost/compress/gzip"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/money"
)

func TestLineHoldsWhatTheFileSays(t *testing.T) {
	l, s := readLine(t, cells{
		"BilledCost": "-1.5", "ListCost": "2", "ContractedCost": "NULL", "PricingQuantity": "", "RegionId": "eu-west-1", "SubAccountId": "NULL",
		"SubAccountName": "", "Tags": `{"b": "2", "a": "1"}`, "SkuId": "", "SkuMeter": "BoxUsage", "ChargeClass": "Correction", "Unknown": "x",
	})
	require.Equal(t, [focus.NumMetrics]money.Amount{money.MustParse("-1.5"), money.MustParse("1.25"), money.MustParse("2")}, l.Amounts)
	require.Equal(t, [focus.NumMetrics]bool{true, true, true, false, false}, l.Present)
	require.Equal(t, [focus.NumMetrics]*money.Residual{}, l.Rounded)
	require.EqualValues(t, 2, l.Number)
	require.Equal(t, "2026-01", l.Billing.String())
	require.Equal(t, calendar.Date(2026, 1, 5), l.Day)
	texts := map[focus.Dim]string{
		focus.BillingCurrency: "USD", focus.BillingAccountID: "payer", focus.ProviderName: "AWS", focus.ServiceName: "Example Compute",
		focus.RegionID: "eu-west-1", focus.ChargeCategory: "Usage", focus.ChargeClass: "Correction", focus.SkuID: "BoxUsage", focus.Tags: `{"a":"1","b":"2"}`,
	}
	for d := range focus.NumDims {
		require.Equal(t, texts[d], s.Text(d, l.Dims[d]), "column %d", d)
		require.Equal(t, texts[d] == "", l.Dims[d] == 0, "column %d", d)
	}
}

func TestAmountsAreTakenAs(t *testing.T) {
	for text, want := range map[string]string{
		"1.50": "1.5", "-0": "0", "+7": "7", "1e-7": "0.0000001", "1.5E+3": "1500", "0.000000000000000001": "0.000000000000000001",
		"100000000000000000000": "100000000000000000000", "00012": "12",
	} {
		t.Run(text, func(t *testing.T) {
			l, _ := readLine(t, cells{"BilledCost": text})
			require.Equal(t, want, l.Amounts[focus.BilledCost].String())
			require.Nil(t, l.Rounded[focus.BilledCost])
		})
	}
	t.Run("rounded half even, with what was cut off, where finer than 18 decimals", func(t *testing.T) {
		l, _ := readLine(t, cells{"BilledCost": "0.0000000000000000025", "EffectiveCost": "0.0000000000000000025", "ListCost": "1e-19"})
		for _, m := range []focus.Metric{focus.BilledCost, focus.EffectiveCost} {
			require.Equal(t, "0.000000000000000002", l.Amounts[m].String())
			require.Equal(t, "0.0000000000000000005", l.Rounded[m].String())
		}
		require.True(t, l.Present[focus.ListCost])
		require.Equal(t, "0.0000000000000000001", l.Rounded[focus.ListCost].String())
	})
}

func TestInstantsAreTakenAs(t *testing.T) {
	for text, want := range map[string]string{
		"2026-01-05": "2026-01-05", "2026-01-05T23:59:59Z": "2026-01-05", "2026-01-05 00:00:00": "2026-01-05", "2026-01-05T00:00": "2026-01-05",
		"2026-01-05T23:59:59.999999999Z": "2026-01-05", "2026-01-05 23:00:00.0001234567890 UTC": "2026-01-05", "2026-01-05T23:30:00-01:00": "2026-01-06",
		"2026-01-05T00:30:00+0100": "2026-01-04", "2026-01-05T00:30:00+01": "2026-01-04", "2024-02-29t00:00:00z": "2024-02-29", "1990-01-01": "1990-01-01",
	} {
		t.Run(text, func(t *testing.T) {
			l, _ := readLine(t, cells{"ChargePeriodStart": text, "ChargePeriodEnd": "2100-12-31T23:59:59Z"})
			require.Equal(t, want, l.Day.String())
		})
	}
	t.Run("the UTC month, for billing periods", func(t *testing.T) {
		l, _ := readLine(t, cells{"BillingPeriodStart": "2026-01-01T00:00:00+02:00", "BillingPeriodEnd": "2026-02-01T00:00:00+02:00"})
		require.Equal(t, "2025-12", l.Billing.String())
	})
}

func TestProviderIsTheNewColumnOrTheOld(t *testing.T) {
	for name, c := range map[string]cells{
		"the old one alone":             {"ProviderName": "AWS"},
		"the new one alone":             {"ProviderName": absent, "ServiceProviderName": "AWS"},
		"the new one of both":           {"ProviderName": "old", "ServiceProviderName": "AWS"},
		"the old one, the new one null": {"ProviderName": "AWS", "ServiceProviderName": "NULL"},
	} {
		t.Run(name, func(t *testing.T) {
			l, s := readLine(t, c)
			require.Equal(t, "AWS", s.Text(focus.ProviderName, l.Dims[focus.ProviderName]))
		})
	}
}

func TestSkuFallsBackLineByLine(t *testing.T) {
	s := focus.NewSymbols()
	_, lines, err := read(file(cells{"SkuId": "1", "SkuMeter": "2", "x_UsageType": "3"}, cells{"SkuMeter": "2", "x_UsageType": "3"}, cells{"x_UsageType": "3"}, cells{}), focus.Options{Symbols: s})
	require.NoError(t, err)
	var got []string
	for _, l := range lines {
		got = append(got, s.Text(focus.SkuID, l.Dims[focus.SkuID]))
	}
	require.Equal(t, []string{"1", "2", "3", ""}, got)
}

func TestVersionIsThatOfTheNewestColumn(t *testing.T) {
	for version, c := range map[string]cells{
		"1.0": {"Tags": ""}, "1.1": {"SkuMeter": ""}, "1.2": {"InvoiceId": "", "SkuMeter": ""}, "1.3": {"HostProviderName": ""},
		"1.4": {"ServiceProviderName": "AWS", "ProviderName": absent},
	} {
		t.Run(version, func(t *testing.T) {
			r, _, err := read(file(c), focus.Options{})
			require.NoError(t, err)
			require.Equal(t, version, r.Version())
		})
	}
}

func TestFileIsReadWithItsOddities(t *testing.T) {
	text := file(cells{"ChargeDescription": "a"}, cells{"ChargeDescription": "two\nlines, \"quoted\""}, cells{"ChargeDescription": "b"})
	zip := func(parts ...string) string {
		var b bytes.Buffer
		for _, part := range parts {
			w := gzip.NewWriter(&b)
			_, _ = w.Write([]byte(part))
			_ = w.Close()
		}
		return b.String()
	}
	for name, text := range map[string]string{
		"plain": text, "byte order mark": "\xef\xbb\xbf" + text, "CRLF": strings.ReplaceAll(text, "\n", "\r\n"), "blank lines at the end": text + "\n\n\r\n",
		"no line end at the end": strings.TrimSuffix(text, "\n"), "gzip": zip(text), "gzip of several members": zip(text[:50], text[50:200], text[200:]),
		"spaces in the header": strings.Replace(text, "BilledCost,", `" BilledCost ",`, 1), "all in quotes": strings.ReplaceAll(text, "1.5,", `"1.5",`),
		"an unnamed column": strings.NewReplacer("ServiceName\n", "ServiceName,,\n", "Compute\n", "Compute,,\n").Replace(text),
	} {
		t.Run(name, func(t *testing.T) {
			r, lines, err := read(text, focus.Options{})
			require.NoError(t, err)
			require.Len(t, lines, 3)
			require.EqualValues(t, 3, r.Lines())
			numbers := []int64{lines[0].Number, lines[1].Number, lines[2].Number}
			require.Equal(t, []int64{2, 3, 5}, numbers)
			require.Equal(t, "1.5", lines[2].Amounts[focus.BilledCost].String())
		})
	}
	t.Run("a header alone is a file of no lines", func(t *testing.T) {
		_, lines, err := read(file(), focus.Options{})
		require.NoError(t, err)
		require.Empty(t, lines)
	})
}

func TestIOErrorIsNotTheFilesFault(t *testing.T) {
	broken := errors.New("connection reset")
	text := file(cells{}, cells{"BilledCost": "x"}, cells{})
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	for name, whole := range map[string]string{"plain": text, "gzip": zipped.String()} {
		for _, at := range []int{0, 1, 20, len(whole) - 1} {
			t.Run(name, func(t *testing.T) {
				for _, cause := range []error{broken, io.ErrUnexpectedEOF} {
					r, err := focus.NewCSV(io.MultiReader(strings.NewReader(whole[:at]), iotest.ErrReader(cause)), focus.Options{})
					if err == nil {
						_, err = drain(r)
					}
					require.ErrorIs(t, err, cause)
					require.False(t, errors.As(err, new(*focus.Rejection)))
				}
			})
		}
	}
}

func TestLongRecordTakesBoundedMemory(t *testing.T) {
	head := file(cells{})
	endless := io.LimitReader(repeat('a'), 200<<20)
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	r, err := focus.NewCSV(io.MultiReader(strings.NewReader(head+"1,"), endless), focus.Options{})
	require.NoError(t, err)
	_, err = drain(r)
	runtime.ReadMemStats(&after)
	p := problems(t, err)[0]
	require.EqualValues(t, 3, p.Line)
	require.Contains(t, p.Reason, "longer than 8388608 bytes")
	require.Less(t, after.TotalAlloc-before.TotalAlloc, uint64(40<<20))
}

// repeat is an endless reader of one byte.
type repeat byte

func (c repeat) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(c)
	}
	return len(b), nil
}
