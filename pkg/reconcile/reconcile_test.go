// Package reconcile_test lets tenants live while messages are lost and processes are killed, and has the schedules match in the end.
package reconcile_test

import (
	"context"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/collect"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/organization"
	"github.com/tenantry/tenantry/pkg/project"
	"github.com/tenantry/tenantry/pkg/reconcile"
	"github.com/tenantry/tenantry/pkg/schedule"
	"github.com/tenantry/tenantry/pkg/schedule/eventbridge"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/storetest"
	"github.com/tenantry/tenantry/pkg/tenant"
)

var ctx = context.Background()

// home is what a tenant is, as the tables are told.
type home struct {
	id        tenant.ID
	status    tenant.Status
	connected bool
	projects  []project.Project
	set       map[schedule.Name]schedule.Settings
}

// world is a platform: its tables, the service, and what should come of them.
type world struct {
	require.TestingT
	*service
	random    *rand.Rand
	faults    *storetest.Faulty
	store     *store.Store
	scheduler *eventbridge.Scheduler
	schedules *schedule.Service
	reconcile *reconcile.Service
	homes     []*home
	made      int
}

func newWorld(t testing.TB, r require.TestingT, seed uint64) *world {
	w := &world{TestingT: r, service: newService(1000), random: rand.New(rand.NewPCG(seed, 1))}
	w.faults = storetest.NewFaulty(apptest.Bolt(t, w.clock), nil)
	w.store = store.New(w.faults)
	w.scheduler = eventbridge.New(w.service, eventbridge.Options{Region: "us-east-1", Group: "g", Queue: "queue", Role: "role", Dead: "dead",
		Clock: w.clock, Sleep: w.sleep, Random: func() float64 { return 0.5 }})
	log := slog.New(slog.DiscardHandler)
	w.schedules = &schedule.Service{Store: w.store, Scheduler: w.scheduler, Clock: w.clock, Log: log}
	w.reconcile = &reconcile.Service{Store: w.store, Schedules: w.schedules, Scheduler: w.scheduler, Claims: &connection.Service{Store: w.store}, Clock: w.clock, Log: log}
	return w
}

func (w *world) handle(id tenant.ID) *store.Tenant {
	scope, err := tenant.Work(id, "test")
	require.NoError(w, err)
	h, err := w.store.Tenant(scope)
	require.NoError(w, err)
	return h
}

// write writes all that the tables have of a tenant.
func (w *world) write(h *home) {
	c := connection.Connection{ID: "con_01J00000000000000000000000", Status: connection.Paused}
	if h.connected {
		c.Status = connection.Connected
	}
	changes := []store.Change{
		{Key: store.Meta(), Value: organization.Organization{ID: h.id, Name: "x", Status: h.status, Plan: tenant.Enterprise}},
		{Key: store.Roster(), Value: project.Roster{Projects: h.projects}},
		{Key: store.Connection(c.ID), Value: c},
	}
	for n, s := range h.set {
		changes = append(changes, store.Change{Key: store.Schedule(n.Project, string(n.Kind)), Value: schedule.Set{ProjectID: n.Project, Kind: n.Kind, Settings: s}})
	}
	require.NoError(w, w.handle(h.id).Load(ctx, changes))
	require.NoError(w, w.store.Directory().Write(ctx, store.DirectoryChange{Key: store.TenantEntry(h.id), Value: organization.Listed{Tenant: h.id}}))
}

func (w *world) found(projects int) *home {
	w.made++
	h := &home{id: tenant.ID(fmt.Sprintf("ten_01J0%022d", w.made)), status: tenant.Active, connected: true, set: map[schedule.Name]schedule.Settings{}}
	for range projects {
		h.add()
	}
	w.homes = append(w.homes, h)
	w.write(h)
	return h
}

func (h *home) add() {
	h.projects = append(h.projects, project.Project{ID: tenant.ProjectID(fmt.Sprintf("prj_01J0%022d", len(h.projects)))})
}

// erase ends a tenant: its items are taken away, and of its schedules what the process comes to.
func (w *world) erase(i int) *home {
	h := w.homes[i]
	w.homes = append(w.homes[:i], w.homes[i+1:]...)
	changes := []store.Change{{Action: store.Delete, Key: store.Meta()}, {Action: store.Delete, Key: store.Roster()},
		{Action: store.Delete, Key: store.Connection("con_01J00000000000000000000000")}}
	for n := range h.set {
		changes = append(changes, store.Change{Action: store.Delete, Key: store.Schedule(n.Project, string(n.Kind))})
	}
	require.NoError(w, w.handle(h.id).Load(ctx, changes))
	require.NoError(w, w.store.Directory().Write(ctx, store.DirectoryChange{Action: store.Delete, Key: store.TenantEntry(h.id)}))
	return h
}

