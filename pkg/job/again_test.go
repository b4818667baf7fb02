package job_test

import (
	"errors"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/job"
)

func TestAJobThatIsAskedForAgain(t *testing.T) {
	again := func(w *tester, m job.Message) int {
		before := len(w.sent)
		require.NoError(w, job.Again(w.Context(), w, w.handle, m, w.app.Now()))
		return len(w.sent) - before
	}
	t.Run("sends few messages, however often that is", func(t *testing.T) {
		w := newTester(t, 1)
		m := w.begin()
		sent := 0
		for range 600 { // ten minutes of it
			sent += again(w, m)
			require.Zero(t, again(w, m), "at the same time")
			w.app.Advance(time.Second)
		}
		require.Greater(t, sent, 10, "none of them may have arrived")
		require.Less(t, sent, 20)
		require.NoError(t, w.worker.Handle(t.Context(), m))
		w.requireDone(m)
		require.Zero(t, again(w, m), "done")
	})
	t.Run("sends none while a worker is at it, and one when it has died", func(t *testing.T) {
		w := newTester(t, 1)
		m := w.begin()
		w.before = func(int) error {
			require.Zero(t, again(w, m))
			w.app.Advance(3 * time.Minute)
			require.Equal(t, 1, again(w, m))
			return nil
		}
		_ = w.worker.Handle(t.Context(), m)
	})
	t.Run("begins anew where it was at its end, or somebody is at it", func(t *testing.T) {
		w := newTester(t, 1)
		m := w.begin()
		renewed := false
		w.before = func(int) error {
			if !renewed {
				renewed = true
				c, err := job.Renew(t.Context(), w.handle, m, w.app.Now())
				require.NoError(t, err)
				require.NoError(t, w.handle.Write(t.Context(), c))
			}
			return nil
		}
		require.Error(t, w.worker.Handle(t.Context(), m), "it finds that it is to be done once more")
		require.NoError(t, w.worker.Handle(t.Context(), m))
		w.requireDone(m)
		c, err := job.Renew(t.Context(), w.handle, m, w.app.Now())
		require.NoError(t, err)
		require.NoError(t, w.handle.Write(t.Context(), c))
		require.Equal(t, 1, again(w, m))
		require.NoError(t, w.worker.Handle(t.Context(), m))
		require.EqualValues(t, 3, w.steps.Load())
	})
	t.Run("is none where there is no job", func(t *testing.T) {
		w := newTester(t, 1)
		require.Zero(t, again(w, job.Message{Kind: counting, Tenant: w.app.Alice.Tenant, ID: "none"}))
	})
}

// killed has a worker die in the step.
func (t *tester) killed(m job.Message) {
	t.before = func(int) error { panic("killed") }
	require.Panics(t, func() { _ = t.worker.Handle(t.Context(), m) })
	t.before = func(int) error { return nil }
}

func TestWorkersThatDie(t *testing.T) {
	t.Run("again and again do not end a job", func(t *testing.T) {
		w := newTester(t, 2)
		m := w.begin()
		for i, kills := range []int{30, 40} {
			for range kills {
				w.killed(m)
				w.app.Advance(3 * time.Minute)
			}
			w.before = func(n int) error {
				if n > i {
					panic("killed")
				}
				return nil
			}
			func() {
				defer func() { _ = recover() }()
				_ = w.worker.Handle(t.Context(), m)
			}()
			w.app.Advance(3 * time.Minute)
		}
		w.requireDone(m)
		require.Empty(t, w.told)
	})
	t.Run("for ever do", func(t *testing.T) {
		w := newTester(t, 2)
		m := w.begin()
		for range 60 {
			w.before = func(int) error { panic("killed") }
			func() {
				defer func() { _ = recover() }()
				_ = w.worker.Handle(t.Context(), m)
			}()
			w.app.Advance(3 * time.Minute)
		}
		r, _, err := job.Read(t.Context(), w.handle, m)
		require.NoError(t, err)
		require.Equal(t, job.Failed, r.Status)
		require.Equal(t, []bool{true}, w.gaveUp, "for the platform's reason")
	})
	t.Run("beside steps that fail", func(t *testing.T) {
		w := newTester(t, 2)
		m := w.begin()
		for range 4 {
			w.killed(m)
			w.app.Advance(3 * time.Minute)
			w.before = func(int) error { return errors.New("for now") }
			require.True(t, fault.Is(w.worker.Handle(t.Context(), m), fault.Unavailable))
			w.before = func(int) error { return nil }
		}
		require.NoError(t, w.worker.Handle(t.Context(), m))
		w.requireDone(m)
	})
}
