package cost

import (
	"cmp"
	"context"
	"net/http"
	"slices"
	"strings"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Value is one value of a dimension.
type Value struct {
	Value *string `json:"value" doc:"Null: there are costs without a value."`
	Name  string  `json:"name,omitempty" doc:"The display name of a project, account or region."`
}

type valuesIn struct {
	Dimension string `path:"dimension" maxLength:"1000" doc:"A dimension's name, percent-encoded." example:"serviceName"`
	Start     string `query:"start" format:"date" doc:"First day; from the beginning where absent."`
	End       string `query:"end" format:"date" doc:"Day after the last; to the end where absent."`
	Prefix    string `query:"prefix" maxLength:"256" doc:"Only values, or names, that begin with it; letters of either case."`
	Limit     int    `query:"limit" minimum:"1" maximum:"1000" default:"100" doc:"How many at most."`
	Cursor    string `query:"cursor" maxLength:"4096" doc:"The next of the page before."`
}

type valuesOut struct{ Body route.Page[Value] }

func (s *Service) valuesOperation() route.Operation {
	return route.ForTenant(route.Spec{
		ID: "listDimensionValues", Method: http.MethodGet, Path: "/v1/tenants/{tenantId}/dimensions/{dimension}/values",
		Permission: tenant.ReadCost, Reach: route.Within, Function: route.API, Summary: "List the values of a dimension", Tag: "Costs",
		Example: &valuesIn{Dimension: "serviceName", Start: "2026-01-01", End: "2026-02-01", Prefix: "Amazon"},
		Doc: "Lists, in ascending order, the values that costs of the range have in a dimension, of the projects that the caller sees; null " +
			"first, where there are costs without a value. Of project, environment and label:‹key› it lists those of all projects, whatever the range. Dimensions " +
			"that are kept by month take whole months.",
	}, s.values)
}

func (s *Service) values(ctx context.Context, scope *tenant.Scope, in *valuesIn) (*valuesOut, error) {
	q, err := in.question()
	if err != nil {
		return nil, err
	}
	cursors := route.NewCursors("listDimensionValues", string(scope.Tenant()), in.Dimension, in.Start, in.End, in.Prefix)
	after, err := cursors.After(in.Cursor)
	if err != nil {
		return nil, err
	}
	all, err := s.valuesOf(ctx, scope, q)
	if err != nil {
		return nil, err
	}
	out := &valuesOut{route.Page[Value]{Items: []Value{}}}
	for _, v := range all {
		if v.position() <= after || !v.begins(in.Prefix) {
			continue
		}
		if len(out.Body.Items) == in.Limit {
			out.Body.Next = cursors.Make(out.Body.Items[in.Limit-1].position())
			break
		}
		out.Body.Items = append(out.Body.Items, v)
	}
	return out, nil
}

// question asks for the total of each value.
func (in *valuesIn) question() (*Question, error) {
	var p problems
	q := &Question{Start: calendar.Date(calendar.MinYear, 1, 1), End: calendar.Date(calendar.MaxYear+1, 1, 1), Granularity: Total, AllowPartial: true}
	d, err := ParseDimension(in.Dimension)
	if err != nil {
		p.add("path.dimension", err.Error(), in.Dimension)
	}
	q.GroupBy = []Dimension{d}
	if in.Start != "" {
		q.Start = day(&p, "query.start", in.Start)
	}
	if in.End != "" {
		q.End = day(&p, "query.end", in.End)
	}
	if q.Start >= q.End && p.fault == nil {
		p.add("query.end", "is exclusive and must be after start", in.End)
	}
	return q, p.err()
}

// valuesOf lists the values of the question's one dimension, ascending, null first.
func (s *Service) valuesOf(ctx context.Context, scope *tenant.Scope, q *Question) (all []Value, err error) {
	named := map[string]string{}
	if d := q.GroupBy[0]; d.OfProject() {
		seen, err := s.look(ctx, scope)
		if err != nil {
			return nil, err
		}
		for i := range seen.subjects {
			sub := &seen.subjects[i]
			named[sub.value(d)] = sub.name(d).text
		}
	} else {
		_, t, err := s.gather(ctx, scope, q)
		if err != nil {
			return nil, err
		}
		for g, k := range t.keys {
			if hasCells(t.sums[g]) {
				named[t.slots[0].texts[k[0]]] = t.slots[0].names[k[0]].text
			}
		}
	}
	for value, name := range named {
		v := Value{Name: name}
		if value != "" {
			v.Value = &value
		}
		all = append(all, v)
	}
	slices.SortFunc(all, func(a, b Value) int { return cmp.Compare(a.position(), b.position()) })
	return all, nil
}

// position is where the value stands in the list: null before all others.
func (v Value) position() string {
	if v.Value == nil {
		return "-"
	}
	return "=" + *v.Value
}

// begins tells whether the value or its name begins with a prefix, whatever the case.
func (v Value) begins(prefix string) bool {
	has := func(s string) bool { return strings.HasPrefix(strings.ToLower(s), strings.ToLower(prefix)) }
	return prefix == "" || v.Value != nil && has(*v.Value) || has(v.Name)
}
