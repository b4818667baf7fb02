// Package api puts every feature's operations together. It knows no adapter: what stores, queues and keeps files comes in
// Deps, from pkg/cloud or infra/local.
package api

import (
	"context"
	"io"
	"log/slog"
	"net/http"
	"slices"
	"time"

	"github.com/tenantry/tenantry/pkg/apikey"
	"github.com/tenantry/tenantry/pkg/audit"
	"github.com/tenantry/tenantry/pkg/collect"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/cost"
	"github.com/tenantry/tenantry/pkg/delivery"
	"github.com/tenantry/tenantry/pkg/erasure"
	"github.com/tenantry/tenantry/pkg/export"
	"github.com/tenantry/tenantry/pkg/job"
	"github.com/tenantry/tenantry/pkg/limit"
	"github.com/tenantry/tenantry/pkg/member"
	"github.com/tenantry/tenantry/pkg/metric"
	"github.com/tenantry/tenantry/pkg/organization"
	"github.com/tenantry/tenantry/pkg/project"
	"github.com/tenantry/tenantry/pkg/reconcile"
	"github.com/tenantry/tenantry/pkg/reconciliation"
	"github.com/tenantry/tenantry/pkg/resource"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/schedule"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
	"github.com/tenantry/tenantry/pkg/usage"
)

// Deps are what the operations work with. RequestID, Meter and Verifier alone may be nil; Auth too where nothing is served.
type Deps struct {
	Store *store.Store
	Auth  Authorizer
	Files Files
	Queue delivery.Queue
	Jobs  job.Queue
	Runs  collect.Queue
	// Collectors do the worker's part of runs; nothing else needs them.
	Collectors map[collect.Kind]collect.Collector
	Schedules  schedule.Scheduler // of what is collected
	Clock      func() time.Time
	Random     io.Reader
	Plan       tenant.Plan   // of new tenants
	Grace      time.Duration // of tenants that are deleted
	Quiet      time.Duration // after their end, for who still writes; an erasure.Service's, and requests are at an end within three quarters of it
	Recovery   time.Duration // how far back the database's own backup reaches; 0 where it has none
	Log        *slog.Logger
	Meter      *usage.Meter                 // of tenants' use; whoever made it flushes it in the end
	Verifier   connection.Verifier          // nil where accounts cannot be connected
	Principal  string                       // the ARN that customers' roles trust; "" where that is not set up
	Strangers  limit.Bounds                 // the zero Bounds are the usual ones
	RequestID  func(context.Context) string // the platform's ID of a request
}

// Files is where all files of tenants lie.
type Files interface {
	delivery.Files
	export.Files
	connection.Files
	erasure.Files
}

// Authorizer is the authorization step, and forgets what it knows of a principal in a tenant when that changes.
type Authorizer interface {
	route.Authorizer
	Forget(tenant.Principal, tenant.ID)
}

// features has one service of each feature, nil where operations are only listed.
type features struct {
	organizations *organization.Service
	members       *member.Service
	keys          *apikey.Service
	projects      *project.Service
	connections   *connection.Service
	deliveries    *delivery.Service
	costs         *cost.Service
	reconciled    *reconciliation.Service
	resources     *resource.Service
	metrics       *metric.Service
	audits        *audit.Service
	exports       *export.Service
	usages        *usage.Service
	erasures      *erasure.Service
	schedules     *schedule.Service
	runs          *collect.Service
}

// Operations lists every operation there is, in the order of the reference. They cannot be served: nothing is wired.
func Operations() []route.Operation { return features{}.operations() }

// Handler serves the operations of one function, of all where it is "".
func Handler(d Deps, f route.Function) (http.Handler, error) {
	var ops []route.Operation
	for _, op := range d.features().operations() {
		if f == "" || op.Function == f {
			ops = append(ops, op)
		}
	}
	o := route.Options{
		Clock: d.Clock, Random: d.Random, Log: d.Log, RequestID: d.RequestID, Within: d.Quiet * 3 / 4,
		Admit:    limit.New(d.Store, d.Clock, d.Log).Admit,
		Answered: apikey.NewUses(d.Store, d.Clock, d.Log).Note,
		Refused:  audit.NewRefusals(d.Store, audit.Log{Clock: d.Clock, Random: d.Random}, d.Log).Record,
	}
	if d.Meter != nil {
		o.Used = d.Meter.Used
	}
	return route.Handler(ops, limit.NewGuard(d.Auth, d.Clock, d.Strangers), o)
}

