package document_test

import (
	"bytes"
	"fmt"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cost/document"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/money"
)

func TestHashTellsContentsApart(t *testing.T) {
	base := func() []document.Row {
		return []document.Row{
			{Key: key("a", "b"), Cells: []document.Cell{
				{Col: document.Col{Billing: 1, Day: 1}, Amount: money.FromInt(1), Valid: true},
				{Col: document.Col{Billing: 1, Day: 2}, Nulls: 1},
			}},
			{Key: key("a", "c")},
		}
	}
	_, want := encode(t, 2, nil, base())
	require.Equal(t, "e4b341e6", fmt.Sprintf("%x", want.Hash[:4]), "hashes that are stored must stay")
	seen := map[[16]byte]string{want.Hash: "base"}
	for name, change := range map[string]func(r []document.Row){
		"key":                 func(r []document.Row) { r[1].Key = key("a", "d") },
		"text moved":          func(r []document.Row) { r[0].Key = key("ab", "") },
		"billing":             func(r []document.Row) { r[0].Cells[0].Col.Billing = 0 },
		"day":                 func(r []document.Row) { r[0].Cells[0].Col.Day = 0 },
		"amount":              func(r []document.Row) { r[0].Cells[0].Amount = money.MustParse("1.000000000000000001") },
		"sign":                func(r []document.Row) { r[0].Cells[0].Amount = money.FromInt(-1) },
		"nulls":               func(r []document.Row) { r[0].Cells[1].Nulls = 2 },
		"zero, not null":      func(r []document.Row) { r[0].Cells[1].Valid = true },
		"cell to another key": func(r []document.Row) { r[1].Cells, r[0].Cells = r[0].Cells[1:], r[0].Cells[:1] },
		"no cell":             func(r []document.Row) { r[0].Cells = r[0].Cells[:1] },
	} {
		rows := base()
		change(rows)
		slices.SortFunc(rows, func(a, b document.Row) int { return bytes.Compare(a.Key, b.Key) })
		_, sum := encode(t, 2, nil, rows)
		require.NotContains(t, seen, sum.Hash, name)
		seen[sum.Hash] = name
	}
	_, sum := encode(t, 2, nameOf, base())
	require.NotContains(t, seen, sum.Hash, "names")
	_, sum = encode(t, 2, nil, nil)
	require.NotContains(t, seen, sum.Hash, "empty")
}

func TestAnEmptyDocumentHasNoParts(t *testing.T) {
	_, sum := encode(t, 3, nil, nil)
	require.Equal(t, document.Summary{Hash: sum.Hash}, sum)
}

func TestAppendRefuses(t *testing.T) {
	most := amount(1<<63-1, 1<<64-1, money.Scale)
	cell := func(day calendar.Day, a money.Amount) document.Cell {
		return document.Cell{Col: document.Col{Billing: 1, Day: day}, Amount: a, Valid: true}
	}
	for name, rows := range map[string][]document.Row{
		"the same key twice":        {{Key: key("a", "b")}, {Key: key("a", "b")}},
		"a key before the last":     {{Key: key("b", "b")}, {Key: key("a", "b")}},
		"a key of fewer texts":      {{Key: key("b")}},
		"a key of more texts":       {{Key: key("b", "c", "d")}},
		"a column twice":            {{Key: key("a", ""), Cells: []document.Cell{cell(1, most), cell(1, most.Neg())}}},
		"a column before the last":  {{Key: key("a", ""), Cells: []document.Cell{cell(2, most), cell(1, most.Neg())}}},
		"an amount of -2^127":       {{Key: key("a", ""), Cells: []document.Cell{cell(1, sumOf(t, most.Neg(), amount(-1, 1<<64-1, 18)))}}},
		"negative nulls":            {{Key: key("a", ""), Cells: []document.Cell{{Nulls: -1}}}},
		"a null amount of 1":        {{Key: key("a", ""), Cells: []document.Cell{{Amount: money.FromInt(1)}}}},
		"a total that is too large": {{Key: key("a", ""), Cells: []document.Cell{cell(1, most), cell(2, most)}}},
		"too many nulls":            {{Key: key("a", ""), Cells: []document.Cell{{Nulls: 1<<63 - 1}, {Col: document.Col{Day: 1}, Nulls: 1}}}},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := tryEncode(2, nil, rows)
			require.Error(t, err)
		})
	}
}