// live does one thing that happens to tenants, to their schedules behind the platform's back, or to its processes.
func (w *world) live() {
	if len(w.homes) == 0 {
		w.found(1)
	}
	i := w.random.IntN(len(w.homes))
	h := w.homes[i]
	one := schedule.Name{Tenant: h.id, Project: tenant.Unassigned, Kind: collect.Kinds[w.random.IntN(3)]}
	if len(h.projects) > 0 && w.random.IntN(4) > 0 {
		one.Project = h.projects[w.random.IntN(len(h.projects))].ID
	}
	name, group := one.String(), "g"
	switch w.random.IntN(13) {
	case 0:
		h = w.found(w.random.IntN(4))
	case 1, 2:
		h.add()
		w.write(h)
	case 3, 4:
		if len(h.projects) > 0 {
			p := &h.projects[w.random.IntN(len(h.projects))]
			p.Archived = !p.Archived
			w.write(h)
		}
	case 5, 6, 7:
		h.set[one] = schedule.Settings{Expression: []string{"rate(1 day)", "rate(12 hours)", "cron(0 7 * * ? *)"}[w.random.IntN(3)], WindowMinutes: w.random.IntN(60), Enabled: w.random.IntN(3) > 0}
		w.write(h)
	case 8:
		h.status = []tenant.Status{tenant.Active, tenant.Suspended, tenant.Deleting}[w.random.IntN(3)]
		w.write(h)
	case 9:
		h.connected = !h.connected
		w.write(h)
	case 10:
		h = w.erase(i)
	case 11: // somebody deletes a schedule
		_, _ = w.DeleteSchedule(ctx, &scheduler.DeleteScheduleInput{Name: &name, GroupName: &group})
	case 12: // somebody points one to elsewhere
		if got, err := w.GetSchedule(ctx, &scheduler.GetScheduleInput{Name: &name, GroupName: &group}); err == nil {
			target := *got.Target
			target.Arn = aws.String("elsewhere")
			_, _ = w.UpdateSchedule(ctx, &scheduler.UpdateScheduleInput{Name: &name, GroupName: &group, ScheduleExpression: got.ScheduleExpression, State: got.State,
				ScheduleExpressionTimezone: got.ScheduleExpressionTimezone, FlexibleTimeWindow: got.FlexibleTimeWindow, StartDate: got.StartDate, Target: &target})
		}
	}
	switch w.random.IntN(4) {
	case 0: // the message is lost
	case 1: // the worker is killed
		w.revive(1+w.random.IntN(8), w.random.IntN(2) == 0)
		_, _ = w.schedules.Match(ctx, h.id)
		w.revive(0, false)
	default:
		_, err := w.schedules.Match(ctx, h.id)
		require.NoError(w, err)
	}
}

// want is what should be of all tenants, by name.
func (w *world) want() map[schedule.Name]schedule.Entry {
	all := map[schedule.Name]schedule.Entry{}
	for _, h := range w.homes {
		for _, p := range append([]project.Project{{ID: tenant.Unassigned}}, h.projects...) {
			for _, k := range collect.Kinds {
				n := schedule.Name{Tenant: h.id, Project: p.ID, Kind: k}
				s, ok := h.set[n]
				if !ok {
					s = schedule.Default(k)
				}
				if h.connected && !p.Archived {
					all[n] = schedule.Entry{Name: n, Expression: s.Expression, WindowMinutes: s.WindowMinutes, Enabled: s.Enabled && h.status == tenant.Active}
				}
			}
		}
	}
	return all
}

// requireMatch checks that the service has what should be, and nothing else.
func (w *world) requireMatch() {
	want := w.want()
	require.Equal(w, len(want), w.size(), "schedules there are")
	for _, h := range w.homes {
		have, err := w.scheduler.List(ctx, h.id)
		require.NoError(w, err)
		for _, e := range have {
			require.Equal(w, want[e.Name], e)
		}
	}
}

// whole reconciles until it is done, in pieces of a time, and kills some of them.
func (w *world) whole(piece time.Duration, kills int) reconcile.Report {
	for range 10_000 {
		if kills > 0 {
			kills--
			w.revive(1+w.random.IntN(20), w.random.IntN(2) == 0)
			c, stop := context.WithCancel(ctx)
			_, _ = w.reconcile.Reconcile(c, w.clock().Add(piece))
			stop()
			w.revive(0, false)
			require.NoError(w, w.sleep(ctx, piece+3*time.Minute))
		}
		r, err := w.reconcile.Reconcile(ctx, w.clock().Add(piece))
		require.NoError(w, err)
		require.NoError(w, w.sleep(ctx, time.Second))
		if r.Done {
			return r
		}
	}
	require.Fail(w, "it is never done")
	return reconcile.Report{}
}

