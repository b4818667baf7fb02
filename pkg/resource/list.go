package resource

import (
	"context"
	"fmt"
	"io"
	"slices"
	"strings"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/filter"
	"github.com/tenantry/tenantry/pkg/project"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Narrowing is embedded by the In of both lists.
type Narrowing struct {
	Accept string   `header:"Accept" doc:"text/csv for CSV."`
	Filter []string `query:"filter,explode" doc:"[!]dimension:value[,value]; may be given up to 20 times. Values are whole, as type:ec2:instance, and a comma in one has a backslash before it; project takes IDs; text:web finds what holds a text." example:"type:ec2:instance"`
	Sort   string   `query:"sort" enum:"name,-name,arn,-arn,type,-type,region,-region,accountId,-accountId,projectId,-projectId,state,-state,class,-class,createdAt,-createdAt,firstSeenAt,-firstSeenAt,lastSeenAt,-lastSeenAt,goneAt,-goneAt" default:"name" doc:"What to sort by; with - before it the highest first."`
	Limit  int      `query:"limit" minimum:"1" maximum:"200" default:"50" doc:"How many at most."`
	Cursor string   `query:"cursor" maxLength:"8192" doc:"The next of the page before; none for the first page."`
}

type listIn struct{ Narrowing }

type listProjectIn struct {
	ProjectID string `path:"projectId" doc:"prj_ and 26 characters, or unassigned."`
	Narrowing
}

// Listing is a page of resources.
type Listing struct {
	Items    []Resource `json:"items"`
	Total    *int       `json:"total,omitempty" doc:"How many there are on all pages. With the first page."`
	Facets   *Facets    `json:"facets,omitempty" doc:"With the first page."`
	Accounts []Origin   `json:"accounts,omitempty" doc:"Where the resources come from. With the first page."`
	Next     string     `json:"next,omitempty" doc:"The cursor of the next page; absent at the end."`
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

func (s *Service) list(ctx context.Context, scope *tenant.Scope, in *listIn) (*listOut, error) {
	h, err := s.Store.Tenant(scope)
	if err != nil {
		return nil, err
	}
	return s.answer(ctx, scope, h, &in.Narrowing, scope.Sees, func(a *account) bool {
		return !scope.Limited() || slices.ContainsFunc(a.Holdings, func(of holding) bool { return scope.Sees(of.Project) })
	}, listResources)
}

func (s *Service) listProject(ctx context.Context, scope *tenant.Scope, in *listProjectIn) (*listOut, error) {
	h, err := s.Store.Tenant(scope)
	if err != nil {
		return nil, err
	}
	p, err := project.Find(ctx, scope, h, in.ProjectID)
	if err != nil {
		return nil, err
	}
	return s.answer(ctx, scope, h, &in.Narrowing, func(id tenant.ProjectID) bool { return id == p.ID }, func(a *account) bool {
		return slices.Contains(p.AccountIDs, a.ID) || slices.ContainsFunc(a.Holdings, func(of holding) bool { return of.Project == p.ID })
	}, listProjectResources, string(p.ID))
}

// query reads the parameters; everything wrong with them is in the one error.
func (in *Narrowing) query() (*Query, error) {
	q := &Query{Sort: in.Sort}
	bad := fault.New(fault.Invalid, "The resources cannot be filtered so; errors says why.")
	tell := func(location, message, value string) { bad.At(location, message, value) }
	q.Filters = filter.ReadAll(in.Filter, ParseFilter, tell)
	if excess := filter.Excess(q.Filters); excess != "" {
		tell("query.filter", excess, "")
	}
	if len(bad.Details) > 0 {
		return nil, bad
	}
	return q, nil
}

// answer lists what the query keeps of some projects. listed are the operation and what else cursors are bound to.
func (s *Service) answer(ctx context.Context, scope *tenant.Scope, h *store.Tenant, in *Narrowing, only func(tenant.ProjectID) bool,
	shows func(*account) bool, listed ...string) (*listOut, error) {
	q, err := in.query()
	if err != nil {
		return nil, err
	}
	cursors := route.NewCursors(append(listed, string(scope.Tenant()), in.Sort, fmt.Sprintf("%#v", q.Filters))...)
	position, err := cursors.After(in.Cursor)
	if err != nil {
		return nil, err
	}
	blocks, x, err := s.look(ctx, h, q, only)
	if err != nil {
		return nil, err
	}
	all := q.match(blocks, s.Clock())
	out := &listOut{Body: Listing{Items: []Resource{}}}
	if route.PrefersCSV(in.Accept) {
		body, err := table(all, scope.Tenant())
		out.csv = func(w io.Writer) error { _, err := w.Write(body); return err }
		return out, err
	}
	if position == "" {
		total := len(all)
		out.Body.Total, out.Body.Facets, out.Body.Accounts = &total, facets(all), x.shown(q, shows)
	}
	rest := q.after(all, position)
	page := rest[:min(len(rest), in.Limit)]
	for i := range page {
		out.Body.Items = append(out.Body.Items, page[i].resource(scope.Tenant()))
	}
	if len(rest) > len(page) {
		out.Body.Next = cursors.Make(page[len(page)-1].position())
	}
	return out, nil
}

// page goes through all resources by their ARNs.
func (s *Service) page(ctx context.Context, h *store.Tenant, id tenant.ID, at string, most int) (items []Resource, next string, err error) {
	q := &Query{Sort: "arn", Filters: []Filter{{Dimension: byGone, Values: []string{"true", "false"}}}}
	blocks, _, err := s.look(ctx, h, q, func(tenant.ProjectID) bool { return true })
	if err != nil {
		return nil, "", err
	}
	rest := q.after(q.match(blocks, s.Clock()), at)
	for i := range rest[:min(len(rest), most)] {
		items = append(items, rest[i].resource(id))
	}
	if len(rest) > most {
		next = strings.Clone(rest[most-1].position())
	}
	return items, next, nil
}
