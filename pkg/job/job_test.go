// Package job_test runs jobs as the worker does, on the embedded store, with faults in between.
package job_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/job"
	"github.com/tenantry/tenantry/pkg/queue"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/storetest"
	"github.com/tenantry/tenantry/pkg/tenant"
)

const counting job.Kind = "count"

// tester has a worker whose only kind counts to a number, an item a step.
type tester struct {
	*testing.T
	app    *apptest.App
	worker *job.Worker
	sent   []job.Message
	handle *store.Tenant
	to     int
	steps  atomic.Int64
	before func(n int) error // each step
	told   []string          // reasons of failure
	gaveUp []bool            // whether they are the platform's
}

// Send keeps a message.
func (t *tester) Send(_ context.Context, m job.Message) error { t.sent = append(t.sent, m); return nil }

func newTester(t *testing.T, to int) *tester {
	w := &tester{T: t, app: apptest.New(t), to: to, before: func(int) error { return nil }}
	scope, err := tenant.Work(w.app.Alice.Tenant, "test")
	require.NoError(t, err)
	w.handle, err = w.app.Store.Tenant(scope)
	require.NoError(t, err)
	w.worker = &job.Worker{Store: w.app.Store, Queue: w, Clock: w.app.Now, Random: rand.Reader, Log: slog.New(slog.DiscardHandler),
		Works: []job.Work{{Kind: counting, Step: w.step, Failed: func(_ context.Context, r *job.Run, reason string) error {
			w.told, w.gaveUp = append(w.told, reason), append(w.gaveUp, r.GaveUp)
			return nil
		}}}}
	return w
}

type notes struct{ N int }

// step loads one item, which is the same however often it is done.
func (t *tester) step(ctx context.Context, r *job.Run) (more bool, err error) {
	t.steps.Add(1)
	var n notes
	if err := r.Notes(&n); err != nil {
		return false, err
	}
	if err := t.before(n.N); err != nil {
		return false, err
	}
	if err := r.Tenant.Load(ctx, []store.Change{{Key: store.Export(tenant.ExportID(fmt.Sprint(n.N))), Value: n}}); err != nil {
		return false, err
	}
	n.N++
	return n.N < t.to, r.Keep(n)
}

func (t *tester) begin() job.Message {
	m := job.Message{Kind: counting, Tenant: t.app.Alice.Tenant, ID: "1"}
	require.NoError(t, t.handle.Write(t.Context(), job.New(m, t.app.Now())))
	return m
}

// requireDone checks that the job is at its end and has counted right.
func (t *tester) requireDone(m job.Message) {
	r, found, err := job.Read(t.Context(), t.handle, m)
	require.NoError(t, err)
	require.True(t, found)
	require.Equal(t, job.Done, r.Status)
	require.Empty(t, r.Owner)
	page, err := t.handle.Query(t.Context(), store.Exports(), store.List{})
	require.NoError(t, err)
	require.Len(t, page.Records, t.to)
}

func TestAJob(t *testing.T) {
	t.Run("is done in steps that know of each other", func(t *testing.T) {
		w := newTester(t, 5)
		m := w.begin()
		require.NoError(t, w.worker.Handle(t.Context(), m))
		w.requireDone(m)
		require.EqualValues(t, 5, w.steps.Load())
		require.NoError(t, w.worker.Handle(t.Context(), m), "the same message again")
		require.EqualValues(t, 5, w.steps.Load())
		require.Empty(t, w.sent)
	})
	t.Run("gives way after its turn, and goes on by the message it sends", func(t *testing.T) {
		w := newTester(t, 3)
		w.before = func(int) error { w.app.Advance(2 * time.Minute); return nil }
		m := w.begin()
		for n := range 3 {
			require.Len(t, w.sent, n)
			require.NoError(t, w.worker.Handle(t.Context(), m))
			require.EqualValues(t, n+1, w.steps.Load())
		}
		w.requireDone(m)
		require.Equal(t, []job.Message{m, m}, w.sent)
	})
	t.Run("gives way when the function's time ends", func(t *testing.T) {
		w := newTester(t, 3)
		ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
		defer stop()
		require.NoError(t, w.worker.Handle(ctx, w.begin()))
		require.EqualValues(t, 1, w.steps.Load())
		require.Len(t, w.sent, 1)
	})
	t.Run("waits when a step says so, as often as it says so", func(t *testing.T) {
		w := newTester(t, 1)
		m := w.begin()
		w.before = func(int) error { return &queue.Busy{Wait: time.Hour} }
		for range 20 {
			var busy *queue.Busy
			require.ErrorAs(t, w.worker.Handle(t.Context(), m), &busy)
			require.Equal(t, time.Hour, busy.Wait)
		}
		w.before = func(int) error { return nil }
		require.NoError(t, w.worker.Handle(t.Context(), m))
		w.requireDone(m)
	})
	t.Run("of a tenant that is not there is nothing to do", func(t *testing.T) {
		w := newTester(t, 1)
		require.NoError(t, w.worker.Handle(t.Context(), job.Message{Kind: counting, Tenant: "ten_01JDAQ3W5Z8V6K2M4N7P9R1S3T", ID: "1"}))
		require.NoError(t, w.worker.Handle(t.Context(), job.Message{Kind: counting, Tenant: "x", ID: "1"}))
		require.NoError(t, w.worker.Handle(t.Context(), job.Message{Kind: counting, Tenant: w.app.Alice.Tenant, ID: "none"}))
		require.Zero(t, w.steps.Load())
	})
	t.Run("of a kind that is not there comes again", func(t *testing.T) {
		require.True(t, fault.Is(newTester(t, 1).worker.Handle(t.Context(), job.Message{Kind: "x"}), fault.Internal))
	})
}

