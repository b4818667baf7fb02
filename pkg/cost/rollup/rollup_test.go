package rollup_test

import (
	"errors"
	"fmt"
	"iter"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cost/document"
	"github.com/tenantry/tenantry/pkg/cost/rollup"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/money"
)

// memories are budgets from one that puts every line aside on its own to one that is never reached.
var memories = []int64{1, 20_000, 200_000, 0}

func TestRowsAreThoseOfTheLinesWhateverTheirOrderAndTheMemory(t *testing.T) {
	dir := t.TempDir()
	rapid.Check(t, func(t *rapid.T) {
		all := records(60).Draw(t, "lines")
		for i := range all { // lines that differ in nothing but their amounts
			for range rapid.SampledFrom([]int{0, 0, 1, 3}).Draw(t, "again") {
				again := all[i]
				again.amounts[0] = rapid.SampledFrom([]string{"", "5", "-0.25", "1e-18"}).Draw(t, "amount")
				all = append(all, again)
			}
		}
		keys := tagKeys[:rapid.IntRange(0, 2).Draw(t, "keys")]
		memory := rapid.SampledFrom(memories).Draw(t, "memory")
		b, r := roll(t, shuffled(all, rapid.Uint64().Draw(t, "order")), rollup.Config{Dir: dir, Memory: memory, TagKeys: keys})
		defer b.Close()
		require.Equal(t, bruteForce(all, keys), rowsOf(t, r))
		require.EqualValues(t, len(all), r.Lines())
	})
}

func TestEveryViewSumsToTheTotalAndToTheTallies(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := records(60).Draw(t, "lines")
		b, r := roll(t, all, rollup.Config{TagKeys: tagKeys})
		defer b.Close()
		var total rollup.Cell
		for i := range all {
			for m := range total.Sums {
				a, _ := all[i].amount(m)
				add(t, &total, m, a)
			}
		}
		views := map[document.View]*rollup.Cell{}
		for _, row := range rowsOf(t, r) {
			if views[row.group.View] == nil {
				views[row.group.View] = &rollup.Cell{}
			}
			for _, c := range row.cells {
				for m := range c.Sums {
					add(t, views[row.group.View], m, c.Sums[m])
				}
			}
		}
		var tallies rollup.Cell
		for _, tally := range r.Tallies() {
			for m := range tally.Sums {
				add(t, &tallies, m, tally.Sums[m])
			}
		}
		require.Equal(t, total.Sums, tallies.Sums)
		for v, sum := range views {
			require.Equal(t, total.Sums, sum.Sums, v)
		}
	})
}

func add(t require.TestingT, c *rollup.Cell, m int, a money.Amount) {
	sum, err := c.Sums[m].Add(a)
	require.NoError(t, err)
	c.Sums[m] = sum
}

// Thousands of texts in every dimension: their ranks do not fit in one number to sort by.
func TestRowsOfManyDistinctTexts(t *testing.T) {
	all := make([]record, 1500)
	random := rand.New(rand.NewPCG(1, 2))
	for i := range all {
		r := &all[i]
		for d := range r.dims {
			r.dims[d] = fmt.Sprint(random.IntN(3000))
		}
		r.dims[focus.Tags] = tagsText(fmt.Sprint(random.IntN(3000)), fmt.Sprint(random.IntN(3000)))
		r.amounts = [focus.NumMetrics]string{"1", "2.5", "", "1", fmt.Sprint(random.IntN(1000))}
		r.billing, r.day = may, may.First()+calendar.Day(random.IntN(31))
	}
	all = append(all, shuffled(all, 3)...)
	for _, memory := range []int64{1 << 20, 0} {
		b, r := roll(t, all, rollup.Config{Dir: t.TempDir(), Memory: memory, TagKeys: tagKeys})
		require.Equal(t, bruteForce(all, tagKeys), rowsOf(t, r))
		require.NoError(t, b.Close())
	}
}

func TestReassignedLinesGoToTheOtherProject(t *testing.T) {
	symbols := focus.NewSymbols()
	b := rollup.New(rollup.Config{Symbols: symbols, Assign: func(string, string) string { return "first" }})
	defer b.Close()
	l := (&record{billing: may, day: may.First()}).line(symbols)
	require.NoError(t, b.Add(l))
	b.Reassign(func(string, string) string { return "second" })
	require.NoError(t, b.Add(l))
	r, err := b.Finish()
	require.NoError(t, err)
	require.Len(t, r.Tallies(), 2)
	for i, project := range []string{"first", "second"} {
		require.Equal(t, project, r.Tallies()[i].Project)
		require.EqualValues(t, 1, r.Tallies()[i].Lines)
	}
}

func TestSymbolsAreResetWhereTheyTakeTooMuch(t *testing.T) {
	all := rapid.Custom(func(t *rapid.T) []record { return records(60).Draw(t, "") }).Example(1)
	symbols := focus.NewSymbols()
	b, _ := roll(t, all, rollup.Config{Dir: t.TempDir(), Memory: 1000, Symbols: symbols})
	defer b.Close()
	require.Positive(t, symbols.Epoch())
}

