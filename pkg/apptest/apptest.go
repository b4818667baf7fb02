// Package apptest runs the real server on the embedded store, with the local issuer and two tenants: what tests of
// operations need, and the checks that every operation must pass.
package apptest

import (
	"bytes"
	"context"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/api"
	"github.com/tenantry/tenantry/pkg/blob/folder"
	"github.com/tenantry/tenantry/pkg/cloud/customertest"
	"github.com/tenantry/tenantry/pkg/collect"
	"github.com/tenantry/tenantry/pkg/collect/aws"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/delivery"
	"github.com/tenantry/tenantry/pkg/identity"
	"github.com/tenantry/tenantry/pkg/identity/localissuer"
	"github.com/tenantry/tenantry/pkg/job"
	"github.com/tenantry/tenantry/pkg/limit"
	"github.com/tenantry/tenantry/pkg/organization"
	"github.com/tenantry/tenantry/pkg/queue"
	"github.com/tenantry/tenantry/pkg/route"
	schedulebolt "github.com/tenantry/tenantry/pkg/schedule/bolt"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/storetest"
	"github.com/tenantry/tenantry/pkg/tenant"
	"github.com/tenantry/tenantry/pkg/usage"
)

// App is a running server. Its clock stands still unless it is moved, at noon of 2 March 2026 in the beginning.
type App struct {
	URL        string
	Store      *store.Store
	Faults     *storetest.Faulty // between the store and its engine
	Issuer     *localissuer.Issuer
	Deliveries *delivery.Service // the worker's
	Meter      *usage.Meter
	Jobs       *job.Worker
	Schedules  *schedulebolt.Scheduler
	Collect    *collect.Service // the worker's; it has no collectors
	Log        *Log
	Clouds     *customertest.Clouds // the AWS accounts of customers: they have roles and nothing else, unless the server was begun Among others
	Alice, Bob *Home

	engine Engine
	remote *Remote // nil where the server is this process
	deps   api.Deps
	files  string // the folder of uploaded files
	inbox  inbox  // of deliveries
	jobs   messages[job.Message]
	runs   messages[collect.Message]
	mu     sync.Mutex
	now    time.Time
}

// Grace is between asking for a tenant's end and its erasure.
const Grace = 7 * 24 * time.Hour

// Home is a tenant with one project, and the client of its owner.
type Home struct {
	*Client
	Tenant  tenant.ID
	Project tenant.ProjectID
}

// key signs all tokens: to make one takes long.
var key = sync.OnceValues(func() (*rsa.PrivateKey, error) { return rsa.GenerateKey(rand.Reader, 2048) })

// New starts a server on the embedded store that ends with the test.
func New(t testing.TB) *App { return On(t, Bolt) }

// On starts a server on any engine; open is given the server's clock.
func On(t testing.TB, open func(t testing.TB, clock func() time.Time) Engine) *App {
	return begin(t, open, customertest.Start(t))
}

// Among starts a server on the embedded store that connects accounts of these clouds.
func Among(t testing.TB, clouds *customertest.Clouds) *App { return begin(t, Bolt, clouds) }

// begin makes the server and its two tenants.
func begin(t testing.TB, open func(t testing.TB, clock func() time.Time) Engine, clouds *customertest.Clouds) *App {
	a := &App{Log: &Log{}, Clouds: clouds, now: time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)}
	a.engine = open(t, a.Now)
	a.Faults = storetest.NewFaulty(a.engine, nil)
	a.Store = store.New(a.Faults)
	a.serve(t)
	a.Alice, a.Bob = a.found(t, "alice"), a.found(t, "bob")
	return a
}

