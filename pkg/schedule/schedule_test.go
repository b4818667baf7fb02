// Package schedule_test sets schedules through the API, and has them made to match with schedulers that fail, slow down and crash.
package schedule_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/api"
	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/collect"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/job"
	"github.com/tenantry/tenantry/pkg/schedule"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

type body = map[string]any

func TestNames(t *testing.T) {
	seen := map[string]bool{}
	form := regexp.MustCompile(`^[0-9a-zA-Z-_.]{1,64}$`) // of EventBridge Scheduler
	for n := range 200 {
		id, err := tenant.NewID(time.UnixMilli(int64(n)), rand.Reader)
		require.NoError(t, err)
		project, err := tenant.NewProjectID(time.UnixMilli(int64(n)), rand.Reader)
		require.NoError(t, err)
		for _, p := range []tenant.ProjectID{project, tenant.Unassigned} {
			for _, k := range collect.Kinds {
				name := schedule.Name{Tenant: id, Project: p, Kind: k}
				s := name.String()
				require.Regexp(t, form, s)
				require.True(t, strings.HasPrefix(s, schedule.Prefix(id)))
				require.False(t, seen[s], "two schedules have one name")
				seen[s] = true
				back, err := schedule.ParseName(s)
				require.NoError(t, err)
				require.Equal(t, name, back)
			}
		}
	}
	for _, none := range []string{"", "a-b-c", "01J00000000000000000000000-unassigned", "01J00000000000000000000000-unassigned-x",
		"01j00000000000000000000000-unassigned-costs", "01J00000000000000000000000-unassigned-costs-", "default"} {
		_, err := schedule.ParseName(none)
		require.Error(t, err, none)
	}
}

// handle opens a tenant's handle.
func handle(t require.TestingT, st *store.Store, id tenant.ID) *store.Tenant {
	scope, err := tenant.Work(id, "test")
	require.NoError(t, err)
	h, err := st.Tenant(scope)
	require.NoError(t, err)
	return h
}

// connect gives a tenant a connection of a status.
func connect(t *testing.T, a *apptest.App, id tenant.ID, s connection.Status) {
	c := connection.Connection{ID: "con_01J00000000000000000000000", AccountID: "111122223333", Status: s}
	require.NoError(t, handle(t, a.Store, id).Write(t.Context(), store.Change{Key: store.Connection(c.ID), Value: c}))
}

// schedules gives what the scheduler has of a tenant, by project and kind.
func schedules(t *testing.T, a *apptest.App, id tenant.ID) map[string]schedule.Entry {
	entries, err := a.Schedules.List(t.Context(), id)
	require.NoError(t, err)
	all := map[string]schedule.Entry{}
	for _, e := range entries {
		require.Equal(t, id, e.Tenant)
		all[string(e.Project)+" "+string(e.Kind)] = e
	}
	return all
}

type shown struct {
	Kind, Expression, State string
	WindowMinutes           int
	Enabled                 bool
	LastSlot, NextSlot      string
}

