package project

import (
	"context"
	"errors"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

type createIn struct {
	route.IdempotencyKey
	Body New
}

func (s *Service) create(ctx context.Context, scope *tenant.Scope, in *createIn) (*projectOut, error) {
	once, err := in.Once(scope.Principal(), createProject, in.Body)
	if err != nil {
		return nil, err
	}
	var before *projectOut
	p, err := s.Add(ctx, scope, in.Body, func(ctx context.Context, h *store.Tenant, p Project) ([]store.Change, error) {
		id, err := once.Done(ctx, h)
		if err != nil {
			return nil, err
		}
		if id != "" {
			if before, err = read(ctx, h, tenant.ProjectID(id)); err != nil {
				return nil, err
			}
			return nil, errBefore
		}
		return once.Changes(string(p.ID), p.CreatedAt), nil
	})
	out := &projectOut{ETag: route.ETag(1), Body: p}
	if errors.Is(err, errBefore) {
		out, err = before, s.Again(ctx, scope, before.Body)
	}
	if err != nil {
		return nil, err
	}
	out.Location = "/v1/tenants/" + string(scope.Tenant()) + "/projects/" + string(out.Body.ID)
	return out, nil
}

// errBefore ends the making of a project that the same request has made before.
var errBefore = errors.New("the request was answered before")

// With gives what else is written in the transaction that writes a new project. It is asked anew where others have changed
// projects meanwhile; its error ends the making, and nothing is written.
type With func(context.Context, *store.Tenant, Project) ([]store.Change, error)

// Add makes a project as a caller describes it, and whatever with gives, in one transaction.
func (s *Service) Add(ctx context.Context, scope *tenant.Scope, n New, with With) (Project, error) {
	if scope.Limited() {
		return Project{}, fault.New(fault.Forbidden, "Your membership is limited to named projects. Ask an owner or admin to create this one.")
	}
	p, err := n.project()
	if err != nil {
		return p, err
	}
	h, err := s.Store.Tenant(scope)
	if err != nil {
		return p, err
	}
	p.CreatedAt = s.now()
	p.UpdatedAt = p.CreatedAt
	if p.ID, err = tenant.NewProjectID(p.CreatedAt, s.Random); err != nil {
		return p, err
	}
	for range attempts {
		lost, err := s.add(ctx, scope, h, p, with)
		if err != nil {
			return p, err
		}
		if lost {
			continue
		}
		return p, s.Again(ctx, scope, p)
	}
	return p, busy()
}

// Again tells of a project that was made what Add tells of it: of one that the same request has made before, since it may have
// broken off between the two.
func (s *Service) Again(ctx context.Context, scope *tenant.Scope, p Project) error {
	s.changed(ctx, scope)
	if p.rules() {
		return s.tell(ctx, scope)
	}
	return nil
}

// add writes a new project, unless others have changed projects since it looked.
func (s *Service) add(ctx context.Context, scope *tenant.Scope, h *store.Tenant, p Project, with With) (lost bool, err error) {
	more, err := with(ctx, h, p)
	if err != nil {
		return false, err
	}
	r, version, err := Read(ctx, h)
	if err != nil {
		return false, err
	}
	if err := r.room(scope, true); err != nil {
		return false, err
	}
	if err := r.admit(scope, p); err != nil {
		return false, err
	}
	r.Projects = append(r.Projects, p)
	if p.rules() {
		r.Rules++
	}
	row, err := s.row(ctx, scope, p.ID, nil, p)
	if err != nil {
		return false, err
	}
	return write(ctx, h, p, store.Absent, r, version, append(more, row)...)
}