func TestAnErrorStays(t *testing.T) {
	e := document.NewEncoder(make([]focus.Dim, 1), nil, func([]byte) error { return nil })
	require.NoError(t, e.Append(document.Row{Key: key("b")}))
	err := e.Append(document.Row{Key: key("a")})
	require.Error(t, err)
	require.Equal(t, err, e.Append(document.Row{Key: key("c")}))
	_, closed := e.Close()
	require.Equal(t, err, closed)
}

func TestAnErrorOfEmitEndsTheEncoding(t *testing.T) {
	failed := fmt.Errorf("disk full")
	e := document.NewEncoder(make([]focus.Dim, 1), nil, func([]byte) error { return failed })
	require.NoError(t, e.Append(document.Row{Key: key("a")}))
	_, err := e.Close()
	require.ErrorIs(t, err, failed)
	_, err = e.Close()
	require.ErrorIs(t, err, failed)
}

func TestDocumentsSideBySideAreThoseApart(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		dims := rapid.IntRange(1, 4).Draw(t, "dims")
		rows := drawRows(t, dims)
		others := make([]document.Row, len(rows)) // of the same keys, with fewer and with larger amounts
		for i, r := range rows {
			others[i].Key = r.Key
			for _, c := range r.Cells {
				if c.Amount = c.Amount.Neg(); c.Nulls%2 == 0 {
					others[i].Cells = append(others[i].Cells, c)
				}
			}
		}
		var parts [2][][]byte
		e := document.NewEncoder(make([]focus.Dim, dims), nameOf,
			func(part []byte) error { parts[0] = append(parts[0], part); return nil },
			func(part []byte) error { parts[1] = append(parts[1], part); return nil })
		for i, r := range rows {
			require.NoError(t, e.AppendAll(r.Key, [][]document.Cell{r.Cells, others[i].Cells}))
		}
		sums, err := e.CloseAll()
		require.NoError(t, err)
		require.Len(t, parts[1], len(parts[0]), "a part holds the same keys in all documents")
		for i, want := range [][]document.Row{rows, others} {
			back, _ := decode(t, parts[i])
			require.Len(t, back, len(want))
			for k := range want {
				require.Equal(t, string(want[k].Key), string(back[k].Key))
				require.True(t, slices.Equal(want[k].Cells, back[k].Cells))
			}
			_, alone := encode(t, dims, nameOf, want)
			require.Equal(t, alone.Hash, sums[i].Hash, "the hash is of the content alone")
			require.Equal(t, alone.Total, sums[i].Total)
		}
	})
}

// Documents of many keys share what is compressed of them: at each scale its own.
func TestManyKeysSideBySide(t *testing.T) {
	sign := func(c document.Cell) document.Cell { c.Amount = c.Amount.Neg(); return c }
	gone := func(c document.Cell) document.Cell { return document.Cell{Col: c.Col, Nulls: 3} }
	fine := func(c document.Cell) document.Cell { c.Amount = money.MustParse("0.000000000000000007"); return c }
	same := func(c document.Cell) document.Cell { return c }
	changes := []func(document.Cell) document.Cell{same, sign, fine, same, gone, fine, sign}
	parts, wants := make([][][]byte, len(changes)), make([][]document.Row, len(changes))
	var emits []func([]byte) error
	for i := range changes {
		emits = append(emits, func(part []byte) error { parts[i] = append(parts[i], part); return nil })
	}
	e := document.NewEncoder(make([]focus.Dim, 2), nil, emits...)
	for n := range 6000 {
		k, cells := key(fmt.Sprintf("resource-%08d", n*7919), fmt.Sprint(n%13)), make([][]document.Cell, len(changes))
		for i, change := range changes {
			for day := range calendar.Day(n%3 + 1) {
				cells[i] = append(cells[i], change(document.Cell{Col: document.Col{Billing: 1, Day: day}, Amount: amount(0, uint64(n*n+1), 4), Valid: true}))
			}
			wants[i] = append(wants[i], document.Row{Key: k, Cells: cells[i]})
		}
		require.NoError(t, e.AppendAll(k, cells))
	}
	_, err := e.CloseAll()
	require.NoError(t, err)
	for i, want := range wants {
		back, _ := decode(t, parts[i])
		require.True(t, slices.EqualFunc(want, back, func(a, b document.Row) bool {
			return bytes.Equal(a.Key, b.Key) && slices.Equal(a.Cells, b.Cells)
		}), "document %d", i)
	}
}
