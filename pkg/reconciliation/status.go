package reconciliation

import (
	"slices"

	"github.com/tenantry/tenantry/pkg/cost"
)

// fill says what comes of both sides.
func (r *Reconciliation) fill(b *cost.Bill) (err error) {
	if r.Issuers, err = issuers(b, r.Invoices); err != nil {
		return err
	}
	if r.Sources, err = sources(b); err != nil {
		return err
	}
	if r.Shadows, err = shadows(b); err != nil {
		return err
	}
	r.Final = len(r.Sources) > 0 && !slices.ContainsFunc(r.Sources, func(s Source) bool { return s.Estimated || !s.Final })
	r.Status, r.Advice = r.judge()
	return nil
}

// judge says how both sides are to each other, and what to do.
func (r *Reconciliation) judge() (Status, string) {
	one := func(is func(Issuer) bool) bool {
		return slices.ContainsFunc(r.Issuers, func(i Issuer) bool { return !i.Residual.IsZero() && is(i) })
	}
	switch {
	case len(r.Sources) == 0 && len(r.Shadows) > 0:
		return NoCosts, "Nothing of this billing account counts in this billing period: of its sub-accounts another source counts, by another billing account. Reconcile that one."
	case len(r.Sources) == 0:
		return NoCosts, "There are no costs of this billing account in this billing period. Have a connection bring them (GET connections), or import them (POST imports), and check that the month is the invoice's " +
			"billing period."
	case len(r.Invoices) == 0:
		return NoInvoice, "Say what was invoiced: PUT the amount of each issuer, named as here."
	case !one(func(Issuer) bool { return true }):
		return Matched, ""
	case one(func(i Issuer) bool { return i.Only == "ours" }) && one(func(i Issuer) bool { return i.Only == "invoice" }):
		return Differs, "One side has issuers that the other has not. Where they are the same, name them in the invoice as the costs do, in the same currency."
	case one(func(i Issuer) bool { return i.Only == "ours" }):
		return Differs, "The costs have issuers of which nothing was said. PUT their invoices, too."
	case one(func(i Issuer) bool { return i.Only == "invoice" }):
		return Differs, "There are invoices of issuers that the costs have not. Import their costs, or take the invoices out."
	case slices.ContainsFunc(r.Sources, func(s Source) bool { return s.Estimated }):
		return Differs, "The provider still calls some of the costs an estimate: look again when a later delivery is final."
	case one(func(i Issuer) bool { return slices.ContainsFunc(i.Categories, CategorySide.untold) }):
		return Differs, "Say the invoice's amounts by charge category (chargeCategories): taxes, credits or purchases that one side has not show there. Or deliver the " +
			"billing period again, since providers restate it until the invoice is issued."
	}
	return Differs, "The charge categories tell where the difference is. Deliver the billing period again, since providers restate it until the invoice is issued."
}

// untold says that the invoice does not tell of charge categories.
func (c CategorySide) untold() bool { return c.Residual == nil }
