package cost

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cost/document"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/generation"
	"github.com/tenantry/tenantry/pkg/money"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Answer is what costs are, and how sure that is. Amounts are exact; null where there are lines and none has an amount.
type Answer struct {
	Start       calendar.Day                 `json:"start" format:"date"`
	End         calendar.Day                 `json:"end" format:"date" doc:"Exclusive."`
	Granularity Granularity                  `json:"granularity" enum:"daily,monthly,total"`
	Metric      string                       `json:"metric" enum:"billedCost,effectiveCost,listCost,contractedCost,pricingQuantity"`
	Period      string                       `json:"period" enum:"charge,billing"`
	Currency    string                       `json:"currency" doc:"ISO 4217; empty where there are no costs to tell it from, and for quantities."`
	Unit        string                       `json:"unit,omitempty" doc:"Of quantities filtered to one pricing unit."`
	AsOf        *time.Time                   `json:"asOf" doc:"When the youngest delivery closed that the answer rests on; null where it rests on none."`
	Complete    bool                         `json:"complete" doc:"Whether every project asked about has the costs of all days to the end of the range or yesterday, of the months from its making on and others that it has costs in, until it was archived, and what counts is what providers say it is in sum. Not where all that a project has of a month is kept aside and the answer leaves out projects: its costs may be counted in those."`
	Estimated   bool                         `json:"estimated" doc:"Whether a provider calls any of it an estimate."`
	Final       bool                         `json:"final" doc:"Whether it is complete and nothing of it is expected to change."`
	Incomplete  []Gap                        `json:"incomplete" doc:"What is missing by project and month, the first 1,000."`
	Total       *money.Amount                `json:"total" doc:"Of all groups, also of those on other pages; null for quantities of several units."`
	Absent      int64                        `json:"absent,omitempty" doc:"How many lines have no amount in the metric, and count as nothing."`
	Groups      []Group                      `json:"groups" doc:"By total, the largest first, then by key; groups without a total come last."`
	Names       map[string]map[string]string `json:"names,omitempty" doc:"Display names of projects, accounts and regions among the groups, by dimension and value, where they are known."`
	Shadows     []Shadow                     `json:"shadows,omitempty" doc:"What other sources hold of what is asked for. It is not added: another source counts."`
	Next        string                       `json:"next,omitempty" doc:"The cursor of the next page of groups; absent at the end."`
}

// Group is the costs that have one key.
type Group struct {
	Key    map[string]*string `json:"key" doc:"The value of each dimension grouped by; null where lines have none. Other in each where other is true."`
	Other  bool               `json:"other,omitempty" doc:"True of the last group where top left out groups: it is their sum. A group of a value named Other has it not."`
	Total  *money.Amount      `json:"total"`
	Absent int64              `json:"absent,omitempty" doc:"How many of its lines have no amount in the metric."`
	Points []Point            `json:"points,omitempty" doc:"The days or months that have costs, ascending. None where granularity is total."`
}

// Point is the costs of a day or a month.
type Point struct {
	Date   calendar.Day  `json:"date" format:"date" doc:"The day, or the first day of the month."`
	Amount *money.Amount `json:"amount"`
}

// Shadow is costs that are kept aside: of these accounts another source counts in the billing period.
type Shadow struct {
	Source   string         `json:"source" doc:"The source whose costs are not counted."`
	Period   calendar.Month `json:"period" doc:"The billing period, yyyy-mm."`
	Accounts []string       `json:"accounts" doc:"Sub-accounts; billing accounts for lines without a sub-account."`
}

// Ask answers a question from the projects that the scope sees. Errors are fault.Invalid for what the question cannot ask,
// with places in the query of getCosts, fault.Unavailable where deliveries kept moving the costs, and the store's.
func (s *Service) Ask(ctx context.Context, scope *tenant.Scope, q Question) (*Answer, error) {
	if err := q.Check(); err != nil {
		return nil, err
	}
	p, t, err := s.gather(ctx, scope, &q)
	if err != nil {
		return nil, err
	}
	return p.answer(t, s.Clock())
}

// gather plans and scans, on one state of the ledger.
func (s *Service) gather(ctx context.Context, scope *tenant.Scope, q *Question) (*plan, *table, error) {
	var p *plan
	var sums *table
	err := generation.Try(ctx, func() error {
		seen, err := s.look(ctx, scope)
		if err != nil {
			return err
		}
		seen.keep(q.Filters)
		view, err := q.view(seen.subjects)
		if err != nil {
			return err
		}
		if err := seen.readIndexes(ctx, view); err != nil {
			return err
		}
		next, torn := newPlan(q, view, &seen.head, seen.subjects)
		if torn {
			return ErrMoved
		}
		p, next.part, next.limited, next.roster = next, seen.part, seen.limited, seen.roster
		if err := p.link(ctx, seen.tenant, s.Clock()); err != nil {
			return err
		}
		if err := p.refusal(); err != nil && !q.AllowPartial {
			return err
		}
		sums, err = p.scan(ctx, seen.tenant)
		return err
	})
	if errors.Is(err, ErrMoved) {
		err = busy()
	}
	return p, sums, err
}

