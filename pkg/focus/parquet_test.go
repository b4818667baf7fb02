package focus_test

import (
	"bytes"
	"errors"
	"io"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"
	"github.com/parquet-go/parquet-go/deprecated"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/focus"
)

func TestParquetAmountIsReadFrom(t *testing.T) {
	fixed := func(size int) parquet.Type { return parquet.FixedLenByteArrayType(size) }
	for name, c := range map[string]struct {
		node  parquet.Node
		value parquet.Value
		want  string
	}{
		"DOUBLE":                      {parquet.Leaf(parquet.DoubleType), parquet.DoubleValue(0.30000000000000004), "0.30000000000000004"},
		"DOUBLE, small":               {parquet.Leaf(parquet.DoubleType), parquet.DoubleValue(-1.5e-14), "-0.000000000000015"},
		"DOUBLE, large":               {parquet.Leaf(parquet.DoubleType), parquet.DoubleValue(1e20), "100000000000000000000"},
		"DOUBLE, negative zero":       {parquet.Leaf(parquet.DoubleType), parquet.DoubleValue(math.Copysign(0, -1)), "0"},
		"FLOAT":                       {parquet.Leaf(parquet.FloatType), parquet.FloatValue(0.1), "0.1"},
		"INT32":                       {parquet.Leaf(parquet.Int32Type), parquet.Int32Value(-7), "-7"},
		"INT64":                       {parquet.Int(64), parquet.Int64Value(math.MinInt64), "-9223372036854775808"},
		"unsigned INT64":              {parquet.Uint(64), parquet.Int64Value(-1), "18446744073709551615"},
		"unsigned INT32":              {parquet.Uint(32), parquet.Int32Value(-1), "4294967295"},
		"DECIMAL in INT32":            {parquet.Decimal(2, 9, parquet.Int32Type), parquet.Int32Value(-12345), "-123.45"},
		"DECIMAL in INT64":            {parquet.Decimal(10, 18, parquet.Int64Type), parquet.Int64Value(123456789), "0.0123456789"},
		"DECIMAL in 16 bytes":         {parquet.Decimal(18, 38, fixed(16)), parquet.FixedLenByteArrayValue(bytes.Repeat([]byte{0xff}, 16)), "-0.000000000000000001"},
		"DECIMAL in 3 bytes":          {parquet.Decimal(0, 5, fixed(3)), parquet.FixedLenByteArrayValue([]byte{0xff, 0, 0}), "-65536"},
		"DECIMAL in 20 bytes":         {parquet.Decimal(3, 40, fixed(20)), parquet.FixedLenByteArrayValue(append(make([]byte, 18), 4, 0)), "1.024"},
		"DECIMAL in bytes":            {parquet.Decimal(2, 38, parquet.ByteArrayType), parquet.ByteArrayValue([]byte{0x80}), "-1.28"},
		"DECIMAL finer than 18 exact": {parquet.Decimal(20, 38, fixed(16)), parquet.FixedLenByteArrayValue(append(make([]byte, 15), 100)), "0.000000000000000001"},
		"string":                      {parquet.String(), parquet.ByteArrayValue([]byte("1.5e3")), "1500"},
		"bytes":                       {parquet.Leaf(parquet.ByteArrayType), parquet.ByteArrayValue([]byte("15")), "15"},
	} {
		t.Run(name, func(t *testing.T) {
			l, _ := readParquetLine(t, parquetLine("BilledCost", c.node, c.value))
			require.Equal(t, c.want, l.Amounts[focus.BilledCost].String())
			require.Nil(t, l.Rounded[focus.BilledCost])
		})
	}
	t.Run("a DECIMAL finer than 18 with what was cut off", func(t *testing.T) {
		l, _ := readParquetLine(t, parquetLine("ListCost", parquet.Decimal(20, 38, fixed(16)), parquet.FixedLenByteArrayValue(append(make([]byte, 15), 101))))
		require.Equal(t, "0.000000000000000001", l.Amounts[focus.ListCost].String())
		require.Equal(t, "0.00000000000000000001", l.Rounded[focus.ListCost].String())
	})
	t.Run("null as absent", func(t *testing.T) {
		for _, null := range []parquet.Value{parquet.NullValue(), parquet.ByteArrayValue([]byte("NULL")), parquet.ByteArrayValue(nil)} {
			l, _ := readParquetLine(t, parquetLine("ListCost", parquet.Optional(parquet.String()), null))
			require.False(t, l.Present[focus.ListCost])
		}
	})
}

