package document_test

import (
	"bytes"
	"fmt"
	"math/rand/v2"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cost/document"
	"github.com/tenantry/tenantry/pkg/focus"
)

func TestDocumentsAreCompact(t *testing.T) {
	for _, c := range []struct {
		name  string
		rows  []document.Row
		bytes int
	}{
		{"a year of 250 keys, 40 bits", period(random(), 250, months(), 40), 16 << 10},
		{"31 days of 250 keys, 36 bits", period(random(), 250, days(31), 36), 36 << 10},
		{"a year of 250 keys, all the same amount", alike(period(random(), 250, months(), 40)), 5 << 9},
		{"1 of 31 days for each of 250 keys", sparse(period(random(), 250, days(31), 36), 1), 3 << 10},
		{"3 of 31 days for each of 250 keys", sparse(period(random(), 250, days(31), 36), 3), 6 << 10},
		{"half of 31 days for each of 250 keys", sparse(period(random(), 250, days(31), 36), 15), 20 << 10},
		{"250 keys of nulls alone", nulls(period(random(), 250, days(31), 36)), 2 << 10},
		{"20,000 resources with one cell", resources(20000), 800 << 10},
	} {
		t.Run(c.name, func(t *testing.T) {
			dims := bytes.Count(c.rows[0].Key, []byte{0}) + 1
			_, sum := encode(t, dims, nil, c.rows)
			t.Logf("%d bytes in %d parts, %d keys, %d cells", sum.Bytes, sum.Parts, sum.Keys, sum.Cells)
			require.Less(t, sum.Bytes, int64(c.bytes))
		})
	}
}

// alike gives all cells of a key the same amount.
func alike(rows []document.Row) []document.Row {
	for _, r := range rows {
		for i := range r.Cells {
			r.Cells[i].Amount = r.Cells[0].Amount
		}
	}
	return rows
}

// sparse keeps n random cells of each key.
func sparse(rows []document.Row, n int) []document.Row {
	random := random()
	for i := range rows {
		cells := rows[i].Cells
		random.Shuffle(len(cells), func(i, j int) { cells[i], cells[j] = cells[j], cells[i] })
		cells = cells[:n]
		slices.SortFunc(cells, func(a, b document.Cell) int { return a.Col.Compare(b.Col) })
		rows[i].Cells = cells
	}
	return rows
}

func nulls(rows []document.Row) []document.Row {
	for _, r := range rows {
		for i := range r.Cells {
			r.Cells[i] = document.Cell{Col: r.Cells[i].Col, Nulls: 1}
		}
	}
	return rows
}

func resources(n int) []document.Row {
	random, rows := random(), make([]document.Row, n)
	for i := range rows {
		region := regions[random.IntN(len(regions))]
		id := fmt.Sprintf("arn:aws:ec2:%s:111122223333:instance/i-%017x", region, random.Uint64()>>4)
		rows[i].Key = key("USD", "000000000000", "111122223333", id, services[0], "Usage")
		rows[i].Cells = []document.Cell{{Col: months()[0], Amount: amount(0, random.Uint64()>>28, 10), Valid: true}}
	}
	slices.SortFunc(rows, func(a, b document.Row) int { return bytes.Compare(a.Key, b.Key) })
	return rows
}

// noise is text that does not compress.
func noise(r *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = byte(1 + r.IntN(255))
	}
	return string(b)
}

// hostile is rows of the worst: noise in texts and names, amounts of all bits, nulls in every cell.
func hostile(keys, dims, textSize, cols int) []document.Row {
	r, rows := random(), make([]document.Row, keys)
	for i := range rows {
		texts := make([]string, dims)
		for d := range texts {
			texts[d] = noise(r, textSize)
		}
		rows[i].Key = key(texts...)
		for c := range cols {
			hi := r.Int64() >> 16
			if c%2 == 1 { // so that the total stays in range
				hi = -hi
			}
			rows[i].Cells = append(rows[i].Cells, document.Cell{
				Col:    document.Col{Billing: 24312, Day: calendar.Day(c * 3)},
				Amount: amount(hi, r.Uint64(), 18), Nulls: 1 + r.Int64()>>32, Valid: true,
			})
			if n := &rows[i].Cells[c].Nulls; *n < 0 {
				*n = -*n
			}
		}
	}
	slices.SortFunc(rows, func(a, b document.Row) int { return bytes.Compare(a.Key, b.Key) })
	return rows
}