func TestAProjectsSchedules(t *testing.T) {
	a := apptest.New(t)
	of := func(kind string) string {
		return a.Alice.Path("/projects/" + string(a.Alice.Project) + "/schedules/" + kind)
	}
	var s shown
	t.Run("rest as long as nothing is connected, and cost not even a message", func(t *testing.T) {
		var all struct{ Items []shown }
		a.Alice.Get(t, strings.TrimSuffix(of(""), "/")).Is(t, 200).Into(t, &all)
		require.Len(t, all.Items, 3)
		for i, k := range collect.Kinds {
			require.Equal(t, string(k), all.Items[i].Kind)
			require.Equal(t, "unconnected", all.Items[i].State)
			require.Empty(t, all.Items[i].NextSlot)
		}
		require.Empty(t, a.PendingJobs())
	})
	connect(t, a, a.Alice.Tenant, connection.Connected)
	t.Run("have their kind's defaults", func(t *testing.T) {
		a.Alice.Get(t, of("costs")).Is(t, 200).Into(t, &s)
		require.Equal(t, shown{Kind: "costs", Expression: "cron(0 6 * * ? *)", State: "on", WindowMinutes: 240, Enabled: true, NextSlot: "2026-03-03T06:00:00Z"}, s)
	})
	t.Run("are what they are changed to, and only on the version that was read", func(t *testing.T) {
		etag := a.Alice.Get(t, of("costs")).Is(t, 200).Header.Get("ETag")
		a.Alice.Do(t, "PATCH", of("costs"), body{"expression": "rate(12 hours)", "windowMinutes": 0}, "If-Match: "+etag).Is(t, 200).Into(t, &s)
		require.Equal(t, "2026-03-03T00:00:00Z", s.NextSlot)
		a.Alice.Do(t, "PATCH", of("costs"), body{"enabled": false}, "If-Match: "+etag).Is(t, 412)
		a.WorkJobs(t)
		e := schedules(t, a, a.Alice.Tenant)[string(a.Alice.Project)+" costs"]
		require.Equal(t, "rate(12 hours)", e.Expression)
		require.Zero(t, e.WindowMinutes)
		require.Len(t, schedules(t, a, a.Alice.Tenant), 6, "of the project and of unassigned")
		require.Empty(t, schedules(t, a, a.Bob.Tenant))
	})
	t.Run("are paused, and go on", func(t *testing.T) {
		a.Alice.Do(t, "PATCH", of("metrics"), body{"enabled": false}).Is(t, 200).Into(t, &s)
		require.Equal(t, "paused", s.State)
		a.WorkJobs(t)
		require.False(t, schedules(t, a, a.Alice.Tenant)[string(a.Alice.Project)+" metrics"].Enabled)
		a.Alice.Do(t, "PATCH", of("metrics"), body{"enabled": true}).Is(t, 200)
		a.WorkJobs(t)
		require.True(t, schedules(t, a, a.Alice.Tenant)[string(a.Alice.Project)+" metrics"].Enabled)
	})
	t.Run("of unassigned are changed alike", func(t *testing.T) {
		a.Alice.Do(t, "PATCH", a.Alice.Path("/projects/unassigned/schedules/resources"), body{"expression": "rate(1 hour)", "windowMinutes": 60}).Is(t, 200)
		a.WorkJobs(t)
		require.Equal(t, "rate(1 hour)", schedules(t, a, a.Alice.Tenant)["unassigned resources"].Expression)
	})
	t.Run("show the slot of the newest run", func(t *testing.T) {
		h := handle(t, a.Store, a.Alice.Tenant)
		for _, slot := range []string{"2026-03-01T06:00:00Z", "2026-03-02T06:00:00Z"} {
			require.NoError(t, h.Write(t.Context(), store.Change{Key: store.Run(a.Alice.Project, "costs", slot), Value: struct{}{}}))
		}
		a.Alice.Get(t, of("costs")).Is(t, 200).Into(t, &s)
		require.Equal(t, "2026-03-02T06:00:00Z", s.LastSlot)
	})
	t.Run("are not those of others", func(t *testing.T) {
		a.Bob.Get(t, of("costs")).Is(t, 404)
		a.Bob.Do(t, "PATCH", a.Bob.Path("/projects/"+string(a.Alice.Project)+"/schedules/costs"), body{"enabled": false}).Is(t, 404)
		a.Join(t, a.Alice.Tenant, "viewer", tenant.Viewer).Do(t, "PATCH", of("costs"), body{"enabled": false}).Is(t, 403)
	})
	t.Run("of no kind there is are refused", func(t *testing.T) {
		a.Alice.Get(t, of("taxes")).Is(t, 422)
	})
}

