package rollup_test

import (
	"fmt"
	"iter"
	"math/rand/v2"
	"slices"
	"strings"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cost/document"
	"github.com/tenantry/tenantry/pkg/cost/rollup"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/money"
)

// record is a line as texts; an amount "" is null.
type record struct {
	dims    [focus.NumDims]string
	amounts [focus.NumMetrics]string
	billing calendar.Month
	day     calendar.Day
}

func (r *record) line(symbols *focus.Symbols) *focus.Line {
	l := focus.Line{Billing: r.billing, Day: r.day}
	for d, text := range r.dims {
		l.Dims[d] = symbols.Intern(focus.Dim(d), []byte(text))
	}
	for m, text := range r.amounts {
		if l.Present[m] = text != ""; l.Present[m] {
			l.Amounts[m], l.Rounded[m] = r.amount(m)
		}
	}
	return &l
}

func (r *record) amount(m int) (money.Amount, *money.Residual) {
	if r.amounts[m] == "" {
		return money.Amount{}, nil
	}
	a, residual, err := money.Parse(r.amounts[m])
	if err != nil {
		panic(err)
	}
	return a, residual
}

var tagKeys = []string{"environment", "team"}

func tagsText(environment, team string) string {
	var pairs []string
	if environment != "" {
		pairs = append(pairs, fmt.Sprintf(`"environment":"%s"`, environment))
	}
	if team != "" {
		pairs = append(pairs, fmt.Sprintf(`"team":"%s"`, team))
	}
	if len(pairs) == 0 {
		return ""
	}
	return "{" + strings.Join(pairs, ",") + "}"
}

var may = calendar.Date(2026, 5, 1).Month()

// records draws lines that have much in common: few texts, texts that begin alike, nulls, equal and absent amounts, days
// outside of the billing period.
func records(most int) *rapid.Generator[[]record] {
	text := rapid.SampledFrom([]string{"", "a", "ab", "b", "aé", "arn:aws:ec2:1", "arn:aws:ec2:2", strings.Repeat("long", 400)})
	amount := rapid.OneOf(
		rapid.SampledFrom([]string{"", "0", "1", "-1", "0.1234567891", "-12345678901234.5", "0.000000000000000001"}),
		rapid.StringMatching(`-?[0-9]{1,12}(\.[0-9]{1,25})?`))
	one := rapid.Custom(func(t *rapid.T) record {
		var r record
		for d := range r.dims {
			r.dims[d] = text.Draw(t, "text")
		}
		r.dims[focus.Tags] = tagsText(text.Draw(t, "environment"), text.Draw(t, "team"))
		same := amount.Draw(t, "amount")
		for m := range r.amounts {
			r.amounts[m] = same
			if rapid.IntRange(0, 3).Draw(t, "other") == 0 {
				r.amounts[m] = amount.Draw(t, "amount")
			}
		}
		r.billing = may + calendar.Month(rapid.IntRange(0, 1).Draw(t, "billing"))
		r.day = may.First() + calendar.Day(rapid.SampledFrom([]int{0, 1, 2, 30, 31, 45, -40}).Draw(t, "day"))
		return r
	})
	return rapid.SliceOfN(one, 0, most)
}

func shuffled(all []record, seed uint64) []record {
	all = slices.Clone(all)
	rand.New(rand.NewPCG(seed, 0)).Shuffle(len(all), func(i, j int) { all[i], all[j] = all[j], all[i] })
	return all
}

// assign gives three projects, by account and by tag.
func assign(account, tags string) string {
	if strings.Contains(tags, `"team":"b"`) {
		return "team"
	}
	return map[bool]string{true: "account", false: "unassigned"}[account != ""]
}

// roll adds up the records within the memory.
func roll(t require.TestingT, all []record, c rollup.Config) (*rollup.Builder, *rollup.Result) {
	if c.Symbols == nil {
		c.Symbols = focus.NewSymbols()
	}
	if c.Assign == nil {
		c.Assign = assign
	}
	b := rollup.New(c)
	for i := range all {
		require.NoError(t, b.Add(all[i].line(c.Symbols)))
	}
	r, err := b.Finish()
	require.NoError(t, err)
	return b, r
}

// row is a row of a result with its group.
type row struct {
	group rollup.Group
	key   string
	cells []rollup.Cell
}

func rowsOf(t require.TestingT, r *rollup.Result) []row {
	var all []row
	require.NoError(t, r.Each(func(g rollup.Group, rows iter.Seq2[rollup.Row, error]) error {
		for each, err := range rows {
			if err != nil {
				return err
			}
			all = append(all, row{g, string(each.Key), slices.Clone(each.Cells)})
		}
		return nil
	}))
	return all
}

// bruteForce gives the rows of the records the simple way.
func bruteForce(all []record, tagKeys []string) []row {
	type place struct {
		group rollup.Group
		key   string
	}
	cells := map[place]map[document.Col]rollup.Cell{}
	for _, r := range all {
		for _, v := range document.Views {
			p := place{rollup.Group{Project: assign(r.dims[focus.SubAccountID], r.dims[focus.Tags]), View: v, Billing: r.billing}, key(&r, v, tagKeys)}
			col := document.Col{Billing: r.billing, Day: r.day}
			if !v.Daily() {
				col.Day = r.day.Month().First()
			}
			if cells[p] == nil {
				cells[p] = map[document.Col]rollup.Cell{}
			}
			cell := cells[p][col]
			cell.Col = col
			cell.Lines++
			for m := range r.amounts {
				a, _ := r.amount(m)
				cell.Sums[m], _ = cell.Sums[m].Add(a)
				if r.amounts[m] == "" {
					cell.Nulls[m]++
				}
			}
			cells[p][col] = cell
		}
	}
	var rows []row
	for p, byCol := range cells {
		one := row{p.group, p.key, nil}
		for _, c := range byCol {
			one.cells = append(one.cells, c)
		}
		slices.SortFunc(one.cells, func(a, b rollup.Cell) int { return a.Col.Compare(b.Col) })
		rows = append(rows, one)
	}
	slices.SortFunc(rows, func(a, b row) int {
		if c := strings.Compare(a.group.Project, b.group.Project); c != 0 {
			return c
		}
		if c := slices.Index(document.Views, a.group.View) - slices.Index(document.Views, b.group.View); c != 0 {
			return c
		}
		if c := int(a.group.Billing - b.group.Billing); c != 0 {
			return c
		}
		return strings.Compare(a.key, b.key)
	})
	return rows
}

func key(r *record, v document.View, tagKeys []string) string {
	var texts []string
	for _, d := range v.Dims() {
		texts = append(texts, r.dims[d])
	}
	if v == document.Tags {
		texts = focus.TagValues(r.dims[focus.Tags], tagKeys, texts)
	}
	return strings.Join(texts, "\x00")
}
