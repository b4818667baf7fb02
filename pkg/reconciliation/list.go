package reconciliation

import (
	"context"
	"maps"
	"slices"

	"github.com/tenantry/tenantry/pkg/cost"
	"github.com/tenantry/tenantry/pkg/money"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

type listIn struct {
	route.Paging
	Month string `query:"month" maxLength:"32" doc:"One billing period alone, yyyy-mm."`
}

type listOut struct{ Body route.Page[Listed] }

func (s *Service) list(ctx context.Context, scope *tenant.Scope, in *listIn) (*listOut, error) {
	span := store.Invoices()
	if in.Month != "" {
		m, err := parseMonth("query.month", in.Month)
		if err != nil {
			return nil, err
		}
		span = store.InvoicesOf(m)
	}
	t, err := s.Store.Tenant(scope)
	if err != nil {
		return nil, err
	}
	cursors := route.NewCursors("listReconciliations", string(scope.Tenant()), in.Month)
	page, err := route.PageOf(in.Paging, cursors, func(l store.List) (store.Page, error) {
		l.Reverse = true
		return t.Query(ctx, span, l)
	}, func(i Invoiced) (Invoiced, bool) { return i, true })
	if err != nil {
		return nil, err
	}
	asked := make([]cost.Billing, len(page.Items))
	for i, said := range page.Items {
		asked[i] = cost.Billing{Account: said.BillingAccountID, Period: said.Month}
	}
	totals, err := s.Costs.BillTotals(ctx, scope, asked)
	if err != nil {
		return nil, err
	}
	o := &listOut{route.Page[Listed]{Items: make([]Listed, len(page.Items)), Next: page.Next}}
	for i, said := range page.Items {
		if o.Body.Items[i], err = listed(said, totals[i]); err != nil {
			return nil, err
		}
	}
	return o, nil
}

// listed holds the totals of both sides against each other.
func listed(said Invoiced, ours cost.BillTotal) (Listed, error) {
	l := Listed{BillingAccountID: said.BillingAccountID, Month: said.Month, Status: Matched, Totals: []CurrencySide{}, UpdatedAt: said.UpdatedAt}
	all := map[money.Currency]*pair{}
	for currency, a := range ours.Billed {
		if err := at(all, currency).addOurs(a); err != nil {
			return l, tooMuch(err)
		}
	}
	for _, i := range said.Invoices {
		a, err := mustAmount(i.Amount)
		if err != nil {
			return l, err
		}
		if err := at(all, i.Currency).addInvoice(a); err != nil {
			return l, tooMuch(err)
		}
	}
	for _, currency := range slices.Sorted(maps.Keys(all)) {
		p := all[currency]
		sides, err := p.sides()
		if err != nil {
			return l, tooMuch(err)
		}
		l.Totals = append(l.Totals, CurrencySide{currency, sides})
		if !sides.Residual.IsZero() {
			l.Status = Differs
		}
	}
	if !ours.Counts {
		l.Status = NoCosts
	}
	return l, nil
}