// SetPlan gives a tenant another plan, as the platform's operator.
func SetPlan(d Deps) func(context.Context, organization.PlanChange) (organization.Organization, error) {
	return d.features().organizations.SetPlan
}

// Ingest makes the worker of deliveries: what reads them when a message says so.
func Ingest(d Deps) *delivery.Service {
	s := &delivery.Service{Store: d.Store, Files: d.Files, Queue: d.Queue, Clock: d.Clock, Random: d.Random, Log: d.Log}
	if d.Meter != nil {
		s.Imported = d.Meter.Imported
	}
	return s
}

// Collect makes the worker of runs: what collects when a message says so.
func Collect(d Deps) *collect.Service {
	s := &collect.Service{Store: d.Store, Queue: d.Runs, Clock: d.Clock, Random: d.Random, Log: d.Log, Collectors: d.Collectors,
		Audit: audit.Log{Clock: d.Clock, Random: d.Random}, Paused: Schedules(d).Connected}
	if d.Meter != nil {
		s.Spent = d.Meter.Collected
	}
	return s
}

// OfRun is the tenant of a message of a run.
func OfRun(m collect.Message) tenant.ID { return m.Tenant }

// OfDelivery is the tenant of a message of a delivery.
func OfDelivery(m delivery.Message) tenant.ID { return m.Tenant }

// OfJob is the tenant of a message of a job, "" where it is of none.
func OfJob(m job.Message) tenant.ID { return m.Tenant }

// Jobs makes the worker of all long work that there is.
func Jobs(d Deps) *job.Worker {
	return &job.Worker{Store: d.Store, Queue: d.Jobs, Works: d.works(), Clock: d.Clock, Random: d.Random, Log: d.Log}
}

// Schedules makes what has the schedules match the tables.
func Schedules(d Deps) *schedule.Service {
	return &schedule.Service{Store: d.Store, Scheduler: d.Schedules, Jobs: d.Jobs, Clock: d.Clock, Random: d.Random, Log: d.Log}
}

// Reconcile makes what goes over all tenants.
func Reconcile(d Deps) *reconcile.Service {
	return &reconcile.Service{Store: d.Store, Schedules: Schedules(d), Scheduler: d.Schedules, Claims: &connection.Service{Store: d.Store},
		Clock: d.Clock, Log: d.Log}
}

// works lists what the features do in steps: one line for each kind.
func (d Deps) works() []job.Work {
	schedules := Schedules(d)
	erasures := &erasure.Service{Store: d.Store, Files: d.Files, Queue: d.Jobs, Schedules: schedules, Clock: d.Clock, Log: d.Log, Quiet: d.Quiet, Recovery: d.Recovery}
	if d.Auth != nil {
		erasures.Forget = d.Auth.Forget
	}
	return slices.Concat(d.exports().Works(), erasures.Works(), Ingest(d).Works(), schedules.Works())
}

// Hourly lists what the worker of long work is to be asked for once an hour, by the platform's own clock.
func Hourly() []job.Message { return []job.Message{{Kind: export.Ending}, {Kind: erasure.Due}} }

// OpenAPI gives the OpenAPI 3.1 document of all operations.
func OpenAPI() ([]byte, error) {
	return route.OpenAPI(Operations(), route.Info{
		Title:   "Tenantry",
		Version: "1",
		Description: "Costs of many AWS projects in many tenants. Every answer carries an X-Request-Id; failures are " +
			"application/problem+json of RFC 9457. A tenant is what people call an organization; an import is a delivery: one or more files of one source that count together.",
	})
}

