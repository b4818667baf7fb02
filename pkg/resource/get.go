package resource

import (
	"context"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cost"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/money"
	"github.com/tenantry/tenantry/pkg/project"
	"github.com/tenantry/tenantry/pkg/tenant"
)

type getIn struct {
	ProjectID  string `path:"projectId" doc:"prj_ and 26 characters, or unassigned."`
	ResourceID string `path:"resourceId" doc:"res_ and 26 characters."`
	Start      string `query:"start" format:"date" doc:"First day of the costs, which is a month's first; six months before the present one's end where absent."`
	End        string `query:"end" format:"date" doc:"Day after their last, which is a month's first; the end of the present month where absent."`
	Currency   string `query:"currency" doc:"ISO 4217. Needed where there are costs in several."`
}

// Costed is a resource and what it costs.
type Costed struct {
	Resource
	Cost CostByMonth `json:"cost"`
}

// CostByMonth is what a resource costs in effect, by month.
type CostByMonth struct {
	Start     calendar.Day  `json:"start" format:"date"`
	End       calendar.Day  `json:"end" format:"date" doc:"Exclusive."`
	Metric    string        `json:"metric" enum:"effectiveCost"`
	Currency  string        `json:"currency" doc:"ISO 4217; empty where there are no costs to tell it from."`
	Total     *money.Amount `json:"total" doc:"Null where no line of costs names the resource."`
	Months    []cost.Point  `json:"months" doc:"Those that have costs, ascending, by their first day."`
	Complete  bool          `json:"complete" doc:"Whether the project has the costs of all days to the end or yesterday."`
	Estimated bool          `json:"estimated"`
	AsOf      *time.Time    `json:"asOf" doc:"When the youngest delivery closed that they rest on; null where they rest on none."`
}

type getOut struct{ Body Costed }

const noSuch = "There is no such resource in this project."

func (s *Service) get(ctx context.Context, scope *tenant.Scope, in *getIn) (*getOut, error) {
	h, err := s.Store.Tenant(scope)
	if err != nil {
		return nil, err
	}
	p, err := project.Find(ctx, scope, h, in.ProjectID)
	if err != nil {
		return nil, err
	}
	id, err := tenant.ParseResourceID(in.ResourceID)
	if err != nil {
		return nil, fault.New(fault.NotFound, noSuch)
	}
	question, err := in.question(s.Clock())
	if err != nil {
		return nil, err
	}
	blocks, _, err := s.look(ctx, h, &Query{}, func(of tenant.ProjectID) bool { return of == p.ID })
	if err != nil {
		return nil, err
	}
	for _, b := range blocks {
		for i := range b.Head {
			if b.over(i, s.Clock()) || tenant.ResourceIDOf(scope.Tenant(), b.arn(i)) != id {
				continue
			}
			r := ref{block: b, i: i}
			out := &getOut{Body: Costed{Resource: r.resource(scope.Tenant())}}
			out.Body.Cost, err = s.costOf(ctx, scope, question, p.ID, b.arn(i))
			return out, err
		}
	}
	return nil, fault.New(fault.NotFound, noSuch)
}

// months are how many the costs are of where nobody says.
const months = 6

// question asks for effective costs by month.
func (in *getIn) question(now time.Time) (*cost.Question, error) {
	this := calendar.MonthOf(now.UTC())
	q := &cost.Question{Start: (this + 1 - months).First(), End: (this + 1).First(), Granularity: cost.Monthly, Metric: focus.EffectiveCost,
		Currency: money.Currency(in.Currency)}
	bad := fault.New(fault.Invalid, "The costs cannot be asked for so; errors says why.")
	for _, x := range []struct {
		at, text string
		into     *calendar.Day
	}{{"query.start", in.Start, &q.Start}, {"query.end", in.End, &q.End}} {
		if x.text == "" {
			continue
		}
		d, err := calendar.ParseDay(x.text)
		if err != nil {
			bad.At(x.at, err.Error(), x.text)
			continue
		}
		if *x.into = d; d != d.Month().First() {
			bad.At(x.at, "costs of a resource are kept by month: give the first day of one", x.text)
		}
	}
	if len(bad.Details) > 0 {
		return nil, bad
	}
	return q, q.Check()
}

// short are the IDs that costs may have in the place of ARNs, of those that no two resources share.
var short = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^[a-z]+-[0-9a-f]{8,17}$`) })

// names are all by which costs may call the resource of an ARN.
func names(s string) []string {
	a, ok := parseARN(s)
	if !ok {
		return []string{s}
	}
	if a.service == "s3" || a.service == "ec2" && short().MatchString(a.end()) {
		return []string{s, strings.TrimPrefix(a.resource[strings.IndexByte(a.resource, '/')+1:], "/")}
	}
	return []string{s}
}

// costOf asks what a project's lines say of a resource.
func (s *Service) costOf(ctx context.Context, scope *tenant.Scope, q *cost.Question, p tenant.ProjectID, arn string) (CostByMonth, error) {
	q.Filters = []cost.Filter{{Dimension: cost.ByProject, Values: []string{string(p)}}, {Dimension: "resourceId", Values: slices.Compact(names(arn))}}
	a, err := s.Costs.Ask(ctx, scope, *q)
	if err != nil {
		return CostByMonth{}, err
	}
	c := CostByMonth{Start: a.Start, End: a.End, Metric: a.Metric, Currency: a.Currency, Complete: a.Complete, Estimated: a.Estimated, AsOf: a.AsOf,
		Months: []cost.Point{}}
	if len(a.Groups) > 0 {
		c.Total, c.Months = a.Groups[0].Total, a.Groups[0].Points
	}
	return c, nil
}
