package project

import (
	"context"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/tenantry/tenantry/pkg/audit"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Service has the operations on projects.
type Service struct {
	Store  *store.Store
	Clock  func() time.Time
	Random io.Reader // of IDs and rows of the audit log

	// RulesChanged is told, after the change, of every request that sets AccountIDs or TagSelector, so that deliveries are
	// split anew; telling it twice must do no harm. May be nil.
	RulesChanged func(context.Context, *tenant.Scope) error
	// Changed is told of every project that is made, archived or taken back, and again where the request is repeated. May be nil.
	Changed func(context.Context, *tenant.Scope)
}

// Operations lists the package's operations; it works on a nil Service.
func (s *Service) Operations() []route.Operation {
	const all, one, tag = "/v1/tenants/{tenantId}/projects", "/v1/tenants/{tenantId}/projects/{projectId}", "Projects"
	const read, write = tenant.ReadProject, tenant.WriteProject
	name, id, archived := "web", "prj_01ARZ3NDEKTSV4RRFFQ69G5FAV", false
	return []route.Operation{
		route.ForTenant(route.Spec{ID: createProject, Method: "POST", Path: all, Permission: write, Reach: route.Whole, Function: route.API, Tag: tag,
			Status: 201, MaxBody: maxBody, Summary: "Create a project", Doc: docRules,
			Example: createIn{Body: New{Name: name, Environment: "production", AccountIDs: []string{"111122223333"},
				TagSelector: Selector{"team": "web"}, Labels: map[string]string{"cost-centre": "42"}}}}, s.create),
		route.ForTenant(route.Spec{ID: listProjects, Method: "GET", Path: all, Permission: read, Reach: route.Within, Function: route.API, Tag: tag,
			Summary: "List projects", Doc: "Oldest first, archived ones too.", Example: listIn{}}, s.list),
		route.ForTenant(route.Spec{ID: "getProject", Method: "GET", Path: one, Permission: read, Reach: route.Within, Function: route.API, Tag: tag,
			Summary: "Get a project", Doc: "`unassigned` is the project of what no project's rules select.",
			Example: getIn{ProjectID: id}}, s.get),
		route.ForTenant(route.Spec{ID: "updateProject", Method: "PATCH", Path: one, Permission: write, Reach: route.Within, Function: route.API, Tag: tag,
			MaxBody: maxBody, Summary: "Change a project", Doc: "What is left out stays as it is. " + docRules,
			Example: updateIn{ProjectID: id, Body: Patch{Name: &name, Archived: &archived}}}, s.update),
		route.ForTenant(route.Spec{ID: "archiveProject", Method: "POST", Path: one + "/archive", Permission: write, Reach: route.Within, Function: route.API,
			Tag: tag, Summary: "Archive a project", Doc: "It keeps its rules and its costs keep counting; its name is free again, and it counts no more " +
				"against the plan's limit of projects. A project cannot be deleted: its costs are part of the organization's. " +
				"Archiving it again changes nothing; PATCH with `archived: false` takes it back where the plan has room, also with another name and rules.",
			Example: archiveIn{ProjectID: id}}, s.archive),
	}
}

const (
	createProject, listProjects = "createProject", "listProjects"

	maxBody  = 512 << 10 // 1,000 account IDs of 256 characters
	docRules = "A line of costs is the project's where its account is one of `accountIds`, if there are any, and it has all tags of " +
		"`tagSelector`, if there are any. Rules of two projects must not select the same line, archived projects included."
	attempts = 5
)

type projectOut struct {
	ETag     string `header:"ETag"`
	Location string `header:"Location"`
	Body     Project
}

// noProject is the answer for every project that the caller may not know of.
func noProject() error { return fault.New(fault.NotFound, noSuch) }

const noSuch = "There is no such project in this organization."

type getIn struct {
	ProjectID string `path:"projectId" doc:"prj_ and 26 characters, or unassigned."`
}

func (s *Service) get(ctx context.Context, scope *tenant.Scope, in *getIn) (*projectOut, error) {
	h, err := s.Store.Tenant(scope)
	if err != nil {
		return nil, err
	}
	id, err := visible(scope, in.ProjectID)
	if err != nil {
		return nil, err
	}
	if id == tenant.Unassigned {
		return unassigned(ctx, h)
	}
	return read(ctx, h, id)
}

// visible gives the ID of a project that the member may know of. That others are refused is recorded, whether they are there
// or not, so that neither the answer nor the time it takes tells.
func visible(scope *tenant.Scope, id string) (tenant.ProjectID, error) {
	p, err := tenant.ParseProjectID(id)
	if err != nil {
		return "", noProject()
	}
	if !scope.Sees(p) {
		return "", fault.Wrap(tenant.ErrDenied, fault.NotFound, noSuch)
	}
	return p, nil
}

func read(ctx context.Context, h *store.Tenant, id tenant.ProjectID) (*projectOut, error) {
	out := &projectOut{}
	version, err := h.Read(ctx, store.Project(id), &out.Body)
	if err != nil {
		return nil, fmt.Errorf("read a project: %w", err)
	}
	if version == 0 {
		return nil, noProject()
	}
	out.ETag = route.ETag(version)
	return out, nil
}

// unassigned is as old as the tenant.
func unassigned(ctx context.Context, h *store.Tenant) (*projectOut, error) {
	var meta struct {
		CreatedAt time.Time `json:"createdAt"`
	}
	if _, err := h.Read(ctx, store.Meta(), &meta); err != nil {
		return nil, fmt.Errorf("read a tenant: %w", err)
	}
	p := Unassigned()
	p.CreatedAt, p.UpdatedAt = meta.CreatedAt, meta.CreatedAt
	return &projectOut{Body: p}, nil
}

type listIn struct{ route.Paging }

type listOut struct{ Body route.Page[Project] }

func (s *Service) list(ctx context.Context, scope *tenant.Scope, in *listIn) (*listOut, error) {
	h, err := s.Store.Tenant(scope)
	if err != nil {
		return nil, err
	}
	page, err := route.PageOf(in.Paging, route.NewCursors(listProjects, string(scope.Tenant())), func(l store.List) (store.Page, error) {
		return h.Query(ctx, store.Projects(), l)
	}, func(p Project) (Project, bool) { return p, scope.Sees(p.ID) })
	if err != nil {
		return nil, fmt.Errorf("list projects: %w", err)
	}
	return &listOut{page}, nil
}

// Read gives all of a tenant's projects and the version of the item that holds them, 0 where there is none yet.
func Read(ctx context.Context, h *store.Tenant) (Roster, int64, error) {
	var r Roster
	version, err := h.Read(ctx, store.Roster(), &r)
	if err != nil {
		return Roster{}, 0, fmt.Errorf("read the projects: %w", err)
	}
	return r, version, nil
}

// write puts a project and the roster that holds it in one transaction. It tells whether the roster or the project has
// been changed by somebody else meanwhile.
func write(ctx context.Context, h *store.Tenant, p Project, at store.Condition, r Roster, version int64, more ...store.Change) (lost bool, err error) {
	err = h.Write(ctx, append([]store.Change{
		{Key: store.Project(p.ID), Value: p, Condition: at},
		{Key: store.Roster(), Value: r, Condition: store.VersionIs(version)},
	}, more...)...)
	switch {
	case store.Conflicted(err) != nil:
		return true, nil
	case errors.Is(err, store.ErrTooLarge):
		return false, fault.Wrap(err, fault.Invalid, "The projects of the organization hold too much together. Take account IDs or "+
			"labels away.")
	case err != nil:
		return false, fmt.Errorf("write a project: %w", err)
	}
	return false, nil
}

// row tells of a change of a project in the audit log.
func (s *Service) row(ctx context.Context, scope *tenant.Scope, id tenant.ProjectID, before, after any) (store.Change, error) {
	log := audit.Log{Clock: s.Clock, Random: s.Random}
	return log.Row(ctx, scope, audit.Event{Target: "project/" + string(id), Before: before, After: after})
}

func busy() error {
	return fault.New(fault.Conflict, "The projects are being changed by others. Try again.")
}

// tell reports that rules may have changed.
func (s *Service) tell(ctx context.Context, scope *tenant.Scope) error {
	if s.RulesChanged == nil {
		return nil
	}
	return s.RulesChanged(ctx, scope)
}

// changed reports a project that is made, archived or taken back.
func (s *Service) changed(ctx context.Context, scope *tenant.Scope) {
	if s.Changed != nil {
		s.Changed(ctx, scope)
	}
}

// now is the time to the millisecond, which every store keeps.
func (s *Service) now() time.Time { return s.Clock().UTC().Truncate(time.Millisecond) }