func TestFilesAreGoneAfterClose(t *testing.T) {
	all := records(60).Example(1)
	dir := t.TempDir()
	b, r := roll(t, all, rollup.Config{Dir: dir, Memory: 1})
	require.NotEmpty(t, rowsOf(t, r))
	requireEmpty(t, dir) // already: a killed process leaves nothing behind
	require.NoError(t, b.Close())
	require.NoError(t, b.Close())
	requireEmpty(t, dir)
	require.Error(t, r.Each(func(_ rollup.Group, rows iter.Seq2[rollup.Row, error]) error {
		for _, err := range rows {
			return err
		}
		return nil
	}))
}

func requireEmpty(t *testing.T, dir string) {
	files, err := os.ReadDir(dir)
	require.NoError(t, err)
	require.Empty(t, files)
}

func TestRowsThatAreLongerThanTheBuffers(t *testing.T) {
	var all []record
	for i := range 8 {
		r := record{amounts: [focus.NumMetrics]string{"1"}, billing: may, day: may.First()}
		r.dims[focus.ResourceID] = strings.Repeat(string(rune('a'+i)), 20_000*i)
		all = append(all, r)
	}
	for _, memory := range memories {
		b, r := roll(t, all, rollup.Config{Dir: t.TempDir(), Memory: memory})
		require.Equal(t, bruteForce(all, nil), rowsOf(t, r))
		require.NoError(t, b.Close())
	}
}

func TestLinesThatFitInMemoryNeedNoFile(t *testing.T) {
	all := records(60).Example(1)
	b, r := roll(t, all, rollup.Config{Dir: filepath.Join(t.TempDir(), "none")})
	require.Equal(t, bruteForce(all, nil), rowsOf(t, r))
	require.NoError(t, b.Close())
}

func TestNoRoomForFilesIsAnErrorThatStays(t *testing.T) {
	all := records(60).Example(1)
	symbols := focus.NewSymbols()
	b := rollup.New(rollup.Config{Dir: filepath.Join(t.TempDir(), "none"), Memory: 1, Symbols: symbols, Assign: assign})
	err := b.Add(all[0].line(symbols))
	require.True(t, fault.Is(err, fault.Unavailable), err)
	require.Equal(t, err, b.Add(all[0].line(symbols)))
	_, again := b.Finish()
	require.Equal(t, err, again)
	require.NoError(t, b.Close())
}

func TestOverflowIsRefusedWhateverTheOrder(t *testing.T) {
	most := "160000000000000000000"
	for _, amounts := range [][]string{{most, most}, {most, "-" + most}, {"-" + most, "-" + most}} {
		symbols := focus.NewSymbols()
		b := rollup.New(rollup.Config{Symbols: symbols, Assign: assign})
		for i, a := range amounts {
			err := b.Add((&record{amounts: [focus.NumMetrics]string{a}, billing: may, day: may.First()}).line(symbols))
			require.Equal(t, i == 1, fault.Is(err, fault.Invalid), err)
		}
		require.NoError(t, b.Close())
	}
}

func TestTooManyTalliesOrNamesAreRefused(t *testing.T) {
	for name, dim := range map[string]focus.Dim{"sub-accounts": focus.SubAccountID, "regions": focus.RegionID} {
		t.Run(name, func(t *testing.T) {
			symbols := focus.NewSymbols()
			b := rollup.New(rollup.Config{Symbols: symbols, Assign: assign})
			r := record{billing: may, day: may.First()}
			r.dims[focus.RegionName] = "name"
			l := r.line(symbols)
			var err error
			for i := 1; i <= 200_001 && err == nil; i++ {
				l.Dims[dim] = symbols.Intern(dim, strconv.AppendInt(nil, int64(i), 10))
				err = b.Add(l)
			}
			if err == nil {
				_, err = b.Finish()
			}
			require.True(t, fault.Is(err, fault.Invalid), err)
			require.NoError(t, b.Close())
		})
	}
}

func TestAfterFinishOrCloseNothingIsTaken(t *testing.T) {
	all := records(60).Example(1)
	b, _ := roll(t, all, rollup.Config{})
	require.Error(t, b.Add(all[0].line(focus.NewSymbols())))
	_, err := b.Finish()
	require.Error(t, err)
	b = rollup.New(rollup.Config{Symbols: focus.NewSymbols(), Assign: assign})
	require.NoError(t, b.Close())
	_, err = b.Finish()
	require.Error(t, err)
}

func TestEachCanBeLeftAndRepeated(t *testing.T) {
	all := records(60).Example(1)
	b, r := roll(t, all, rollup.Config{Dir: t.TempDir(), Memory: 1})
	defer b.Close()
	stop := errors.New("stop")
	groups := 0
	err := r.Each(func(_ rollup.Group, rows iter.Seq2[rollup.Row, error]) error {
		for _, err := range rows {
			require.NoError(t, err)
			break
		}
		if groups++; groups == 3 {
			return stop
		}
		return nil
	})
	require.Equal(t, stop, err)
	require.Equal(t, bruteForce(all, nil), rowsOf(t, r))
}
