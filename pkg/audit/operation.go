package audit

import (
	"context"
	"io"
	"net/http"
	"time"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Service has the operation on the log. All fields are needed.
type Service struct {
	Store *store.Store
	Clock func() time.Time
}

// Operations lists the package's operations; it works on a nil Service.
func (s *Service) Operations() []route.Operation {
	return []route.Operation{route.ForTenant(route.Spec{
		ID: listAudit, Method: http.MethodGet, Path: "/v1/tenants/{tenantId}/audit", Permission: tenant.ReadAudit, Reach: route.Whole, Function: route.Admin,
		Summary: "List the audit log", Doc: doc, Tag: "Audit", Media: "text/csv", Example: listIn{Start: "2026-01-01", End: "2026-02-01", Outcome: Refused},
	}, s.list)}
}

const (
	listAudit = "listAudit"

	doc = `Youngest first: every change of what the organization has, and every access that a member was refused. A row is written with its
change or not at all, and never changed; it is kept for as long as the plan says.

` + "`start`" + ` and ` + "`end`" + ` are UTC days or times of RFC 3339, ` + "`end`" + ` exclusive; without them it is the last 30 days, and at most 400 days at
once. With ` + "`Accept: text/csv`" + ` all rows of the range come at once, up to 5 MB: a column for each field, changes as JSON; texts that
begin with = + - @ have an apostrophe before them. A page of a filtered list may be short or empty and still have a next.`
)

type listIn struct {
	route.Paging
	Accept  string  `header:"Accept" doc:"text/csv for CSV."`
	Start   string  `query:"start" maxLength:"35" doc:"From this day or time on." example:"2026-01-01"`
	End     string  `query:"end" maxLength:"35" doc:"Until before this day or time." example:"2026-02-01T12:00:00Z"`
	Actor   string  `query:"actor" maxLength:"1000" doc:"The subject or e-mail of an actor, or the ID of an API key, whole."`
	Outcome Outcome `query:"outcome" enum:"done,refused,failed" doc:"Only what came to this."`
}

type listOut struct {
	Body route.Page[Row]
	csv  []byte
}

// Alternate gives CSV where that was asked for.
func (o *listOut) Alternate() (string, func(io.Writer) error) {
	if o.csv == nil {
		return "", nil
	}
	return "text/csv; charset=utf-8; header=present", func(w io.Writer) error { _, err := w.Write(o.csv); return err }
}

func (s *Service) list(ctx context.Context, scope *tenant.Scope, in *listIn) (*listOut, error) {
	r, err := in.reading(s.Clock().UTC())
	if err != nil {
		return nil, err
	}
	if r.log, err = s.Store.Tenant(scope); err != nil {
		return nil, err
	}
	out := &listOut{}
	if route.PrefersCSV(in.Accept) {
		out.csv, err = r.csv(ctx)
		return out, err
	}
	cursors := route.NewCursors(listAudit, string(scope.Tenant()), in.Start, in.End, in.Actor, string(in.Outcome))
	after, err := cursors.After(in.Cursor)
	if err != nil {
		return nil, err
	}
	rows, next, err := r.page(ctx, after, in.Limit)
	out.Body = route.Page[Row]{Items: rows, Next: cursors.Make(next)}
	return out, err
}

const (
	day      = 24 * time.Hour
	usual    = 30 * day
	maxRange = 400 * day
	skew     = time.Minute // between the clocks of those who write rows
)

// reading is what the parameters ask for.
func (in *listIn) reading(now time.Time) (*reading, error) {
	bad := fault.New(fault.Invalid, "The range is not acceptable; errors says where.")
	end, start := instant(bad, "query.end", in.End, now), time.Time{}
	start = instant(bad, "query.start", in.Start, end.Add(-usual))
	if len(bad.Details) == 0 && !start.Before(end) {
		bad.At("query.start", "is not before end", in.Start)
	}
	if len(bad.Details) == 0 && end.Sub(start) > maxRange {
		bad.At("query.start", "is more than 400 days before end: ask for less at once", in.Start)
	}
	if len(bad.Details) > 0 {
		return nil, bad
	}
	if in.End == "" {
		end = end.Add(skew)
	}
	return &reading{from: start.Add(time.Millisecond - 1).Truncate(time.Millisecond), to: end.Add(-1).Truncate(time.Millisecond),
		actor: in.Actor, outcome: in.Outcome}, nil
}

// instant reads a time of RFC 3339 or a UTC day's beginning.
func instant(bad *fault.Error, at, text string, without time.Time) time.Time {
	if text == "" {
		return without
	}
	if t, err := time.Parse(time.RFC3339, text); err == nil && t.Year() >= calendar.MinYear && t.Year() <= calendar.MaxYear {
		return t.UTC()
	}
	d, err := calendar.ParseDay(text)
	if err != nil {
		bad.At(at, "is neither a day yyyy-mm-dd nor a time of RFC 3339, between 1990 and 2100", text)
	}
	return d.Time()
}