func (d Deps) features() features {
	log := audit.Log{Clock: d.Clock, Random: d.Random}
	deliveries, members := Ingest(d), &member.Service{Store: d.Store, Clock: d.Clock, Random: d.Random, Audit: log, Forget: d.Auth.Forget}
	schedules := Schedules(d)
	projects := &project.Service{Store: d.Store, Clock: d.Clock, Random: d.Random, RulesChanged: deliveries.RulesChanged, Changed: schedules.Changed}
	keys := &apikey.Service{Store: d.Store, Clock: d.Clock, Random: d.Random, Audit: log, Forget: d.Auth.Forget}
	costs := &cost.Service{Store: d.Store, Clock: d.Clock}
	runs := Collect(d)
	limits := &limit.Counter{Store: d.Store, Clock: d.Clock}
	used := []func(context.Context, *tenant.Scope) (map[string]int64, error){projects.Used, members.Used, keys.Used, deliveries.Used,
		limits.Used, runs.Used, d.exports().Used}
	return features{
		organizations: &organization.Service{Store: d.Store, Clock: d.Clock, Random: d.Random, Audit: log, Plan: d.Plan, Grace: d.Grace, Forget: d.Auth.Forget,
			Owe: func(ctx context.Context, t *store.Tenant, id tenant.ID) (store.Change, error) {
				return job.Renew(ctx, t, job.Message{Kind: delivery.Wake, Tenant: id}, d.Clock())
			},
			Wake: func(ctx context.Context, t *store.Tenant, id tenant.ID) error {
				return job.Again(ctx, d.Jobs, t, job.Message{Kind: delivery.Wake, Tenant: id}, d.Clock())
			}, Turned: schedules.Changed},
		members:  members,
		keys:     keys,
		projects: projects,
		connections: &connection.Service{Store: d.Store, Clock: d.Clock, Random: d.Random, Audit: log, Projects: projects, Files: d.Files,
			Verifier: d.Verifier, Principal: d.Principal, Changed: schedules.Connected},
		deliveries: deliveries,
		costs:      costs,
		reconciled: &reconciliation.Service{Store: d.Store, Clock: d.Clock, Audit: log, Costs: costs},
		resources:  &resource.Service{Store: d.Store, Clock: d.Clock, Costs: costs},
		metrics:    &metric.Service{Store: d.Store, Clock: d.Clock},
		audits:     &audit.Service{Store: d.Store, Clock: d.Clock},
		exports:    d.exports(),
		usages:     &usage.Service{Store: d.Store, Clock: d.Clock, Meter: d.Meter, Used: used},
		erasures:   &erasure.Service{Store: d.Store},
		schedules:  schedules,
		runs:       runs,
	}
}

func (d Deps) exports() *export.Service {
	return &export.Service{Store: d.Store, Files: d.Files, Jobs: d.Jobs, Clock: d.Clock, Random: d.Random, Audit: audit.Log{Clock: d.Clock, Random: d.Random}}
}

func (f features) operations() []route.Operation {
	var ops []route.Operation
	for _, of := range []func() []route.Operation{
		f.organizations.Operations, f.members.Operations, f.keys.Operations, f.projects.Operations, f.connections.Operations, f.deliveries.Operations,
		f.costs.Operations, f.reconciled.Operations, f.resources.Operations, f.metrics.Operations, f.audits.Operations, f.usages.Operations, f.exports.Operations, f.erasures.Operations,
		f.runs.Operations, f.schedules.Operations,
	} {
		ops = append(ops, of()...)
	}
	return append(ops, route.ForAll(route.Spec{ID: "getHealth", Method: "GET", Path: "/v1/health", Permission: tenant.Public,
		Function: route.API, Tag: "Platform", Summary: "Ask whether the service answers", Example: struct{}{}}, health))
}

type healthOut struct {
	Body Health
}

// Health is the answer of a service that answers.
type Health struct {
	Status string `json:"status" enum:"ok"`
}

func health(context.Context, *struct{}) (*healthOut, error) { return &healthOut{Health{"ok"}}, nil }
