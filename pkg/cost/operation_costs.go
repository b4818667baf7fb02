package cost

import (
	"context"
	"fmt"
	"io"
	"net/http"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/filter"
	"github.com/tenantry/tenantry/pkg/money"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/tenant"
)

const costsDoc = `Answers what a tenant's costs are, exactly: amounts are decimal strings, and what has no amount is null, not 0.

**Range.** ` + "`start`" + ` and ` + "`end`" + ` are UTC days, ` + "`end`" + ` is exclusive. A line belongs to the day its charge period starts on; with
` + "`period=billing`" + ` to the billing period it is invoiced in, and the range must be whole months. A range has at most 10 years, with
` + "`granularity=daily`" + ` 400 days.

**Dimensions.** project (its ID), environment, label:‹key› (of the project), billingAccountId, subAccountId, providerName, serviceName,
regionId, chargeCategory, chargeClass, skuId, pricingCategory, pricingUnit, resourceId, invoiceIssuerName, invoiceId, currency, and tag:‹key› for
the tag keys that the tenant keeps. Not all can be combined: GET dimensions lists the views that keep them, and one view answers a question.
resourceId, invoiceIssuerName and invoiceId are kept by month.

**Filters** are ` + "`[!]dimension:value[,value]`" + `: one of the values, or with ! none of them; several filters must all hold.
An empty value is null: ` + "`filter=regionId:`" + ` keeps lines without a region, ` + "`filter=!regionId:`" + ` those with one, and
` + "`filter=!regionId:us-west-2`" + ` keeps lines without a region. A backslash stands before , : and \ that are part of a key or value; colons in values
need none. project takes IDs and exact names. All filters together have at most 4,000 characters.

**Groups** have a key with the value of each dimension of ` + "`groupBy`" + `, null where lines have none, and are sorted by total, the largest
first. ` + "`top=n`" + ` leaves n and adds the rest up in a last group, with Other in its key and ` + "`\"other\": true`" + `, which no
value of that name has. ` + "`total`" + ` is always that of all groups. Points are given for the days or months that have costs; the date of a month is its first
day, also where the range begins later. A page has at most 1,000 groups, fewer where they have many points.

**Metrics.** effectiveCost spreads what was paid ahead over what uses it; billedCost is what is invoiced. pricingQuantity is no money: it is
asked grouped by pricingUnit (total is then null where units differ) or filtered to one.

**Currency.** An answer has one. Where costs are in several, ` + "`currency=`" + ` chooses; one without costs gives "0".

**How sure it is.** ` + "`complete`" + ` says that every project asked about has costs to the end of each month, the range or yesterday. Nothing is
expected of a project after it was archived, nor of months before the one it was made in, unless it has costs in them;
` + "`incomplete`" + ` names what is missing. ` + "`shadows`" + ` names what further sources hold of the same accounts: it is kept aside and never added. Where
tags were not kept for some costs the question is refused, naming them; ` + "`allowPartial=true`" + ` answers the rest with complete false.

**CSV.** With ` + "`Accept: text/csv`" + ` all groups come at once, up to 5 MB: a column for each dimension, date (unless granularity is total), the
metric, currency and, with top, other. Null is empty, there is no line of totals, and texts that begin with = + - @ have an apostrophe before them.`