func TestAJobThatFails(t *testing.T) {
	t.Run("since it cannot be done tells the reason", func(t *testing.T) {
		w := newTester(t, 1)
		m := w.begin()
		w.before = func(int) error { return fault.New(fault.Invalid, "Too much of it.") }
		require.NoError(t, w.worker.Handle(t.Context(), m))
		r, _, err := job.Read(t.Context(), w.handle, m)
		require.NoError(t, err)
		require.Equal(t, job.Failed, r.Status)
		require.Equal(t, "Too much of it.", r.Reason)
		require.Equal(t, []string{"Too much of it."}, w.told)
		require.NoError(t, w.worker.Handle(t.Context(), m))
		require.EqualValues(t, 1, w.steps.Load())
	})
	t.Run("again and again is given up", func(t *testing.T) {
		w := newTester(t, 1)
		m := w.begin()
		w.before = func(int) error { return store.ErrUnavailable }
		for range 5 {
			require.True(t, fault.Is(w.worker.Handle(t.Context(), m), fault.Unavailable))
		}
		require.NoError(t, w.worker.Handle(t.Context(), m))
		require.Len(t, w.told, 1)
		require.NotContains(t, w.told[0], store.ErrUnavailable.Error())
	})
	t.Run("goes on when a step succeeds in between", func(t *testing.T) {
		w := newTester(t, 10)
		m := w.begin()
		fail := false
		w.before = func(int) error {
			if fail = !fail; fail {
				return store.ErrUnavailable
			}
			return nil
		}
		for range 11 {
			_ = w.worker.Handle(t.Context(), m)
		}
		w.requireDone(m)
	})
}

// Every call of the store that a job makes fails once, in each way there is, as where a process is killed at it.
func TestAJobIsDoneWhateverFails(t *testing.T) {
	for _, method := range []storetest.Method{storetest.Get, storetest.Write, storetest.Load} {
		for _, f := range []storetest.Fault{storetest.NotWritten, storetest.Written, storetest.Throttled} {
			t.Run(fmt.Sprint(method, " ", f), func(t *testing.T) {
				for n := 1; ; n++ {
					w := newTester(t, 3)
					m := w.begin()
					w.app.Faults.Plan(storetest.At(method, n, f))
					err := w.worker.Handle(t.Context(), m)
					reached := w.app.Faults.Calls(method) >= n
					w.app.Faults.Plan(nil)
					for err != nil {
						w.app.Advance(time.Minute)
						err = w.worker.Handle(t.Context(), m)
					}
					w.requireDone(m)
					if !reached {
						return
					}
				}
			})
		}
	}
}

func TestOneWorkerIsAtAJob(t *testing.T) {
	t.Run("of several at once", func(t *testing.T) {
		w := newTester(t, 20)
		m := w.begin()
		var group sync.WaitGroup
		errs := make([]error, 4)
		for i := range errs {
			group.Go(func() { errs[i] = w.worker.Handle(t.Context(), m) })
		}
		group.Wait()
		for _, err := range errs {
			var busy *queue.Busy
			if err != nil {
				require.ErrorAs(t, err, &busy)
			}
		}
		w.requireDone(m)
		require.EqualValues(t, 20, w.steps.Load())
	})
	t.Run("until its lease ends; then it can write nothing more", func(t *testing.T) {
		w := newTester(t, 3)
		m := w.begin()
		other := *w.worker
		w.before = func(n int) error {
			if n != 1 {
				return nil
			}
			w.before = func(int) error { return nil }
			var busy *queue.Busy
			require.ErrorAs(t, other.Handle(t.Context(), m), &busy)
			w.app.Advance(busy.Wait + time.Second)
			require.NoError(t, other.Handle(t.Context(), m))
			return nil
		}
		var busy *queue.Busy
		require.ErrorAs(t, w.worker.Handle(t.Context(), m), &busy, "the one that was thought dead")
		w.requireDone(m)
	})
	t.Run("but not one of a process that is no more", func(t *testing.T) {
		w := newTester(t, 2)
		m := w.begin()
		dead := *w.worker
		dead.Alone, w.worker.Alone = "before", "now"
		w.before = func(int) error { panic("killed") }
		require.Panics(t, func() { _ = dead.Handle(t.Context(), m) })
		w.before = func(int) error { return nil }
		require.NoError(t, w.worker.Handle(t.Context(), m))
		w.requireDone(m)
	})
}

func TestParseMessages(t *testing.T) {
	m := `{"kind":"export","tenant":"ten_01JDAQ3W5Z8V6K2M4N7P9R1S3T","id":"exp_1"}`
	got, err := job.ParseMessages([]byte(m))
	require.NoError(t, err)
	require.Equal(t, []job.Message{{Kind: "export", Tenant: "ten_01JDAQ3W5Z8V6K2M4N7P9R1S3T", ID: "exp_1"}}, got)
	for _, bad := range []string{``, `{}`, `[]`, `null`, `{"kind":1}`, `{"kind":""}`, m + m, `{"kind":"export","other":1}`, `<xml>`} {
		_, err := job.ParseMessages([]byte(bad))
		require.True(t, fault.Is(err, fault.Malformed), bad)
	}
}

func FuzzParseMessages(f *testing.F) {
	f.Add([]byte(`{"kind":"export","tenant":"ten_01JDAQ3W5Z8V6K2M4N7P9R1S3T","id":"exp_1"}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if got, err := job.ParseMessages(body); err == nil {
			require.Len(t, got, 1)
			require.NotEmpty(t, got[0].Kind)
		}
	})
}
