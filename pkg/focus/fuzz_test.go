package focus_test

import (
	"bytes"
	"encoding/json"
	"strings"
	"testing"
	"unicode"
	"unicode/utf8"

	"github.com/parquet-go/parquet-go"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/focus/columnar"
)

// sound reads to the end and checks that every line given keeps the rules.
func sound(t *testing.T, r focus.Reader, s *focus.Symbols) {
	var l focus.Line
	for last := int64(0); r.Next(&l); last = l.Number {
		require.Greater(t, l.Number, last)
		require.True(t, l.Present[focus.BilledCost] && l.Present[focus.EffectiveCost])
		for _, d := range []focus.Dim{focus.BillingCurrency, focus.BillingAccountID, focus.ProviderName, focus.ServiceName, focus.ChargeCategory} {
			require.NotZero(t, l.Dims[d])
		}
		for d, y := range l.Dims {
			text := s.Text(focus.Dim(d), y)
			require.Equal(t, y == 0, text == "")
			require.True(t, utf8.ValidString(text) && strings.IndexFunc(text, unicode.IsControl) < 0, "%q", text)
		}
		for _, year := range []int{l.Billing.Year(), l.Day.Month().Year()} {
			require.True(t, year >= calendar.MinYear && year <= calendar.MaxYear)
		}
	}
	if err := r.Err(); err != nil {
		problems(t, err)
	}
}

func FuzzCSV(f *testing.F) {
	text := file(cells{"Tags": `{"a": "b"}`, "ChargeDescription": "\"\n"}, cells{"BilledCost": "1e-20", "ChargePeriodStart": "2026-01-05 00:00:00.5"})
	for _, seed := range []string{text, strings.ReplaceAll(text, "\n", "\r\n"), "\xef\xbb\xbf" + text, text + `"`, "", "\x1f\x8b\x08", "\xff\xfe"} {
		f.Add([]byte(seed))
	}
	f.Fuzz(func(t *testing.T, file []byte) {
		s := focus.NewSymbols()
		r, err := focus.NewCSV(bytes.NewReader(file), focus.Options{Symbols: s, MaxLine: 4096})
		if err != nil {
			problems(t, err)
			return
		}
		sound(t, r, s)
	})
}

func FuzzParquet(f *testing.F) {
	text := file(cells{"Tags": `{"a": "b"}`}, cells{"BilledCost": "1e-20"}, cells{"RegionId": "x"})
	f.Add(parquetOfStrings(text))
	f.Add(parquetOf(file(cells{}, cells{}), columnar.DecimalAmounts))
	f.Add(parquetLine("BilledCost", parquet.Leaf(parquet.DoubleType), parquet.DoubleValue(1), parquet.DataPageVersion(1), parquet.Compression(&parquet.Zstd)))
	f.Add(parquetLine("ChargePeriodStart", parquet.Encoded(parquet.Timestamp(parquet.Millisecond), &parquet.DeltaBinaryPacked), parquet.Int64Value(1_700_000_000_000)))
	var b bytes.Buffer
	w := columnar.NewWriter(&b, "1.4")
	invoice(3, func(r focus.Record) { _ = w.Write(r) })
	_ = w.Close()
	f.Add(b.Bytes())
	f.Fuzz(func(t *testing.T, file []byte) {
		s := focus.NewSymbols()
		r, err := openParquet(file, focus.Options{Symbols: s})
		if err != nil {
			problems(t, err)
			return
		}
		sound(t, r, s)
	})
}

func FuzzTagValues(f *testing.F) {
	for _, seed := range []string{`{"a":"b"}`, `{"a\"":"\\"}`, `{ "a" : 1 , "b" : {"c": [null]} }`, `{"a`, `{"a":"\`, ``, `,":,"`} {
		f.Add(seed, "a")
	}
	f.Fuzz(func(t *testing.T, tags, key string) {
		require.Len(t, focus.TagValues(tags, []string{key, "b"}, nil), 2)
		s := focus.NewSymbols()
		_, lines, err := read(file(cells{"Tags": tags}), focus.Options{Symbols: s})
		if err != nil {
			problems(t, err)
			return
		}
		want := map[string]any{}
		if text := strings.TrimSpace(tags); text != "" && tags != "NULL" {
			require.NoError(t, json.Unmarshal([]byte(text), &want), "taken, but no JSON object")
		}
		got := s.Text(focus.Tags, lines[0].Dims[focus.Tags])
		require.Equal(t, len(want) == 0, got == "")
		values := focus.TagValues(got, []string{key}, nil)
		if value, ok := want[key].(string); ok {
			require.Equal(t, []string{value}, values)
		} else if _, ok := want[key]; !ok {
			require.Equal(t, []string{""}, values)
		}
	})
}
