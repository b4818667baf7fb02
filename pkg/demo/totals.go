package demo

import (
	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/money"
)

// scale is the decimals of every amount made here.
const scale = 10

// Key is what totals are kept by: columns of the lines, and the environment tag.
type Key struct {
	Currency                           string
	Month, Billing                     calendar.Month // of the charge, and of the bill
	Provider, Service, Category, Class string
	Account, Region, Environment       string
}

// Totals are the sums of all lines by key.
type Totals map[Key]Sums

// Sums are lines and their exact costs. They overflow beyond 9e8 of a currency.
type Sums struct {
	Lines int64
	Nulls int64    // of ContractedCost
	costs [4]int64 // BilledCost to ContractedCost, in units of 1e-10
}

// Amount is the sum of BilledCost, EffectiveCost, ListCost or ContractedCost.
func (s Sums) Amount(m focus.Metric) money.Amount { return money.FromScaled(s.costs[m], scale) }

func (s Sums) plus(t Sums) Sums {
	s.Lines += t.Lines
	s.Nulls += t.Nulls
	for m, c := range t.costs {
		s.costs[m] += c
	}
	return s
}

func (t Totals) add(k Key, s Sums) { t[k] = t[k].plus(s) }

// By adds up by what of gives of a key.
func (t Totals) By(of func(Key) string) map[string]Sums {
	sums := map[string]Sums{}
	for k, s := range t {
		sums[of(k)] = sums[of(k)].plus(s)
	}
	return sums
}

// In leaves the totals of the keys that match.
func (t Totals) In(match func(Key) bool) Totals {
	in := Totals{}
	for k, s := range t {
		if match(k) {
			in[k] = s
		}
	}
	return in
}