func TestParquetInstantIsReadFrom(t *testing.T) {
	at := time.Date(2026, 1, 5, 12, 0, 0, 0, time.UTC)
	for name, c := range map[string]struct {
		node  parquet.Node
		value parquet.Value
	}{
		"TIMESTAMP in milliseconds":          {parquet.Timestamp(parquet.Millisecond), parquet.Int64Value(at.UnixMilli())},
		"TIMESTAMP in microseconds":          {parquet.Timestamp(parquet.Microsecond), parquet.Int64Value(at.UnixMicro())},
		"TIMESTAMP in nanoseconds":           {parquet.Timestamp(parquet.Nanosecond), parquet.Int64Value(at.UnixNano())},
		"TIMESTAMP of no zone":               {parquet.TimestampAdjusted(parquet.Millisecond, false), parquet.Int64Value(at.UnixMilli())},
		"DATE":                               {parquet.Date(), parquet.Int32Value(int32(at.Unix() / 86400))},
		"INT96":                              {parquet.Leaf(parquet.Int96Type), parquet.Int96Value(int96(at))},
		"string":                             {parquet.String(), parquet.ByteArrayValue([]byte("2026-01-05T12:00:00Z"))},
		"string with an offset from its day": {parquet.String(), parquet.ByteArrayValue([]byte("2026-01-06 01:00:00+02:00"))},
	} {
		t.Run(name, func(t *testing.T) {
			l, _ := readParquetLine(t, parquetLine("ChargePeriodStart", c.node, c.value))
			require.Equal(t, "2026-01-05", l.Day.String())
		})
	}
}

func int96(t time.Time) deprecated.Int96 {
	day, nanos := uint32(t.Unix()/86400+2440588), uint64(t.Unix()%86400)*uint64(time.Second)
	return deprecated.Int96{uint32(nanos), uint32(nanos >> 32), day}
}

func TestParquetCellIsRefused(t *testing.T) {
	for name, c := range map[string]struct {
		column        string
		node          parquet.Node
		value         parquet.Value
		shown, reason string
	}{
		"NaN":                  {"BilledCost", parquet.Leaf(parquet.DoubleType), parquet.DoubleValue(math.NaN()), "NaN", "expected a decimal number"},
		"infinite":             {"BilledCost", parquet.Leaf(parquet.DoubleType), parquet.DoubleValue(math.Inf(-1)), "-Inf", "expected a decimal number"},
		"too large a DOUBLE":   {"BilledCost", parquet.Leaf(parquet.DoubleType), parquet.DoubleValue(1e300), "1e+300", "too large"},
		"too large a DECIMAL":  {"BilledCost", parquet.Decimal(0, 38, parquet.FixedLenByteArrayType(16)), parquet.FixedLenByteArrayValue(append([]byte{1}, make([]byte, 15)...)), "1329227995784915872903807060280344576", "too large"},
		"an empty DECIMAL":     {"ListCost", parquet.Decimal(2, 38, parquet.ByteArrayType), parquet.ByteArrayValue(make([]byte, 300)), "0e-2", ""},
		"null":                 {"BilledCost", parquet.Optional(parquet.Leaf(parquet.DoubleType)), parquet.NullValue(), "", "null in a mandatory column"},
		"null text":            {"ServiceName", parquet.Optional(parquet.String()), parquet.ByteArrayValue([]byte("NULL")), "", "null in a mandatory column"},
		"year":                 {"ChargePeriodStart", parquet.Timestamp(parquet.Millisecond), parquet.Int64Value(-1e13), "1653-02-10T06:13:20Z", "expected a year from 1990 to 2100"},
		"control character":    {"RegionId", parquet.String(), parquet.ByteArrayValue([]byte("a\x00")), "a\x00", "control character U+0000"},
		"currency":             {"BillingCurrency", parquet.String(), parquet.ByteArrayValue([]byte("EURO")), "EURO", "ISO 4217"},
		"tags":                 {"Tags", parquet.JSON(), parquet.ByteArrayValue([]byte("[]")), "[]", "expected a JSON object"},
		"an end before start":  {"ChargePeriodEnd", parquet.Date(), parquet.Int32Value(10_000), "1997-05-19T00:00:00Z", "ends before it has begun"},
		"a number as a string": {"EffectiveCost", parquet.String(), parquet.ByteArrayValue([]byte("1,234.56")), "1,234.56", "without thousands separators"},
	} {
		t.Run(name, func(t *testing.T) {
			r, err := openParquet(parquetLine(c.column, c.node, c.value), focus.Options{})
			require.NoError(t, err)
			lines, err := drain(r)
			if c.reason == "" {
				require.NoError(t, err)
				return
			}
			require.Empty(t, lines)
			require.EqualValues(t, 1, r.Lines())
			require.Equal(t, []focus.Problem{{Line: 1, Column: c.column, Value: c.shown, Reason: problems(t, err)[0].Reason}}, problems(t, err))
			require.Contains(t, problems(t, err)[0].Reason, c.reason)
		})
	}
}

