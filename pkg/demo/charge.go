package demo

import (
	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/focus"
)

// day makes a day's charges of a payer.
func (g *generator) day(p *payer, d calendar.Day) error {
	plan := p.plan.on(g, p, d)
	if err := plan.purchase(); err != nil {
		return err
	}
	for i := range p.accounts {
		a := &p.accounts[i]
		for j := range a.resources {
			l := g.usage(p, a, &a.resources[j], d)
			switch {
			case i == 0 && l.offer.kind == "db" && p.reservation != nil:
				if err := g.reserved(l); err != nil {
					return err
				}
				continue
			case i == 0 && l.offer.subcategory == "Virtual Machines":
				plan.cover(l)
			}
			if err := g.emit(l); err != nil {
				return err
			}
		}
	}
	return plan.unused()
}

// usage is what a resource costs on a day at the contract's price.
func (g *generator) usage(p *payer, a *account, x *resource, d calendar.Day) *line {
	l := &line{payer: p, account: a, resource: x, offer: x.offer, category: "Usage", frequency: "Usage-Based",
		description: x.offer.meter + " in " + regions[x.region], from: d, to: d + 1, billing: d.Month(),
		quantity: x.size * x.offer.pace.permille(g, x.name, d) / 10}
	cost := l.quantity * x.offer.contracted()
	l.costs = [4]int64{cost, cost, l.quantity * x.offer.price, cost}
	return l
}

// planDay is what a savings plan covers on a day. The nil plan covers nothing.
type planDay struct {
	*generator
	fee  line
	left int64 // of the fee
}

func (c *commitment) on(g *generator, p *payer, d calendar.Day) *planDay {
	if c == nil {
		return nil
	}
	a := &p.accounts[0]
	return &planDay{g, line{payer: p, account: a, offer: a.resources[0].offer, commitment: c, from: d, to: d + 1, billing: d.Month()}, c.fee}
}

// purchase bills the day's fee, which costs nothing in effect: its uses do.
func (p *planDay) purchase() error {
	if p == nil {
		return nil
	}
	l, fee := p.fee, p.fee.commitment.fee
	l.category, l.frequency, l.description = "Purchase", "Recurring", p.fee.commitment.name+" fee"
	l.costs = [4]int64{fee, 0, fee, fee}
	return p.emit(&l)
}

// cover has the plan pay for a line if what is left is enough for all of it.
func (p *planDay) cover(l *line) {
	if p == nil {
		return
	}
	cost := l.quantity * (l.offer.price * p.fee.commitment.percent / 100)
	if cost > p.left {
		return
	}
	p.left -= cost
	l.commitment, l.status = p.fee.commitment, "Used"
	l.costs[focus.BilledCost], l.costs[focus.EffectiveCost] = 0, cost
}

// unused charges what nothing used: a day's effective costs of the plan are its fee.
func (p *planDay) unused() error {
	if p == nil || p.left == 0 {
		return nil
	}
	l := p.fee
	l.category, l.frequency, l.description, l.status = "Usage", "Usage-Based", p.fee.commitment.name+", not used", "Unused"
	l.costs = [4]int64{0, p.left, 0, 0}
	return p.emit(&l)
}

// reserved has a reservation pay for a line: the fee of a term is billed on its first day and takes effect day by day,
// used or not. One day in twenty the resource stands still.
func (g *generator) reserved(l *line) error {
	c := l.payer.reservation
	n := int64(l.from-g.from) % termDays
	if n == 0 {
		if err := g.emit(&line{payer: l.payer, account: l.account, offer: l.offer, commitment: c, category: "Purchase", frequency: "One-Time",
			description: c.name + " fee", from: l.from, to: l.to, billing: l.billing, costs: [4]int64{c.fee, 0, c.fee, c.fee}}); err != nil {
			return err
		}
	}
	share := c.fee / termDays
	if n < c.fee%termDays {
		share++
	}
	l.commitment, l.status = c, "Used"
	l.costs[focus.BilledCost], l.costs[focus.EffectiveCost] = 0, share
	if g.dice(c.id, l.from, 20) == 0 {
		l.status, l.resource, l.quantity, l.description = "Unused", nil, 0, c.name+", not used"
		l.costs = [4]int64{0, share, 0, 0}
	}
	return g.emit(l)
}

// monthly makes what a month as a whole costs: fees and the credit at once, tax and rounding when it is over.
func (g *generator) monthly(p *payer, m calendar.Month) error {
	if err := g.fee(p, m, "Purchase", "Support plan", &support, p.support); err != nil {
		return err
	}
	if err := g.fee(p, m, "Purchase", "Northwind Monitoring, subscription", &marketplace, p.monitoring); err != nil {
		return err
	}
	most := p.accounts[0].resources[0].offer
	if err := g.fee(p, m, "Credit", "Promotional credit", most, -p.credit); err != nil || !g.over(m) {
		return err
	}
	if err := g.fee(p, m, "Tax", "Tax on services", most, g.billed*p.taxPercent/100); err != nil {
		return err
	}
	const cent = unit / 100
	return g.fee(p, m, "Adjustment", "Rounding of the invoice", most, g.dice(p.id, m.First(), cent)-cent/2)
}

// fee charges the last account for a whole month. What the provider does not sell itself, taxes and rounding have no
// ContractedCost; a credit has no list price.
func (g *generator) fee(p *payer, m calendar.Month, category, description string, o *offer, cost int64) error {
	if cost == 0 {
		return nil
	}
	l := &line{payer: p, account: &p.accounts[len(p.accounts)-1], offer: o, category: category, description: description,
		frequency: "One-Time", from: m.First(), to: (m + 1).First(), billing: m, costs: [4]int64{cost, cost, cost, cost}}
	switch category {
	case "Purchase":
		l.frequency, l.uncontracted = "Recurring", o == &marketplace
	case "Credit":
		l.costs[focus.ListCost] = 0
	default:
		l.uncontracted = true
	}
	return g.emit(l)
}

// corrections restates the month before: use that was metered late, and every third month the refund of a day.
func (g *generator) corrections(p *payer, m calendar.Month) error {
	a := &p.accounts[0]
	for i, x := range a.resources {
		l := g.usage(p, a, &a.resources[i], (m - 1).Last())
		l.billing, l.correction = m, true
		switch {
		case x.offer.category == "Networking":
			l.description += ", metered late"
		case i == 0 && m%3 == 0:
			l.description, l.quantity = "Refund of "+l.description, 0
			for c := range l.costs {
				l.costs[c] = -l.costs[c]
			}
		default:
			continue
		}
		if err := g.emit(l); err != nil {
			return err
		}
	}
	return nil
}
