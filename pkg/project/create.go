package project

import (
	"context"

	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

type createIn struct {
	route.IdempotencyKey
	Body New
}

func (s *Service) create(ctx context.Context, scope *tenant.Scope, in *createIn) (*projectOut, error) {
	p, err := in.Body.project()
	if err != nil {
		return nil, err
	}
	once, err := in.Once(scope.Principal(), createProject, in.Body)
	if err != nil {
		return nil, err
	}
	h, err := s.Store.Tenant(scope)
	if err != nil {
		return nil, err
	}
	out, err := s.add(ctx, scope, h, p, once)
	if err != nil {
		return nil, err
	}
	out.Location = "/v1/tenants/" + string(scope.Tenant()) + "/projects/" + string(out.Body.ID)
	s.changed(ctx, scope)
	if p.rules() {
		err = s.tell(ctx, scope)
	}
	return out, err
}

// add writes a new project, or finds that the same request has written it before.
func (s *Service) add(ctx context.Context, scope *tenant.Scope, h *store.Tenant, p Project, once route.Once) (*projectOut, error) {
	p.CreatedAt = s.now()
	p.UpdatedAt = p.CreatedAt
	var err error
	if p.ID, err = tenant.NewProjectID(p.CreatedAt, s.Random); err != nil {
		return nil, err
	}
	for range attempts {
		id, err := once.Done(ctx, h)
		if err != nil {
			return nil, err
		}
		if id != "" {
			return read(ctx, h, tenant.ProjectID(id))
		}
		r, version, err := Read(ctx, h)
		if err != nil {
			return nil, err
		}
		if err := r.room(scope); err != nil {
			return nil, err
		}
		if err := r.admit(scope, p); err != nil {
			return nil, err
		}
		r.Projects = append(r.Projects, p)
		if p.rules() {
			r.Rules++
		}
		row, err := s.row(ctx, scope, p.ID, nil, p)
		if err != nil {
			return nil, err
		}
		lost, err := write(ctx, h, p, store.Absent, r, version, append(once.Changes(string(p.ID), p.CreatedAt), row)...)
		if err != nil {
			return nil, err
		}
		if !lost {
			return &projectOut{ETag: route.ETag(1), Body: p}, nil
		}
	}
	return nil, busy()
}
