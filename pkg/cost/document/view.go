// Package document is the form costs are stored in: for one project, source, view, billing period and metric, a matrix
// of dictionary-coded keys and charge-day columns, compressed, in parts below DynamoDB's item size.
package document

import "github.com/tenantry/tenantry/pkg/focus"

// View is a set of dimensions kept per project.
type View string

// The five views.
const (
	Service  View = "service"
	Usage    View = "usage"
	Tags     View = "tags"
	Resource View = "resource"
	Invoice  View = "invoice"
)

// Views lists all five, smallest question first: the order in which a question looks for the one that covers it.
var Views = []View{Service, Invoice, Tags, Usage, Resource}

// Base are the dimensions that lead every key of every view, so that currencies, billing accounts (which are replaced)
// and sub-accounts (which sources share out among them) can be told apart in all of them.
var Base = []focus.Dim{focus.BillingCurrency, focus.BillingAccountID, focus.SubAccountID}

// Dims gives the dimensions of the view's keys, Base first, in key order. The tags view has one more for each kept tag
// key, after these, in the order of the sorted keys.
func (v View) Dims() []focus.Dim {
	switch v {
	case Service:
		return append(Base[:3:3], focus.ProviderName, focus.ServiceName, focus.RegionID, focus.ChargeCategory, focus.ChargeClass)
	case Usage:
		return append(Service.Dims(), focus.SkuID, focus.PricingCategory, focus.PricingUnit)
	case Tags:
		return append(Base[:3:3], focus.ServiceName, focus.RegionID, focus.ChargeCategory, focus.ChargeClass)
	case Resource:
		return append(Base[:3:3], focus.ResourceID, focus.ServiceName, focus.ChargeCategory)
	case Invoice:
		return append(Base[:3:3], focus.InvoiceIssuerName, focus.InvoiceID, focus.ChargeCategory)
	}
	return nil
}

// Daily tells whether period documents of the view have a column per charge day; the others have one per charge month.
func (v View) Daily() bool { return v == Service || v == Usage || v == Tags }

// Metrics are the amounts the view keeps: the four costs, and PricingQuantity where the key has the unit.
func (v View) Metrics() []focus.Metric {
	costs := []focus.Metric{focus.BilledCost, focus.EffectiveCost, focus.ListCost, focus.ContractedCost}
	if v == Usage {
		return append(costs, focus.PricingQuantity)
	}
	return costs
}
