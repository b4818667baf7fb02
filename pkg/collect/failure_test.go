package collect_test

import (
	"context"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/audit"
	"github.com/tenantry/tenantry/pkg/collect"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/job"
	"github.com/tenantry/tenantry/pkg/organization"
	"github.com/tenantry/tenantry/pkg/queue"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/schedule"
	"github.com/tenantry/tenantry/pkg/tenant"
	"github.com/tenantry/tenantry/pkg/usage"
)

const day = 24 * time.Hour

func denied(context.Context, *collect.Task, int) error {
	return &collect.Denied{Reason: "ce:GetCostAndUsage was denied. Update the stack."}
}

// schedules are those that the scheduler has of the tenant.
func (t *tester) schedules() []schedule.Entry {
	all, err := t.app.Schedules.List(t.Context(), t.app.Alice.Tenant)
	require.NoError(t, err)
	return all
}

func TestAccessDenied(t *testing.T) {
	t.Run("ends the run, breaks the connection and says why", func(t *testing.T) {
		w := newTester(t, 2)
		w.app.Advance(time.Second)
		w.account.before = denied
		w.do(w.due())
		r := w.run(w.due())
		require.Equal(t, collect.Failed, r.Status)
		require.Equal(t, "Account 111122223333: ce:GetCostAndUsage was denied. Update the stack.", r.Reason)
		require.Equal(t, collect.AccessDeny, r.Connections[0].Status)
		c := w.now(w.con.ID)
		require.Equal(t, connection.Broken, c.Status)
		require.Equal(t, "ce:GetCostAndUsage was denied. Update the stack.", c.Reason)
		require.Equal(t, w.app.Now(), *c.BrokenSince)
		var log route.Page[audit.Row]
		w.alice().Get(t, w.app.Alice.Path("/audit?limit=1")).Is(t, 200).Into(t, &log)
		require.Equal(t, "connection/"+string(w.con.ID), log.Items[0].Target)
		require.Equal(t, tenant.Platform, log.Items[0].Credential)
	})
	t.Run("leaves what the other accounts have", func(t *testing.T) {
		w := newTester(t, 2)
		other := w.connect("con_01J00000000000000000000002", "222233334444", connection.Payer)
		w.account.before = func(ctx context.Context, task *collect.Task, n int) error {
			if task.Connection.ID == w.con.ID {
				return denied(ctx, task, n)
			}
			return nil
		}
		w.do(w.due())
		r := w.run(w.due())
		require.Equal(t, collect.Succeeded, r.Status)
		require.True(t, r.Partial)
		require.EqualValues(t, 1, w.shown(other.ID, r.Slot))
		require.Equal(t, connection.Connected, w.now(other.ID).Status)
	})
}

func TestAccessThatStaysDenied(t *testing.T) {
	t.Run("is tried again once a day, and at once by hand, and paused after 7 days", func(t *testing.T) {
		w := newTester(t, 2)
		w.account.before = denied
		begun := w.app.Now()
		for w.app.Now().Sub(begun) < 7*day {
			calls := w.account.calls()
			w.do(w.due())
			require.Equal(t, calls+1, w.account.calls())
			require.Equal(t, connection.Broken, w.now(w.con.ID).Status)
			for range 5 {
				w.app.Advance(3 * time.Hour)
				w.do(w.due())
			}
			require.Contains(t, w.run(w.due()).Reason, "It is tried again once a day")
			require.Equal(t, calls+1, w.account.calls(), "by the schedule it is left alone")
			if calls == 0 {
				w.begin()
				require.NoError(t, w.app.WorkRuns(t))
				require.Equal(t, 2, w.account.calls())
			}
			w.app.Advance(9 * time.Hour)
			if calls == 0 {
				w.app.Advance(15 * time.Hour)
			}
		}
		require.NoError(t, w.app.Jobs.Handle(t.Context(), job.Message{Kind: schedule.Kind, Tenant: w.app.Alice.Tenant}))
		require.Len(t, w.schedules(), 6, "of the project and of what is in none")
		w.app.WorkJobs(t)
		w.do(w.due())
		w.app.WorkJobs(t)
		require.Empty(t, w.schedules(), "nothing is left that could be collected")
		c, calls := w.now(w.con.ID), w.account.calls()
		require.Equal(t, connection.Paused, c.Status)
		require.Contains(t, c.Reason, "7 days")
		for range 3 {
			w.app.Advance(day)
			w.do(w.due())
			require.Contains(t, w.run(w.due()).Reason, "paused")
		}
		require.Equal(t, calls, w.account.calls())
		w.alice().Do(t, "POST", w.runs(w.app.Alice.Project), map[string]any{"kind": "costs"}).Fails(t, 409, "paused")
	})
}

