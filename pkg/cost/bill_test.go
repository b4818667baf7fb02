package cost_test

import (
	"context"
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cost"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/money"
)

// sum is lines added up by hand.
type sum struct {
	amount money.Amount
	absent int64
}

func (s sum) and(t require.TestingT, c *charge) sum {
	text := c.amounts[focus.BilledCost]
	if text == "" {
		s.absent++
		return s
	}
	var err error
	s.amount, err = s.amount.Add(money.MustParse(text))
	require.NoError(t, err)
	return s
}

// bare is a charge of a bill without what it adds up to, and that.
func bare(c cost.BillCharge) (cost.BillCharge, sum) {
	s := sum{c.Amount, c.Absent}
	c.Amount, c.Absent = money.Amount{}, 0
	return c, s
}

// bill adds up the lines of a billing account and period.
func (l *ledger) bill(t require.TestingT, account string, period calendar.Month) (charges, against map[cost.BillCharge]sum) {
	charges, against = map[cost.BillCharge]sum{}, map[cost.BillCharge]sum{}
	for i := range l.charges {
		c := &l.charges[i]
		if c.billing != period || c.dims[focus.BillingAccountID] != account {
			continue
		}
		at := cost.BillCharge{Source: c.source, Currency: c.dims[focus.BillingCurrency], Issuer: c.dims[focus.InvoiceIssuerName],
			InvoiceID: c.dims[focus.InvoiceID], Category: c.dims[focus.ChargeCategory]}
		at.Aside = slices.Contains(l.shadowed[batch{c.source, period}], c.unit())
		charges[at] = charges[at].and(t, c)
		for _, source := range []string{"upload:a", "upload:b"} {
			if !at.Aside && slices.Contains(l.shadowed[batch{source, period}], c.unit()) &&
				slices.ContainsFunc(l.charges, func(o charge) bool {
					return o.source == source && o.billing == period && o.dims[focus.BillingAccountID] == account
				}) {
				other := cost.BillCharge{Source: source, Currency: at.Currency, Category: at.Category}
				against[other] = against[other].and(t, c)
			}
		}
	}
	return charges, against
}

// TestBillsEqualTheLines reads the bills of ledgers that real deliveries have written, and adds the lines up by hand.
func TestBillsEqualTheLines(t *testing.T) {
	s, dir := newStore(t), t.TempDir()
	service := &cost.Service{Store: s, Clock: func() time.Time { return calendar.Date(2026, 6, 1).Time() }}
	rapid.Check(t, func(t *rapid.T) {
		scope, l := newScope(t), drawLedger(t)
		l.deliver(t, s, scope, dir)
		var asked []cost.Billing
		var want []cost.BillTotal
		for period := january; period < january+6; period++ {
			for _, account := range values[focus.BillingAccountID] {
				charges, against := l.bill(t, account, period)
				b, err := service.Bill(context.Background(), scope, account, period)
				require.NoError(t, err)
				got, beside := map[cost.BillCharge]sum{}, map[cost.BillCharge]sum{}
				for _, c := range b.Charges {
					at, s := bare(c)
					require.NotContains(t, got, at)
					got[at] = s
				}
				for _, source := range b.Sources {
					for _, c := range source.Against {
						at, s := bare(c)
						at.Source = source.Name
						beside[at] = s
					}
				}
				require.Equal(t, charges, got)
				require.Equal(t, against, beside)
				asked, want = append(asked, cost.Billing{Account: account, Period: period}), append(want, totalOf(t, charges))
			}
		}
		got, err := service.BillTotals(context.Background(), scope, asked)
		require.NoError(t, err)
		require.Equal(t, want, got)
	})
}

// totalOf adds up what counts.
func totalOf(t require.TestingT, charges map[cost.BillCharge]sum) cost.BillTotal {
	total := cost.BillTotal{Held: len(charges) > 0, Billed: map[money.Currency]money.Amount{}}
	for c, s := range maps.All(charges) {
		if c.Aside {
			continue
		}
		var err error
		total.Counts = true
		total.Billed[money.Currency(c.Currency)], err = total.Billed[money.Currency(c.Currency)].Add(s.amount)
		require.NoError(t, err)
	}
	return total
}
