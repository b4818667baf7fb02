package cost

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/money"
)

// Agrees tells whether the sum of so many amounts is a total: but for rounding, of which each amount and the total may have one unit of
// the tenth decimal, the last that AWS gives.
func Agrees(sum, total money.Amount, amounts int64) bool {
	rest, err := sum.Sub(total)
	if err != nil {
		return false
	}
	if rest.Sign() < 0 {
		rest = rest.Neg()
	}
	return rest.Cmp(money.FromScaled(amounts+1, 10)) <= 0
}

// Apart says in words how far a sum is from a total, "is 12.5 USD too high".
func Apart(rest money.Amount, currency string) string {
	switch rest.Sign() {
	case 0:
		return "is right in sum"
	case -1:
		return "is " + rest.Neg().String() + " " + currency + " too low"
	}
	return "is " + rest.String() + " " + currency + " too high"
}

// HeadDiffer is a billing account whose lines of a source and billing period, as they count, are not what the provider says that they
// are in sum.
type HeadDiffer struct {
	_                 struct{} `cbor:",toarray"`
	Source            string
	Period            calendar.Month
	BillingAccount    string
	Currency          string
	Billed, Effective string // lines less provider, exact decimals
}

// String says it in words for people.
func (d *HeadDiffer) String() string {
	parts := []string{"the costs of " + d.Source + " are not the provider's own total of account " + d.BillingAccount}
	for _, m := range []struct{ name, rest string }{{"billedCost", d.Billed}, {"effectiveCost", d.Effective}} {
		if rest, _, err := money.Parse(m.rest); err == nil {
			parts = append(parts, m.name+" "+Apart(rest, d.Currency))
		}
	}
	return strings.Join(parts, ", ") + ". What is collected is fetched again by the next runs; if it stays so, hold the month against the bill"
}

// differ notes which of a source's billing accounts of a period differ from their provider's totals, in place of what was noted.
func (h *Head) differ(period calendar.Month, s *CoverSource) error {
	h.Differ = slices.DeleteFunc(h.Differ, func(d HeadDiffer) bool { return d.Source == s.Name && d.Period == period })
	for i := range s.Accounts {
		d, err := s.Accounts[i].differs()
		if err != nil {
			return err
		}
		if d != nil {
			d.Source, d.Period = s.Name, period
			h.Differ = append(h.Differ, *d)
		}
	}
	return nil
}

// differs holds the lines' sums against the provider's; nil where they agree, or the provider gives none.
func (a *CoverAccount) differs() (*HeadDiffer, error) {
	if a.Provided.Currency == "" {
		return nil, nil
	}
	d := &HeadDiffer{BillingAccount: a.BillingAccount, Currency: a.Provided.Currency}
	agree := true
	for _, m := range []struct {
		of    focus.Metric
		total string
		rest  *string
	}{{focus.BilledCost, a.Provided.BilledCost, &d.Billed}, {focus.EffectiveCost, a.Provided.EffectiveCost, &d.Effective}} {
		total, _, err := money.Parse(m.total)
		if err != nil {
			return nil, fmt.Errorf("read a provider's total: %w", err)
		}
		sum := money.Amount{}
		for _, s := range a.Sums {
			if s.Currency != a.Provided.Currency {
				continue
			}
			one, _, err := money.Parse(s.Amounts[m.of])
			if err == nil {
				sum, err = sum.Add(one)
			}
			if err != nil {
				return nil, fmt.Errorf("read a control total: %w", err)
			}
		}
		agree = agree && Agrees(sum, total, a.Lines)
		rest, err := sum.Sub(total)
		if err != nil {
			return nil, tooMuch(err)
		}
		*m.rest = rest.String()
	}
	if agree {
		return nil, nil
	}
	return d, nil
}

// hint says the same to who does not see all projects: how much it is, and of which account, is of others too.
func (d *HeadDiffer) hint() string {
	return "the costs of " + d.Source + " are not the provider's own total. Somebody who sees all projects is told how much they are apart, and what to do"
}

// differing gives what of a source's period that counts is not the provider's own total.
func (h *Head) differing(source string, period calendar.Month) (all []*HeadDiffer) {
	for i := range h.Differ {
		if d := &h.Differ[i]; d.Source == source && d.Period == period {
			all = append(all, d)
		}
	}
	return all
}
