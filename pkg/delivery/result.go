package delivery

import (
	"cmp"
	"slices"

	"github.com/tenantry/tenantry/pkg/cost"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/money"
)

// maxNamed is how many billing accounts of a period a result names.
const maxNamed = 100

// newResult gathers the changes, which are by period and billing account, by period and currency.
func newResult(changes []cost.Change, written int) (*Result, error) {
	r := &Result{DocumentsWritten: written, Periods: []PeriodChange{}}
	var rest [focus.NumMetrics]money.Residual
	for len(changes) > 0 {
		n := slices.IndexFunc(changes, func(c cost.Change) bool { return c.Period != changes[0].Period })
		if n < 0 {
			n = len(changes)
		}
		p := PeriodChange{Period: changes[0].Period}
		var before, after totals
		for _, c := range changes[:n] {
			if len(p.BillingAccountIDs) < maxNamed {
				p.BillingAccountIDs = append(p.BillingAccountIDs, c.BillingAccountID)
			}
			p.TakenFrom, p.Shadows = union(p.TakenFrom, c.TakenFrom), union(p.Shadows, c.Shadows)
			if err := before.add(c.Before, nil); err != nil {
				return nil, err
			}
			if err := after.add(c.After, &rest); err != nil {
				return nil, err
			}
		}
		held := before.costs()
		p.Before, p.After = &held, after.costs()
		r.Lines += p.After.Lines
		r.Periods = append(r.Periods, p)
		changes = changes[n:]
	}
	r.Residual = costs("", func(m focus.Metric) string { return rest[m].String() })
	return r, nil
}

func union[T cmp.Ordered](a, b []T) []T {
	all := append(slices.Clone(a), b...)
	slices.Sort(all)
	return slices.Compact(all)
}

// totals adds control totals up by currency.
type totals struct {
	lines      int64
	currencies []string
	sums       [][focus.NumMetrics]money.Amount
}

func (t *totals) add(c cost.Control, rest *[focus.NumMetrics]money.Residual) error {
	t.lines += c.Lines
	for _, s := range c.Sums {
		i := slices.Index(t.currencies, s.Currency)
		if i < 0 {
			i = len(t.currencies)
			t.currencies = append(t.currencies, s.Currency)
			t.sums = append(t.sums, [focus.NumMetrics]money.Amount{})
		}
		for m := range focus.NumMetrics {
			a, _, err := money.Parse(s.Amounts[m])
			if err != nil {
				return err
			}
			if t.sums[i][m], err = t.sums[i][m].Add(a); err != nil {
				return err
			}
			if rest == nil || s.Residual[m] == "" {
				continue
			}
			var one money.Residual
			if err := one.UnmarshalText([]byte(s.Residual[m])); err != nil {
				return err
			}
			rest[m].Add(&one)
		}
	}
	return nil
}

func (t *totals) costs() Totals {
	all := Totals{Lines: t.lines, Totals: []Costs{}}
	for i, c := range t.currencies {
		all.Totals = append(all.Totals, costs(c, func(m focus.Metric) string { return t.sums[i][m].String() }))
	}
	return all
}

func costs(currency string, of func(focus.Metric) string) Costs {
	return Costs{Currency: currency, BilledCost: of(focus.BilledCost), EffectiveCost: of(focus.EffectiveCost),
		ListCost: of(focus.ListCost), ContractedCost: of(focus.ContractedCost)}
}