func busy() error {
	return fault.New(fault.Unavailable, "Deliveries are changing the costs right now. Try again in a moment.")
}

// answer makes the answer of what was added up.
func (p *plan) answer(t *table, now time.Time) (*Answer, error) {
	q := p.q
	currency, err := p.currency(t)
	if err != nil {
		return nil, err
	}
	a := &Answer{Start: q.Start, End: q.End, Granularity: cmp.Or(q.Granularity, Monthly), Metric: MetricName(q.Metric), Period: "charge",
		Currency: currency, Incomplete: p.gaps(now), Estimated: p.estimated, Shadows: t.shadows()}
	if q.Billing {
		a.Period = "billing"
	}
	if q.Metric == focus.PricingQuantity {
		a.Unit, _ = q.unit()
	}
	if p.asOf != 0 {
		asOf := time.Unix(p.asOf, 0).UTC()
		a.AsOf = &asOf
	}
	a.Complete = len(a.Incomplete) == 0
	a.Final = a.Complete && p.asOf != 0 && !p.open && !p.estimated
	groups, err := t.groups()
	if err != nil {
		return nil, err
	}
	if err := a.sum(q, groups); err != nil {
		return nil, err
	}
	if q.Top > 0 && len(groups) > q.Top {
		if groups, err = cut(groups, q.Top); err != nil {
			return nil, err
		}
	}
	a.Groups = make([]Group, len(groups))
	for i, g := range groups {
		a.Groups[i] = g.group(q)
	}
	a.Names = t.names(a.Groups)
	return a, nil
}

// currency is the one that the answer is in: the one asked for, or the only one there is. "" where there are no costs to
// tell it from.
func (p *plan) currency(t *table) (string, error) {
	if p.q.Currency != "" || p.q.Metric == focus.PricingQuantity {
		return string(p.q.Currency), nil
	}
	var there []string
	for g, k := range t.keys {
		if hasCells(t.sums[g]) {
			there = insert(there, t.slots[len(t.slots)-1].texts[k[len(t.slots)-1]])
		}
	}
	if len(there) == 0 && len(p.currencies) == 1 {
		there = p.currencies
	}
	if len(there) > 1 {
		all := strings.Join(there, ", ")
		return "", fault.New(fault.Invalid, "The costs are in several currencies, and an answer has one. Say currency= with one of %s.", all).
			At("query.currency", "is needed: there are "+all, "")
	}
	return strings.Join(there, ""), nil
}

// sum fills the total and the number of lines without an amount.
func (a *Answer) sum(q *Question, groups []tallied) error {
	var all document.Sum
	var units []string
	for i := range groups {
		if err := addSum(&all, groups[i].total); err != nil {
			return tooMuch(err)
		}
		if at := slices.Index(q.GroupBy, unitDimension); at >= 0 {
			units = insert(units, groups[i].values[at])
		}
	}
	a.Absent = all.Nulls
	if q.Metric != focus.PricingQuantity || len(units) < 2 {
		a.Total = amountOf(all)
	}
	return nil
}

// amountOf is null where there are lines and none has an amount; 0 where there are no lines.
func amountOf(s document.Sum) *money.Amount {
	if s.Cells == 0 && s.Nulls > 0 {
		return nil
	}
	return &s.Amount
}

func tooMuch(err error) error {
	return fault.Wrap(err, fault.Invalid, "The costs add up to more than can be told, about 1.7e20. Ask for less at once.")
}

func hasCells(sums []document.Sum) bool {
	return slices.ContainsFunc(sums, func(s document.Sum) bool { return s.Cells+s.Nulls > 0 })
}

// shadows lists what was left aside.
func (t *table) shadows() (all []Shadow) {
	order := make([]aside, 0, len(t.asides))
	for a := range t.asides {
		order = append(order, a)
	}
	slices.SortFunc(order, func(a, b aside) int {
		return cmp.Or(cmp.Compare(a.source, b.source), cmp.Compare(a.period, b.period), cmp.Compare(a.unit, b.unit))
	})
	for _, a := range order {
		if n := len(all); n == 0 || all[n-1].Source != a.source || all[n-1].Period != a.period {
			all = append(all, Shadow{Source: a.source, Period: a.period})
		}
		last := &all[len(all)-1]
		last.Accounts = append(last.Accounts, strings.TrimPrefix(a.unit, "\x00"))
	}
	return all
}

// String is short, for logs and tests.
func (g Gap) String() string { return fmt.Sprintf("%s %s: %s", g.Project, g.Period, g.Reason) }