// Whatever happens to tenants, messages, schedules and processes: one reconciliation, however often it is killed, leaves exactly the
// schedules that should be, and another one after it changes nothing.
func TestSchedulesMatchInTheEnd(t *testing.T) {
	rapid.Check(t, func(r *rapid.T) {
		w := newWorld(t, r, rapid.Uint64().Draw(r, "seed"))
		for range rapid.IntRange(1, 60).Draw(r, "events") {
			w.live()
		}
		w.whole(time.Duration(rapid.IntRange(1, 2000).Draw(r, "piece"))*time.Millisecond, rapid.IntRange(0, 3).Draw(r, "kills"))
		if again := w.whole(time.Hour, 0); again.Failed > 0 { // a tenant at which a piece was killed is left to the next one
			require.Fail(r, "a tenant failed that nothing is wrong with")
		}
		w.requireMatch()
		w.changes = 0
		last := w.whole(time.Hour, 0)
		require.Zero(r, w.changes, "a reconciliation of what is right changed something")
		require.Equal(r, int64(len(w.homes)), last.Tenants)
		require.Equal(r, schedule.Counts{Checked: int64(len(w.want()))}, last.Counts)
	})
}

// 1,000 tenants of 20 projects, at the service's quotas: made at the rate of half of the quota, never throttled; then, after 3,000
// things have happened to them, matched again.
func TestAThousandTenantsAtTheQuotas(t *testing.T) {
	const tenants, projects, events = 1000, 20, 3000
	w := newWorld(t, t, 1)
	for range tenants {
		w.found(projects)
	}
	begun := w.clock()
	first := w.whole(13*time.Minute, 0)
	took := w.clock().Sub(begun)
	const all = tenants * (projects + 1) * 3
	require.Equal(t, schedule.Counts{Checked: all, Created: all}, first.Counts)
	w.requireMatch()
	require.LessOrEqual(t, took, 3*time.Minute, "63,000 at 500 a second are 126 s")
	require.GreaterOrEqual(t, took, 2*time.Minute)
	require.Zero(t, w.throttled)
	t.Logf("%d schedules made in %s of the service's time, at most %d calls of an operation in a second of %d", all, took.Round(time.Second), w.busiest, w.quota)

	for range events {
		w.live()
	}
	before := w.throttled
	w.whole(13*time.Minute, 2)
	second := w.whole(13*time.Minute, 0)
	w.requireMatch()
	require.Zero(t, second.Failed)
	w.changes = 0
	w.whole(13*time.Minute, 0)
	require.Zero(t, w.changes)
	require.Equal(t, before, w.throttled)
}

func TestATenantThatFailsHoldsUpNobody(t *testing.T) {
	w := newWorld(t, t, 1)
	for range 3 {
		w.found(1)
	}
	poison := w.homes[1]
	require.NoError(t, w.handle(poison.id).Load(ctx, []store.Change{{Key: store.Roster(), Value: map[string]any{"projects": "none"}}}))
	r := w.whole(time.Hour, 0)
	require.EqualValues(t, 1, r.Failed)
	require.EqualValues(t, 12, r.Created)
	w.write(poison)
	require.EqualValues(t, 6, w.whole(time.Hour, 0).Created)
	w.requireMatch()
}

// A claim on an account goes with its connection: one that a crash left is given up, one whose connection is there is kept.
func TestClaimsGoWithTheirConnections(t *testing.T) {
	w := newWorld(t, t, 1)
	h := w.found(1)
	type claim struct {
		Tenant     tenant.ID           `json:"tenant"`
		Connection tenant.ConnectionID `json:"connection"`
		Account    string              `json:"account"`
	}
	there := func(account string) bool {
		var c claim
		found, err := w.store.Directory().Read(ctx, store.Account(account), &c)
		require.NoError(t, err)
		of, err := w.store.Directory().Read(ctx, store.OrgAccount(h.id, account), &c)
		require.NoError(t, err)
		require.Equal(t, found > 0, of > 0)
		return found > 0
	}
	for account, of := range map[string]tenant.ConnectionID{"111122223333": "con_01J00000000000000000000000", "444455556666": "con_01J00000000000000000000009"} {
		c := claim{h.id, of, account}
		require.NoError(t, w.store.Directory().Write(ctx, store.DirectoryChange{Key: store.Account(account), Value: c}, store.DirectoryChange{Key: store.OrgAccount(h.id, account), Value: c}))
	}
	require.EqualValues(t, 1, w.whole(time.Hour, 0).Claims)
	require.True(t, there("111122223333"))
	require.False(t, there("444455556666"))
	require.Zero(t, w.whole(time.Hour, 0).Claims)
}
