package focus_test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/klauspost/compress/gzip"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/focus"
)

// refusals are cells that no line may have, with what is said of them.
var refusals = []struct{ column, value, reason string }{
	{"BilledCost", "NaN", "expected a decimal number"},
	{"BilledCost", "Inf", "expected a decimal number"},
	{"BilledCost", "1e400", "too large"},
	{"EffectiveCost", "-1e21", "too large"},
	{"ListCost", "1,234.56", "without thousands separators"},
	{"PricingQuantity", "true", "expected a decimal number"},
	{"BilledCost", " 1", "expected a decimal number"},
	{"BilledCost", "$1", "expected a decimal number"},
	{"ContractedCost", "0x10", "expected a decimal number"},
	{"BilledCost", "", "null"},
	{"EffectiveCost", "NULL", "null"},
	{"BillingAccountId", "", "null"},
	{"ServiceName", "NULL", "null"},
	{"ProviderName", "", "null"},
	{"ChargeCategory", "", "null"},
	{"BillingCurrency", "", "null"},
	{"BillingPeriodStart", "", "null"},
	{"ChargePeriodStart", "NULL", "null"},
	{"ChargePeriodEnd", "", "null"},
	{"BillingCurrency", "usd", "ISO 4217"},
	{"BillingCurrency", "XYZ", "ISO 4217"},
	{"ChargeCategory", "usage", "expected Usage, Purchase, Tax, Credit or Adjustment"},
	{"ChargeClass", "Refund", "expected Correction or null"},
	{"ChargePeriodEnd", "2026-01-04T00:00:00Z", "ends before it has begun, at 2026-01-05T00:00:00Z"},
	{"ChargePeriodEnd", "2026-01-05T00:00:00Z", "ends before it has begun"},
	{"BillingPeriodEnd", "2026-01-01T00:00:00Z", "the billing period ends before it has begun"},
	{"ChargePeriodStart", "0001-01-01", "expected a year from 1990 to 2100"},
	{"ChargePeriodEnd", "2101-01-01T00:00:00Z", "expected a year from 1990 to 2100"},
	{"BillingPeriodStart", "1990-01-01T00:00:00+01:00", "expected a year from 1990 to 2100"},
	{"BillingPeriodStart", "2026-13-01", "expected a date"},
	{"BillingPeriodStart", "2025-02-29", "expected a date"},
	{"BillingPeriodStart", "2026-01", "expected a date"},
	{"ChargePeriodStart", "01/05/2026", "expected a date"},
	{"ChargePeriodStart", "2026-01-05T24:00:00Z", "expected a date"},
	{"ChargePeriodStart", "2026-01-05T00:00:00.Z", "expected a date"},
	{"ChargePeriodStart", "2026-01-05T00:00:00+1:00", "expected a date"},
	{"ChargePeriodStart", "2026-01-05T00:60:00Z", "expected a date"},
	{"ChargePeriodStart", "2026-01-05X00:00:00Z", "expected a date"},
	{"ChargePeriodStart", "2026-01-05T", "expected a date"},
	{"ResourceId", "a\xff", "not valid UTF-8"},
	{"ResourceId", "a\x00b", "control character U+0000"},
	{"RegionName", "two\nlines", "control character U+000A"},
	{"RegionName", "del\x7f", "control character U+007F"},
	{"RegionName", "next\u0085", "control character U+0085"},
	{"ResourceId", strings.Repeat("é", 1025), "longer than 2048 bytes"},
	{"SkuMeter", "\x01", "control character"},
	{"Tags", "a=b", "expected a JSON object of tags"},
	{"Tags", `["a"]`, "expected a JSON object of tags"},
	{"Tags", `{"a":"b"`, "expected a JSON object of tags"},
	{"Tags", `{"a":"b"}}`, "expected a JSON object of tags"},
	{"Tags", `{"a":"b",}`, "expected a JSON object of tags"},
	{"Tags", `{"a" "b"}`, "expected a JSON object of tags"},
	{"Tags", `{a:"b"}`, "expected a JSON object of tags"},
	{"Tags", `{"a":'b'}`, "expected a JSON object of tags"},
	{"Tags", `{"a":"\ud800"}`, "expected a JSON object of tags"},
	{"Tags", `{"a":"\u0000"}`, "control character U+0000"},
	{"Tags", `{"\n":"a"}`, "control character U+000A"},
	{"Tags", "{\"a\":\"\xff\"}", "not valid UTF-8"},
	{"Tags", `{"a":"` + strings.Repeat("b", 2049) + `"}`, "longer than 2048 bytes"},
	{"Tags", manyTags(100), "tags longer than 65536 bytes"},
}