func TestNoPartIsLargerThanAnItem(t *testing.T) {
	for name, c := range map[string]struct {
		rows  []document.Row
		parts int
	}{
		"one row of 12,000 columns":              {hostile(1, 3, 10, 12000), 1},
		"27 texts of 2 KB and 5,000 columns":     {hostile(3, 27, 2000, 5000), 2},
		"1,000 keys of 27 texts of 200 bytes":    {hostile(1000, 27, 200, 1), 15},
		"full-width amounts":                     {hostile(1000, 3, 10, 100), 6},
		"a year in each of 40,000 narrow rows":   {period(random(), 2500, months(), 5), 1},
		"60,000 keys, each with its own columns": {diagonal(60000), 1},
	} {
		t.Run(name, func(t *testing.T) {
			dims := bytes.Count(c.rows[0].Key, []byte{0}) + 1
			names := func(_ focus.Dim, id string) string { return id[:len(id)/2] }
			parts, sum := encode(t, dims, names, c.rows)
			require.GreaterOrEqual(t, sum.Parts, c.parts)
			back, _ := decode(t, parts)
			require.Equal(t, len(c.rows), len(back))
			for i := range back {
				require.True(t, bytes.Equal(c.rows[i].Key, back[i].Key) && slices.Equal(c.rows[i].Cells, back[i].Cells))
			}
			again, sumAgain := encode(t, dims, names, back)
			require.Equal(t, sum, sumAgain)
			require.True(t, slices.EqualFunc(parts, again, bytes.Equal))
			t.Logf("%d bytes in %d parts, %d cells", sum.Bytes, sum.Parts, sum.Cells)
		})
	}
}

// diagonal has as many columns as keys, and a cell where they meet.
func diagonal(n int) []document.Row {
	rows := make([]document.Row, n)
	for i := range rows {
		rows[i].Key = key(fmt.Sprintf("%06d", i))
		rows[i].Cells = []document.Cell{{Col: document.Col{Day: calendar.Day(-i)}, Valid: true}}
	}
	return rows
}

func TestARowLargerThanAPartIsAnError(t *testing.T) {
	for name, rows := range map[string][]document.Row{
		"cells":          hostile(1, 1, 10, 40000),
		"texts":          hostile(2, 27, 20000, 1),
		"300 dimensions": hostile(1, 300, 1, 1),
		"a text of 3 MB": {{Key: bytes.Repeat([]byte("a"), 3<<20)}},
	} {
		t.Run(name, func(t *testing.T) {
			_, _, err := tryEncode(bytes.Count(rows[0].Key, []byte{0})+1, nil, rows)
			require.ErrorIs(t, err, document.ErrTooLarge)
		})
	}
}

func TestMemoryDoesNotGrowWithTheDocument(t *testing.T) {
	e := document.NewEncoder(make([]focus.Dim, 2), nil, func([]byte) error { return nil })
	cells, random := period(random(), 1, days(31), 36)[0].Cells, random()
	heap := func() uint64 {
		var m runtime.MemStats
		runtime.GC()
		runtime.ReadMemStats(&m)
		return m.HeapAlloc
	}
	var early, late uint64
	for i := range 80000 {
		for c := range cells {
			cells[c].Amount = amount(0, random.Uint64()>>28, 10)
		}
		require.NoError(t, e.Append(document.Row{Key: key("USD", fmt.Sprintf("key %08d", i)), Cells: cells[:1+i%31]}))
		switch {
		case i == 16000:
			early = heap()
		case i > 16000 && i%16000 == 0:
			late = max(late, heap())
		}
	}
	sum, err := e.Close()
	require.NoError(t, err)
	t.Logf("%d parts, heap %d KB early, %d KB late", sum.Parts, early>>10, late>>10)
	require.Less(t, late, early+16<<20)
}