func TestAccessThatWasDenied(t *testing.T) {
	t.Run("is over when access is given again", func(t *testing.T) {
		w := newTester(t, 2)
		w.app.Collect.Collectors[collect.Resources] = w.account
		resources := func() collect.Message { m := w.due(); m.Kind = collect.Resources; return m }
		w.account.before = denied
		w.do(w.due())
		w.do(resources())
		w.account.before = nil
		w.app.Advance(day)
		w.do(w.due())
		require.Equal(t, collect.Succeeded, w.run(w.due()).Status)
		require.Equal(t, connection.Broken, w.now(w.con.ID).Status, "resources are still denied, as far as is known")
		w.do(resources())
		c := w.now(w.con.ID)
		require.Equal(t, connection.Connected, c.Status)
		require.Empty(t, c.Reason)
		require.Nil(t, c.BrokenSince)
	})
}

func TestThrottling(t *testing.T) {
	t.Run("waits within the step, longer each time, and goes on from where it was", func(t *testing.T) {
		w := newTester(t, 2)
		slow, begun := 0, w.app.Now()
		w.account.before = func(_ context.Context, task *collect.Task, _ int) error {
			if slow++; slow <= 3 {
				task.Count("things", 1000)
				return &collect.Throttled{}
			}
			return nil
		}
		w.do(w.due())
		m := w.due()
		m.Slot = begun
		r := w.run(m)
		require.Equal(t, collect.Succeeded, r.Status)
		require.Equal(t, map[string]int64{"things": 20}, r.Counts, "what was counted in vain is not")
		require.EqualValues(t, 5, r.Pages, "and what was paid for is")
		took := w.app.Now().Sub(begun)
		require.GreaterOrEqual(t, took, 3500*time.Millisecond)
		require.LessOrEqual(t, took, 7*time.Second)
	})
	t.Run("goes on later where the wait is long, beside others", func(t *testing.T) {
		w := newTester(t, 2)
		m := w.due()
		w.account.before = func(_ context.Context, task *collect.Task, page int) error {
			if page == 0 {
				w.account.before = nil
				if err := task.Keep(map[string]int{"Page": 1}); err != nil {
					return err
				}
				return &collect.Throttled{After: 10 * time.Minute}
			}
			return nil
		}
		var busy *queue.Busy
		require.ErrorAs(t, w.app.Collect.Handle(t.Context(), m), &busy)
		require.Equal(t, 10*time.Minute, busy.Wait)
		require.Contains(t, w.run(m).Connections[0].Stage, "slow down")
		other := m
		other.Project = w.project("second")
		require.ErrorAs(t, w.app.Collect.Handle(t.Context(), other), &busy)
		require.Equal(t, 1, w.account.calls(), "others of the account wait too")
		w.app.Advance(10 * time.Minute)
		w.do(m)
		require.Equal(t, 2, w.account.calls(), "it went on from what was kept")
		require.Equal(t, collect.Succeeded, w.run(m).Status)
	})
	t.Run("ends the run when a day is over", func(t *testing.T) {
		w := newTester(t, 2)
		m := w.due()
		w.account.before = func(context.Context, *collect.Task, int) error { return &collect.Throttled{After: time.Hour} }
		for range 24 {
			require.Error(t, w.app.Collect.Handle(t.Context(), m))
			w.app.Advance(time.Hour)
		}
		w.do(m)
		require.Equal(t, collect.Failed, w.run(m).Status)
		require.Contains(t, w.run(m).Reason, "24 hours")
	})
}

func TestARegionThatIsDisabledIsSkippedAndNamed(t *testing.T) {
	w := newTester(t, 2)
	w.account.before = func(_ context.Context, task *collect.Task, _ int) error {
		task.Skip("af-south-1", "The region is disabled in the account.")
		return nil
	}
	w.do(w.due())
	r := w.run(w.due())
	require.Equal(t, collect.Succeeded, r.Status)
	require.Equal(t, []collect.Skipped{{Region: "af-south-1", Reason: "The region is disabled in the account."}}, r.Connections[0].Skipped)
}

