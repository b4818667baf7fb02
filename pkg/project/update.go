package project

import (
	"context"
	"slices"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

type updateIn struct {
	route.IfMatch
	ProjectID string `path:"projectId" doc:"The project: prj_ and 26 characters, or unassigned."`
	Body      Patch
}

type archiveIn struct {
	route.IfMatch
	ProjectID string `path:"projectId" doc:"The project: prj_ and 26 characters, or unassigned."`
}

// update changes a project. Whose lines are whose is not for those to say who see a part of the projects: it takes from others, if only
// from unassigned.
func (s *Service) update(ctx context.Context, scope *tenant.Scope, in *updateIn) (*projectOut, error) {
	if scope.Limited() && (in.Body.AccountIDs != nil || in.Body.TagSelector != nil) {
		if _, err := visible(scope, in.ProjectID); err != nil {
			return nil, err
		}
		return nil, fault.Wrap(tenant.ErrDenied, fault.Forbidden, "Your membership is limited to named projects; accountIds and tagSelector decide over "+
			"the costs of others too. Ask an owner, admin or editor who is not limited.")
	}
	out, err := s.change(ctx, scope, in.ProjectID, in.IfMatch, in.Body)
	if err == nil && in.Body.Archived != nil {
		s.changed(ctx, scope)
	}
	if err == nil && (in.Body.AccountIDs != nil || in.Body.TagSelector != nil) {
		err = s.tell(ctx, scope)
	}
	return out, err
}

func (s *Service) archive(ctx context.Context, scope *tenant.Scope, in *archiveIn) (*projectOut, error) {
	yes := true
	out, err := s.change(ctx, scope, in.ProjectID, in.IfMatch, Patch{Archived: &yes})
	if err == nil {
		s.changed(ctx, scope)
	}
	return out, err
}

// change applies a patch to a project and its place in the roster. A patch that changes nothing writes nothing.
func (s *Service) change(ctx context.Context, scope *tenant.Scope, projectID string, match route.IfMatch, patch Patch) (*projectOut, error) {
	id, err := visible(scope, projectID)
	if err != nil {
		return nil, err
	}
	if id == tenant.Unassigned {
		return nil, fault.New(fault.Conflict, "The project unassigned holds what the rules of the others leave; it cannot be changed.")
	}
	h, err := s.Store.Tenant(scope)
	if err != nil {
		return nil, err
	}
	for range attempts {
		var before Project
		version, err := h.Read(ctx, store.Project(id), &before)
		if err != nil {
			return nil, err
		}
		if version == 0 {
			return nil, noProject()
		}
		if err := match.Check(version); err != nil {
			return nil, err
		}
		after, err := patch.apply(before)
		if err != nil {
			return nil, err
		}
		if equal(before, after) {
			return &projectOut{ETag: route.ETag(version), Body: before}, nil
		}
		after.UpdatedAt = s.now()
		row, err := s.row(ctx, scope, id, before, after)
		if err != nil {
			return nil, err
		}
		lost, err := replace(ctx, scope, h, after, version, row)
		if err != nil {
			return nil, err
		}
		if !lost {
			return &projectOut{ETag: route.ETag(version + 1), Body: after}, nil
		}
	}
	return nil, busy()
}

// replace writes a project of the version over what the roster has of it, and the row that tells of it.
func replace(ctx context.Context, scope *tenant.Scope, h *store.Tenant, p Project, version int64, row store.Change) (lost bool, err error) {
	r, rosterVersion, err := Read(ctx, h)
	if err != nil {
		return false, err
	}
	if err := r.admit(scope, p); err != nil {
		return false, err
	}
	i := slices.IndexFunc(r.Projects, func(q Project) bool { return q.ID == p.ID })
	if i < 0 {
		return true, nil // the project is newer than the roster that was read
	}
	if r.Projects[i].Archived && !p.Archived {
		if err := r.room(scope, false); err != nil {
			return false, err
		}
	}
	if !sameRules(r.Projects[i], p) {
		r.Rules++
	}
	r.Projects[i] = p
	return write(ctx, h, p, store.VersionIs(version), r, rosterVersion, row)
}
