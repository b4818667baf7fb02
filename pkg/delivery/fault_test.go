package delivery_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/cost"
	"github.com/tenantry/tenantry/pkg/cost/document"
	"github.com/tenantry/tenantry/pkg/delivery"
	"github.com/tenantry/tenantry/pkg/queue"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/storetest"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// handle gives the worker a message until it is done with it, as a queue does.
func (t *tester) handle(m delivery.Message) {
	for range 10 {
		if t.app.Deliveries.Handle(context.Background(), m) == nil {
			return
		}
		t.app.Advance(2 * time.Minute) // leases end
	}
	require.Fail(t, "the message is never done with")
}

// noOrphans compares the stored parts of the tenant's projects with those that indexes point at.
func (t *tester) noOrphans() {
	scope, err := tenant.Work(t.home.Tenant, "test")
	require.NoError(t, err)
	h, err := t.app.Store.Tenant(scope)
	require.NoError(t, err)
	for _, p := range []tenant.ProjectID{t.home.Project, tenant.Unassigned} {
		stored, pointed := map[string]bool{}, map[string]bool{}
		for _, span := range store.Documents(p) {
			page, err := h.Query(context.Background(), span, store.List{Consistency: store.Strongly})
			require.NoError(t, err)
			require.Empty(t, page.Next)
			for _, r := range page.Records {
				stored[r.Address.SK] = true
			}
		}
		for _, v := range document.Views {
			keys, err := cost.PartsOf(context.Background(), h, p, v)
			require.NoError(t, err)
			for _, k := range keys {
				pointed[k.Sort()] = true
			}
		}
		require.Equal(t, pointed, stored)
	}
}

// closed makes a delivery that a worker is to read, and gives the message for it.
func (t *tester) closed(file string) delivery.Message {
	t.app.Advance(time.Second)
	var c created
	t.home.Do(t, "POST", t.home.Path("/imports"), map[string]any{"format": "csv", "source": "s",
		"files": []map[string]any{{"sizeBytes": len(file)}}}).Is(t, 201).Into(t, &c)
	t.put(c.Files[0].UploadURL, file)
	t.home.Do(t, "POST", t.home.Path("/imports/"+string(c.ID)+"/close"), nil).Is(t, 202)
	return delivery.Message{Kind: delivery.Closed, Tenant: t.home.Tenant, Delivery: c.ID}
}

func (t *tester) status(m delivery.Message) (d delivery.Delivery) {
	t.home.Get(t, t.home.Path("/imports/"+string(m.Delivery))).Is(t, 200).Into(t, &d)
	return d
}

// TestAnyCallOfTheStoreFails has each call that a worker makes fail once, in each way there is, in an import that replaces
// an older one.
func TestAnyCallOfTheStoreFails(t *testing.T) {
	for _, method := range []storetest.Method{storetest.Get, storetest.Query, storetest.Write, storetest.Load} {
		for _, fault := range []storetest.Fault{storetest.NotWritten, storetest.Written, storetest.Throttled, storetest.Partly} {
			t.Run(fmt.Sprint(method, " ", fault), func(t *testing.T) {
				w := newTester(t)
				require.Equal(t, delivery.Succeeded, w.split(lines(8, "a", "0.25")).Status)
				old := "2"
				for n := 1; ; n++ {
					w.home.Client = w.app.As(t, "alice") // tokens end
					amount := fmt.Sprintf("%d.5", n)
					m := w.closed(lines(8, "a", amount))
					w.app.Faults.Plan(storetest.At(method, n, fault))
					err := w.app.Deliveries.Handle(context.Background(), m)
					reached := w.app.Faults.Calls(method) >= n
					w.app.Faults.Plan(nil)
					if err != nil {
						require.Contains(t, []string{old, fmt.Sprint(8*n + 4)}, w.ask(february).Total, "call %d", n)
						w.app.Advance(2 * time.Minute)
						w.handle(m)
					}
					require.Equal(t, delivery.Succeeded, w.status(m).Status, "call %d", n)
					old = fmt.Sprint(8*n + 4)
					require.Equal(t, old, w.ask(february).Total, "call %d", n)
					w.handle(m)
					w.noOrphans()
					if !reached {
						break
					}
				}
			})
		}
	}
}

func TestTheSameMessageTwiceAndAtOnce(t *testing.T) {
	w := newTester(t)
	m := w.closed(lines(2000, "a", "0.5"))
	var group sync.WaitGroup
	results := make([]error, 4)
	for i := range results {
		group.Go(func() { results[i] = w.app.Deliveries.Handle(context.Background(), m) })
	}
	group.Wait()
	worked := 0
	for _, err := range results {
		var busy *queue.Busy
		if err == nil {
			worked++
			continue
		}
		require.ErrorAs(t, err, &busy)
	}
	require.Positive(t, worked)
	require.Equal(t, delivery.Succeeded, w.status(m).Status)
	before := w.status(m)
	w.handle(m)
	require.Equal(t, before, w.status(m))
	require.Equal(t, "1000", w.ask(february).Total)
	w.noOrphans()
}

func TestADeliveryThatAWorkerComesToLate(t *testing.T) {
	w := newTester(t)
	first, second := w.closed(lines(8, "a", "1")), w.closed(lines(8, "a", "2"))
	w.handle(second)
	w.handle(first)
	require.Equal(t, delivery.Succeeded, w.status(second).Status)
	require.Equal(t, delivery.Failed, w.status(first).Status)
	require.Contains(t, w.status(first).Error, "closed later and counts already")
	require.Equal(t, "16", w.ask(february).Total)
	w.noOrphans()
}

// TestAKillAfterTheCommitOfAnAimedDelivery has every write after the commit fail, as if the process were gone.
func TestAKillAfterTheCommitOfAnAimedDelivery(t *testing.T) {
	w := newTester(t)
	require.Equal(t, delivery.Succeeded, w.aim(lines(8, "a", "1"), nil).Status)
	w.app.Advance(time.Second)
	file := lines(8, "a", "2")
	var c created
	imports := w.home.Path("/projects/" + string(w.home.Project) + "/imports")
	w.home.Do(t, "POST", imports, map[string]any{"format": "csv", "source": "s", "sizeBytes": len(file)}).Is(t, 201).Into(t, &c)
	w.put(c.UploadURL, file)
	m := delivery.Message{Kind: delivery.Uploaded, Tenant: w.home.Tenant, Delivery: c.ID, Size: int64(len(file))}
	loads := 0
	w.app.Faults.Plan(func(m storetest.Method, n int) storetest.Fault {
		if m == storetest.Load {
			loads++
		}
		if loads > 2 { // the manifests and the parts; what follows is the removal
			return map[bool]storetest.Fault{true: storetest.NotWritten}[m == storetest.Load]
		}
		return storetest.None
	})
	require.Error(t, w.app.Deliveries.Handle(context.Background(), m))
	w.app.Faults.Plan(nil)
	require.Equal(t, "16", w.ask(february).Total, "it has been committed")
	w.app.Advance(2 * time.Minute)
	w.home.Client = w.app.As(t, "alice")
	w.app.Work(t) // the message comes again
	w.noOrphans()
}
