package costexplorer

import (
	"bytes"
	"cmp"
	"compress/gzip"
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cost"
	"github.com/tenantry/tenantry/pkg/delivery"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/money"
)

// issuers by partition: who sends the invoice.
var issuers = map[string]string{"aws-cn": "Amazon Web Services China"}

// render makes the FOCUS file of a month, of all its accounts, and says what Cost Explorer's own totals are.
func (s *step) render(ctx context.Context, of calendar.Month) (body []byte, terms delivery.Period, err error) {
	m := s.book.Months[of]
	terms = delivery.Period{Final: m.Final, Estimated: m.estimated()}
	for d := range m.Days {
		terms.Through = max(terms.Through, d)
	}
	w, finish := s.writer(of)
	if err := s.each(ctx, m, w.account); err != nil {
		return nil, terms, err
	}
	if w.written == 0 { // what was there is gone: a line of nothing takes its place
		w.write(s.task.Connection.AccountID, of.First(), &cell{Service: "No service"}, "Usage", "", money.Amount{}, money.Amount{})
	}
	if terms.Provided, err = w.provided(m); err != nil {
		return nil, terms, err
	}
	terms.Agrees = w.holds(terms.Provided)
	body, err = finish()
	return body, terms, err
}

// writer begins the FOCUS file of a month, of amounts net of private discounts where the month has any; finish gives the file.
func (s *step) writer(of calendar.Month) (w *lines, finish func() ([]byte, error)) {
	m, packed := s.book.Months[of], &bytes.Buffer{}
	zip := gzip.NewWriter(packed)
	w = &lines{to: focus.NewCSVWriter(zip, "1.2"), step: s, period: of, currency: "USD"}
	for _, c := range m.Days {
		if c.Currency != "" {
			w.currency = c.Currency
		}
	}
	w.basis = m.basis()
	return w, func() ([]byte, error) {
		w.fail(w.to.Close())
		w.fail(zip.Close())
		if w.err != nil {
			return nil, fmt.Errorf("write collected costs: %w", w.err)
		}
		return packed.Bytes(), nil
	}
}

// lines writes cells as FOCUS charges.
type lines struct {
	to                *focus.CSVWriter
	step              *step
	period            calendar.Month
	currency          string
	basis             int // of Sum.Costs: 0, or 2 for those net of private discounts
	billed, effective money.Amount
	written           int
	err               error
}

func (w *lines) account(id string, all days) error {
	for _, d := range slices.Sorted(maps.Keys(all)) {
		for i := range all[d].Cells {
			c := &all[d].Cells[i]
			billed, effective := c.Costs[w.basis], c.Costs[w.basis+1]
			charge := chargeOf(c.Record)
			if !charge.commitment {
				w.write(id, d, c, charge.category, charge.class, billed, effective)
				continue
			}
			// The purchase is billed; what of the commitment nobody used is amortized.
			w.write(id, d, c, charge.category, charge.class, billed, money.Amount{})
			if !effective.IsZero() {
				w.write(id, d, c, "Usage", "", money.Amount{}, effective)
			}
		}
	}
	return w.err
}

// fail keeps the first error.
func (w *lines) fail(err error) {
	if w.err == nil {
		w.err = err
	}
}

func (w *lines) write(account string, d calendar.Day, c *cell, category, class string, billed, effective money.Amount) {
	w.put(w.record(account, d, c, category, class, billed, effective))
}

// put writes a charge, and adds it to the sums.
func (w *lines) put(r focus.Record) {
	w.written++
	for _, sum := range []struct {
		of  *money.Amount
		add money.Amount
	}{{&w.billed, r.BilledCost}, {&w.effective, r.EffectiveCost}} {
		next, err := sum.of.Add(sum.add)
		*sum.of = next
		w.fail(err)
	}
	w.fail(w.to.Write(r))
}

// provided is what Cost Explorer says that a month is in sum.
func (w *lines) provided(m *month) (*delivery.Provided, error) {
	control, err := Sum{}, error(nil)
	for _, c := range m.Days {
		if control, err = control.add(c.Sum); err != nil {
			return nil, err
		}
	}
	return &delivery.Provided{Currency: w.currency, BilledCost: control.Costs[w.basis], EffectiveCost: control.Costs[w.basis+1]}, nil
}

// holds tells whether the lines are, in sum, the provider's own totals.
func (w *lines) holds(own *delivery.Provided) bool {
	return cost.Agrees(w.billed, own.BilledCost, int64(w.written)) && cost.Agrees(w.effective, own.EffectiveCost, int64(w.written))
}

// record is the FOCUS charge of a cell.
func (w *lines) record(account string, d calendar.Day, c *cell, category, class string, billed, effective money.Amount) focus.Record {
	connection := &w.step.task.Connection
	return focus.Record{
		BilledCost: billed, EffectiveCost: effective, BillingCurrency: cmp.Or(c.Currency, w.currency),
		BillingAccountID: connection.AccountID, SubAccountID: account,
		BillingPeriodStart: w.period.First().Time(), BillingPeriodEnd: (w.period + 1).First().Time(),
		ChargePeriodStart: d.Time(), ChargePeriodEnd: (d + 1).Time(), ChargeCategory: category, ChargeClass: class,
		ProviderName: "AWS", PublisherName: "AWS", InvoiceIssuerName: cmp.Or(issuers[connection.Partition], "Amazon Web Services, Inc."),
		ServiceName: serviceOf(c.Service), RegionID: regionOf(c.Region),
	}
}
