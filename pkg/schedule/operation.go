package schedule

import (
	"context"
	"fmt"
	"strings"
	"time"

	"github.com/tenantry/tenantry/pkg/audit"
	"github.com/tenantry/tenantry/pkg/collect"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/project"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Schedule is when one kind of a project's data is collected, as it is shown.
type Schedule struct {
	Kind collect.Kind `json:"kind" enum:"costs,resources,metrics"`
	Settings
	State     State      `json:"state" enum:"on,paused,archived,suspended,unconnected" doc:"Only what is on runs. What is enabled and not on runs again when the project is no more archived, the organization active, or an account connected that brings the kind: a payer brings costs only, of resources and metrics the account itself does."`
	LastSlot  *time.Time `json:"lastSlot,omitempty" doc:"Of the newest run there is."`
	NextSlot  *time.Time `json:"nextSlot,omitempty" doc:"Of the next run; it begins within the window after it."`
	UpdatedAt *time.Time `json:"updatedAt,omitempty" doc:"Absent where it has its kind's defaults and nobody has ever changed it."`
}

// State says whether a schedule runs, and why it does not.
type State string

// The states.
const (
	On          State = "on"
	Paused      State = "paused"      // it is not enabled
	Archived    State = "archived"    // the project is
	Suspended   State = "suspended"   // the tenant is not active
	Unconnected State = "unconnected" // no connection that works brings the kind for the project
)

// Operations lists the package's operations; it works on a nil Service.
func (s *Service) Operations() []route.Operation {
	const all, tag = "/v1/tenants/{tenantId}/projects/{projectId}/schedules", "Collection"
	const one = all + "/{kind}"
	id, six, no := "prj_01ARZ3NDEKTSV4RRFFQ69G5FAV", "cron(30 5 * * ? *)", false
	return []route.Operation{
		route.ForTenant(route.Spec{ID: "listSchedules", Method: "GET", Path: all, Permission: tenant.ReadProject, Reach: route.Within, Function: route.API, Tag: tag,
			Summary: "List a project's schedules", Doc: "One for each kind of what is collected.", Example: listIn{ProjectID: id}}, s.list),
		route.ForTenant(route.Spec{ID: "getSchedule", Method: "GET", Path: one, Permission: tenant.ReadProject, Reach: route.Within, Function: route.API, Tag: tag,
			Summary: "Get a schedule", Example: getIn{ProjectID: id, Kind: "costs"}}, s.get),
		route.ForTenant(route.Spec{ID: "updateSchedule", Method: "PATCH", Path: one, Permission: tenant.WriteProject, Reach: route.Within, Function: route.API, Tag: tag,
			Summary: "Change or pause a schedule", Doc: docUpdate,
			Example: updateIn{ProjectID: id, Kind: "costs", Body: Patch{Expression: &six, Enabled: &no}}}, s.update),
	}
}

const docUpdate = "What is left out stays as it is. Times are in UTC. `cron(minute hours day-of-month month day-of-week *)` has one minute of 0 to 59 and `?` for one " +
	"of the two days, as `cron(0 6 * * ? *)` or `cron(30 18 ? * MON-FRI *)`; `rate(12 hours)` counts from the beginning of 1970. Costs and metrics run at most " +
	"every 6 hours, resources every hour, and all at least every 31 days. `enabled: false` pauses it."

// Patch is what a caller changes of a schedule; nil leaves it as it is.
type Patch struct {
	Expression    *string `json:"expression,omitempty"`
	WindowMinutes *int    `json:"windowMinutes,omitempty" minimum:"0" maximum:"1440"`
	Enabled       *bool   `json:"enabled,omitempty"`
}

type listIn struct {
	ProjectID string `path:"projectId" doc:"The project: prj_ and 26 characters, or unassigned."`
}

type listOut struct {
	Body struct {
		Items []Schedule `json:"items"`
	}
}

type getIn struct {
	ProjectID string `path:"projectId" doc:"The project: prj_ and 26 characters, or unassigned."`
	Kind      string `path:"kind" enum:"costs,resources,metrics" doc:"What the schedule collects."`
}

type updateIn struct {
	route.IfMatch
	ProjectID string `path:"projectId" doc:"The project: prj_ and 26 characters, or unassigned."`
	Kind      string `path:"kind" enum:"costs,resources,metrics" doc:"What the schedule collects."`
	Body      Patch
}

type scheduleOut struct {
	ETag string `header:"ETag"`
	Body Schedule
}

// shown is a project whose schedules are asked for.
type shown struct {
	scope   *tenant.Scope
	tenant  *store.Tenant
	project project.Project
	all     []connection.Connection
	rests   State // why no schedule of it runs; "" where they may
}

func (s *Service) of(ctx context.Context, scope *tenant.Scope, id string) (p shown, err error) {
	p.scope = scope
	if p.tenant, err = s.Store.Tenant(scope); err != nil {
		return p, err
	}
	if p.project, err = project.Find(ctx, scope, p.tenant, id); err != nil {
		return p, err
	}
	if p.all, err = connection.List(ctx, p.tenant); err != nil {
		return p, err
	}
	switch {
	case p.project.Archived:
		p.rests = Archived
	case scope.Standing().Status != tenant.Active:
		p.rests = Suspended
	}
	return p, nil
}

// read gives a schedule's settings as they are set, else the defaults, and their version: 0 where nothing is set.
func (p shown) read(ctx context.Context, k collect.Kind) (r Set, version int64, err error) {
	r.Settings = Default(k)
	version, err = p.tenant.Read(ctx, store.Schedule(p.project.ID, string(k)), &r)
	if err != nil {
		return r, 0, fmt.Errorf("read a schedule: %w", err)
	}
	return r, version, nil
}

// show gives a schedule as it is shown at a time.
func (p shown) show(ctx context.Context, k collect.Kind, r Set, now time.Time) (Schedule, error) {
	out := Schedule{Kind: k, Settings: r.Settings, State: On}
	if !r.UpdatedAt.IsZero() {
		out.UpdatedAt = &r.UpdatedAt
	}
	switch {
	case p.rests != "":
		out.State = p.rests
	case !collect.Reaches(p.all, p.project, k):
		out.State = Unconnected
	case !r.Enabled:
		out.State = Paused
	}
	if out.State == On {
		e, err := ParseExpression(r.Expression)
		if err != nil {
			return out, fmt.Errorf("read a schedule: %w", err)
		}
		next := e.Next(now)
		out.NextSlot = &next
	}
	page, err := p.tenant.Query(ctx, store.Runs(p.project.ID, string(k), ""), store.List{Reverse: true, Limit: 1, Consistency: store.Strongly})
	if err != nil {
		return out, fmt.Errorf("find the newest run: %w", err)
	}
	for _, run := range page.Records {
		slot, err := time.Parse(time.RFC3339, run.Address.SK[strings.LastIndexByte(run.Address.SK, '#')+1:])
		if err != nil {
			return out, fmt.Errorf("read the slot of a run: %w", err)
		}
		out.LastSlot = &slot
	}
	return out, nil
}

func (s *Service) list(ctx context.Context, scope *tenant.Scope, in *listIn) (*listOut, error) {
	p, err := s.of(ctx, scope, in.ProjectID)
	if err != nil {
		return nil, err
	}
	out := &listOut{}
	for _, k := range collect.Kinds {
		one, err := s.one(ctx, p, k)
		if err != nil {
			return nil, err
		}
		out.Body.Items = append(out.Body.Items, one.Body)
	}
	return out, nil
}

func (s *Service) get(ctx context.Context, scope *tenant.Scope, in *getIn) (*scheduleOut, error) {
	p, err := s.of(ctx, scope, in.ProjectID)
	if err != nil {
		return nil, err
	}
	return s.one(ctx, p, collect.Kind(in.Kind))
}

func (s *Service) one(ctx context.Context, p shown, k collect.Kind) (*scheduleOut, error) {
	r, version, err := p.read(ctx, k)
	if err != nil {
		return nil, err
	}
	return s.answer(ctx, p, k, r, version)
}

func (s *Service) answer(ctx context.Context, p shown, k collect.Kind, r Set, version int64) (*scheduleOut, error) {
	body, err := p.show(ctx, k, r, s.Clock())
	return &scheduleOut{ETag: route.ETag(version), Body: body}, err
}

const attempts = 5

// update writes what is set of a schedule, then has the Scheduler match it; where the request is repeated, that again.
func (s *Service) update(ctx context.Context, scope *tenant.Scope, in *updateIn) (*scheduleOut, error) {
	p, err := s.of(ctx, scope, in.ProjectID)
	if err != nil {
		return nil, err
	}
	if p.project.Archived {
		return nil, fault.New(fault.Conflict, "The project is archived, and nothing of it is collected. PATCH it with `archived: false` first.").Coded(fault.Archived)
	}
	k := collect.Kind(in.Kind)
	for range attempts {
		before, version, err := p.read(ctx, k)
		if err != nil {
			return nil, err
		}
		if err := in.Check(version); err != nil {
			return nil, err
		}
		after := Set{ProjectID: p.project.ID, Kind: k, Settings: in.Body.apply(before.Settings), UpdatedAt: s.Clock().UTC().Truncate(time.Millisecond)}
		if after.Settings == before.Settings {
			after = before
		} else if field, err := after.check(k); err != nil {
			return nil, fault.New(fault.Invalid, "The schedule is not acceptable: %s.", err).At("body."+field, err.Error(), fmt.Sprint(after.value(field)))
		} else if err := s.write(ctx, p, k, before, after, version); store.Conflicted(err) != nil {
			continue
		} else if err != nil {
			return nil, err
		} else {
			version++
		}
		s.Changed(ctx, scope)
		return s.answer(ctx, p, k, after, version)
	}
	return nil, fault.New(fault.Conflict, "The schedule is being changed by others. Try again.")
}

func (s *Service) write(ctx context.Context, p shown, k collect.Kind, before, after Set, version int64) error {
	log := audit.Log{Clock: s.Clock, Random: s.Random}
	row, err := log.Row(ctx, p.scope, audit.Event{Target: "schedule/" + string(p.project.ID) + "/" + string(k), Before: before.Settings, After: after.Settings})
	if err != nil {
		return err
	}
	err = p.tenant.Write(ctx, store.Change{Key: store.Schedule(p.project.ID, string(k)), Value: after, Condition: store.VersionIs(version)}, row)
	if err != nil {
		return fmt.Errorf("write a schedule: %w", err)
	}
	return nil
}

func (c Patch) apply(s Settings) Settings {
	if c.Expression != nil {
		s.Expression = *c.Expression
	}
	if c.WindowMinutes != nil {
		s.WindowMinutes = *c.WindowMinutes
	}
	if c.Enabled != nil {
		s.Enabled = *c.Enabled
	}
	return s
}

// value is what a field of the settings says, for whoever is told that it cannot be.
func (s Settings) value(field string) any {
	if field == "expression" {
		return s.Expression
	}
	return s.WindowMinutes
}
