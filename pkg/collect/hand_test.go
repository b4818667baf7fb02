package collect_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/collect"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/organization"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// byHand starts a run and has it done.
func (t *tester) byHand() collect.Run {
	r := t.begin()
	require.NoError(t, t.app.WorkRuns(t))
	return t.byID(r.ID)
}

func TestWhatIsReadByHandIsNotReadAgainAtOnce(t *testing.T) {
	t.Run("but told again, and until when", func(t *testing.T) {
		w := newTester(t, 2)
		begun := w.app.Now()
		one := w.byHand()
		w.app.Advance(14 * time.Minute)
		two := w.byHand()
		require.Equal(t, 2, w.account.calls())
		require.Equal(t, collect.Succeeded, two.Status)
		require.False(t, two.Partial)
		require.Zero(t, two.Pages)
		require.Equal(t, one.ID, two.Connections[0].FetchedBy.RunID)
		require.Contains(t, two.Reason, "the next time from "+begun.Add(15*time.Minute).UTC().Format(time.RFC3339))
		w.app.Advance(time.Minute)
		require.Empty(t, w.byHand().Reason)
		require.Equal(t, 4, w.account.calls())
	})
	t.Run("but by a schedule", func(t *testing.T) {
		w := newTester(t, 2)
		w.byHand()
		w.app.Advance(time.Minute)
		w.do(w.due())
		require.Equal(t, 4, w.account.calls())
	})
	t.Run("but when the connection was verified since", func(t *testing.T) {
		w := newTester(t, 1)
		w.account.before = denied
		require.Equal(t, collect.Failed, w.byHand().Status)
		w.app.Advance(time.Minute)
		w.account.before = nil
		w.mend()
		require.Equal(t, collect.Succeeded, w.byHand().Status)
	})
	t.Run("but where nothing of it was paid for", func(t *testing.T) {
		w := newTester(t, 1)
		w.account.use = collect.Use{Calls: 1}
		w.byHand()
		w.app.Advance(time.Second)
		w.byHand()
		require.Equal(t, 2, w.account.calls())
	})
}

func TestRunsThatAreStartedAndCancelledAgainAndAgain(t *testing.T) {
	t.Run("go on with what was begun, and wait after some", func(t *testing.T) {
		w := newTester(t, 100)
		for range 10 {
			r := w.begin()
			w.account.before = func(_ context.Context, _ *collect.Task, page int) error {
				w.alice().Do(t, "POST", w.runs(w.app.Alice.Project)+"/"+string(r.ID)+"/cancel", nil).Is(t, 200)
				return nil
			}
			_ = w.app.WorkRuns(t)
			if w.byID(r.ID).Status == collect.Running {
				require.Contains(t, w.byID(r.ID).Reason, "begun it several times already")
				w.alice().Do(t, "POST", w.runs(w.app.Alice.Project)+"/"+string(r.ID)+"/cancel", nil).Is(t, 200)
			}
			w.app.Advance(10 * time.Second)
		}
		require.LessOrEqual(t, w.account.calls(), 3)
		w.account.before = nil
		m := w.due()
		w.do(m)
		require.Equal(t, collect.Succeeded, w.run(m).Status, "its schedule is not held up")
	})
	t.Run("do not move the slots of an account ahead", func(t *testing.T) {
		w := newTester(t, 1)
		second := w.project("second")
		n := 0
		for ; ; n++ {
			a := w.alice().Do(t, "POST", w.runs(w.app.Alice.Project), map[string]any{"kind": "costs"})
			if a.Status != 202 {
				a.Fails(t, 429, "too quickly")
				require.Equal(t, "1", a.Header.Get("Retry-After"))
				break
			}
			require.Less(t, n, 10)
			var r collect.Run
			a.Into(t, &r)
			w.alice().Do(t, "POST", w.runs(w.app.Alice.Project)+"/"+string(r.ID)+"/cancel", nil).Is(t, 200)
		}
		w.app.Advance(time.Second)
		w.byHand()
		calls := w.account.calls()
		w.app.Advance(30 * time.Second)
		m := w.due()
		m.Project = second
		w.do(m)
		require.Equal(t, calls+1, w.account.calls())
	})
}

func TestAnEditorOfOneProjectLeavesThePlanToTheSchedulesOfOthers(t *testing.T) {
	w := newTester(t, 1)
	_, err := w.app.SetPlan(t.Context(), organization.PlanChange{TenantID: string(w.app.Alice.Tenant), Plan: "free", By: "op", Reason: "test"})
	require.NoError(t, err)
	other := w.project("other")
	editor := w.app.Join(t, w.app.Alice.Tenant, "limited", tenant.Editor, w.app.Alice.Project)
	for range 120 {
		w.app.Advance(2 * time.Second)
		editor.Do(t, "POST", w.runs(w.app.Alice.Project), map[string]any{"kind": "costs"}).Is(t, 202)
		require.NoError(t, w.app.WorkRuns(t))
	}
	require.Equal(t, 1, w.account.calls())
	w.app.Advance(time.Hour)
	m := w.due()
	m.Project = other
	w.do(m)
	require.Equal(t, collect.Collected, w.run(m).Connections[0].Status)
}

func TestARunWhoseMessageWasLost(t *testing.T) {
	away := func(t *testing.T) (*tester, collect.Message) {
		w := newTester(t, 2)
		w.account.before = func(context.Context, *collect.Task, int) error { return fault.New(fault.Unavailable, "away") }
		m := w.due()
		require.Error(t, w.app.Collect.Handle(t.Context(), m))
		w.account.before = nil
		return w, m
	}
	t.Run("is given another when one is to be started", func(t *testing.T) {
		w, m := away(t)
		w.app.Advance(time.Hour)
		w.alice().Do(t, "POST", w.runs(m.Project), map[string]any{"kind": "costs"}).Fails(t, 409, string(m.ID()))
		require.NoError(t, w.app.WorkRuns(t))
		require.Equal(t, collect.Succeeded, w.run(m).Status)
	})
	t.Run("is ended after a day when one is to be started", func(t *testing.T) {
		w, m := away(t)
		w.app.Advance(25 * time.Hour)
		r := w.begin()
		require.Equal(t, collect.Failed, w.run(m).Status)
		require.Contains(t, w.run(m).Reason, "24 hours")
		require.Equal(t, collect.Left, w.run(m).Connections[0].Status)
		require.NoError(t, w.app.WorkRuns(t))
		require.Equal(t, collect.Succeeded, w.byID(r.ID).Status)
	})
	t.Run("is ended after a day by its schedule", func(t *testing.T) {
		w, m := away(t)
		w.app.Advance(25 * time.Hour)
		w.do(w.due())
		require.Equal(t, collect.Succeeded, w.run(w.due()).Status)
		require.Equal(t, collect.Failed, w.run(m).Status)
	})
}