// serve wires what infra/local wires.
func (a *App) serve(t testing.TB) {
	server := httptest.NewUnstartedServer(nil)
	a.URL = "http://" + server.Listener.Addr().String()
	k, err := key()
	require.NoError(t, err)
	a.Issuer, err = localissuer.Open(localissuer.Options{URL: a.URL, Key: k, Clock: a.Now, Random: rand.Reader})
	require.NoError(t, err)
	auth, err := identity.New(identity.Config{Issuers: []identity.Issuer{a.Issuer.Trust()}, Store: a.Store, Clock: a.Now})
	require.NoError(t, err)
	log := slog.New(slog.NewJSONHandler(a.Log, nil))
	a.files = filepath.Join(t.TempDir(), "files")
	files, err := folder.Open(folder.Options{Root: a.files, Clock: a.Now, Random: rand.Reader,
		Uploaded: a.inbox.uploaded, Log: log, NoSync: true,
		Admit: func(ctx context.Context, key string) error { return delivery.TakesFile(ctx, a.Store, key) }})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, files.Close()) })
	accounts, err := aws.NewAccounts(func() (sdk.Config, error) { return a.Clouds.Config(), nil }, aws.Options{})
	require.NoError(t, err)
	a.Schedules, err = schedulebolt.Open(schedulebolt.Options{Path: filepath.Join(t.TempDir(), "schedules"), Clock: a.Now, Send: a.runs.Send, NoSync: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, a.Schedules.Close()) })
	a.Meter = usage.NewMeter(a.Store, a.Now, log)
	a.deps = api.Deps{Store: a.Store, Meter: a.Meter, Auth: auth, Files: files, Queue: &a.inbox, Jobs: &a.jobs, Runs: &a.runs, Schedules: a.Schedules, Clock: a.Now, Random: rand.Reader, Plan: tenant.Enterprise, Log: log, Grace: Grace,
		Strangers: Strangers, Verifier: accounts, Principal: customertest.Platform}
	served, err := api.Handler(a.deps, "")
	require.NoError(t, err)
	promised := promises(t, served)
	a.Jobs = api.Jobs(a.deps)
	a.Collect = api.Collect(a.deps)
	a.Deliveries = api.Ingest(a.deps)
	a.Deliveries.Temp = t.TempDir()
	server.Config.Handler = http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		switch p := r.URL.Path; {
		case strings.HasPrefix(p, folder.Path):
			files.ServeHTTP(w, r)
		case strings.HasPrefix(p, folder.DownloadPath):
			files.Downloads().ServeHTTP(w, r)
		case strings.HasPrefix(p, "/dev/"), strings.HasPrefix(p, "/.well-known/"):
			a.Issuer.ServeHTTP(w, r)
		default:
			promised.ServeHTTP(w, r)
		}
	})
	server.Start()
	t.Cleanup(server.Close)
}

// Another makes a server on the same store, files and queues with caches of its own, and deps that change has had.
func (a *App) Another(t testing.TB, change func(*api.Deps)) http.Handler {
	d := a.deps
	auth, err := a.Authorizer()
	require.NoError(t, err)
	d.Auth = auth
	change(&d)
	h, err := api.Handler(d, "")
	require.NoError(t, err)
	return h
}

// SetPlan gives a tenant another plan, as the operator does.
func (a *App) SetPlan(ctx context.Context, c organization.PlanChange) (organization.Organization, error) {
	return api.SetPlan(a.deps)(ctx, c)
}

// Strangers are bounds that tests, whose clock stands still, do not reach unless they mean to.
var Strangers = limit.Bounds{Wrong: 1 << 40, Outside: 1 << 40}

// found makes a tenant of a subject and a project in it, through the API.
func (a *App) found(t testing.TB, subject string) *Home {
	h := &Home{Client: a.As(t, subject)}
	var made struct {
		ID string `json:"id"`
	}
	h.Do(t, "POST", "/v1/tenants", map[string]any{"name": subject + "'s"}).Is(t, 201).Into(t, &made)
	h.Tenant = tenant.ID(made.ID)
	h.Do(t, "POST", h.Path("/projects"), map[string]any{"name": "web", "environment": "production"}).Is(t, 201).Into(t, &made)
	h.Project = tenant.ProjectID(made.ID)
	return h
}

// Path is a path below the tenant's.
func (h *Home) Path(below string) string { return "/v1/tenants/" + string(h.Tenant) + below }

// Join makes a subject a member of a tenant, limited to projects where some are given.
func (a *App) Join(t testing.TB, id tenant.ID, subject string, role tenant.Role, projects ...tenant.ProjectID) *Client {
	m := identity.Member{Tenant: id, Issuer: a.Issuer.URL, Subject: subject, Role: role, Limited: projects != nil, Projects: projects, CreatedAt: a.Now()}
	require.NoError(t, a.Store.Directory().Write(t.Context(), m.Changes()...))
	return a.As(t, subject)
}

// Connect gives a tenant a connection that was verified, to an account that does not answer.
func (a *App) Connect(t testing.TB, id tenant.ID) connection.Connection {
	scope, err := organization.See(t.Context(), a.Store, id, "test")
	require.NoError(t, err)
	h, err := a.Store.Tenant(scope)
	require.NoError(t, err)
	c := connection.Connection{Name: "payer", AccountID: "444455556666", Kind: connection.Payer, Partition: "aws", Status: connection.Connected, CreatedAt: a.Now(), UpdatedAt: a.Now()}
	c.ID, err = tenant.NewConnectionID(a.Now(), rand.Reader)
	require.NoError(t, err)
	require.NoError(t, h.Write(t.Context(), store.Change{Key: store.Connection(c.ID), Value: c, Condition: store.Absent}))
	return c
}

