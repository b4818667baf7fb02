package delivery

import (
	"context"
	"time"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/project"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// GetImport asks for a delivery, or for closing it.
type GetImport struct {
	ImportID string `path:"importId" doc:"imp_ and 26 characters."`
}

// GetProjectImport asks for a delivery that was aimed at a project.
type GetProjectImport struct {
	ProjectID string `path:"projectId" doc:"The project: prj_ and 26 characters, or unassigned."`
	ImportID  string `path:"importId" doc:"imp_ and 26 characters."`
}

// Got answers with a delivery.
type Got struct{ Body Delivery }

// ListImports asks for a tenant's deliveries.
type ListImports struct {
	route.Paging
}

// ListProjectImports asks for the deliveries that were aimed at a project.
type ListProjectImports struct {
	ProjectID string `path:"projectId" doc:"The project: prj_ and 26 characters, or unassigned."`
	route.Paging
}

// Listed answers with deliveries.
type Listed struct{ Body route.Page[Delivery] }

// notFound is the answer for every delivery that the caller may not know of. That a member who is limited to projects is
// refused is recorded, whether the delivery is there or not, so that neither the answer nor the time it takes tells.
func notFound(scope *tenant.Scope) error {
	if scope.Limited() {
		return fault.Wrap(tenant.ErrDenied, fault.NotFound, noSuch)
	}
	return fault.New(fault.NotFound, noSuch)
}

const noSuch = "There is no such delivery."

func (s *Service) get(ctx context.Context, scope *tenant.Scope, in *GetImport) (*Got, error) {
	r, _, err := s.find(ctx, scope, in.ImportID, "")
	if err != nil {
		return nil, err
	}
	return &Got{r.shown(scope)}, nil
}

func (s *Service) getOne(ctx context.Context, scope *tenant.Scope, in *GetProjectImport) (*Got, error) {
	p, err := tenant.ParseProjectID(in.ProjectID)
	if err != nil {
		return nil, fault.New(fault.NotFound, noSuch)
	}
	r, _, err := s.find(ctx, scope, in.ImportID, p)
	if err != nil {
		return nil, err
	}
	return &Got{r.shown(scope)}, nil
}

// sees tells whether a member may know of a delivery: one who is limited to projects, of those aimed at them.
func sees(scope *tenant.Scope, d *Delivery) bool {
	return !scope.Limited() || d.ProjectID != "" && scope.Sees(d.ProjectID)
}

// find reads a delivery: any where p is "", else one that was aimed at project p. Whoever does not see it is told the same
// as of one that never was.
func (s *Service) find(ctx context.Context, scope *tenant.Scope, id string, p tenant.ProjectID) (*record, int64, error) {
	d, err := tenant.ParseDeliveryID(id)
	if err != nil {
		return nil, 0, fault.New(fault.NotFound, noSuch)
	}
	if p != "" && !scope.Sees(p) {
		return nil, 0, notFound(scope)
	}
	t, err := s.Store.Tenant(scope)
	if err != nil {
		return nil, 0, err
	}
	var r record
	version, err := t.Read(ctx, store.Delivery(d), &r)
	if err != nil {
		return nil, 0, err
	}
	if version == 0 || p != "" && r.ProjectID != p || !sees(scope, &r.Delivery) {
		return nil, 0, notFound(scope)
	}
	return &r, version, nil
}

func (s *Service) list(ctx context.Context, scope *tenant.Scope, in *ListImports) (*Listed, error) {
	return s.page(ctx, scope, in.Paging, route.NewCursors("listImports", string(scope.Tenant())), func(d *Delivery) bool { return sees(scope, d) })
}

func (s *Service) listOne(ctx context.Context, scope *tenant.Scope, in *ListProjectImports) (*Listed, error) {
	t, err := s.Store.Tenant(scope)
	if err != nil {
		return nil, err
	}
	p, err := project.Find(ctx, scope, t, in.ProjectID)
	if err != nil {
		return nil, err
	}
	cursors := route.NewCursors("listProjectImports", string(scope.Tenant()), string(p.ID))
	return s.page(ctx, scope, in.Paging, cursors, func(d *Delivery) bool { return d.ProjectID == p.ID })
}

// maxLooks bounds how many pages of maxLook deliveries one request reads to find some that match, and what is left of an hour then.
const maxLooks, maxLook = 10, 200

// page lists deliveries that match, the newest first. Its cursor stands on one that was listed, or at a full hour where too many do
// not match: never on one that the caller does not see.
func (s *Service) page(ctx context.Context, scope *tenant.Scope, in route.Paging, cursors route.Cursors, match func(*Delivery) bool) (*Listed, error) {
	l := store.List{Reverse: true, Limit: in.Limit + 1, Consistency: store.Strongly}
	var err error
	if l.After, err = cursors.Key(in.Cursor); err != nil {
		return nil, err
	}
	t, err := s.Store.Tenant(scope)
	if err != nil {
		return nil, err
	}
	out := &Listed{route.Page[Delivery]{Items: []Delivery{}}}
	last, hour := "", time.Time{}
	for looks := 1; ; looks++ {
		page, err := t.Query(ctx, store.Deliveries(), l)
		if err != nil {
			return nil, err
		}
		for _, rec := range page.Records {
			var r record
			if err := rec.Value.Decode(&r); err != nil {
				return nil, err
			}
			made := r.CreatedAt.Truncate(time.Hour)
			full := len(out.Body.Items) == in.Limit
			switch {
			case looks > maxLooks && made.Before(hour):
				out.Body.Next = cursors.Make(store.DeliveriesBefore(hour))
				return out, nil
			case match(&r.Delivery) && full:
				out.Body.Next = cursors.Make(last)
				return out, nil
			case match(&r.Delivery):
				out.Body.Items, last = append(out.Body.Items, r.shown(scope)), rec.Address.SK
			}
			hour = made
		}
		if l.After, l.Limit = page.Next, maxLook; l.After == "" {
			return out, nil
		}
	}
}