func TestLineIsRefused(t *testing.T) {
	for _, c := range refusals {
		t.Run(c.column+" "+clip(c.value), func(t *testing.T) {
			set := cells{c.column: c.value}
			r, lines, err := read(file(cells{}, set, cells{}), focus.Options{})
			found := problems(t, err)
			require.Len(t, found, 1)
			require.EqualValues(t, 3, found[0].Line)
			require.Equal(t, c.column, found[0].Column)
			require.Contains(t, found[0].Reason, c.reason)
			if c.value != "" && c.value != "NULL" && !strings.Contains(c.reason, "begun") {
				require.True(t, strings.HasPrefix(strings.ToValidUTF8(c.value, "\uFFFD"), found[0].Value))
				require.NotEmpty(t, found[0].Value)
			}
			require.LessOrEqual(t, utf8.RuneCountInString(found[0].Value), 100)
			require.Len(t, lines, 2, "the other lines are given")
			require.EqualValues(t, 3, r.Lines())
		})
	}
}

func manyTags(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `,"%04d":"%s"`, i, strings.Repeat("x", 1000))
	}
	return "{" + b.String()[1:] + "}"
}

func clip(s string) string { return strings.ToValidUTF8(s[:min(len(s), 30)], "?") }

func TestRecordIsRefused(t *testing.T) {
	text := file(cells{})
	width := strings.Count(text[:strings.IndexByte(text, '\n')], ",") + 1
	for name, c := range map[string]struct {
		line, reason string
		after        bool // lines after it are read
	}{
		"a field too few":    {"1,2", fmt.Sprintf("2 fields; the header has %d columns", width), true},
		"a field too many":   {strings.Repeat(",", width), fmt.Sprintf("%d fields", width+1), true},
		"a quote in a field": {`a"b` + strings.Repeat(",", width-1), "a quote in the wrong place", true},
		"text after a quote": {`"a"b` + strings.Repeat(",", width-1), "a quote in the wrong place", true},
		"an open quote":      {`"a` + strings.Repeat(",", width-1), "the file ends within a quoted field", false},
	} {
		t.Run(name, func(t *testing.T) {
			good := text[strings.IndexByte(text, '\n')+1:]
			_, lines, err := read(text+c.line+"\n"+good, focus.Options{})
			found := problems(t, err)
			require.Len(t, found, 1)
			require.EqualValues(t, 3, found[0].Line)
			require.Contains(t, found[0].Reason, c.reason)
			require.Equal(t, c.after, len(lines) == 2)
		})
	}
}

func TestProblemsComeInOrderAndEnd(t *testing.T) {
	var lines []cells
	for i := range 200 {
		c := cells{"BilledCost": "x"}
		if i%2 == 0 {
			c = cells{"Tags": "x", "BillingCurrency": "x"}
		}
		lines = append(lines, c)
	}
	for limit, want := range map[int]int{0: 20, 7: 7, 1000: 300} {
		_, _, err := read(file(lines...), focus.Options{MaxProblems: limit})
		found := problems(t, err)
		require.Len(t, found, want)
		for i, p := range found {
			require.Equal(t, int64(2+i/3*2+i%3/2), p.Line)
		}
		require.Equal(t, limit != 1000, err.(*focus.Rejection).More)
	}
}

func TestHeaderIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		text, column, reason string
	}{
		"a mandatory column missing": {file(cells{"ServiceName": absent}), "ServiceName", "lacks this mandatory column"},
		"no provider":                {file(cells{"ProviderName": absent}), "ProviderName", "lacks this mandatory column"},
		"a name in lower case":       {strings.Replace(file(cells{}), "BilledCost", "billedcost", 1), "BilledCost", `it has "billedcost", but names are case-sensitive`},
		"a column twice":             {strings.Replace(file(cells{"Tags": ""}), "Tags", "ServiceName", 1), "ServiceName", "names this column twice, as its 10. and its 11."},
		"another column twice":       {strings.Replace(file(cells{"x_1": "", "x_2": ""}), "x_2", "x_1", 1), "x_1", "names this column twice"},
		"an open quote":              {`"BilledCost`, "", "ends within a quoted field"},
		"semicolons":                 {strings.ReplaceAll(file(cells{}), ",", ";"), "", "separated by semicolons"},
		"tabs":                       {strings.ReplaceAll(file(cells{}), ",", "\t"), "", "separated by tabs"},
		"too many columns":           {strings.Repeat("a,", 5000), "", "5001 columns"},
		"too long":                   {strings.Repeat("a", 9<<20), "", "longer than 8388608 bytes"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := focus.NewCSV(strings.NewReader(c.text), focus.Options{})
			p := problems(t, err)[0]
			require.EqualValues(t, 1, p.Line)
			require.Equal(t, c.column, p.Column)
			require.Contains(t, p.Reason, c.reason)
		})
	}
	t.Run("all mandatory columns missing are named", func(t *testing.T) {
		_, err := focus.NewCSV(strings.NewReader("a,b\n"), focus.Options{})
		require.Len(t, problems(t, err), 10)
	})
}

