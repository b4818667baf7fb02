package rollup_test

import (
	"os"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cost/rollup"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/money"
)

func TestTalliesAreThoseOfTheLinesWhateverTheirOrderAndTheMemory(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		all := records(60).Draw(t, "lines")
		c := rollup.Config{Dir: os.TempDir(), Memory: rapid.SampledFrom(memories).Draw(t, "memory")}
		b, r := roll(t, shuffled(all, rapid.Uint64().Draw(t, "order")), c)
		defer b.Close()
		want := bruteTallies(all)
		require.True(t, slices.IsSortedFunc(r.Tallies(), func(a, b rollup.Tally) int {
			return slices.Compare(tallyTexts(&a), tallyTexts(&b))
		}))
		require.Len(t, want, len(r.Tallies()))
		for _, tally := range r.Tallies() {
			same := *want[string(slices.Concat(bytesOf(&tally)...))]
			for m := range same.Rounded {
				require.Equal(t, same.Rounded[m].String(), tally.Rounded[m].String())
				require.Equal(t, same.Rounded[m] == nil, tally.Rounded[m] == nil)
			}
			same.Rounded, tally.Rounded = [focus.NumMetrics]*money.Residual{}, [focus.NumMetrics]*money.Residual{}
			require.Equal(t, same, tally)
		}
	})
}

func tallyTexts(t *rollup.Tally) []string {
	return []string{t.Project, t.Billing.String(), t.Currency, t.BillingAccount, t.SubAccount, t.Category}
}

func bytesOf(t *rollup.Tally) (all [][]byte) {
	for _, text := range tallyTexts(t) {
		all = append(all, append([]byte(text), 0))
	}
	return all
}

func bruteTallies(all []record) map[string]*rollup.Tally {
	tallies := map[string]*rollup.Tally{}
	for i := range all {
		r := &all[i]
		fresh := rollup.Tally{Project: assign(r.dims[focus.SubAccountID], r.dims[focus.Tags]), Billing: r.billing,
			Currency: r.dims[focus.BillingCurrency], BillingAccount: r.dims[focus.BillingAccountID],
			SubAccount: r.dims[focus.SubAccountID], Category: r.dims[focus.ChargeCategory], First: r.day, Last: r.day}
		key := string(slices.Concat(bytesOf(&fresh)...))
		if tallies[key] == nil {
			tallies[key] = &fresh
		}
		t := tallies[key]
		t.Lines++
		t.First, t.Last = min(t.First, r.day), max(t.Last, r.day)
		for m := range r.amounts {
			a, rounded := r.amount(m)
			t.Sums[m], _ = t.Sums[m].Add(a)
			if r.amounts[m] == "" {
				t.Nulls[m]++
			}
			if rounded != nil {
				if t.Rounded[m] == nil {
					t.Rounded[m] = new(money.Residual)
				}
				t.Rounded[m].Add(rounded)
			}
		}
	}
	return tallies
}

func TestNames(t *testing.T) {
	type sighting struct {
		day  calendar.Day
		id   string
		name string
	}
	for outcome, test := range map[string]struct {
		seen []sighting
		want string
	}{
		"none where none was seen":          {nil, ""},
		"none where it is null":             {[]sighting{{1, "1", ""}}, ""},
		"none of another ID":                {[]sighting{{1, "2", "other"}}, ""},
		"the latest":                        {[]sighting{{1, "1", "b"}, {3, "1", "a"}, {2, "1", "c"}}, "a"},
		"the latest that is not null":       {[]sighting{{1, "1", "b"}, {3, "1", ""}}, "b"},
		"the greatest of the latest":        {[]sighting{{3, "1", "a"}, {3, "1", "c"}, {3, "1", "b"}, {2, "1", "z"}}, "c"},
		"the same seen again on later days": {[]sighting{{1, "1", "b"}, {2, "1", "c"}, {3, "1", "b"}}, "b"},
	} {
		for _, dims := range [][2]focus.Dim{{focus.SubAccountID, focus.SubAccountName},
			{focus.BillingAccountID, focus.BillingAccountName}, {focus.RegionID, focus.RegionName}} {
			for _, memory := range []int64{1, 0} {
				t.Run(outcome, func(t *testing.T) {
					var all []record
					for _, s := range test.seen {
						r := record{billing: may, day: may.First() + s.day}
						r.dims[dims[0]], r.dims[dims[1]] = s.id, s.name
						all = append(all, r)
					}
					for range 2 {
						b, r := roll(t, all, rollup.Config{Dir: t.TempDir(), Memory: memory})
						require.Equal(t, test.want, r.Name(dims[0], "1"))
						require.Empty(t, r.Name(focus.ServiceName, "1"))
						require.NoError(t, b.Close())
						slices.Reverse(all)
					}
				})
			}
		}
	}
}
