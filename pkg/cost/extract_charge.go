package cost

import (
	"iter"
	"strings"

	"github.com/tenantry/tenantry/pkg/cost/document"
	"github.com/tenantry/tenantry/pkg/focus"
)

// split gives the texts of a key.
func split(key []byte) []string { return strings.Split(string(key), "\x00") }

// byColumn gives the cells of a line column by column, one cell for each of its documents; one that has none there is not
// valid. The slice holds until the next column.
func byColumn(cells [][]document.Cell) iter.Seq2[document.Col, []document.Cell] {
	return func(yield func(document.Col, []document.Cell) bool) {
		next, at := make([]int, len(cells)), make([]document.Cell, len(cells))
		for {
			var col document.Col
			found := false
			for i, c := range cells {
				if next[i] < len(c) && (!found || c[next[i]].Col.Compare(col) < 0) {
					col, found = c[next[i]].Col, true
				}
			}
			if !found {
				return
			}
			for i, c := range cells {
				at[i] = document.Cell{Col: col}
				if next[i] < len(c) && c[next[i]].Col == col {
					at[i] = c[next[i]]
					next[i]++
				}
			}
			if !yield(col, at) {
				return
			}
		}
	}
}

// begin sets what the charges of one key have in common.
func (s *pouring) begin(dims []focus.Dim, texts []string) {
	s.charge = Charge{Source: s.entry.Source}
	r := &s.charge.Record
	for i, d := range dims {
		setText(r, d, texts[i])
	}
	r.BillingAccountName = s.names[named{focus.BillingAccountID, r.BillingAccountID}]
	r.SubAccountName = s.names[named{focus.SubAccountID, r.SubAccountID}]
	r.RegionName = s.names[named{focus.RegionID, r.RegionID}]
}

// setText sets the text of a dimension that views keep.
func setText(r *focus.Record, d focus.Dim, text string) {
	switch d {
	case focus.BillingCurrency:
		r.BillingCurrency = text
	case focus.BillingAccountID:
		r.BillingAccountID = text
	case focus.SubAccountID:
		r.SubAccountID = text
	case focus.ProviderName:
		r.ProviderName = text
	case focus.ServiceName:
		r.ServiceName = text
	case focus.RegionID:
		r.RegionID = text
	case focus.ChargeCategory:
		r.ChargeCategory = text
	case focus.ChargeClass:
		r.ChargeClass = text
	case focus.SkuID:
		r.SkuID = text
	case focus.PricingCategory:
		r.PricingCategory = text
	case focus.PricingUnit:
		r.PricingUnit = text
	case focus.ResourceID:
		r.ResourceID = text
	case focus.InvoiceIssuerName:
		r.InvoiceIssuerName = text
	case focus.InvoiceID:
		r.InvoiceID = text
	}
}

// pour gives the charge of one column; cells are by the view's metrics.
func (s *pouring) pour(v document.View, at document.Col, cells []document.Cell) error {
	r := &s.charge.Record
	r.BillingPeriodStart, r.BillingPeriodEnd = at.Billing.First().Time(), (at.Billing + 1).First().Time()
	r.ChargePeriodStart, r.ChargePeriodEnd = at.Day.Time(), (at.Day + 1).Time()
	if !v.Daily() {
		r.ChargePeriodEnd = (at.Day.Month() + 1).First().Time()
	}
	for i, m := range v.Metrics() {
		s.charge.amounts[m] = cells[i]
	}
	a := &s.charge.amounts
	r.BilledCost, r.EffectiveCost = a[focus.BilledCost].Amount, a[focus.EffectiveCost].Amount
	r.ListCost, r.ContractedCost, r.PricingQuantity = nil, nil, nil
	if a[focus.ListCost].Valid {
		r.ListCost = &a[focus.ListCost].Amount
	}
	if a[focus.ContractedCost].Valid {
		r.ContractedCost = &a[focus.ContractedCost].Amount
	}
	if a[focus.PricingQuantity].Valid {
		r.PricingQuantity = &a[focus.PricingQuantity].Amount
	}
	return s.give(&s.charge)
}