func TestParquetColumnIsRefused(t *testing.T) {
	boolean := parquet.BooleanValue(true)
	group := parquet.Group{"a": parquet.String()}
	text := parquet.ByteArrayValue([]byte("x"))
	for name, c := range map[string]struct {
		column        string
		node          parquet.Node
		value         parquet.Value
		shown, reason string
	}{
		"a boolean amount":  {"BilledCost", parquet.Leaf(parquet.BooleanType), boolean, "BOOLEAN", "expected a column of DECIMAL"},
		"a timestamp":       {"ListCost", parquet.Timestamp(parquet.Millisecond), parquet.Int64Value(1), "TIMESTAMP", "expected a column of DECIMAL"},
		"a nested amount":   {"BilledCost", group, text, "a group of columns", "expected a column of DECIMAL"},
		"a list of amounts": {"BilledCost", parquet.Repeated(parquet.String()), text, "a list of STRING", "expected a column of DECIMAL"},
		"an integer time":   {"ChargePeriodEnd", parquet.Int(64), parquet.Int64Value(1), "INT(64,true)", "expected a column of TIMESTAMP"},
		"an integer text":   {"BillingAccountId", parquet.Int(64), parquet.Int64Value(1), "INT(64,true)", "expected a column of strings"},
		"a UUID":            {"ResourceId", parquet.UUID(), parquet.FixedLenByteArrayValue(make([]byte, 16)), "UUID", "expected a column of strings"},
		"a group of tags":   {"Tags", group, text, "a group of columns", "expected a column of JSON strings or a MAP"},
		"a map of numbers":  {"Tags", parquet.Group{"key": parquet.String(), "value": parquet.Int(64)}, text, "a group of columns", "expected a column of JSON strings or a MAP"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := openParquet(parquetLine(c.column, c.node, c.value), focus.Options{})
			p := problems(t, err)
			require.Len(t, p, 1)
			require.Zero(t, p[0].Line)
			require.Equal(t, c.column, p[0].Column)
			require.Contains(t, p[0].Value, c.shown)
			require.Contains(t, p[0].Reason, c.reason)
		})
	}
	t.Run("a mandatory column missing", func(t *testing.T) {
		_, err := openParquet(parquetOfStrings("BilledCost\n1\n"), focus.Options{})
		require.Len(t, problems(t, err), 9)
	})
}

func TestParquetNullColumnIsAbsent(t *testing.T) {
	l, _ := readParquetLine(t, parquetLine("ListCost", nullNode(), parquet.NullValue()))
	require.False(t, l.Present[focus.ListCost])
}

// nullNode is a column that its writer knew no type for.
func nullNode() parquet.Node { return parquet.Optional(parquet.Leaf(parquet.NullType)) }

func TestParquetTagsAreAListOfPairs(t *testing.T) {
	type pair struct {
		Value string `parquet:"value,optional"`
		Key   string `parquet:"key"`
		Extra bool   `parquet:"extra"`
	}
	type row struct {
		BilledCost, EffectiveCost                                                    float64
		BillingAccountId, BillingCurrency, ChargeCategory, ServiceName, ProviderName string //nolint
		BillingPeriodStart, ChargePeriodStart, ChargePeriodEnd                       time.Time
		Tags                                                                         []pair `parquet:"Tags,list"`
	}
	plain := row{1, 2, "p", "EUR", "Tax", "s", "AWS", day(2026, 1, 1), day(2026, 1, 2), day(2026, 1, 3), nil}
	var rows []row
	for _, tags := range [][]pair{nil, {{"1", "a", true}}, {{"2", "b", true}, {"", "a", false}}, {}, {{"x", "k", true}, {"y", "k", true}}} {
		r := plain
		r.Tags = tags
		rows = append(rows, r)
	}
	var b bytes.Buffer
	require.NoError(t, parquet.Write(&b, rows))
	s := focus.NewSymbols()
	r, err := openParquet(b.Bytes(), focus.Options{Symbols: s})
	require.NoError(t, err)
	lines, err := drain(r)
	require.NoError(t, err)
	var got []string
	for _, l := range lines {
		got = append(got, s.Text(focus.Tags, l.Dims[focus.Tags]))
	}
	require.Equal(t, []string{"", `{"a":"1"}`, `{"a":"","b":"2"}`, "", `{"k":"y"}`}, got)
}

