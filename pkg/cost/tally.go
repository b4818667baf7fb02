package cost

import (
	"slices"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cost/rollup"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/money"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// sums adds tallies up by currency and charge category.
type sums struct {
	keys  [][2]string
	lines []int64
	total [][focus.NumMetrics]money.Amount
	nulls [][focus.NumMetrics]int64
	rest  [][focus.NumMetrics]money.Residual
}

func (s *sums) add(t *rollup.Tally) error {
	key := [2]string{t.Currency, t.Category}
	i := slices.Index(s.keys, key)
	if i < 0 {
		i = len(s.keys)
		s.keys = append(s.keys, key)
		s.lines = append(s.lines, 0)
		s.total = append(s.total, [focus.NumMetrics]money.Amount{})
		s.nulls = append(s.nulls, [focus.NumMetrics]int64{})
		s.rest = append(s.rest, [focus.NumMetrics]money.Residual{})
	}
	s.lines[i] += t.Lines
	for m := range focus.NumMetrics {
		s.nulls[i][m] += t.Nulls[m]
		s.rest[i][m].Add(t.Rounded[m])
		if m == focus.PricingQuantity { // unlike units never add
			continue
		}
		var err error
		if s.total[i][m], err = s.total[i][m].Add(t.Sums[m]); err != nil {
			return err
		}
	}
	return nil
}

func (s *sums) sorted() []Sum {
	all := make([]Sum, len(s.keys))
	for i, k := range s.keys {
		all[i] = Sum{Currency: k[0], Category: k[1], Lines: s.lines[i], Nulls: s.nulls[i]}
		for m := range focus.NumMetrics {
			all[i].Amounts[m] = s.total[i][m].String()
			if !s.rest[i][m].IsZero() {
				all[i].Residual[m] = s.rest[i][m].String()
			}
		}
	}
	slices.SortFunc(all, func(a, b Sum) int {
		return slices.Compare([]string{a.Currency, a.Category}, []string{b.Currency, b.Category})
	})
	return all
}

// accounts gathers the tallies by period and billing account.
func (r *Replacement) accounts() (map[calendar.Month][]CoverAccount, error) {
	all := map[calendar.Month][]CoverAccount{}
	adding := map[calendar.Month][]*sums{}
	tallies := r.Lines.Tallies()
	for i := range tallies {
		t := &tallies[i]
		n := slices.IndexFunc(all[t.Billing], func(a CoverAccount) bool { return a.BillingAccount == t.BillingAccount })
		if n < 0 {
			n = len(all[t.Billing])
			o := r.Origin(t.BillingAccount, t.Billing)
			all[t.Billing] = append(all[t.Billing], CoverAccount{BillingAccount: t.BillingAccount, Delivery: o.Delivery,
				Delivered: o.Delivered.UnixMilli(), Rules: o.Rules, Final: o.Final, Estimated: o.Estimated, Through: o.Through, Provided: o.Provided,
				TagKeys: r.TagKeys, First: t.First, Last: t.Last})
			adding[t.Billing] = append(adding[t.Billing], &sums{})
		}
		a := &all[t.Billing][n]
		a.Lines += t.Lines
		a.First, a.Last = min(a.First, t.First), max(a.Last, t.Last)
		a.Units = insert(a.Units, Unit(t.BillingAccount, t.SubAccount))
		a.Projects = insert(a.Projects, tenant.ProjectID(t.Project))
		if err := adding[t.Billing][n].add(t); err != nil {
			return nil, err
		}
	}
	for period, list := range adding {
		for n, s := range list {
			all[period][n].Sums = s.sorted()
		}
	}
	return all, nil
}

// insert adds v to a sorted set.
func insert[T ~string](set []T, v T) []T {
	i, found := slices.BinarySearch(set, v)
	if found {
		return set
	}
	return slices.Insert(set, i, v)
}

// Totals is a project's control totals of one source and billing period, in TOTALS items: like an Index it holds the
// generation that counts and, at times, one beside it.
type Totals struct {
	Versions []TotalsVersion
}

// TotalsVersion is the control totals of one generation, by billing account.
type TotalsVersion struct {
	_        struct{} `cbor:",toarray"`
	Gen      string
	Accounts []AccountTotals
}

// at gives the totals of a generation, nil where there are none.
func (t *Totals) at(gen string) []AccountTotals {
	for _, v := range t.Versions {
		if v.Gen == gen {
			return v.Accounts
		}
	}
	return nil
}

// AccountTotals is what a project has of one billing account. Provider is the provider's own total of what is billed to the whole
// account, "" where it gives none.
type AccountTotals struct {
	_              struct{} `cbor:",toarray"`
	BillingAccount string
	Lines          int64
	Sums           []Sum
	Provider       string
}

func (r *Replacement) provider(account string, period calendar.Month) string {
	if p := r.Origin(account, period).Provided; p.Currency != "" {
		return p.BilledCost
	}
	return ""
}

// totals gathers the tallies of one project and period by billing account.
func (r *Replacement) totals(p tenant.ProjectID, period calendar.Month) ([]AccountTotals, error) {
	var all []AccountTotals
	var adding []*sums
	tallies := r.Lines.Tallies()
	for i := range tallies {
		t := &tallies[i]
		if t.Project != string(p) || t.Billing != period {
			continue
		}
		n := slices.IndexFunc(all, func(a AccountTotals) bool { return a.BillingAccount == t.BillingAccount })
		if n < 0 {
			n = len(all)
			all = append(all, AccountTotals{BillingAccount: t.BillingAccount, Provider: r.provider(t.BillingAccount, period)})
			adding = append(adding, &sums{})
		}
		all[n].Lines += t.Lines
		if err := adding[n].add(t); err != nil {
			return nil, err
		}
	}
	for n, s := range adding {
		all[n].Sums = s.sorted()
	}
	return all, nil
}
