package collect

import (
	"context"
	"fmt"
	"slices"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/project"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

const (
	startRun, listRuns = "startRun", "listRuns"

	exampleProject, exampleRun = "prj_01ARZ3NDEKTSV4RRFFQ69G5FAV", "run_01ARZ3NDEKTSV4RRFFQ69G5FAV"

	docStart = "Collects at once, beside the schedule. An account that several projects share is fetched once a slot: where another run has done that, " +
		"this one says so. One run of a kind is under way in a project at a time. A connection that is broken is tried, one that is paused is not. " +
		"What was read by hand and paid for is read by hand again after 15 minutes, or once the connection was verified again: a run before that ends at once " +
		"with what came of the last one, and says so. " +
		"Broken off at any point, a run shows nothing of what it had not finished, and the next one begins anew."
	docGet = "What ran, what it brought, what it cost and what went wrong, by connection."
)

// Operations lists the package's operations; it works on a nil Service.
func (s *Service) Operations() []route.Operation {
	const all, tag = "/v1/tenants/{tenantId}/projects/{projectId}/runs", "Runs"
	const one, read, write = all + "/{runId}", tenant.ReadRun, tenant.WriteRun
	return []route.Operation{
		route.ForTenant(route.Spec{ID: startRun, Method: "POST", Path: all, Permission: write, Reach: route.Within, Function: route.API, Tag: tag, Status: 202,
			Summary: "Start a run", Doc: docStart, Example: startIn{ProjectID: exampleProject, Body: Start{Kind: Costs}}}, s.start),
		route.ForTenant(route.Spec{ID: listRuns, Method: "GET", Path: all, Permission: read, Reach: route.Within, Function: route.API, Tag: tag,
			Summary: "List runs", Doc: "Newest first, by slot. Runs are listed for 90 days after their end.",
			Example: listIn{ProjectID: exampleProject, Kind: "costs", Status: "failed"}}, s.list),
		route.ForTenant(route.Spec{ID: "getRun", Method: "GET", Path: one, Permission: read, Reach: route.Within, Function: route.API, Tag: tag,
			Summary: "Get a run", Doc: docGet, Example: getIn{ProjectID: exampleProject, RunID: exampleRun}}, s.get),
		route.ForTenant(route.Spec{ID: "cancelRun", Method: "POST", Path: one + "/cancel", Permission: write, Reach: route.Within, Function: route.API, Tag: tag,
			Summary: "Cancel a run", Doc: "Nothing that it has not finished is ever seen. Cancelling it again is the same; a run that is at its end cannot be cancelled.",
			Example: getIn{ProjectID: exampleProject, RunID: exampleRun}}, s.cancel),
	}
}

type runOut struct {
	Location string `header:"Location"`
	Body     Run
}

type getIn struct {
	ProjectID string `path:"projectId" doc:"prj_ and 26 characters, or unassigned."`
	RunID     string `path:"runId" doc:"run_ and 26 characters."`
}

func (s *Service) get(ctx context.Context, scope *tenant.Scope, in *getIn) (*runOut, error) {
	f, err := s.find(ctx, scope, in)
	if err != nil {
		return nil, err
	}
	return &runOut{Body: f.run.shown(scope, f.project)}, nil
}

// found is a run that a path names.
type found struct {
	tenant  *store.Tenant
	project project.Project
	run     record
	version int64
}

// find reads the run that a path names. Its ID is of the tenant, project and kind, so that another's is none.
func (s *Service) find(ctx context.Context, scope *tenant.Scope, in *getIn) (f found, err error) {
	if f.tenant, err = s.Store.Tenant(scope); err != nil {
		return f, err
	}
	if f.project, err = project.Find(ctx, scope, f.tenant, in.ProjectID); err != nil {
		return f, err
	}
	none := fault.New(fault.NotFound, "There is no such run in this project.")
	id, err := tenant.ParseRunID(in.RunID)
	if err != nil {
		return f, none
	}
	i := slices.IndexFunc(Kinds, func(k Kind) bool { return tenant.RunIDOf(scope.Tenant(), f.project.ID, string(k), id.Slot()) == id })
	if i < 0 {
		return f, none
	}
	if f.version, err = f.tenant.Read(ctx, runKey(f.project.ID, Kinds[i], id.Slot()), &f.run); err != nil {
		return f, fmt.Errorf("read a run: %w", err)
	}
	if f.version == 0 || f.run.ID != id {
		return f, none
	}
	return f, nil
}