// pages is what the tenant has used of this month's pages, and its plan's limit.
func (t *tester) pages() (used, most int64) {
	var a usage.Answer
	t.alice().Get(t, t.app.Alice.Path("/usage")).Is(t, 200).Into(t, &a)
	i := slices.IndexFunc(a.Limits, func(l usage.Limit) bool { return l.Name == "collectionPagesPerMonth" })
	require.GreaterOrEqual(t, i, 0, "the limit is not told")
	require.NotNil(t, a.Limits[i].Used)
	return *a.Limits[i].Used, a.Limits[i].Limit
}

func TestThePlanBoundsWhatIsAsked(t *testing.T) {
	t.Run("to so many pages a month", func(t *testing.T) {
		w := newTester(t, 60)
		_, err := w.app.SetPlan(t.Context(), organization.PlanChange{TenantID: string(w.app.Alice.Tenant), Plan: "free", By: "x", Reason: "y"})
		require.NoError(t, err)
		w.do(w.due())
		require.Equal(t, collect.Succeeded, w.run(w.due()).Status)
		w.app.Advance(time.Hour)
		w.do(w.due())
		require.Equal(t, 100, w.account.calls())
		r := w.run(w.due())
		require.Equal(t, collect.Failed, r.Status, "nothing of it is seen")
		require.False(t, r.Partial)
		require.Contains(t, r.Reason, "collectionPagesPerMonth of 100, which is used up. It is reset at 2026-04-01T00:00:00Z")
		require.Equal(t, collect.Capped, r.Connections[0].Status)
		require.EqualValues(t, 40, r.Pages)
		used, most := w.pages()
		require.EqualValues(t, 100, used)
		require.EqualValues(t, 100, most)
		w.app.Advance(30 * day)
		w.do(w.due())
		require.Equal(t, collect.Succeeded, w.run(w.due()).Status)
		require.False(t, w.run(w.due()).Partial)
		used, _ = w.pages()
		require.EqualValues(t, 60, used)
	})
	t.Run("and counts metrics as parts of pages", func(t *testing.T) {
		w := newTester(t, 3)
		w.account.use = collect.Use{Metrics: 500, Calls: 1}
		w.do(w.due())
		r := w.run(w.due())
		require.EqualValues(t, 1500, r.Metrics)
		require.Equal(t, "0.015", r.Cost.String())
		used, _ := w.pages()
		require.EqualValues(t, 2, used, "of which one is begun")
		var a usage.Answer
		w.alice().Get(t, w.app.Alice.Path("/usage")).Is(t, 200).Into(t, &a)
		require.EqualValues(t, 1500, a.Total.CollectionMetrics)
		require.Zero(t, a.Total.CollectionPages)
	})
}

func TestThePlanBoundsWhoeverAsksAtOnce(t *testing.T) {
	t.Run("never to more, whoever asks at the same time", func(t *testing.T) {
		w := newTester(t, 30)
		_, err := w.app.SetPlan(t.Context(), organization.PlanChange{TenantID: string(w.app.Alice.Tenant), Plan: "free", By: "x", Reason: "y"})
		require.NoError(t, err)
		w.app.Collect.Collectors[collect.Resources] = w.account
		var all []collect.Message
		for i, id := range []tenant.ConnectionID{"con_01J00000000000000000000002", "con_01J00000000000000000000003", "con_01J00000000000000000000004", "con_01J00000000000000000000005"} {
			account := string(rune('1'+i)) + "22233334444"
			w.connect(id, account, connection.Member)
			m := w.due()
			m.Project = w.project(account)
			w.app.Alice.Do(t, "PATCH", w.app.Alice.Path("/projects/"+string(m.Project)), map[string]any{"accountIds": []string{account}}).Is(t, 200)
			m.Kind = collect.Resources
			all = append(all, m)
		}
		done := make(chan error)
		for _, m := range all {
			go func() { done <- w.app.Collect.Handle(t.Context(), m) }()
		}
		for range all {
			require.NoError(t, <-done)
		}
		require.LessOrEqual(t, w.account.calls(), 100)
		require.GreaterOrEqual(t, w.account.calls(), 97, "who is refused gives back what was counted a moment later")
	})
}
