package cost

import (
	"context"
	"maps"
	"slices"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/money"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Billing is what one bill is of.
type Billing struct {
	Account string
	Period  calendar.Month
}

// BillTotal is what counts of a bill, over all issuers.
type BillTotal struct {
	Held   bool                            // whether any source holds anything of it, counted or not
	Counts bool                            // whether any of that counts
	Billed map[money.Currency]money.Amount // BilledCost of what counts
}

// BillTotals gives what counts of bills, in their order, without reading documents: by the periods' control totals, an item for each
// period. Where of a source some sub-accounts of a billing account count and others not, the bill itself is read. The scope must see all projects.
func (s *Service) BillTotals(ctx context.Context, scope *tenant.Scope, asked []Billing) ([]BillTotal, error) {
	covers, err := s.covers(ctx, scope, asked)
	if err != nil {
		return nil, err
	}
	all := make([]BillTotal, len(asked))
	for i, b := range asked {
		total, divided, err := covers[b.Period].total(b.Account)
		if err == nil && divided {
			var bill *Bill
			if bill, err = s.Bill(ctx, scope, b.Account, b.Period); err == nil {
				total, err = bill.total()
			}
		}
		if err != nil {
			return nil, err
		}
		all[i] = total
	}
	return all, nil
}

// covers reads the covers of all periods that are asked about.
func (s *Service) covers(ctx context.Context, scope *tenant.Scope, asked []Billing) (map[calendar.Month]*Cover, error) {
	all := map[calendar.Month]*Cover{}
	for _, b := range asked {
		all[b.Period] = &Cover{}
	}
	if len(all) == 0 {
		return all, nil
	}
	t, err := s.Store.Tenant(scope)
	if err != nil {
		return nil, err
	}
	periods := slices.Sorted(maps.Keys(all))
	keys := make([]store.Key, len(periods))
	for i, p := range periods {
		keys[i] = store.Cover(p)
	}
	records, err := t.Get(ctx, store.Strongly, keys...)
	if err != nil {
		return nil, err
	}
	for i, r := range records {
		if err := unpackRecord(r, all[periods[i]]); err != nil {
			return nil, err
		}
	}
	return all, nil
}

// total adds up the control totals of a billing account. divided says that they do not tell: some of a source's sub-accounts count and
// others not.
func (c *Cover) total(account string) (t BillTotal, divided bool, err error) {
	t.Billed = map[money.Currency]money.Amount{}
	shadowed := c.Shadowed()
	for _, source := range c.Sources {
		held := source.account(account)
		if _, _, _, detail := DetailOf(source.Name); detail || held == nil {
			continue
		}
		t.Held = true
		aside := 0
		for _, unit := range held.Units {
			if contains(shadowed[source.Name], unit) {
				aside++
			}
		}
		switch {
		case aside == len(held.Units):
			continue
		case aside > 0:
			return t, true, nil
		}
		t.Counts = true
		for i := range held.Sums {
			billed, err := held.Sums[i].billed()
			if err != nil {
				return t, false, err
			}
			if err := t.add(held.Sums[i].Currency, billed); err != nil {
				return t, false, err
			}
		}
	}
	return t, false, nil
}

func (b *Bill) total() (t BillTotal, err error) {
	t.Held, t.Billed = len(b.Sources) > 0, map[money.Currency]money.Amount{}
	for _, c := range b.Charges {
		if c.Aside {
			continue
		}
		t.Counts = true
		if err := t.add(c.Currency, c.Amount); err != nil {
			return t, err
		}
	}
	return t, nil
}

func (t *BillTotal) add(currency string, a money.Amount) error {
	sum, err := t.Billed[money.Currency(currency)].Add(a)
	if err != nil {
		return tooMuch(err)
	}
	t.Billed[money.Currency(currency)] = sum
	return nil
}
