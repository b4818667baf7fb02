package collect_test

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/collect"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

func (t *tester) runs(of tenant.ProjectID) string {
	return t.app.Alice.Path("/projects/" + string(of) + "/runs")
}

// begin starts a run by hand.
func (t *tester) begin(header ...string) (r collect.Run) {
	t.alice().Do(t, "POST", t.runs(t.app.Alice.Project), map[string]any{"kind": "costs"}, header...).Is(t, 202).Into(t, &r)
	return r
}

func TestStart(t *testing.T) {
	t.Run("makes a run that the worker does", func(t *testing.T) {
		w := newTester(t, 2)
		answer := w.alice().Do(t, "POST", w.runs(w.app.Alice.Project), map[string]any{"kind": "costs"}).Is(t, 202)
		var r collect.Run
		answer.Into(t, &r)
		require.Equal(t, collect.Queued, r.Status)
		require.Equal(t, "alice", r.StartedBy.Subject)
		require.Equal(t, w.app.Now(), r.Slot)
		require.Equal(t, w.path(w.due()), answer.Header.Get("Location"))
		require.NoError(t, w.app.WorkRuns(t))
		require.Equal(t, collect.Succeeded, w.run(w.due()).Status)
	})
	t.Run("is the same under the same key, and sends the message again", func(t *testing.T) {
		w := newTester(t, 2)
		one := w.begin("Idempotency-Key: k")
		require.Equal(t, one, w.begin("Idempotency-Key: k"))
		m := w.due()
		m.Run = one.ID
		require.Equal(t, []collect.Message{m, m}, w.app.PendingRuns())
		require.NoError(t, w.app.WorkRuns(t))
		require.Equal(t, 2, w.account.calls())
		require.Equal(t, collect.Succeeded, w.begin("Idempotency-Key: k").Status)
		require.Empty(t, w.app.PendingRuns())
		w.alice().Do(t, "POST", w.runs(w.app.Alice.Project), map[string]any{"kind": "metrics"}, "Idempotency-Key: k").Fails(t, 422, "Idempotency-Key")
	})
	t.Run("waits for one of its kind that is under way", func(t *testing.T) {
		w := newTester(t, 2)
		one := w.begin()
		w.alice().Do(t, "POST", w.runs(w.app.Alice.Project), map[string]any{"kind": "costs"}).Fails(t, 409, string(one.ID))
		require.Len(t, w.app.PendingRuns(), 2, "whose message may have been lost")
		w.alice().Do(t, "POST", w.runs(w.app.Alice.Project), map[string]any{"kind": "metrics"}).Is(t, 202)
		require.NoError(t, w.app.WorkRuns(t))
		two := w.begin()
		require.Equal(t, one.Slot.Add(time.Second), two.Slot, "a slot is of one run, and this second has one")
	})
}

func TestStartIsRefused(t *testing.T) {
	t.Run("says what to do where nothing can be collected", func(t *testing.T) {
		w := newTester(t, 2)
		start := func(k string) *apptest.Answer {
			return w.alice().Do(t, "POST", w.runs(w.app.Alice.Project), map[string]any{"kind": k})
		}
		w.alice().Do(t, "PATCH", w.app.Alice.Path("/projects/"+string(w.app.Alice.Project)), map[string]any{"accountIds": []string{"999988887777"}}).Is(t, 200)
		start("costs").Is(t, 202)
		start("resources").Fails(t, 409, "a payer brings costs only. Connect one of the accounts itself with POST .../connections")
		c, version, err := connection.Read(t.Context(), w.handle, w.con.ID)
		require.NoError(t, err)
		c.Status = connection.Paused
		require.NoError(t, w.handle.Write(t.Context(), store.Change{Key: store.Connection(c.ID), Value: c, Condition: store.VersionIs(version)}))
		require.NoError(t, w.app.WorkRuns(t))
		start("costs").Fails(t, 409, "Resume one")
		w.app.Bob.Do(t, "POST", w.app.Bob.Path("/projects/"+string(w.app.Bob.Project)+"/runs"), map[string]any{"kind": "costs"}).Fails(t, 409, "No AWS account is connected")
		start("invoices").Fails(t, 422, "kind")
		w.alice().Do(t, "POST", w.app.Alice.Path("/projects/"+string(w.app.Alice.Project)+"/archive"), nil).Is(t, 200)
		require.Equal(t, fault.Archived, start("metrics").Fails(t, 409, "archived").Code)
	})
	t.Run("is for editors and above, of their projects", func(t *testing.T) {
		w := newTester(t, 2)
		r := w.begin()
		for _, who := range []struct {
			role   tenant.Role
			starts int
		}{{tenant.Viewer, 403}, {tenant.Editor, 202}, {tenant.Admin, 202}} {
			c := w.app.Join(t, w.app.Alice.Tenant, "x-"+string(who.role), who.role)
			c.Get(t, w.path(w.due())).Is(t, 200)
			c.Get(t, w.runs(w.app.Alice.Project)).Is(t, 200)
			c.Do(t, "POST", w.runs(w.project(string(who.role))), map[string]any{"kind": "costs"}).Is(t, who.starts)
		}
		elsewhere := w.app.Join(t, w.app.Alice.Tenant, "limited", tenant.Editor, w.project("only"))
		elsewhere.Get(t, w.path(w.due())).Is(t, 404)
		elsewhere.Get(t, w.runs(w.app.Alice.Project)).Is(t, 404)
		elsewhere.Do(t, "POST", w.runs(w.app.Alice.Project), map[string]any{"kind": "costs"}).Is(t, 404)
		elsewhere.Do(t, "POST", w.path(w.due())+"/cancel", nil).Is(t, 404)
		w.app.Bob.Get(t, w.app.Bob.Path("/projects/"+string(w.app.Bob.Project)+"/runs/"+string(r.ID))).Is(t, 404)
	})
}

func TestAMemberWhoIsLimitedToAProjectIsToldOfNoOther(t *testing.T) {
	w := newTester(t, 1)
	one := w.due()
	two := one
	two.Project = w.project("second")
	w.do(one)
	w.do(two)
	limited := w.app.Join(t, one.Tenant, "limited", tenant.Viewer, two.Project)
	text := string(limited.Get(t, w.path(two)).Is(t, 200).Body)
	require.Contains(t, text, `"fetchedBy":{}`)
	for _, hidden := range []string{string(one.Project), string(one.ID()), string(w.con.ID), w.con.AccountID} {
		require.NotContains(t, text, hidden)
	}
}

func TestCancel(t *testing.T) {
	t.Run("ends a run that waits", func(t *testing.T) {
		w := newTester(t, 2)
		w.begin()
		var r collect.Run
		w.alice().Do(t, "POST", w.path(w.due())+"/cancel", nil).Is(t, 200).Into(t, &r)
		require.Equal(t, collect.Cancelled, r.Status)
		require.NotEmpty(t, r.Reason)
		require.NoError(t, w.app.WorkRuns(t))
		require.Zero(t, w.account.calls())
		w.alice().Do(t, "POST", w.path(w.due())+"/cancel", nil).Is(t, 200)
		require.Equal(t, r, w.run(w.due()))
	})
	t.Run("comes too late for one that is at its end", func(t *testing.T) {
		w := newTester(t, 2)
		w.do(w.due())
		w.alice().Do(t, "POST", w.path(w.due())+"/cancel", nil).Fails(t, 409, "succeeded")
	})
	t.Run("leaves what was fetched to other runs, which go on from there", func(t *testing.T) {
		w := newTester(t, 3)
		one := w.due()
		two := one
		two.Project = w.project("second")
		w.app.Faults.Plan(nil)
		w.account.before = cancelAt(w, one, 1)
		require.Error(t, w.app.Collect.Handle(t.Context(), one))
		w.account.before = nil
		w.app.Advance(3 * time.Minute)
		w.do(two)
		require.Equal(t, collect.Succeeded, w.run(two).Status)
		require.EqualValues(t, 1, w.run(two).Pages, "two pages were noted")
		require.Equal(t, map[string]int64{"things": 30}, w.run(two).Counts)
		require.Equal(t, collect.Cancelled, w.run(one).Status)
	})
}

func TestRunsAreListedNewestFirst(t *testing.T) {
	w := newTester(t, 1)
	w.app.Collect.Collectors[collect.Metrics] = w.account
	var want []tenant.RunID
	for i := range 7 {
		for _, k := range []collect.Kind{collect.Costs, collect.Metrics, collect.Resources} {
			if i%2 == 1 && k == collect.Metrics {
				continue
			}
			m := w.due()
			m.Kind = k
			w.do(m)
			want = append(want, m.ID())
		}
		w.app.Advance(time.Hour)
	}
	slices.Reverse(want)
	for _, test := range []struct {
		query string
		holds func(collect.Run) bool
	}{
		{"", func(collect.Run) bool { return true }},
		{"&kind=metrics", func(r collect.Run) bool { return r.Kind == collect.Metrics }},
		{"&status=failed", func(r collect.Run) bool { return r.Status == collect.Failed }},
		{"&status=running", func(r collect.Run) bool { return r.Status == collect.Running }},
		{"&kind=costs&status=succeeded", func(r collect.Run) bool { return r.Kind == collect.Costs && r.Status == collect.Succeeded }},
	} {
		for _, limit := range []int{1, 2, 5, 18, 200} {
			t.Run(fmt.Sprint(test.query, " by ", limit), func(t *testing.T) {
				var got []tenant.RunID
				holds := 0
				for cursor, pages := "", 0; ; pages++ {
					var page route.Page[collect.Run]
					w.alice().Get(t, fmt.Sprintf("%s?limit=%d%s%s", w.runs(w.app.Alice.Project), limit, test.query, cursor)).Is(t, 200).Into(t, &page)
					require.LessOrEqual(t, len(page.Items), limit)
					for _, r := range page.Items {
						require.True(t, test.holds(r))
						require.Empty(t, r.Connections)
						got = append(got, r.ID)
					}
					if page.Next == "" {
						break
					}
					require.Less(t, pages, 40)
					cursor = "&cursor=" + page.Next
				}
				for _, id := range want {
					if r := w.byID(id); test.holds(r) {
						require.Equal(t, id, got[holds])
						holds++
					}
				}
				require.Len(t, got, holds)
			})
		}
	}
	w.alice().Get(t, w.runs(w.app.Alice.Project)+"?cursor=x").Fails(t, 400, "cursor")
}

func (t *tester) byID(id tenant.RunID) (r collect.Run) {
	t.alice().Get(t, t.runs(t.app.Alice.Project)+"/"+string(id)).Is(t, 200).Into(t, &r)
	return r
}
