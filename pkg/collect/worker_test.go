package collect_test

import (
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/collect"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/queue"
	"github.com/tenantry/tenantry/pkg/store"
)

func TestARun(t *testing.T) {
	t.Run("collects what is due, in steps, and says what it took", func(t *testing.T) {
		w := newTester(t, 3)
		m := w.due()
		ctx, _ := store.WithMeter(t.Context())
		require.NoError(t, w.app.Collect.Handle(ctx, m))
		r := w.run(m)
		require.Equal(t, collect.Succeeded, r.Status)
		require.False(t, r.Partial)
		require.Nil(t, r.StartedBy)
		require.Equal(t, map[string]int64{"things": 30}, r.Counts)
		require.EqualValues(t, 3, r.Pages)
		require.EqualValues(t, 3, r.Calls)
		require.Equal(t, "0.03", r.Cost.String())
		require.Positive(t, r.ReadUnits.Sign())
		require.Positive(t, r.WriteUnits.Sign())
		require.Equal(t, 1, r.Attempts)
		require.Equal(t, []collect.Part{{ConnectionID: w.con.ID, AccountID: "111122223333", Status: collect.Collected,
			Counts: map[string]int64{"things": 30}, Pages: 3, Calls: 3}}, r.Connections)
		require.EqualValues(t, 1, w.shown(w.con.ID, m.Slot))
	})
	t.Run("that is due again makes no call", func(t *testing.T) {
		w := newTester(t, 3)
		m := w.due()
		w.do(m)
		before := w.run(m)
		for range 3 {
			w.do(m)
			w.app.Advance(time.Hour)
		}
		require.Equal(t, 3, w.account.calls())
		require.Equal(t, before, w.run(m))
	})
	t.Run("of two workers is one", func(t *testing.T) {
		w := newTester(t, 10)
		m := w.due()
		var group sync.WaitGroup
		errs := make([]error, 4)
		for i := range errs {
			group.Go(func() { errs[i] = w.app.Collect.Handle(t.Context(), m) })
		}
		group.Wait()
		for _, err := range errs {
			var busy *queue.Busy
			if err != nil {
				require.ErrorAs(t, err, &busy)
			}
		}
		require.Equal(t, collect.Succeeded, w.run(m).Status)
		require.Equal(t, 10, w.account.calls())
		require.EqualValues(t, 1, w.shown(w.con.ID, m.Slot))
	})
}

func TestARunOfAccounts(t *testing.T) {
	t.Run("of an account that several projects share asks once a slot", func(t *testing.T) {
		w := newTester(t, 3)
		one := w.due()
		two := one
		two.Project = w.project("second")
		w.do(one)
		w.do(two)
		require.Equal(t, 3, w.account.calls())
		r := w.run(two)
		require.Equal(t, collect.Succeeded, r.Status)
		require.Zero(t, r.Pages)
		require.Empty(t, r.Counts)
		require.Equal(t, &collect.Origin{ProjectID: one.Project, RunID: one.ID()}, r.Connections[0].FetchedBy)
		late := one
		late.Slot = one.Slot.Add(-time.Hour)
		w.do(late)
		require.Equal(t, 3, w.account.calls(), "a slot that comes late finds a newer one")
		w.app.Advance(time.Hour)
		w.do(w.due())
		require.Equal(t, 6, w.account.calls())
	})
	t.Run("waits for another that is at the account", func(t *testing.T) {
		w := newTester(t, 3)
		one := w.due()
		two := one
		two.Project = w.project("second")
		w.account.before = func(_ context.Context, _ *collect.Task, page int) error {
			if page == 1 {
				var busy *queue.Busy
				require.ErrorAs(t, w.app.Collect.Handle(t.Context(), two), &busy)
			}
			return nil
		}
		w.do(one)
		w.do(two)
		require.Equal(t, 3, w.account.calls())
		require.Equal(t, one.ID(), w.run(two).Connections[0].FetchedBy.RunID)
	})
	t.Run("of several accounts collects each", func(t *testing.T) {
		w := newTester(t, 2)
		w.connect("con_01J00000000000000000000002", "222233334444", connection.Payer)
		w.connect("con_01J00000000000000000000003", "333344445555", connection.Member)
		w.do(w.due())
		r := w.run(w.due())
		require.Equal(t, collect.Succeeded, r.Status)
		require.Len(t, r.Connections, 2, "a project that names no accounts has what payers have")
		require.EqualValues(t, 4, r.Pages)
		w.app.Alice.Do(t, "PATCH", w.app.Alice.Path("/projects/"+string(w.app.Alice.Project)), map[string]any{"accountIds": []string{"333344445555"}}).Is(t, 200)
		w.app.Advance(time.Hour)
		w.do(w.due())
		require.Len(t, w.run(w.due()).Connections, 3, "and of one that names accounts the payers may know too")
	})
}