func TestWhatAScheduleCannotBe(t *testing.T) {
	a := apptest.New(t)
	for name, test := range map[string]struct {
		kind string
		set  body
		says string
	}{
		"costs every 5 hours":             {"costs", body{"expression": "rate(5 hours)"}, "at most every 6 hours"},
		"costs at two hours of a day":     {"costs", body{"expression": "cron(0 6,8 * * ? *)"}, "only 2 hours"},
		"costs over midnight":             {"costs", body{"expression": "cron(0 1,23 * * ? *)"}, "only 2 hours"},
		"resources every half hour":       {"resources", body{"expression": "rate(30 minutes)"}, "every 60 minutes"},
		"metrics every hour":              {"metrics", body{"expression": "rate(1 hour)"}, "$0.01"},
		"once in two months":              {"costs", body{"expression": "cron(0 6 1 */2 ? *)"}, "at least every 31 days"},
		"the 31st of each month":          {"costs", body{"expression": "cron(0 6 31 * ? *)"}, "29 to 31"},
		"a day that never comes":          {"costs", body{"expression": "cron(0 6 30 FEB ? *)"}, "at least every 31 days"},
		"a rate of 32 days":               {"costs", body{"expression": "rate(32 days)"}, "at least every 31 days"},
		"a window as long as two slots":   {"resources", body{"expression": "rate(1 hour)", "windowMinutes": 61}, "here 60 minutes"},
		"a window longer than a day":      {"costs", body{"windowMinutes": 1441}, "acceptable"},
		"no expression":                   {"costs", body{"expression": "daily"}, "cron(0 6 * * ? *)"},
		"a time zone of one's own choice": {"costs", body{"timezone": "Europe/Berlin"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			answer := a.Alice.Do(t, "PATCH", a.Alice.Path("/projects/unassigned/schedules/"+test.kind), test.set).Is(t, 422)
			require.Contains(t, string(answer.Body), test.says)
		})
	}
	for _, fine := range []string{"rate(6 hours)", "cron(0 0/6 * * ? *)", "cron(59 23 ? * MON *)", "cron(0 6 28 * ? *)", "rate(31 days)", "cron(0 6 1,15 * ? *)"} {
		a.Alice.Do(t, "PATCH", a.Alice.Path("/projects/unassigned/schedules/costs"), body{"expression": fine}).Is(t, 200)
	}
}

// Every change of what schedules follow from reaches the scheduler.
func TestSchedulesFollow(t *testing.T) {
	a := apptest.New(t)
	id := a.Alice.Tenant
	of := func(p tenant.ProjectID) string { return a.Alice.Path("/projects/" + string(p)) }
	requireState := func(t *testing.T, count int, enabled bool) {
		a.WorkJobs(t)
		all := schedules(t, a, id)
		require.Len(t, all, count)
		for _, e := range all {
			require.Equal(t, enabled, e.Enabled)
		}
	}
	connect(t, a, id, connection.Connected)
	var made struct{ ID tenant.ProjectID }
	a.Alice.Do(t, "POST", a.Alice.Path("/projects"), body{"name": "two", "environment": "test"}).Is(t, 201).Into(t, &made)
	requireState(t, 9, true)
	t.Run("a project that is archived and taken back", func(t *testing.T) {
		a.Alice.Do(t, "PATCH", of(made.ID)+"/schedules/costs", body{"expression": "rate(1 day)"}).Is(t, 200)
		a.Alice.Do(t, "POST", of(made.ID)+"/archive", nil).Is(t, 200)
		requireState(t, 6, true)
		p := a.Alice.Do(t, "PATCH", of(made.ID)+"/schedules/costs", body{"enabled": false}).Fails(t, 409, "archived")
		require.Equal(t, fault.Archived, p.Code)
		var s shown
		a.Alice.Get(t, of(made.ID)+"/schedules/costs").Is(t, 200).Into(t, &s)
		require.Equal(t, "archived", s.State)
		a.Alice.Do(t, "PATCH", of(made.ID), body{"archived": false}).Is(t, 200)
		requireState(t, 9, true)
		require.Equal(t, "rate(1 day)", schedules(t, a, id)[string(made.ID)+" costs"].Expression, "what was set is still set")
	})
	t.Run("a tenant that is suspended, deleted and restored", func(t *testing.T) {
		for _, step := range []struct {
			method, below string
			enabled       bool
		}{{"POST", "/suspend", false}, {"POST", "/activate", true}, {"DELETE", "?name=alice%27s", false}, {"POST", "/restore", true}} {
			require.Less(t, a.Alice.Do(t, step.method, a.Alice.Path(step.below), nil).Status, 300)
			requireState(t, 9, step.enabled)
			var s shown
			a.Alice.Get(t, of(made.ID)+"/schedules/costs").Is(t, 200).Into(t, &s)
			require.Equal(t, map[bool]string{true: "on", false: "suspended"}[step.enabled], s.State)
		}
	})
	t.Run("a connection that breaks, is paused and works again", func(t *testing.T) {
		for i, s := range []connection.Status{connection.Broken, connection.Paused, connection.Pending, connection.Connected} {
			connect(t, a, id, s)
			require.NoError(t, a.Jobs.Handle(t.Context(), ask(id)))
			require.Len(t, schedules(t, a, id), []int{9, 0, 0, 9}[i], fmt.Sprint(s))
		}
	})
}

