package document_test

import (
	"fmt"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/cost/document"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/money"
)

// small is a part of three keys: one with all columns, one with a gap and a null, one with nothing.
func small(t *testing.T) *document.Part {
	cols := days(3)
	cell := func(day int, text string) document.Cell {
		return document.Cell{Col: cols[day], Amount: money.MustParse(text), Valid: true}
	}
	parts, _, err := tryEncode(2, func(_ focus.Dim, id string) string { return map[string]string{"1": "Production"}[id] },
		[]document.Row{
			{Key: key("1", ""), Cells: []document.Cell{cell(0, "1.5"), cell(1, "-2.25"), cell(2, "3")}},
			{Key: key("1", "b"), Cells: []document.Cell{cell(0, "100000000000000000000.000000000000000001"), {Col: cols[2], Nulls: 7}}},
			{Key: key("2", "a")},
		})
	require.NoError(t, err)
	require.Len(t, parts, 1)
	part, err := document.Decode(parts[0])
	require.NoError(t, err)
	return part
}

func TestPartTellsItsKeysByDictionary(t *testing.T) {
	part := small(t)
	require.Equal(t, 2, part.Dims())
	require.Equal(t, 3, part.Keys())
	require.Equal(t, days(3), part.Cols())
	require.Equal(t, money.Scale, part.Scale())
	require.Equal(t, []string{"1", "2"}, part.Dict(0))
	require.Equal(t, []string{"", "a", "b"}, part.Dict(1))
	require.Equal(t, []uint32{0, 0, 1}, part.Index(0))
	require.Equal(t, []uint32{0, 2, 1}, part.Index(1))
	require.Equal(t, "Production", part.Name(0, 0))
	require.Empty(t, part.Name(0, 1))
	require.Empty(t, part.Name(1, 2))
}

func TestCellsComeWithColumnAmountAndNulls(t *testing.T) {
	part := small(t)
	for key, want := range []string{
		"0 1.5 0 true;1 -2.25 0 true;2 3 0 true;",
		"0 100000000000000000000.000000000000000001 0 true;2 0 7 false;",
		"",
	} {
		got := ""
		part.Cells(key, func(col int, amount money.Amount, nulls int64, valid bool) {
			got += fmt.Sprint(col, " ", amount, " ", nulls, " ", valid, ";")
		})
		require.Equal(t, want, got)
	}
}

func TestAddToLeavesOutColumnsWithoutASum(t *testing.T) {
	part, sums := small(t), make([]document.Sum, 2)
	for key := range part.Keys() {
		require.NoError(t, part.AddTo(key, []int32{1, -1, 0}, sums))
	}
	require.Equal(t, []document.Sum{
		{Amount: money.FromInt(3), Nulls: 7, Cells: 1},
		{Amount: money.MustParse("100000000000000000001.500000000000000001"), Cells: 2},
	}, sums)
}

func TestRowsCanBeLeftEarly(t *testing.T) {
	n := 0
	for r := range small(t).Rows() {
		require.Equal(t, key("1", ""), r.Key)
		n++
		break
	}
	require.Equal(t, 1, n)
}

func TestSuccessiveAmountsAddUpBeyond64Bits(t *testing.T) {
	row := document.Row{Key: key("a")}
	for _, col := range days(31) {
		row.Cells = append(row.Cells, document.Cell{Col: col, Amount: amount(0, 1<<62-1, 10), Valid: true})
	}
	row.Cells[30].Amount = amount(0, 1<<61, 10)
	parts, want := encode(t, 1, nil, []document.Row{row})
	part, err := document.Decode(parts[0])
	require.NoError(t, err)
	sums := make([]document.Sum, 1)
	require.NoError(t, part.AddTo(0, make([]int32, 31), sums))
	require.Equal(t, document.Sum{Amount: want.Total, Cells: 31}, sums[0])
	row.Cells = row.Cells[:30] // all alike: no bits but the base
	parts, want = encode(t, 1, nil, []document.Row{row})
	part, err = document.Decode(parts[0])
	require.NoError(t, err)
	sums[0] = document.Sum{}
	require.NoError(t, part.AddTo(0, make([]int32, 30), sums))
	require.Equal(t, want.Total, sums[0].Amount)
}
