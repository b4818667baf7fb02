package collect

import (
	"cmp"
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/project"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

type listIn struct {
	route.Paging
	ProjectID string `path:"projectId" doc:"prj_ and 26 characters, or unassigned."`
	Kind      string `query:"kind" enum:"costs,resources,metrics" doc:"Only runs of it."`
	Status    string `query:"status" enum:"queued,running,succeeded,failed,cancelled" doc:"Only runs that have it."`
}

type listOut struct{ Body route.Page[Run] }

// rounds bounds how often a page is looked for among runs of other statuses.
const rounds = 5

func (s *Service) list(ctx context.Context, scope *tenant.Scope, in *listIn) (*listOut, error) {
	h, err := s.Store.Tenant(scope)
	if err != nil {
		return nil, err
	}
	p, err := project.Find(ctx, scope, h, in.ProjectID)
	if err != nil {
		return nil, err
	}
	cursors := route.NewCursors(listRuns, string(scope.Tenant()), string(p.ID), in.Kind, in.Status)
	text, err := cursors.After(in.Cursor)
	if err != nil {
		return nil, err
	}
	after, err := parsePlace(text)
	if err != nil {
		return nil, err
	}
	kinds := Kinds
	if in.Kind != "" {
		kinds = []Kind{Kind(in.Kind)}
	}
	out := &listOut{route.Page[Run]{Items: []Run{}}}
	for range rounds {
		var some []Run
		if some, after, err = newest(ctx, h, p.ID, kinds, after, in.Limit-len(out.Body.Items)); err != nil {
			return nil, err
		}
		for _, r := range some {
			if in.Status == "" || string(r.Status) == in.Status {
				r = r.shown(scope, p)
				r.Connections = nil
				out.Body.Items = append(out.Body.Items, r)
			}
		}
		if after == (place{}) || len(out.Body.Items) == in.Limit {
			break
		}
	}
	out.Body.Next = cursors.Make(after.String())
	return out, nil
}

// place is where a run is in the list of all kinds: by slot, of one slot by kind. The zero place is before all of them, and after.
type place struct {
	slot string
	kind Kind
}

func placeOf(r Run) place { return place{slotText(r.Slot), r.Kind} }

// String is "" for the zero place.
func (p place) String() string {
	if p == (place{}) {
		return ""
	}
	return p.slot + "#" + string(p.kind)
}

func parsePlace(s string) (p place, err error) {
	if s == "" {
		return p, nil
	}
	slot, kind, _ := strings.Cut(s, "#")
	if _, err = time.Parse(time.RFC3339, slot); err == nil {
		_, err = ParseKind(kind)
	}
	if err != nil {
		return p, fault.Wrap(err, fault.Malformed, "The cursor is not one of this list. Start again without it.")
	}
	return place{slot, Kind(kind)}, nil
}

func (p place) compare(q place) int {
	return cmp.Or(cmp.Compare(p.slot, q.slot), cmp.Compare(p.kind, q.kind))
}

// newest gives runs after a place, newest first, and the place after which there are more.
func newest(ctx context.Context, h *store.Tenant, p tenant.ProjectID, kinds []Kind, after place, limit int) (runs []Run, next place, err error) {
	var horizon place // what is older may lack some of a kind
	for _, k := range kinds {
		page, err := h.Query(ctx, store.Runs(p, string(k), after.slot), store.List{Reverse: true, Limit: limit + 1, Consistency: store.Strongly})
		if err != nil {
			return nil, place{}, fmt.Errorf("list runs: %w", err)
		}
		var last place
		for _, record := range page.Records {
			var r Run
			if err := record.Value.Decode(&r); err != nil {
				return nil, place{}, fmt.Errorf("list runs: %w", err)
			}
			if last = placeOf(r); after == (place{}) || last.compare(after) < 0 {
				runs = append(runs, r)
			}
		}
		if page.Next != "" && last.compare(horizon) > 0 {
			horizon = last
		}
	}
	slices.SortFunc(runs, func(a, b Run) int { return placeOf(b).compare(placeOf(a)) })
	runs = slices.DeleteFunc(runs, func(r Run) bool { return placeOf(r).compare(horizon) < 0 })
	if len(runs) > limit {
		runs = runs[:limit]
		return runs, placeOf(runs[limit-1]), nil
	}
	return runs, horizon, nil
}