// ask is the message that has a tenant's schedules match.
func ask(id tenant.ID) job.Message { return job.Message{Kind: schedule.Kind, Tenant: id} }

// between is a scheduler during whose first call something else happens.
type between struct {
	schedule.Scheduler
	happens func()
	once    sync.Once
}

// Put has it happen first.
func (b *between) Put(ctx context.Context, e schedule.Entry) error {
	b.once.Do(b.happens)
	return b.Scheduler.Put(ctx, e)
}

// A worker that read the tables before a change and calls the scheduler after whoever made it has matched leaves nothing behind.
func TestWhoMatchesLateUndoesNothing(t *testing.T) {
	a := apptest.New(t)
	connect(t, a, a.Alice.Tenant, connection.Connected)
	late := &between{Scheduler: a.Schedules}
	service := func(s schedule.Scheduler) *schedule.Service {
		return &schedule.Service{Store: a.Store, Scheduler: s, Clock: a.Now, Log: slog.New(slog.DiscardHandler)}
	}
	late.happens = func() {
		a.Alice.Do(t, "POST", a.Alice.Path("/projects/"+string(a.Alice.Project)+"/archive"), nil).Is(t, 200)
		_, err := service(a.Schedules).Match(t.Context(), a.Alice.Tenant)
		require.NoError(t, err)
	}
	_, err := service(late).Match(t.Context(), a.Alice.Tenant)
	require.NoError(t, err)
	all := schedules(t, a, a.Alice.Tenant)
	require.Len(t, all, 3)
	for _, e := range all {
		require.Equal(t, tenant.Unassigned, e.Project)
	}
}

// A change stands though its message cannot be sent; the log says what will make good for it.
func TestAChangeStandsWithoutItsMessage(t *testing.T) {
	a := apptest.New(t)
	connect(t, a, a.Alice.Tenant, connection.Connected)
	server := httptest.NewServer(a.Another(t, func(d *api.Deps) { d.Jobs = broken{} }))
	defer server.Close()
	r, err := http.NewRequestWithContext(t.Context(), "PATCH", server.URL+a.Alice.Path("/projects/unassigned/schedules/costs"), strings.NewReader(`{"expression":"rate(1 day)"}`))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/json")
	a.Alice.Send(t, r).Is(t, 200)
	require.Contains(t, a.Log.String(), "next reconciliation")
	var s shown
	a.Alice.Get(t, a.Alice.Path("/projects/unassigned/schedules/costs")).Is(t, 200).Into(t, &s)
	require.Equal(t, "rate(1 day)", s.Expression)
}

type broken struct{}

// Send fails.
func (broken) Send(context.Context, job.Message) error { return errors.New("no queue") }

// A payer brings the costs of its accounts, and nothing of what is in them.
func TestAKindThatNoConnectionBringsIsUnconnected(t *testing.T) {
	a := apptest.New(t)
	c := connection.Connection{ID: "con_01J00000000000000000000000", AccountID: "111122223333", Kind: connection.Payer, Status: connection.Connected}
	require.NoError(t, handle(t, a.Store, a.Alice.Tenant).Write(t.Context(), store.Change{Key: store.Connection(c.ID), Value: c}))
	path := a.Alice.Path("/projects/" + string(a.Alice.Project))
	a.Alice.Do(t, "PATCH", path, body{"accountIds": []string{"999988887777"}}).Is(t, 200)
	require.NoError(t, a.Jobs.Handle(t.Context(), ask(a.Alice.Tenant)))
	all := schedules(t, a, a.Alice.Tenant)
	for _, k := range collect.Kinds {
		var s shown
		a.Alice.Get(t, path+"/schedules/"+string(k)).Is(t, 200).Into(t, &s)
		brought := k == collect.Costs
		require.Equal(t, map[bool]string{true: "on", false: "unconnected"}[brought], s.State, k)
		require.Equal(t, brought, s.NextSlot != "", k)
		require.Equal(t, brought, all[string(a.Alice.Project)+" "+string(k)].Enabled, k)
	}
}
