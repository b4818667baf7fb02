package demo

import (
	"fmt"
	"time"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/money"
)

// line is a charge of a payer. Its costs are whole units of 1e-10.
type line struct {
	payer        *payer
	account      *account
	resource     *resource // nil: of the account as a whole
	offer        *offer
	category     string
	correction   bool
	description  string
	frequency    string
	from, to     calendar.Day // to exclusive
	billing      calendar.Month
	quantity     int64 // hundredths of the offer's unit; 0 for none
	costs        [4]int64
	uncontracted bool // ContractedCost is null
	commitment   *commitment
	status       string // of the commitment: Used or Unused
}

// emit adds a line to the totals and gives it away.
func (g *generator) emit(l *line) error {
	g.billed += l.costs[focus.BilledCost]
	sums := Sums{Lines: 1, costs: l.costs}
	if l.uncontracted {
		sums.Nulls, sums.costs[focus.ContractedCost] = 1, 0
	}
	r := g.record(l)
	g.totals.add(Key{Currency: r.BillingCurrency, Month: l.from.Month(), Billing: l.billing, Provider: r.ProviderName,
		Service: r.ServiceName, Category: r.ChargeCategory, Class: r.ChargeClass, Account: r.SubAccountID, Region: r.RegionID,
		Environment: r.Tags["environment"]}, sums)
	return g.each(r)
}

func (g *generator) record(l *line) *focus.Record {
	p := l.payer
	r := &focus.Record{
		BilledCost: l.amount(focus.BilledCost), EffectiveCost: l.amount(focus.EffectiveCost), ListCost: new(l.amount(focus.ListCost)),
		BillingAccountID: p.id, BillingAccountName: p.name, BillingAccountType: p.kind,
		BillingCurrency: p.currency, BillingPeriodStart: l.billing.First().Time(), BillingPeriodEnd: (l.billing + 1).First().Time(),
		ChargeCategory: l.category, ChargeDescription: l.description, ChargeFrequency: l.frequency,
		ChargePeriodStart: l.from.Time(), ChargePeriodEnd: l.to.Time(),
		InvoiceIssuerName: p.issuer, ProviderName: p.provider, PublisherName: p.issuer,
		ServiceCategory: l.offer.category, ServiceName: l.offer.service, ServiceSubcategory: l.offer.subcategory,
		SubAccountID: l.account.id, SubAccountName: l.account.name,
	}
	if l.account.id != "" {
		r.SubAccountType = "Account"
	}
	if l.correction {
		r.ChargeClass = "Correction"
	}
	if g.over(l.billing) {
		r.InvoiceID = p.invoice(l.billing)
	}
	if !l.uncontracted {
		r.ContractedCost = new(l.amount(focus.ContractedCost))
	}
	l.price(r)
	l.place(r)
	l.commit(r)
	return r
}

func (l *line) amount(m focus.Metric) money.Amount { return money.FromScaled(l.costs[m], scale) }

// price fills what quantity and prices there are.
func (l *line) price(r *focus.Record) {
	if l.quantity == 0 {
		return
	}
	quantity := money.FromScaled(l.quantity, 2)
	r.PricingQuantity, r.PricingUnit, r.PricingCategory = &quantity, l.offer.unit, "Standard"
	r.ListUnitPrice = new(money.FromScaled(l.offer.price, 8))
	r.ContractedUnitPrice = new(money.FromScaled(l.offer.contracted(), 8))
	r.SkuID, r.SkuMeter, r.SkuPriceID = l.offer.sku, l.offer.meter, l.offer.sku+".JRTCKXETXF"
	if l.category == "Usage" {
		r.ConsumedQuantity, r.ConsumedUnit = &quantity, l.offer.unit
	}
}

// place fills what the resource says.
func (l *line) place(r *focus.Record) {
	x := l.resource
	if x == nil {
		return
	}
	r.RegionID, r.RegionName = x.region, regions[x.region]
	r.ResourceID, r.ResourceName, r.ResourceType = x.id(l), x.name, l.offer.kind
	r.Tags = x.tags()
}

// commit fills what the commitment says.
func (l *line) commit(r *focus.Record) {
	c := l.commitment
	if c == nil {
		return
	}
	r.CommitmentDiscountID, r.CommitmentDiscountName, r.CommitmentDiscountType = c.id, c.name, c.kind
	r.CommitmentDiscountCategory, r.CommitmentDiscountStatus = c.category, l.status
	if l.status != "" {
		r.PricingCategory = "Committed"
	}
}

// invoice is the number of a month's invoice.
func (p *payer) invoice(m calendar.Month) string {
	return fmt.Sprintf("%s-%s-%s", p.currency, p.id[len(p.id)-4:], m.First().Time().Format(time.DateOnly)[:7])
}
