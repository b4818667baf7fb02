package metric

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/project"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/tenant"
)

type listIn struct {
	ProjectID string   `path:"projectId" doc:"prj_ and 26 characters, or unassigned."`
	Accept    string   `header:"Accept" doc:"text/csv for CSV."`
	Resource  []string `query:"resource,explode" maxItems:"50" doc:"ID or ARN of a resource; may be given several times. All where absent."`
	Type      []string `query:"type,explode" maxItems:"20" enum:"dynamodb:table,ec2:instance,ec2:natgateway,ec2:volume,ecs:service,elasticloadbalancing:loadbalancer,elasticloadbalancing:loadbalancer/app,elasticloadbalancing:loadbalancer/gwy,elasticloadbalancing:loadbalancer/net,lambda:function,logs:log-group,rds:cluster,rds:db,s3:bucket,sns:topic,sqs:queue" doc:"Of resources; may be given several times. All where absent."`
	Metric    []string `query:"metric,explode" maxItems:"20" doc:"As CloudWatch calls it; may be given several times. All where absent." example:"CPUUtilization"`
	Statistic []string `query:"statistic,explode" maxItems:"4" enum:"Average,Maximum,p99,Sum" doc:"May be given several times. All where absent."`
	Start     string   `query:"start" format:"date" doc:"First day; 14 days before the end where absent."`
	End       string   `query:"end" format:"date" doc:"Day after the last one; today, UTC, where absent."`
	Limit     int      `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many series at most."`
	Cursor    string   `query:"cursor" maxLength:"8192" doc:"The next of the page before; none for the first page."`
}

// Shown is a series as it is shown.
type Shown struct {
	ResourceID tenant.ResourceID `json:"resourceId"`
	ARN        string            `json:"arn"`
	Type       string            `json:"type" doc:"Of the resource."`
	AccountID  string            `json:"accountId"`
	Metric     string            `json:"metric" doc:"As CloudWatch calls it."`
	Statistic  string            `json:"statistic" enum:"Average,Maximum,p99,Sum"`
	Unit       string            `json:"unit" doc:"As CloudWatch calls it: Percent, Bytes, Bytes/Second, Count, Count/Second, Milliseconds, Seconds."`
	Points     []Point           `json:"points" doc:"Ascending; a day without a value is left out."`
}

// Listing is a page of series.
type Listing struct {
	Start    calendar.Day `json:"start" format:"date"`
	End      calendar.Day `json:"end" format:"date" doc:"Exclusive."`
	Items    []Shown      `json:"items"`
	Total    *int         `json:"total,omitempty" doc:"How many there are on all pages. With the first page."`
	Accounts []Origin     `json:"accounts,omitempty" doc:"Where the metrics come from. With the first page."`
	Next     string       `json:"next,omitempty" doc:"The cursor of the next page; absent at the end."`
}

type listOut struct {
	Body Listing
	csv  func(io.Writer) error
}

// Alternate gives CSV where that was asked for.
func (o *listOut) Alternate() (string, func(io.Writer) error) {
	if o.csv == nil {
		return "", nil
	}
	return "text/csv; charset=utf-8; header=present", o.csv
}

// MaxDays bounds the period that is asked for at once.
const MaxDays = 400

// firstDays are how many days the first collection goes back, and an answer where nobody says.
const firstDays = 14

// query reads the parameters; everything wrong with them is in the one error.
func (in *listIn) query(today calendar.Day) (*query, error) {
	q := &query{end: today, resources: in.Resource, types: in.Type, metrics: in.Metric, statistics: in.Statistic}
	bad := fault.New(fault.Invalid, "The metrics cannot be asked for so; errors says why.")
	day := func(at, text string, into *calendar.Day) {
		d, err := calendar.ParseDay(text)
		if err != nil {
			bad.At(at, err.Error(), text)
			return
		}
		*into = d
	}
	if in.End != "" {
		day("query.end", in.End, &q.end)
	}
	q.start = q.end - firstDays
	if in.Start != "" {
		day("query.start", in.Start, &q.start)
	}
	if len(bad.Details) == 0 && (q.start >= q.end || q.end-q.start > MaxDays) {
		bad.At("query.start", fmt.Sprintf("the period has 1 to %d days: start lies before end, which is not in it", MaxDays), in.Start)
	}
	if len(bad.Details) > 0 {
		return nil, bad
	}
	return q, nil
}

func (s *Service) list(ctx context.Context, scope *tenant.Scope, in *listIn) (*listOut, error) {
	h, err := s.Store.Tenant(scope)
	if err != nil {
		return nil, err
	}
	p, err := project.Find(ctx, scope, h, in.ProjectID)
	if err != nil {
		return nil, err
	}
	q, err := in.query(calendar.DayOf(s.Clock()))
	if err != nil {
		return nil, err
	}
	cursors := route.NewCursors(listMetrics, string(scope.Tenant()), string(p.ID), fmt.Sprintf("%q", []any{in.Resource, in.Type, in.Metric, in.Statistic}),
		q.start.String(), q.end.String())
	position, err := cursors.After(in.Cursor)
	if err != nil {
		return nil, err
	}
	q.project, q.tenant = p.ID, scope.Tenant()
	all, heads, err := s.look(ctx, h, q)
	if err != nil {
		return nil, err
	}
	out := &listOut{Body: Listing{Start: q.start, End: q.end, Items: []Shown{}}}
	if route.PrefersCSV(in.Accept) {
		body, err := table(all)
		out.csv = func(w io.Writer) error { _, err := w.Write(body); return err }
		return out, err
	}
	if position == "" {
		total := len(all)
		out.Body.Total, out.Body.Accounts = &total, origins(heads)
	}
	at, _ := slices.BinarySearchFunc(all, position, func(x Shown, after string) int {
		if strings.Compare(x.position(), after) <= 0 {
			return -1
		}
		return 1
	})
	if position == "" {
		at = 0
	}
	page := all[at:min(len(all), at+in.Limit)]
	out.Body.Items = append(out.Body.Items, page...)
	if at+len(page) < len(all) {
		out.Body.Next = cursors.Make(page[len(page)-1].position())
	}
	return out, nil
}

// position is where a series stands in the order.
func (x *Shown) position() string {
	return strings.Join([]string{x.Type, x.ARN, x.Metric, x.Statistic, x.AccountID}, "\x00")
}
