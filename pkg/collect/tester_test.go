package collect_test

import (
	"context"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/collect"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// account is a customer's, as a collector finds it: it has things to be asked for page by page, and counts who asks.
type account struct {
	mu     sync.Mutex
	pages  int // until all is fetched
	use    collect.Use
	asked  map[tenant.ConnectionID]int
	before func(ctx context.Context, t *collect.Task, page int) error // each page
}

func newAccount(pages int) *account {
	return &account{pages: pages, use: collect.Use{Pages: 1, Calls: 1}, asked: map[tenant.ConnectionID]int{}}
}

// Collect asks for a page a step, and makes all of them visible at the last one.
func (a *account) Collect(ctx context.Context, t *collect.Task) (more bool, err error) {
	var notes struct{ Page int }
	if err := t.Notes(&notes); err != nil {
		return false, err
	}
	if err := t.Spend(ctx, a.use); err != nil {
		return false, err
	}
	a.mu.Lock()
	a.asked[t.Connection.ID]++
	before := a.before
	a.mu.Unlock()
	if before != nil {
		if err := before(ctx, t, notes.Page); err != nil {
			return false, err
		}
	}
	notes.Page++
	t.Count("things", 10)
	t.Stage(fmt.Sprint("page ", notes.Page))
	if notes.Page < a.pages {
		return true, t.Keep(notes)
	}
	version, err := t.Tenant.Read(ctx, visible(t.Connection.ID, t.Slot), &notes)
	if err != nil {
		return false, err
	}
	t.Reveal(store.Change{Key: visible(t.Connection.ID, t.Slot), Value: notes, Condition: store.VersionIs(version)})
	return false, nil
}

// visible is what a slot of a connection shows; its version says how often it was written.
func visible(id tenant.ConnectionID, slot time.Time) store.Key {
	return store.Idempotency("visible", string(id)+slot.UTC().String())
}

func (a *account) calls() (n int) {
	a.mu.Lock()
	defer a.mu.Unlock()
	for _, asked := range a.asked {
		n += asked
	}
	return n
}

// tester has a tenant with a connected account and a worker that collects costs from it.
type tester struct {
	testing.TB
	app     *apptest.App
	handle  *store.Tenant
	account *account
	con     connection.Connection
}

func newTester(t testing.TB, pages int) *tester {
	w := &tester{TB: t, app: apptest.New(t), account: newAccount(pages)}
	w.handle = open(t, w.app, w.app.Alice.Tenant)
	w.app.Collect.Collectors = map[collect.Kind]collect.Collector{collect.Costs: w.account}
	w.app.Collect.Sleep = func(_ context.Context, d time.Duration) { w.app.Advance(d) }
	w.con = w.connect("con_01J00000000000000000000001", "111122223333", connection.Payer)
	return w
}

func open(t testing.TB, a *apptest.App, id tenant.ID) *store.Tenant {
	scope, err := tenant.Work(id, "test")
	require.NoError(t, err)
	h, err := a.Store.Tenant(scope)
	require.NoError(t, err)
	return h
}

// connect makes a connection that was verified.
func (t *tester) connect(id tenant.ConnectionID, of string, k connection.Kind) connection.Connection {
	c := connection.Connection{ID: id, Name: "a", AccountID: of, Kind: k, Partition: "aws", Status: connection.Connected, CreatedAt: t.app.Now()}
	require.NoError(t, t.handle.Write(t.Context(), store.Change{Key: store.Connection(id), Value: c, Condition: store.Absent}))
	return c
}

// now is the connection as it is stored.
func (t *tester) now(id tenant.ConnectionID) connection.Connection {
	c, _, err := connection.Read(t.Context(), t.handle, id)
	require.NoError(t, err)
	return c
}

// due is a schedule's message of the present slot.
func (t *tester) due() collect.Message {
	return collect.Message{Kind: collect.Costs, Tenant: t.app.Alice.Tenant, Project: t.app.Alice.Project, Slot: t.app.Now().Truncate(time.Second)}
}

// project makes another project.
func (t *tester) project(name string) tenant.ProjectID {
	var made struct{ ID tenant.ProjectID }
	t.app.Alice.Do(t, "POST", t.app.Alice.Path("/projects"), map[string]any{"name": name, "environment": "test"}).Is(t, 201).Into(t, &made)
	return made.ID
}

func (t *tester) path(m collect.Message) string {
	return t.app.Alice.Path("/projects/" + string(m.Project) + "/runs/" + string(m.ID()))
}

// alice is signed in anew: tests let days go by.
func (t *tester) alice() *apptest.Client { return t.app.As(t, "alice") }

// run gets a run.
func (t *tester) run(m collect.Message) (r collect.Run) {
	t.alice().Get(t, t.path(m)).Is(t, 200).Into(t, &r)
	require.Equal(t, m.ID(), r.ID)
	return r
}

// do has the worker do a message.
func (t *tester) do(m collect.Message) { require.NoError(t, t.app.Collect.Handle(t.Context(), m)) }

// shown is how often a slot was made visible.
func (t *tester) shown(id tenant.ConnectionID, slot time.Time) int64 {
	var v struct{ Page int }
	version, err := t.handle.Read(t.Context(), visible(id, slot), &v)
	require.NoError(t, err)
	return version
}

// cancelAt cancels a run while a page is asked for.
func cancelAt(t *tester, m collect.Message, page int) func(context.Context, *collect.Task, int) error {
	return func(_ context.Context, _ *collect.Task, n int) error {
		if n == page {
			t.alice().Do(t, "POST", t.path(m)+"/cancel", nil).Is(t, 200)
		}
		return nil
	}
}
