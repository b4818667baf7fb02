package document_test

import (
	"bytes"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/cost/document"
	"github.com/tenantry/tenantry/pkg/focus"
)

// aggregate decodes parts and sums by service and column.
func aggregate(b *testing.B, parts [][]byte) {
	for _, encoded := range parts {
		part, err := document.Decode(encoded)
		require.NoError(b, err)
		cols, groups := len(part.Cols()), part.Dict(4)
		sums, colTo := make([]document.Sum, len(groups)*cols), make([]int32, cols)
		for i := range colTo {
			colTo[i] = int32(i)
		}
		for key, group := range part.Index(4) {
			if err := part.AddTo(key, colTo, sums[int(group)*cols:]); err != nil {
				b.Fatal(err)
			}
		}
	}
}

// BenchmarkDecodeYear reads what "12 months by service and month" of 20 projects needs.
func BenchmarkDecodeYear(b *testing.B) {
	random := random()
	benchmarkDecode(b, 40, func() []document.Row { return period(random, 250, months(), 40) })
}

// BenchmarkDecodePeriod reads what "90 days daily" of 20 projects needs.
func BenchmarkDecodePeriod(b *testing.B) {
	random := random()
	benchmarkDecode(b, 80, func() []document.Row { return period(random, 250, days(30), 36) })
}

func benchmarkDecode(b *testing.B, documents int, rows func() []document.Row) {
	var parts [][]byte
	for range documents {
		encoded, _ := encode(b, 8, nil, rows())
		parts = append(parts, encoded...)
	}
	b.ReportAllocs()
	for b.Loop() {
		aggregate(b, parts)
	}
}

// BenchmarkEncodeCells writes 2,500 keys with 10 cells each.
func BenchmarkEncodeCells(b *testing.B) {
	benchmarkEncode(b, sparse(period(random(), 2500, days(31), 36), 10))
}

// BenchmarkEncodeKeys writes 20,000 resources with one cell each.
func BenchmarkEncodeKeys(b *testing.B) { benchmarkEncode(b, resources(20000)) }

func benchmarkEncode(b *testing.B, rows []document.Row) {
	dims := bytes.Count(rows[0].Key, []byte{0}) + 1
	b.ReportAllocs()
	for b.Loop() {
		e := document.NewEncoder(make([]focus.Dim, dims), nil, func([]byte) error { return nil })
		for _, r := range rows {
			if err := e.Append(r); err != nil {
				b.Fatal(err)
			}
		}
		_, err := e.Close()
		require.NoError(b, err)
	}
}