// Now is the server's time.
func (a *App) Now() time.Time {
	if a.remote != nil {
		return time.Now()
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.now
}

// Advance moves the server's time.
func (a *App) Advance(d time.Duration) {
	if a.pass(d) {
		return
	}
	a.mu.Lock()
	defer a.mu.Unlock()
	a.now = a.now.Add(d)
}

// Work has the worker do all messages there are, and those that come of them.
func (a *App) Work(t testing.TB) {
	if a.work(t) {
		return
	}
	for m, ok := a.inbox.take(); ok; m, ok = a.inbox.take() {
		require.NoError(t, done(t, a, "ingest", m, usage.Worker(a.Meter, api.OfDelivery, a.Deliveries.Handle)))
	}
}

// done has a worker handle a message, with its line in the log, and gives what came of it.
func done[M queue.Message](t testing.TB, a *App, function string, m M, handle func(context.Context, M) error) error {
	failed := errors.New("the handler panicked: the log says where")
	queue.Of(function, func([]byte) ([]M, error) { return []M{m}, nil }, func(ctx context.Context, m M) error {
		failed = handle(ctx, m)
		return failed
	})(t.Context(), a.deps.Log, nil)
	return failed
}

// PendingJobs lists the messages that the worker of long work has not had yet, oldest first.
func (a *App) PendingJobs() []job.Message {
	a.jobs.mu.Lock()
	defer a.jobs.mu.Unlock()
	return slices.Clone(a.jobs.all)
}

// TakeJob takes the oldest message from the worker of long work; false where there is none.
func (a *App) TakeJob() (job.Message, bool) { return a.jobs.take() }

// WorkJobs has the worker do all long work there is, and what comes of it.
func (a *App) WorkJobs(t testing.TB) {
	if a.work(t) {
		return
	}
	for m, ok := a.jobs.take(); ok; m, ok = a.jobs.take() {
		require.NoError(t, done(t, a, "jobs", m, usage.Worker(a.Meter, api.OfJob, a.Jobs.Handle)))
	}
}

// WorkRuns has the worker of runs do all messages there are, and what comes of them, once each, and gives what could not be done.
func (a *App) WorkRuns(t testing.TB) (failed error) {
	if a.work(t) {
		return nil
	}
	for m, ok := a.runs.take(); ok; m, ok = a.runs.take() {
		failed = errors.Join(failed, done(t, a, "collect", m, usage.Worker(a.Meter, api.OfRun, a.Collect.Handle)))
	}
	return failed
}

// PendingRuns lists the messages that the worker of runs has not had yet, oldest first.
func (a *App) PendingRuns() []collect.Message {
	a.runs.mu.Lock()
	defer a.runs.mu.Unlock()
	return slices.Clone(a.runs.all)
}

// Replace has another worker of long work take the place of the one there was, which knows nothing but what is stored.
func (a *App) Replace() { a.Jobs = api.Jobs(a.deps) }

// messages is a queue in memory.
type messages[M any] struct {
	mu  sync.Mutex
	all []M
}

// Send keeps a message for Work or WorkJobs.
func (q *messages[M]) Send(_ context.Context, m M) error {
	q.mu.Lock()
	defer q.mu.Unlock()
	q.all = append(q.all, m)
	return nil
}

func (q *messages[M]) take() (m M, ok bool) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if len(q.all) == 0 {
		return m, false
	}
	m, q.all = q.all[0], q.all[1:]
	return m, true
}

// WorkLate has the worker try all messages there are, once each, whatever comes of it.
func (a *App) WorkLate() {
	for m, ok := a.inbox.take(); ok; m, ok = a.inbox.take() {
		_ = a.Deliveries.Handle(context.Background(), m)
	}
}

// inbox is the queue of deliveries.
type inbox struct{ messages[delivery.Message] }

// uploaded tells of a file as S3 does.
func (q *inbox) uploaded(ctx context.Context, key string, size int64) error {
	object := map[string]any{"key": key, "size": size}
	body, err := json.Marshal(map[string]any{"Records": []any{map[string]any{"eventName": "ObjectCreated:Put", "s3": map[string]any{"object": object}}}})
	if err != nil {
		return err
	}
	messages, err := delivery.ParseMessages(body)
	if err != nil {
		return err
	}
	for _, m := range messages {
		if err := q.Send(ctx, m); err != nil {
			return err
		}
	}
	return nil
}

// Log keeps what the server logs.
type Log struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write adds to it.
func (l *Log) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.text.Write(p)
}

// String is all of it.
func (l *Log) String() string { return l.Since(0) }

// Since is what was logged after the first n bytes.
func (l *Log) Since(n int) string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return string(l.text.Bytes()[n:])
}

// Serve serves other operations on the same store and gives a client of them with a token.
func (a *App) Serve(t testing.TB, ops []route.Operation, token string) *Client {
	auth, err := a.Authorizer()
	require.NoError(t, err)
	return &Client{app: &App{URL: a.ServeAs(t, ops, auth)}, Token: token}
}

// Authorizer makes another authorizer of the same issuer and store, with caches of its own.
func (a *App) Authorizer() (*identity.Authorizer, error) {
	return identity.New(identity.Config{Issuers: []identity.Issuer{a.Issuer.Trust()}, Store: a.Store, Clock: a.Now})
}

// ServeAs serves other operations, to whom an authorizer lets in, and gives the server's address.
func (a *App) ServeAs(t testing.TB, ops []route.Operation, auth route.Authorizer) string {
	h, err := route.Handler(ops, auth, route.Options{Clock: a.Now, Log: slog.New(slog.NewJSONHandler(a.Log, nil))})
	require.NoError(t, err)
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return server.URL
}