func TestParquetIsReadInEveryEncoding(t *testing.T) {
	codecs := []compress.Codec{&parquet.Uncompressed, &parquet.Snappy, &parquet.Gzip, &parquet.Brotli, &parquet.Zstd, &parquet.Lz4Raw}
	rapid.Check(t, func(t *rapid.T) {
		var lines []cells
		for range rapid.IntRange(1, 120).Draw(t, "lines") {
			lines = append(lines, cells{
				"BilledCost": rapid.StringMatching(`-?[0-9]{1,3}(\.[0-9]{1,2})?`).Draw(t, "billed"), "RegionId": rapid.SampledFrom([]string{"", "a", "b"}).Draw(t, "region"),
				"ResourceId": rapid.StringMatching(`(arn:[a-c]{0,30})?`).Draw(t, "resource"), "Tags": rapid.SampledFrom([]string{"", "{}", `{"a":"b"}`}).Draw(t, "tags"),
			})
		}
		text := file(lines...)
		options := []parquet.WriterOption{
			parquet.Compression(rapid.SampledFrom(codecs).Draw(t, "codec")), parquet.DataPageVersion(rapid.IntRange(1, 2).Draw(t, "version")),
			parquet.PageBufferSize(rapid.IntRange(100, 3000).Draw(t, "page")), parquet.MaxRowsPerRowGroup(rapid.Int64Range(20, 200).Draw(t, "group")),
		}
		file := encoded(t, text, options)
		s := focus.NewSymbols()
		_, want, err := read(text, focus.Options{Symbols: s})
		require.NoError(t, err)
		r, err := openParquet(file, focus.Options{Symbols: s})
		require.NoError(t, err)
		got, err := drain(r)
		require.NoError(t, err)
		require.Len(t, got, len(want))
		for i := range want {
			require.EqualValues(t, i+1, got[i].Number)
			want[i].Number = got[i].Number
			require.Equal(t, want[i], got[i])
		}
	})
}

func TestParquetFileIsRefused(t *testing.T) {
	whole := parquetLine("", nil, parquet.NullValue())
	for name, c := range map[string]struct{ file, reason string }{
		"empty":                {"", "looks like an empty file"},
		"CSV":                  {file(cells{}), "looks like text, perhaps CSV"},
		"gzip":                 {"\x1f\x8b\x08......", "looks like gzip"},
		"UTF-16":               {"\xff\xfea\x00", "UTF-16"},
		"encrypted":            {"PARE" + string(whole[4:]), "encrypted"},
		"broken off":           {string(whole[:len(whole)-20]), "breaks off"},
		"the magic alone":      {"PAR1", "breaks off"},
		"the magic twice":      {"PAR1PAR1", "breaks off"},
		"a footer of zeros":    {"PAR1" + string(make([]byte, 100)) + "\x64\x00\x00\x00PAR1", "cannot be read"},
		"a footer past itself": {"PAR1" + "\xff\xff\xff\x7fPAR1", "breaks off"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := openParquet([]byte(c.file), focus.Options{})
			require.Contains(t, problems(t, err)[0].Reason, c.reason)
		})
	}
}

func TestDamagedParquetIsRefusedOrReadButNeverPanics(t *testing.T) {
	var lines []cells
	for i := range 100 {
		lines = append(lines, cells{"ResourceId": strings.Repeat("r", i%9), "RegionId": "a", "Tags": `{"a":"b"}`})
	}
	whole := parquetOfStrings(file(lines...))
	rapid.Check(t, func(t *rapid.T) {
		file := bytes.Clone(whole)
		for range rapid.IntRange(1, 4).Draw(t, "changes") {
			file[rapid.IntRange(0, len(file)-1).Draw(t, "at")] = rapid.Byte().Draw(t, "byte")
		}
		r, err := openParquet(file, focus.Options{})
		if err == nil {
			_, err = drain(r)
		}
		if err != nil {
			problems(t, err)
		}
	})
}

func TestParquetIOErrorIsNotTheFilesFault(t *testing.T) {
	whole := parquetLine("", nil, parquet.NullValue())
	broken := errors.New("connection reset")
	for calls := range 40 {
		r, err := focus.NewParquet(&failing{bytes.NewReader(whole), calls, broken}, int64(len(whole)), focus.Options{})
		if err == nil {
			_, err = drain(r)
		}
		if err == nil {
			require.Greater(t, calls, 5)
			return
		}
		require.ErrorIs(t, err, broken)
	}
	require.Fail(t, "reading takes more than 40 calls")
}

// failing fails after so many calls.
type failing struct {
	io.ReaderAt
	calls int
	err   error
}

func (f *failing) ReadAt(b []byte, offset int64) (int, error) {
	if f.calls--; f.calls < 0 {
		return 0, f.err
	}
	return f.ReaderAt.ReadAt(b, offset)
}
