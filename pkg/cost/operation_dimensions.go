package cost

import (
	"context"
	"errors"
	"maps"
	"net/http"
	"slices"

	"github.com/tenantry/tenantry/pkg/cost/document"
	"github.com/tenantry/tenantry/pkg/generation"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Asked is what can be asked of a tenant's costs.
type Asked struct {
	Dimensions    []AskedDimension `json:"dimensions" doc:"What costs can be grouped and filtered by."`
	Views         []AskedView      `json:"views" doc:"What can be combined: one view answers a question; the first that has all of it."`
	TagKeys       []string         `json:"tagKeys" doc:"The tag keys that costs are kept by."`
	LabelKeys     []string         `json:"labelKeys" doc:"The label keys of projects."`
	Metrics       []string         `json:"metrics"`
	Granularities []Granularity    `json:"granularities"`
	Currencies    []string         `json:"currencies" doc:"The currencies there are costs in."`
}

// AskedDimension is a dimension and the views that have it.
type AskedDimension struct {
	Name  Dimension       `json:"name"`
	Views []document.View `json:"views"`
}

// AskedView is what one view keeps.
type AskedView struct {
	Name    document.View `json:"name"`
	Daily   bool          `json:"daily" doc:"Whether it keeps single days; else whole months are asked for."`
	Metrics []string      `json:"metrics"`
}

type dimensionsOut struct{ Body Asked }

func (s *Service) dimensionsOperation() route.Operation {
	return route.ForTenant(route.Spec{
		ID: "listDimensions", Method: http.MethodGet, Path: "/v1/tenants/{tenantId}/dimensions", Permission: tenant.ReadCost, Reach: route.Within, Function: route.API,
		Summary: "List what costs can be asked by", Tag: "Costs", Example: &struct{}{},
		Doc: "Lists the dimensions, the views that keep them together, and the tag keys, label keys and currencies of the projects that the " +
			"caller sees. Dimensions of the project go with every view.",
	}, s.dimensions)
}

func (s *Service) dimensions(ctx context.Context, scope *tenant.Scope, _ *struct{}) (*dimensionsOut, error) {
	out := &dimensionsOut{}
	err := generation.Try(ctx, func() error {
		seen, err := s.look(ctx, scope)
		if err != nil {
			return err
		}
		if err := seen.readIndexes(ctx, document.Tags); err != nil {
			return err
		}
		a, torn := seen.asked()
		if torn {
			return ErrMoved
		}
		out.Body = *a
		return nil
	})
	if errors.Is(err, ErrMoved) {
		err = busy()
	}
	return out, err
}

// asked lists what can be asked of the subjects, from their indexes of the tags view.
func (s *sight) asked() (a *Asked, torn bool) {
	a = &Asked{TagKeys: []string{}, LabelKeys: []string{}, Metrics: MetricNames(), Granularities: []Granularity{Daily, Monthly, Total},
		Currencies: []string{}}
	for i := range s.subjects {
		sub := &s.subjects[i]
		a.LabelKeys = union(a.LabelKeys, slices.Collect(maps.Keys(sub.of.Labels)))
		for j := range sub.index.Entries {
			v, torn := sub.index.Entries[j].At(&s.head)
			if torn {
				return nil, true
			}
			if v != nil && len(v.Docs) > 0 {
				a.TagKeys, a.Currencies = union(a.TagKeys, v.TagKeys), union(a.Currencies, v.Currencies)
			}
		}
	}
	all := Dimensions()
	for _, key := range a.TagKeys {
		all = append(all, Dimension(TagPrefix+key))
	}
	for _, key := range a.LabelKeys {
		all = append(all, Dimension(LabelPrefix+key))
	}
	for _, d := range all {
		views := slices.DeleteFunc(slices.Clone(document.Views), func(v document.View) bool { return !d.In(v) })
		a.Dimensions = append(a.Dimensions, AskedDimension{d, views})
	}
	for _, v := range document.Views {
		var metrics []string
		for _, m := range v.Metrics() {
			metrics = append(metrics, MetricName(m))
		}
		a.Views = append(a.Views, AskedView{v, v.Daily(), metrics})
	}
	return a, false
}