func TestAWorkerThatWasThoughtDead(t *testing.T) {
	for name, cancel := range map[string]bool{"finds the run another's": false, "finds the run cancelled": true} {
		t.Run(name+" and shows nothing", func(t *testing.T) {
			w := newTester(t, 2)
			m := w.due()
			w.account.before = func(ctx context.Context, task *collect.Task, page int) error {
				if page != 1 {
					return nil
				}
				w.account.before = nil
				if cancel {
					w.app.Alice.Do(t, "POST", w.path(m)+"/cancel", nil).Is(t, 200)
				} else {
					w.app.Advance(3 * time.Minute)
					w.do(m)
				}
				err := w.handle.Write(ctx, append(task.Guard(), store.Change{Key: visible("con_x", m.Slot), Value: m})...)
				require.NotNil(t, store.Conflicted(err), "the guard holds no more")
				return nil
			}
			var busy *queue.Busy
			require.ErrorAs(t, w.app.Collect.Handle(t.Context(), m), &busy)
			w.do(m)
			if cancel {
				require.Equal(t, collect.Cancelled, w.run(m).Status)
				require.Zero(t, w.shown(w.con.ID, m.Slot))
				return
			}
			require.Equal(t, collect.Succeeded, w.run(m).Status)
			require.EqualValues(t, 1, w.shown(w.con.ID, m.Slot))
			require.Equal(t, 2, w.run(m).Attempts)
		})
	}
}

func TestAProjectThatCannotBeCollectedHoldsUpNobody(t *testing.T) {
	for name, bad := range map[string]func() error{
		"since it fails":                         func() error { return errors.New("a defect") },
		"since it panics":                        func() error { panic("a defect") },
		"since AWS says that it makes no sense":  func() error { return fault.New(fault.Invalid, "The account has no Cost Explorer. Enable it.") },
		"since it waits for something all along": func() error { return &queue.Busy{Wait: time.Minute} },
	} {
		t.Run(name, func(t *testing.T) {
			w := newTester(t, 2)
			m := w.due()
			poison := w.connect("con_01J00000000000000000000000", "000011112222", connection.Payer)
			w.account.before = func(_ context.Context, task *collect.Task, _ int) error {
				if task.Connection.ID == poison.ID {
					return bad()
				}
				return nil
			}
			for range 200 {
				if err := w.app.Collect.Handle(t.Context(), m); err == nil {
					break
				}
				require.EqualValues(t, 1, w.shown(w.con.ID, m.Slot), "the other account is collected at once")
				w.app.Advance(10 * time.Minute)
			}
			r := w.run(m)
			require.Equal(t, collect.Succeeded, r.Status)
			require.True(t, r.Partial)
			require.Contains(t, r.Reason, "Account 000011112222: ")
			require.Equal(t, collect.PartFailed, r.Connections[0].Status)
			require.Equal(t, collect.Collected, r.Connections[1].Status)
			require.NotContains(t, r.Reason, "a defect")
		})
	}
}

