package document_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cost/document"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/money"
)

// encode writes rows and gives the parts; it fails the test on any error and where a part is too large.
func encode(t require.TestingT, dims int, names document.Names, rows []document.Row) ([][]byte, document.Summary) {
	var parts [][]byte
	e := document.NewEncoder(make([]focus.Dim, dims), names, func(part []byte) error {
		parts = append(parts, part)
		return nil
	})
	for _, r := range rows {
		require.NoError(t, e.Append(r))
	}
	sum, err := e.Close()
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

func key(texts ...string) []byte { return []byte(strings.Join(texts, "\x00")) }

func amount(hi int64, lo uint64, scale int) money.Amount {
	a, err := money.FromUnscaled(hi, lo, scale)
	if err != nil {
		return money.Amount{}
	}
	return a
}

func drawAmount(t *rapid.T) money.Amount {
	scale := rapid.IntRange(0, money.Scale).Draw(t, "scale")
	lo := rapid.Uint64().Draw(t, "lo") >> rapid.IntRange(0, 63).Draw(t, "shift")
	hi := int64(0)
	switch rapid.IntRange(0, 9).Draw(t, "size") {
	case 0:
		hi = rapid.Int64().Draw(t, "hi")
		scale = money.Scale
	case 1, 2:
		hi, lo = -1, -lo
	}
	return amount(hi>>8, lo, scale) // the sum of all is to stay in range
}

func drawCell(t *rapid.T, col document.Col) document.Cell {
	c := document.Cell{Col: col, Valid: rapid.IntRange(0, 7).Draw(t, "valid") > 0}
	if c.Valid {
		c.Amount = drawAmount(t)
	}
	if !c.Valid || rapid.IntRange(0, 7).Draw(t, "nulls") == 0 {
		c.Nulls = rapid.Int64Range(0, 1<<40).Draw(t, "count")
	}
	return c
}

func drawRows(t *rapid.T, dims int) []document.Row {
	text := rapid.OneOf(rapid.SampledFrom([]string{"", "a", "b", "ab", "\x01", "é", "zz"}), rapid.StringMatching(`[a-z/:-]{0,40}`))
	keys := rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) string {
		return strings.Join(rapid.SliceOfN(text, dims, dims).Draw(t, "texts"), "\x00")
	}), 0, 12, rapid.ID).Draw(t, "keys")
	slices.Sort(keys)
	cols := rapid.SliceOfNDistinct(rapid.Custom(func(t *rapid.T) document.Col {
		return document.Col{
			Billing: calendar.Month(rapid.OneOf(rapid.Int32Range(24287, 24290), rapid.Int32()).Draw(t, "billing")),
			Day:     calendar.Day(rapid.OneOf(rapid.Int32Range(19970, 20010), rapid.Int32()).Draw(t, "day")),
		}
	}), 1, 20, rapid.ID).Draw(t, "cols")
	slices.SortFunc(cols, document.Col.Compare)
	dense := rapid.Bool().Draw(t, "dense")
	rows := make([]document.Row, len(keys))
	for i, k := range keys {
		rows[i].Key = []byte(k)
		for _, col := range cols {
			if dense || rapid.Bool().Draw(t, "present") {
				rows[i].Cells = append(rows[i].Cells, drawCell(t, col))
			}
		}
	}
	return rows
}

func nameOf(_ focus.Dim, id string) string {
	if len(id)%2 == 0 {
		return ""
	}
	return "name of " + id
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
	require.Equal(t, "a34580c4", fmt.Sprintf("%x", want.Hash[:4]), "hashes that are stored must stay")
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
			e := document.NewEncoder(make([]focus.Dim, 2), nil, func([]byte) error { return nil })
			var err error
			for _, r := range rows {
				err = e.Append(r)
			}
			require.Error(t, err)
			require.Equal(t, err, e.Append(document.Row{Key: key("z", "z")}), "the error stays")
			_, closed := e.Close()
			require.Equal(t, err, closed)
		})
	}
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

// period makes rows as real ones are: keys of the service view, amounts of a number of bits at 10 decimals.
func period(r *rand.Rand, keys int, cols []document.Col, bits int) []document.Row {
	seen := map[string]bool{}
	for len(seen) < keys {
		n := func(prefix string, of int) string { return fmt.Sprint(prefix, r.IntN(of)) }
		account := r.IntN(3)
		seen[string(key("USD", "000000000000", fmt.Sprint(111122223333*(account+1)), n("Provider ", 2),
			services[r.IntN(len(services))], regions[r.IntN(len(regions))], n("Category ", 3), n("", 2)))] = true
	}
	rows := make([]document.Row, 0, keys)
	for k := range seen {
		rows = append(rows, document.Row{Key: []byte(k)})
	}
	slices.SortFunc(rows, func(a, b document.Row) int { return bytes.Compare(a.Key, b.Key) })
	for i := range rows {
		for _, col := range cols {
			a := amount(0, r.Uint64()>>(64-bits), 10)
			rows[i].Cells = append(rows[i].Cells, document.Cell{Col: col, Amount: a, Valid: true})
		}
	}
	return rows
}

var services = []string{
	"Amazon Elastic Compute Cloud", "Amazon Simple Storage Service", "AWS Lambda", "Amazon Relational Database Service",
	"Amazon CloudFront", "AWS Key Management Service", "Amazon DynamoDB", "Amazon Virtual Private Cloud",
	"Amazon Route 53", "AmazonCloudWatch", "Amazon Elastic Container Service for Kubernetes", "AWS Secrets Manager",
}

var regions = []string{"us-east-1", "us-east-2", "us-west-2", "eu-central-1", "eu-west-1", "ap-southeast-2"}

func days(n int) []document.Col {
	cols := make([]document.Col, n)
	for i := range cols {
		cols[i] = document.Col{Billing: calendar.Month(2026 * 12), Day: calendar.Date(2026, time.January, 1+i)}
	}
	return cols
}

func months() []document.Col {
	cols := make([]document.Col, 12)
	for i := range cols {
		m := calendar.Month(2026*12 + i)
		cols[i] = document.Col{Billing: m, Day: m.First()}
	}
	return cols
}

func random() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }
