package collect_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/collect"
	"github.com/tenantry/tenantry/pkg/queue"
)

// asks has each step ask for so many pages more than its own, and calls at before each; it gives how many were let through.
func (t *tester) asks(pages int, at func(step, n int)) (let *int) {
	let = new(int)
	t.account.before = func(ctx context.Context, task *collect.Task, step int) error {
		for n := range pages {
			at(step, n)
			if err := task.Spend(ctx, collect.Use{Pages: 1, Calls: 1}); err != nil {
				return err
			}
			*let++
		}
		return nil
	}
	return let
}

func (t *tester) cancel(m collect.Message) (r collect.Run) {
	t.alice().Do(t, "POST", t.path(m)+"/cancel", nil).Is(t, 200).Into(t, &r)
	return r
}

func TestCancelEndsSpending(t *testing.T) {
	for name, step := range map[string]int{"in its first step": 0, "in a later one": 1} {
		t.Run("before the next page, "+name+", and the run says all that it took", func(t *testing.T) {
			w := newTester(t, 5)
			m := w.due()
			let := w.asks(100, func(at, n int) {
				if at == step && n == 7 {
					w.cancel(m)
				}
			})
			var busy *queue.Busy
			require.ErrorAs(t, w.app.Collect.Handle(t.Context(), m), &busy)
			w.do(m)
			require.Equal(t, step*100+7, *let, "none after it was cancelled")
			r, taken := w.run(m), int64(*let+w.account.calls())
			require.Equal(t, collect.Cancelled, r.Status)
			require.Equal(t, taken, r.Pages)
			require.Equal(t, taken, r.Calls)
			require.Equal(t, collect.Use{Pages: taken}.Cost(), r.Cost)
			require.Len(t, r.Connections, 1)
			require.Equal(t, collect.Left, r.Connections[0].Status)
			require.Equal(t, taken, r.Connections[0].Pages)
			used, _ := w.pages()
			require.Equal(t, taken, used, "as the plan's meter does")
			require.Zero(t, w.shown(w.con.ID, m.Slot))
		})
	}
	t.Run("and what is free within seconds", func(t *testing.T) {
		w := newTester(t, 5)
		m, calls := w.due(), 0
		w.account.before = func(ctx context.Context, task *collect.Task, _ int) error {
			for w.cancel(m); ; w.app.Advance(time.Second) {
				if err := task.Spend(ctx, collect.Use{Calls: 1}); err != nil {
					return err
				}
				calls++
			}
		}
		var busy *queue.Busy
		require.ErrorAs(t, w.app.Collect.Handle(t.Context(), m), &busy)
		require.LessOrEqual(t, calls, 3)
		require.EqualValues(t, calls+1, w.run(m).Calls)
	})
	t.Run("also where it comes when the last page of a step was asked for", func(t *testing.T) {
		w := newTester(t, 5)
		m := w.due()
		w.account.before = cancelAt(w, m, 1)
		require.Error(t, w.app.Collect.Handle(t.Context(), m))
		w.do(m)
		require.Equal(t, 2, w.account.calls())
		require.EqualValues(t, 2, w.run(m).Pages)
	})
}

func TestARunAfterOneThatWasCancelled(t *testing.T) {
	for name, nested := range map[string]bool{"begins at once": false, "begins at once, though the worker of that one knows nothing yet": true} {
		t.Run(name, func(t *testing.T) {
			w := newTester(t, 3)
			one := w.due()
			two := one
			w.account.before = func(_ context.Context, _ *collect.Task, page int) error {
				if page != 1 {
					return nil
				}
				w.account.before = nil
				w.cancel(one)
				if w.app.Advance(2 * time.Second); nested {
					two = w.due()
					w.do(two)
				}
				return nil
			}
			require.Error(t, w.app.Collect.Handle(t.Context(), one))
			if !nested {
				two = w.due()
				w.do(two)
			}
			w.do(one)
			r := w.run(two)
			require.Equal(t, collect.Succeeded, r.Status)
			require.EqualValues(t, 3, r.Pages)
			require.Equal(t, 1, r.Attempts)
			require.EqualValues(t, 1, w.shown(w.con.ID, two.Slot))
			require.EqualValues(t, 2, w.run(one).Pages)
			require.Zero(t, w.shown(w.con.ID, one.Slot))
		})
	}
}

func TestWaitingForAnother(t *testing.T) {
	w := newTester(t, 3)
	one := w.due()
	two := one
	two.Project = w.project("second")
	w.account.before = func(_ context.Context, _ *collect.Task, page int) error {
		if page != 1 {
			return nil
		}
		for range 5 {
			var busy *queue.Busy
			require.ErrorAs(t, w.app.Collect.Handle(t.Context(), two), &busy)
			require.Equal(t, 15*time.Second, busy.Wait, "whoever it waits for may be at its end long before its lease")
			r := w.run(two)
			require.Equal(t, collect.Running, r.Status)
			require.Zero(t, r.Attempts, "to wait is none")
			require.Contains(t, r.Reason, "Account 111122223333: Another run is reading the account. It goes on by itself")
			require.Equal(t, &collect.Origin{ProjectID: one.Project, RunID: one.ID()}, r.Connections[0].FetchedBy)
		}
		return nil
	}
	w.do(one)
	w.do(two)
	r := w.run(two)
	require.Equal(t, collect.Succeeded, r.Status)
	require.Equal(t, 1, r.Attempts)
	require.Empty(t, r.Reason)
	require.Empty(t, r.Connections[0].Stage)
	require.False(t, r.Partial)
}