func TestFileIsRefused(t *testing.T) {
	text := file(cells{}, cells{})
	var zipped bytes.Buffer
	w := gzip.NewWriter(&zipped)
	_, _ = w.Write([]byte(text))
	_ = w.Close()
	damaged := bytes.Clone(zipped.Bytes())
	damaged[len(damaged)-6] ^= 1 // of the checksum
	twice := &bytes.Buffer{}
	w = gzip.NewWriter(twice)
	_, _ = w.Write(zipped.Bytes())
	_ = w.Close()
	for name, c := range map[string]struct{ text, reason string }{
		"empty":                     {"", "empty"},
		"blank lines":               {"\n\r\n\n", "empty"},
		"a byte order mark alone":   {"\xef\xbb\xbf", "empty"},
		"UTF-16 with a mark":        {"\xff\xfe" + wide(text, 2, false), "UTF-16"},
		"UTF-16 without":            {wide(text, 2, false), "UTF-16"},
		"UTF-16, high byte first":   {wide(text, 2, true), "UTF-16"},
		"UTF-32 with a mark":        {"\xff\xfe\x00\x00" + wide(text, 4, false), "UTF-32"},
		"UTF-32, high byte first":   {wide(text, 4, true), "UTF-32"},
		"Parquet":                   {"PAR1....", "a Parquet file"},
		"ZIP":                       {"PK\x03\x04...", "a ZIP archive or an Excel workbook"},
		"zstd":                      {"\x28\xb5\x2f\xfd...", "zstd"},
		"JSON":                      {` [{"BilledCost":1}]`, "JSON"},
		"HTML":                      {"<!doctype html>", "HTML or XML"},
		"binary":                    {"BilledCost\x00\x01", "binary"},
		"gzip in gzip":              {twice.String(), "looks like gzip"},
		"gzip that breaks off":      {zipped.String()[:zipped.Len()-12], "breaks off"},
		"gzip of two bytes":         {zipped.String()[:2], "breaks off"},
		"gzip of a wrong checksum":  {string(damaged), "damaged"},
		"gzip with something after": {zipped.String() + "some more text", "damaged"},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := read(c.text, focus.Options{})
			p := problems(t, err)[0]
			require.Zero(t, p.Line)
			require.Contains(t, p.Reason, c.reason)
		})
	}
}

// wide is text in UTF-16 or UTF-32.
func wide(text string, size int, bigEndian bool) string {
	var b strings.Builder
	for _, unit := range utf16.Encode([]rune(text)) {
		for i := range size {
			if bigEndian {
				i = size - 1 - i
			}
			b.WriteByte(byte(unit >> (8 * i) & 0xff))
		}
	}
	return b.String()
}

// TestWhatAFileUnpacksToIsBounded has files of one line again and again.
func TestWhatAFileUnpacksToIsBounded(t *testing.T) {
	text := file(cells{}, cells{})
	line := text[strings.LastIndexByte(strings.TrimSuffix(text, "\n"), '\n')+1:]
	some := []byte(strings.Repeat(line, 1<<20/len(line)))
	for name, c := range map[string]struct {
		mebibytes int
		level     int
		refused   bool
	}{
		"little of it":            {60, gzip.BestCompression, false},
		"much of it":              {70, gzip.BestCompression, true},
		"much that is not packed": {70, gzip.NoCompression, false},
	} {
		t.Run(name, func(t *testing.T) {
			var zipped bytes.Buffer
			w, err := gzip.NewWriterLevel(&zipped, c.level)
			require.NoError(t, err)
			_, _ = w.Write([]byte(text))
			for range c.mebibytes {
				_, _ = w.Write(some)
			}
			require.NoError(t, w.Close())
			r, err := focus.NewCSV(&zipped, focus.Options{})
			require.NoError(t, err)
			for l := (focus.Line{}); r.Next(&l); {
			}
			require.LessOrEqual(t, r.Lines()*int64(len(line)), int64(71<<20))
			if !c.refused {
				require.NoError(t, r.Err())
				return
			}
			require.Contains(t, problems(t, r.Err())[0].Reason, "unpacks to more than 200 times its size")
		})
	}
}
