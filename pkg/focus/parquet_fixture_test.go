package focus_test

import (
	"bytes"
	"encoding/binary"
	"encoding/csv"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/encoding"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/focus/columnar"
	"github.com/tenantry/tenantry/pkg/money"
)

// openers open the same lines as CSV and as Parquet of strings.
func openers(text string) map[string]func(focus.Options) (focus.Reader, error) {
	return map[string]func(focus.Options) (focus.Reader, error){
		"CSV": func(o focus.Options) (focus.Reader, error) { return focus.NewCSV(strings.NewReader(text), o) },
		"Parquet": func(o focus.Options) (focus.Reader, error) {
			return openParquet(parquetOfStrings(text), o)
		},
	}
}

func openParquet(file []byte, o focus.Options) (focus.Reader, error) {
	return focus.NewParquet(bytes.NewReader(file), int64(len(file)), o)
}

// parquetOfStrings turns CSV into Parquet, every column an optional string and "" null.
func parquetOfStrings(text string) []byte { return parquetOf(text, columnar.StringAmounts) }

// parquetOf is parquetOfStrings with the metrics in another type.
func parquetOf(text string, amounts columnar.AmountType) []byte {
	records, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	if err != nil {
		panic(err)
	}
	group, metrics := parquet.Group{}, []string{"BilledCost", "EffectiveCost", "ListCost", "ContractedCost", "PricingQuantity"}
	for _, name := range records[0] {
		node := parquet.Encoded(parquet.String(), &parquet.RLEDictionary)
		switch {
		case amounts == columnar.StringAmounts || !slices.Contains(metrics, name):
		case amounts == columnar.DoubleAmounts:
			node = parquet.Leaf(parquet.DoubleType)
		default:
			node = parquet.Decimal(18, 38, parquet.FixedLenByteArrayType(16))
		}
		group[name] = parquet.Optional(node)
	}
	return writeParquet(group, len(records)-1, func(i int, name string) parquet.Value {
		text := records[i+1][slices.Index(records[0], name)]
		switch kind := group[name].Type().Kind(); {
		case text == "" || kind != parquet.ByteArray && text == "NULL":
			return parquet.NullValue()
		case kind == parquet.Double:
			v, _ := strconv.ParseFloat(text, 64)
			return parquet.DoubleValue(v)
		case kind == parquet.FixedLenByteArray:
			hi, lo := money.MustParse(text).Unscaled(18)
			return parquet.FixedLenByteArrayValue(binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(nil, uint64(hi)), lo))
		}
		return parquet.ByteArrayValue([]byte(text))
	})
}

// writeParquet writes rows of flat columns.
func writeParquet(group parquet.Group, rows int, value func(i int, name string) parquet.Value, options ...parquet.WriterOption) []byte {
	var b bytes.Buffer
	schema := parquet.NewSchema("test", group)
	w := parquet.NewGenericWriter[any](&b, append(options, schema)...)
	for i := range rows {
		var row parquet.Row
		for k, path := range schema.Columns() {
			v, level := value(i, path[0]), 0
			if group[path[0]].Optional() && !v.IsNull() {
				level = 1
			}
			row = append(row, v.Level(0, level, k))
		}
		if _, err := w.WriteRows([]parquet.Row{row}); err != nil {
			panic(err)
		}
	}
	if err := w.Close(); err != nil {
		panic(err)
	}
	return b.Bytes()
}

// parquetLine is a Parquet file of one plain line, with one column of another type or value.
func parquetLine(column string, node parquet.Node, v parquet.Value, options ...parquet.WriterOption) []byte {
	group, all := parquet.Group{}, plainCells()
	for name := range all {
		group[name] = parquet.Optional(parquet.String())
	}
	if node != nil {
		group[column] = node
	}
	return writeParquet(group, 1, func(_ int, name string) parquet.Value {
		if name == column {
			return v
		}
		return parquet.ByteArrayValue([]byte(all[name]))
	}, options...)
}

func readParquetLine(t *testing.T, file []byte) (focus.Line, *focus.Symbols) {
	s := focus.NewSymbols()
	r, err := openParquet(file, focus.Options{Symbols: s})
	require.NoError(t, err)
	lines, err := drain(r)
	require.NoError(t, err)
	require.Len(t, lines, 1)
	return lines[0], s
}

func day(year int, month time.Month, day int) time.Time {
	return time.Date(year, month, day, 0, 0, 0, 0, time.UTC)
}

// encoded turns CSV into Parquet, every column in a type and an encoding that is drawn.
func encoded(t *rapid.T, text string, options []parquet.WriterOption) []byte {
	records, err := csv.NewReader(strings.NewReader(text)).ReadAll()
	require.NoError(t, err)
	group, numbers := parquet.Group{}, map[string]bool{}
	for _, name := range records[0] {
		node := parquet.Encoded(parquet.String(), rapid.SampledFrom([]encoding.Encoding{
			&parquet.Plain, &parquet.RLEDictionary, &parquet.DeltaLengthByteArray, &parquet.DeltaByteArray,
		}).Draw(t, "text"))
		if name == "BilledCost" && rapid.Bool().Draw(t, "number") {
			numbers[name] = true
			node = parquet.Encoded(parquet.Decimal(2, 18, parquet.Int64Type), rapid.SampledFrom([]encoding.Encoding{
				&parquet.Plain, &parquet.RLEDictionary, &parquet.DeltaBinaryPacked, &parquet.ByteStreamSplit,
			}).Draw(t, "number"))
		}
		if name != "BilledCost" || rapid.Bool().Draw(t, "optional") {
			node = parquet.Optional(node)
		}
		group[name] = node
	}
	return writeParquet(group, len(records)-1, func(i int, name string) parquet.Value {
		v := records[i+1][slices.Index(records[0], name)]
		switch {
		case v == "":
			return parquet.NullValue()
		case numbers[name]:
			whole, part, _ := strings.Cut(v, ".")
			n, err := strconv.ParseInt(whole+(part + "00")[:2], 10, 64)
			require.NoError(t, err)
			return parquet.Int64Value(n)
		}
		return parquet.ByteArrayValue([]byte(v))
	}, options...)
}