func TestWhatComesTooLateDoesNothing(t *testing.T) {
	tests := map[string]struct {
		rest   func(w *tester)
		reason string
	}{
		"the organization is suspended": {func(w *tester) { w.app.Alice.Do(w, "POST", w.app.Alice.Path("/suspend"), nil).Is(w, 200) },
			"The organization is suspended: nothing is collected. When it is active again, its schedules go on at their next time; a run that was started by hand is not made up for: start it again then."},
		"the organization is being deleted": {func(w *tester) { w.app.Alice.Do(w, "DELETE", w.app.Alice.Path("?name=alice%27s"), nil).Is(w, 202) },
			"The organization is deleting: nothing is collected. When it is active again, its schedules go on at their next time; a run that was started by hand is not made up for: start it again then."},
		"the project is archived": {func(w *tester) {
			w.app.Alice.Do(w, "POST", w.app.Alice.Path("/projects/"+string(w.app.Alice.Project)+"/archive"), nil).Is(w, 200)
		}, "The project is archived: nothing is collected for it any more."},
	}
	for name, test := range tests {
		t.Run(name+": of a run that nobody has heard of", func(t *testing.T) {
			w := newTester(t, 2)
			test.rest(w)
			w.do(w.due())
			require.Zero(t, w.account.calls())
			w.app.Alice.Get(t, w.path(w.due())).Is(t, 404)
		})
		t.Run(name+": of a run that waits", func(t *testing.T) {
			w := newTester(t, 2)
			w.app.Alice.Do(t, "POST", w.app.Alice.Path("/projects/"+string(w.app.Alice.Project)+"/runs"), map[string]any{"kind": "costs"}).Is(t, 202)
			test.rest(w)
			require.NoError(t, w.app.WorkRuns(t))
			require.Zero(t, w.account.calls())
			r := w.run(w.due())
			require.Equal(t, collect.Cancelled, r.Status)
			require.Equal(t, test.reason, r.Reason)
		})
		t.Run(name+": of a run that is under way", func(t *testing.T) {
			w := newTester(t, 3)
			w.account.before = func(_ context.Context, _ *collect.Task, page int) error {
				if page == 1 {
					test.rest(w)
				}
				return nil
			}
			w.do(w.due())
			require.Equal(t, 2, w.account.calls())
			r := w.run(w.due())
			require.Equal(t, collect.Cancelled, r.Status)
			require.Equal(t, test.reason, r.Reason)
			require.Equal(t, collect.Left, r.Connections[0].Status)
			require.Zero(t, w.shown(w.con.ID, r.Slot))
		})
	}
}

func TestWhatNamesNothingDoesNothing(t *testing.T) {
	t.Run("the project or the organization never was", func(t *testing.T) {
		w := newTester(t, 2)
		m := w.due()
		m.Project = "prj_01J00000000000000000000WEB"
		w.do(m)
		m = w.due()
		m.Tenant = abc
		w.do(m)
		require.Zero(t, w.account.calls())
	})
	t.Run("the run that it names was forgotten, or is too old", func(t *testing.T) {
		w := newTester(t, 2)
		m := w.due()
		m.Run = m.ID()
		w.do(m)
		m.Run, m.Slot = "", m.Slot.Add(-29*24*time.Hour)
		w.do(m)
		require.Zero(t, w.account.calls())
	})
	t.Run("what comes too early waits", func(t *testing.T) {
		w := newTester(t, 2)
		m := w.due()
		m.Slot = m.Slot.Add(2 * time.Hour)
		var busy *queue.Busy
		require.ErrorAs(t, w.app.Collect.Handle(t.Context(), m), &busy)
		require.Equal(t, 2*time.Hour, busy.Wait)
		m.Slot = m.Slot.Add(30 * time.Hour)
		require.True(t, fault.Is(w.app.Collect.Handle(t.Context(), m), fault.Malformed), "and what is of another day is none")
		require.Zero(t, w.account.calls())
	})
}
