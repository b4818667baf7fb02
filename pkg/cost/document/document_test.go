package document_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/cost/document"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/money"
)

// encode writes rows and gives the parts; it fails the test on any error and where a part is too large.
func encode(t require.TestingT, dims int, names document.Names, rows []document.Row) ([][]byte, document.Summary) {
	parts, sum, err := tryEncode(dims, names, rows)
	require.NoError(t, err)
	size := 0
	for _, part := range parts {
		require.LessOrEqual(t, len(part), document.MaxPart)
		size += len(part)
	}
	require.Equal(t, len(parts), sum.Parts)
	require.EqualValues(t, size, sum.Bytes)
	return parts, sum
}

func tryEncode(dims int, names document.Names, rows []document.Row) (parts [][]byte, sum document.Summary, err error) {
	e := document.NewEncoder(make([]focus.Dim, dims), names, func(part []byte) error {
		parts = append(parts, part)
		return nil
	})
	for _, r := range rows {
		if err := e.Append(r); err != nil {
			return nil, sum, err
		}
	}
	sum, err = e.Close()
	return parts, sum, err
}

// decode reads parts back into rows and the names they hold.
func decode(t require.TestingT, parts [][]byte) ([]document.Row, map[string]string) {
	var rows []document.Row
	names := map[string]string{}
	for _, b := range parts {
		part, err := document.Decode(b)
		require.NoError(t, err)
		for d := range part.Dims() {
			require.True(t, slices.IsSorted(part.Dict(d)))
			for i, text := range part.Dict(d) {
				names[text] = part.Name(d, i)
			}
		}
		for r := range part.Rows() {
			rows = append(rows, document.Row{Key: bytes.Clone(r.Key), Cells: slices.Clone(r.Cells)})
		}
	}
	return rows, names
}

func TestDecodeIsTheInverseOfEncode(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dims := rapid.IntRange(1, 5).Draw(t, "dims")
		rows := drawRows(t, dims)
		parts, sum := encode(t, dims, nameOf, rows)
		again, _ := encode(t, dims, nameOf, rows)
		require.Equal(t, parts, again, "bytes")

		back, names := decode(t, parts)
		require.Len(t, back, len(rows))
		for i := range rows {
			require.Equal(t, string(rows[i].Key), string(back[i].Key))
			require.True(t, slices.Equal(rows[i].Cells, back[i].Cells), "cells of %q", rows[i].Key)
		}
		for text, name := range names {
			require.Equal(t, nameOf(0, text), name)
		}
		_, sum2 := encode(t, dims, nameOf, back)
		require.Equal(t, sum, sum2)
	})
}

func TestPartsAddUpToTheSummary(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dims := rapid.IntRange(1, 3).Draw(t, "dims")
		rows := drawRows(t, dims)
		parts, want := encode(t, dims, nil, rows)
		got := document.Summary{Parts: len(parts), Bytes: want.Bytes, Hash: want.Hash}
		var wantSums, sums [3]document.Sum
		for _, b := range parts {
			part, err := document.Decode(b)
			require.NoError(t, err)
			colTo := make([]int32, len(part.Cols()))
			for i, col := range part.Cols() {
				colTo[i] = toOf(col)
			}
			for key := range part.Keys() {
				require.NoError(t, part.AddTo(key, colTo, sums[:]))
			}
			got.Keys += int64(part.Keys())
		}
		for _, r := range rows {
			for _, c := range r.Cells {
				if got.Cells == 0 {
					got.First, got.Last = c.Col.Day, c.Col.Day
				}
				got.First, got.Last = min(got.First, c.Col.Day), max(got.Last, c.Col.Day)
				got.Cells++
				got.Nulls += c.Nulls
				got.Total = sumOf(t, got.Total, c.Amount)
				if to := toOf(c.Col); to >= 0 {
					s := &wantSums[to]
					s.Amount, s.Nulls = sumOf(t, s.Amount, c.Amount), s.Nulls+c.Nulls
					if c.Valid {
						s.Cells++
					}
				}
			}
		}
		require.Equal(t, want, got)
		require.Equal(t, wantSums, sums)
	})
}

// toOf spreads columns over three sums and none.
func toOf(col document.Col) int32 { return int32((uint32(col.Day)/3)%4) - 1 }

func sumOf(t require.TestingT, a, b money.Amount) money.Amount {
	sum, err := a.Add(b)
	require.NoError(t, err)
	return sum
}

func TestASumThatLeavesTheRangeIsAnError(t *testing.T) {
	most, sums := amount(1<<63-1, 1<<64-1, money.Scale), make([]document.Sum, 1)
	for name, cell := range map[string]document.Cell{
		"wide":   {Amount: most, Valid: true},
		"narrow": {Amount: money.FromInt(1), Valid: true},
		"nulls":  {Nulls: 1},
	} {
		t.Run(name, func(t *testing.T) {
			parts, _ := encode(t, 1, nil, []document.Row{{Key: key("a"), Cells: []document.Cell{cell}}})
			part, err := document.Decode(parts[0])
			require.NoError(t, err)
			sums[0] = document.Sum{Amount: most, Nulls: 1<<63 - 1}
			require.ErrorIs(t, part.AddTo(0, []int32{0}, sums), money.ErrOverflow)
		})
	}
}

func TestAmountsAreStoredAtTheScaleTheyNeed(t *testing.T) {
	for _, texts := range [][]string{{"0", "12", "5"}, {"0.1", "2.3000"}, {"0.000000000000000001", "7"}, {"-0.25"}} {
		var rows []document.Row
		scale := 0
		for i, text := range texts {
			a := money.MustParse(text)
			scale = max(scale, a.Decimals())
			rows = append(rows, document.Row{Key: key(fmt.Sprint(i)), Cells: []document.Cell{{Amount: a, Valid: true}}})
		}
		parts, _ := encode(t, 1, nil, rows)
		part, err := document.Decode(parts[0])
		require.NoError(t, err)
		require.Equal(t, scale, part.Scale(), texts)
	}
}
