package dataexport_test

import (
	"context"
	"fmt"
	"net/http"
	"runtime"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/collect"
	collectaws "github.com/tenantry/tenantry/pkg/collect/aws"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/organization"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/storetest"
)

// struck calls AWS, and tells of it before and after.
type struck struct{ strike func() }

func (s *struck) Do(r *http.Request) (*http.Response, error) {
	s.strike()
	out, err := http.DefaultClient.Do(r)
	s.strike()
	return out, err
}

// killed tells whether what is done ends before its end: a worker recovers from a panic of a collector, and not from this.
func killed(do func()) bool {
	whole, end := false, make(chan struct{})
	go func() {
		defer close(end)
		do()
		whole = true
	}()
	<-end
	return !whole
}

// connect has the server's own worker collect costs of the account, and strike at each of its calls.
func (t *tester) connect(strike func()) {
	all, err := collectaws.NewAccounts(func() (aws.Config, error) {
		config := t.clouds.Config()
		config.HTTPClient = &struck{strike}
		return config, nil
	}, collectaws.Options{})
	require.NoError(t, err)
	t.collector.Config, t.collector.Retryer = all.Config, func() aws.Retryer { return aws.NopRetryer{} }
	t.files.before = func(int) error { strike(); return nil }
	t.con.Status, t.con.CreatedAt = connection.Connected, t.app.Now()
	scope, err := organization.Work(context.Background(), t.app.Store, t.app.Alice.Tenant, "test")
	require.NoError(t, err)
	h, err := t.app.Store.Tenant(scope)
	require.NoError(t, err)
	require.NoError(t, h.Write(t.Context(), store.Change{Key: store.Connection(conID), Value: t.con, Condition: store.Absent}))
	t.app.Collect.Collectors = map[collect.Kind]collect.Collector{collect.Costs: t.collector}
	t.app.Collect.Sleep = func(_ context.Context, d time.Duration) { t.app.Advance(d) }
}

// TestARunIsKilledAtEachCall kills a worker at each of its calls of the store and of files, and before and after each of AWS: half of a delivery is not
// seen, and the next delivery of the run's message takes it, once.
func TestARunIsKilledAtEachCall(t *testing.T) {
	w := newTester(t, daily())
	calls, last := 0, 0
	strike := func() {
		if calls++; calls == last {
			runtime.Goexit()
		}
	}
	w.connect(strike)
	before := "0"
	for n := 1; ; n++ {
		w.app.Advance(2 * time.Minute)
		w.app.Alice.Client = w.app.As(t, "alice")                                                                // tokens end
		w.deliver("2026-02", fmt.Sprintf("%03d/", n), "csv.gz", "1.2", 2, w.lines("2026-02", fmt.Sprint(n), 10)) // of an execution of its own: another manifest
		after := fmt.Sprint(10 * n)
		made := len(w.raw())
		m := collect.Message{Kind: collect.Costs, Tenant: w.app.Alice.Tenant, Project: w.app.Alice.Project, Slot: w.app.Now().Truncate(time.Second)}
		calls, last = 0, n
		w.app.Faults.Plan(func(storetest.Method, int) storetest.Fault { strike(); return storetest.None })
		dead := killed(func() { _ = w.app.Collect.Handle(t.Context(), m) })
		w.app.Faults.Plan(nil)
		last = 0
		w.app.Work(t)
		require.Contains(t, []string{before, after}, w.total(), "call %d: half of it", n)
		err := w.app.Collect.Handle(t.Context(), m)
		for tries := 0; err != nil; tries++ {
			require.Less(t, tries, 10, "call %d: %v", n, err)
			w.app.Advance(time.Minute)
			err = w.app.Collect.Handle(t.Context(), m)
		}
		w.app.Work(t)
		require.Equal(t, after, w.total(), "call %d", n)
		require.Len(t, w.raw(), made+2, "call %d: one delivery, of two files, and nothing left over", n)
		var run collect.Run
		w.app.Alice.Get(t, w.app.Alice.Path("/projects/"+string(m.Project)+"/runs/"+string(m.ID()))).Is(t, 200).Into(t, &run)
		require.Equal(t, collect.Succeeded, run.Status, run.Reason)
		require.Empty(t, run.Reason)
		if before = after; !dead {
			require.Greater(t, n, 20)
			t.Logf("killed at %d calls", n-1)
			return
		}
	}
}
