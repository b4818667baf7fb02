package collect_test

import (
	"context"
	"errors"
	"fmt"
	"net"
	"testing"
	"time"

	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/collect"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/queue"
)

func TestWhatFailsIsTriedAgainAfterAWhileAndSaysWhy(t *testing.T) {
	dial := &net.OpError{Op: "dial", Err: errors.New("connection refused 10.0.0.7")}
	for name, test := range map[string]struct {
		err error
		why string
	}{
		"AWS is not there":           {fault.Wrap(dial, fault.Unavailable, "Cost Explorer cannot be reached now."), "Cost Explorer cannot be reached now. No connection comes about."},
		"and nobody has said so":     {fmt.Errorf("ask: %w", dial), "AWS cannot be reached now. No connection comes about."},
		"its name is not known":      {fault.Wrap(&net.DNSError{Name: "secret"}, fault.Unavailable, "AWS cannot be reached now."), "AWS cannot be reached now. Its address is not known here"},
		"something else answers":     {fault.Wrap(&smithy.DeserializationError{Err: errors.New("x")}, fault.Unavailable, "AWS cannot be reached now."), "The answer was not understood"},
		"the reason is the platform": {errors.New("a defect"), "It failed for a reason that is the platform's."},
	} {
		t.Run(name, func(t *testing.T) {
			w := newTester(t, 2)
			m, begun, tries := w.due(), w.app.Now(), 0
			w.account.before = func(context.Context, *collect.Task, int) error { tries++; return test.err }
			for range 3 {
				var busy *queue.Busy
				require.ErrorAs(t, w.app.Collect.Handle(t.Context(), m), &busy)
				r := w.run(m)
				require.Equal(t, collect.Running, r.Status)
				require.Contains(t, r.Reason, test.why)
				require.Contains(t, r.Reason, "It is tried again at "+w.app.Now().Add(busy.Wait).UTC().Format(time.RFC3339))
				before := tries
				require.Error(t, w.app.Collect.Handle(t.Context(), m))
				require.Equal(t, before, tries, "what comes too early waits")
				require.Equal(t, before, w.run(m).Attempts, "which is no attempt")
				w.app.Advance(busy.Wait)
			}
			w.do(m)
			r := w.run(m)
			require.Equal(t, collect.Failed, r.Status)
			require.Contains(t, r.Reason, test.why)
			require.Contains(t, r.Reason, "It was tried 4 times")
			require.Equal(t, 4, tries)
			require.Greater(t, w.app.Now().Sub(begun), 2*time.Minute)
			for _, hidden := range []string{"10.0.0.7", "secret", "defect"} {
				require.NotContains(t, r.Reason, hidden)
			}
		})
	}
	t.Run("and a run that is started anew waits for none of it", func(t *testing.T) {
		w := newTester(t, 2)
		m := w.due()
		w.account.before = func(context.Context, *collect.Task, int) error { return errors.New("a defect") }
		require.Error(t, w.app.Collect.Handle(t.Context(), m))
		w.cancel(m)
		w.account.before = nil
		w.app.Advance(time.Second)
		w.do(w.due())
		require.Equal(t, collect.Succeeded, w.run(w.due()).Status)
	})
}

func TestARunThatThePlanStoppedAtOnceHasFailed(t *testing.T) {
	w := newTester(t, 60)
	w.account.pages, w.account.use = 1, collect.Use{}
	w.account.before = func(ctx context.Context, task *collect.Task, _ int) error {
		err := task.Spend(ctx, collect.Use{Pages: 1_000_000})
		require.ErrorIs(t, err, collect.ErrCapped)
		task.Partial("The costs wait. " + collect.Words(err)) // and ends as if there were no more
		return nil
	}
	w.do(w.due())
	r := w.run(w.due())
	require.Equal(t, collect.Failed, r.Status)
	require.Equal(t, collect.Capped, r.Connections[0].Status)
	require.Zero(t, r.Pages)
	require.Contains(t, r.Reason, "collectionPagesPerMonth")
	require.Contains(t, r.Reason, "It is reset at 2026-04-01T00:00:00Z")
}

func TestMetricsBeforeAnyInventorySayWhatIsMissing(t *testing.T) {
	w := newTester(t, 1)
	w.account.use = collect.Use{}
	w.app.Collect.Collectors = map[collect.Kind]collect.Collector{collect.Metrics: w.account, collect.Resources: w.account}
	of := func(k collect.Kind) collect.Message { m := w.due(); m.Kind = k; return m }
	w.do(of(collect.Metrics))
	r := w.run(of(collect.Metrics))
	require.Equal(t, collect.Succeeded, r.Status)
	require.True(t, r.Partial)
	require.Contains(t, r.Reason, "No resources of the account are known yet. Start a run of the kind resources first")
	w.do(of(collect.Resources))
	w.app.Advance(time.Hour)
	w.do(of(collect.Metrics))
	require.Empty(t, w.run(of(collect.Metrics)).Reason)
}
