package reconciliation

import (
	"cmp"
	"maps"
	"slices"

	"github.com/tenantry/tenantry/pkg/cost"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/money"
)

// pair is what both sides add up to.
type pair struct {
	ours, invoice money.Amount
	has, said     bool // whether a side has anything
	untold        bool // of charge categories and invoice IDs: some invoice does not tell them
}

func (p *pair) addOurs(a money.Amount) (err error) {
	p.ours, err = p.ours.Add(a)
	p.has = true
	return err
}

func (p *pair) addInvoice(a money.Amount) (err error) {
	p.invoice, err = p.invoice.Add(a)
	p.said = true
	return err
}

func (p *pair) sides() (s Sides, err error) {
	if p.has {
		s.Ours = &p.ours
	}
	if p.untold {
		return s, nil
	}
	if p.said {
		s.Invoice = &p.invoice
	}
	residual, err := p.invoice.Sub(p.ours)
	s.Residual = &residual
	return s, err
}

// issuerKey is an issuer in a currency.
type issuerKey struct {
	issuer   string
	currency money.Currency
}

// tally is both sides of one.
type tally struct {
	pair
	absent     int64
	categories map[string]*pair
	ids        map[string]*pair
}

func at[K comparable, V any](m map[K]*V, k K) *V {
	if m[k] == nil {
		m[k] = new(V)
	}
	return m[k]
}

// tallies add up both sides by issuer and currency.
func tallies(b *cost.Bill, said []Invoice) (map[issuerKey]*tally, error) {
	all := map[issuerKey]*tally{}
	of := func(issuer string, currency money.Currency) *tally {
		t := at(all, issuerKey{issuer, currency})
		if t.ids == nil {
			t.categories, t.ids = map[string]*pair{}, map[string]*pair{}
		}
		return t
	}
	for _, c := range b.Charges {
		if c.Aside {
			continue
		}
		t := of(c.Issuer, money.Currency(c.Currency))
		t.absent += c.Absent
		for _, p := range []*pair{&t.pair, at(t.categories, c.Category), at(t.ids, c.InvoiceID)} {
			if err := p.addOurs(c.Amount); err != nil {
				return nil, err
			}
		}
	}
	for _, i := range said {
		t := of(i.Issuer, i.Currency)
		a, err := mustAmount(i.Amount)
		if err != nil {
			return nil, err
		}
		told := []*pair{&t.pair}
		if i.InvoiceID != "" {
			told = append(told, at(t.ids, i.InvoiceID))
		}
		for _, p := range told {
			if err := p.addInvoice(a); err != nil {
				return nil, err
			}
		}
		for _, c := range i.Categories {
			if a, err = mustAmount(c.Amount); err != nil {
				return nil, err
			}
			if err := at(t.categories, c.Category).addInvoice(a); err != nil {
				return nil, err
			}
		}
	}
	for _, i := range said {
		if len(i.Categories) == 0 {
			for _, p := range of(i.Issuer, i.Currency).categories {
				p.untold = true
			}
		}
		if i.InvoiceID == "" {
			for _, p := range of(i.Issuer, i.Currency).ids {
				p.untold = !p.said
			}
		}
	}
	return all, nil
}

// issuers are the tallies as they are shown, by issuer and currency.
func issuers(b *cost.Bill, said []Invoice) ([]Issuer, error) {
	all, err := tallies(b, said)
	if err != nil {
		return nil, tooMuch(err)
	}
	out := []Issuer{}
	for _, key := range slices.SortedFunc(maps.Keys(all), func(a, b issuerKey) int {
		return cmp.Or(cmp.Compare(a.issuer, b.issuer), cmp.Compare(a.currency, b.currency))
	}) {
		one, err := all[key].issuer(key)
		if err != nil {
			return nil, tooMuch(err)
		}
		out = append(out, one)
	}
	return out, nil
}

func (t *tally) issuer(key issuerKey) (out Issuer, err error) {
	out = Issuer{Issuer: null(key.issuer), Currency: key.currency, Absent: t.absent, Categories: []CategorySide{}, InvoiceIDs: []InvoiceSide{}}
	if out.Sides, err = t.sides(); err != nil {
		return out, err
	}
	switch {
	case !t.said:
		out.Only = "ours"
	case !t.has:
		out.Only = "invoice"
	}
	for _, name := range slices.Sorted(maps.Keys(t.categories)) {
		sides, err := t.categories[name].sides()
		if err != nil {
			return out, err
		}
		out.Categories = append(out.Categories, CategorySide{null(name), sides})
	}
	for _, id := range slices.Sorted(maps.Keys(t.ids)) {
		sides, err := t.ids[id].sides()
		if err != nil {
			return out, err
		}
		out.InvoiceIDs = append(out.InvoiceIDs, InvoiceSide{null(id), sides})
	}
	return out, nil
}

// shadows are what does not count, against what does.
func shadows(b *cost.Bill) ([]Shadow, error) {
	out := []Shadow{}
	for _, s := range b.Sources {
		type key struct{ currency, category string }
		held := map[key]*pair{}
		aside := false
		for _, c := range b.Charges {
			if c.Source == s.Name && c.Aside {
				aside = true
				if err := at(held, key{c.Currency, c.Category}).addInvoice(c.Amount); err != nil {
					return nil, tooMuch(err)
				}
			}
		}
		for _, c := range s.Against {
			if err := at(held, key{c.Currency, c.Category}).addOurs(c.Amount); err != nil {
				return nil, tooMuch(err)
			}
		}
		if !aside {
			continue
		}
		shadow := Shadow{Source: s.Name, AsOf: s.AsOf, Estimated: s.Estimated, Totals: []ShadowSide{}}
		for _, k := range slices.SortedFunc(maps.Keys(held), func(a, b key) int {
			return cmp.Or(cmp.Compare(a.currency, b.currency), cmp.Compare(a.category, b.category))
		}) {
			p := held[k]
			difference, err := p.invoice.Sub(p.ours)
			if err != nil {
				return nil, tooMuch(err)
			}
			shadow.Totals = append(shadow.Totals, ShadowSide{money.Currency(k.currency), null(k.category), p.invoice, p.ours, difference})
		}
		out = append(out, shadow)
	}
	return out, nil
}

// sources are those of which anything counts.
func sources(b *cost.Bill) ([]Source, error) {
	out := []Source{}
	for _, s := range b.Sources {
		if !slices.ContainsFunc(b.Charges, func(c cost.BillCharge) bool { return c.Source == s.Name && !c.Aside }) {
			continue
		}
		one := Source{Source: s.Name, AsOf: s.AsOf, Through: s.Through, Lines: s.Lines, Estimated: s.Estimated, Final: s.Final}
		if s.Provided.Currency != "" {
			var err error
			if one.Provided, err = provided(b, s); err != nil {
				return nil, err
			}
		}
		out = append(out, one)
	}
	return out, nil
}

func provided(b *cost.Bill, s cost.BillSource) (*ProvidedSide, error) {
	total, _, err := money.Parse(s.Provided.BilledCost)
	if err != nil {
		return nil, err
	}
	rest := total
	for _, c := range b.Charges {
		if c.Source != s.Name || c.Currency != s.Provided.Currency {
			continue
		}
		if rest, err = rest.Sub(c.Amount); err != nil {
			return nil, tooMuch(err)
		}
	}
	return &ProvidedSide{money.Currency(s.Provided.Currency), total, rest}, nil
}

func null(s string) *string {
	if s == "" {
		return nil
	}
	return &s
}

func tooMuch(err error) error {
	return fault.Wrap(err, fault.Invalid, "The amounts add up to more than can be told, about 1.7e20.")
}