type costsIn struct {
	Accept       string   `header:"Accept" doc:"text/csv for CSV."`
	Start        string   `query:"start" required:"true" format:"date" doc:"First day, yyyy-mm-dd." example:"2026-01-01"`
	End          string   `query:"end" required:"true" format:"date" doc:"Day after the last." example:"2026-02-01"`
	Granularity  string   `query:"granularity" enum:"daily,monthly,total" default:"monthly" doc:"What one row of the answer is of: a day, a month, or all of the time."`
	Metric       string   `query:"metric" enum:"billedCost,effectiveCost,listCost,contractedCost,pricingQuantity" default:"effectiveCost" doc:"What is summed; pricingQuantity is no money."`
	GroupBy      string   `query:"groupBy" doc:"Up to 5 dimensions with commas between them." example:"serviceName,environment"`
	Filter       []string `query:"filter,explode" doc:"May be given up to 20 times." example:"environment:production"`
	Top          int      `query:"top" minimum:"1" maximum:"1000" doc:"Only the largest groups, and the rest as one."`
	Currency     string   `query:"currency" doc:"ISO 4217." example:"USD"`
	Period       string   `query:"period" enum:"charge,billing" default:"charge" doc:"What start and end are about."`
	AllowPartial bool     `query:"allowPartial" doc:"Answer without the costs that have not the tag keys asked for."`
	Limit        int      `query:"limit" minimum:"1" maximum:"1000" default:"1000" doc:"Groups of a page at most."`
	Cursor       string   `query:"cursor" maxLength:"2048" doc:"The next of the page before."`
}

type costsOut struct {
	Body  Answer
	asked *Question
	csv   bool
}

// Alternate gives CSV where that was asked for.
func (o *costsOut) Alternate() (string, func(io.Writer) error) {
	if !o.csv {
		return "", nil
	}
	return "text/csv; charset=utf-8; header=present", func(w io.Writer) error { return o.Body.CSV(w, o.asked) }
}

func (s *Service) costsOperation() route.Operation {
	return route.ForTenant(route.Spec{
		ID: "getCosts", Method: http.MethodGet, Path: "/v1/tenants/{tenantId}/costs", Permission: tenant.ReadCost, Reach: route.Within, Function: route.API,
		Summary: "Ask what costs are", Doc: costsDoc, Tag: "Costs", Media: "text/csv",
		Example: &costsIn{Start: "2026-01-01", End: "2026-02-01", GroupBy: "serviceName,environment",
			Filter: []string{"environment:production", "!chargeCategory:Credit,Tax"}},
	}, s.costs)
}

func (s *Service) costs(ctx context.Context, scope *tenant.Scope, in *costsIn) (*costsOut, error) {
	q, err := in.question()
	if err != nil {
		return nil, err
	}
	a, err := s.Ask(ctx, scope, *q)
	if err != nil {
		return nil, err
	}
	out := &costsOut{Body: *a, asked: q, csv: route.PrefersCSV(in.Accept)}
	if out.csv {
		return out, nil
	}
	cursors := route.NewCursors("getCosts", string(scope.Tenant()), fmt.Sprintf("%#v", *q))
	return out, out.Body.page(cursors, in.Cursor, in.Limit)
}

// question reads the parameters; everything wrong with them is in the one error.
func (in *costsIn) question() (*Question, error) {
	var p problems
	q := &Question{Granularity: Granularity(in.Granularity), Top: in.Top, Currency: money.Currency(in.Currency),
		Billing: in.Period == "billing", AllowPartial: in.AllowPartial}
	var err error
	if q.Metric, err = parseMetric(in.Metric); err != nil {
		p.add("query.metric", err.Error(), in.Metric)
	}
	q.Start = day(&p, "query.start", in.Start)
	q.End = day(&p, "query.end", in.End)
	if in.GroupBy != "" {
		groupBy, err := filter.ParseList(in.GroupBy)
		if err != nil {
			p.add("query.groupBy", err.Error(), in.GroupBy)
		}
		for _, d := range groupBy {
			q.GroupBy = append(q.GroupBy, Dimension(d))
		}
	}
	q.Filters = filter.ReadAll(in.Filter, ParseFilter, p.add)
	if err := p.err(); err != nil {
		return nil, err
	}
	return q, q.Check()
}

// day reads a date.
func day(p *problems, at, text string) calendar.Day {
	d, err := calendar.ParseDay(text)
	if err != nil {
		p.add(at, err.Error(), text)
	}
	return d
}
