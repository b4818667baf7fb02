// Package bed is the platform as the benchmarks run it: on the embedded store, in a folder, called without a network.
package bed

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"github.com/tenantry/tenantry/pkg/api"
	"github.com/tenantry/tenantry/pkg/blob/folder"
	"github.com/tenantry/tenantry/pkg/delivery"
	"github.com/tenantry/tenantry/pkg/identity"
	"github.com/tenantry/tenantry/pkg/identity/localissuer"
	"github.com/tenantry/tenantry/pkg/job"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/bolt"
	"github.com/tenantry/tenantry/pkg/tenant"
	"github.com/tenantry/tenantry/pkg/usage"
)

// Root is where the benchmarks keep their files, below the repository's root. Git ignores it.
const Root = ".cache/bench"

// quiet logs what goes wrong alone.
var quiet = slog.New(slog.NewTextHandler(os.Stderr, &slog.HandlerOptions{Level: slog.LevelWarn}))

// Platform is the platform in a folder.
type Platform struct {
	Dir     string
	Store   *store.Store
	Worker  *delivery.Service
	Plan    tenant.Plan          // of new tenants: enterprise where ""
	Issuer  *localissuer.Issuer  // once it is served
	Auth    *identity.Authorizer // once it is served
	asked   atomic.Int64         // the issuer
	handler http.Handler
	token   string
	queue   queue
	engine  *bolt.Engine
	reads   *metered
	files   *folder.Files
}

// queue holds what was sent.
type queue struct{ messages []delivery.Message }

// Send keeps a message.
func (q *queue) Send(_ context.Context, m delivery.Message) error {
	q.messages = append(q.messages, m)
	return nil
}

// Open opens what a worker needs: the store, the files, and the worker. Memory is collected as infra/local does.
func Open(dir string) (*Platform, error) {
	delivery.CollectOften(os.Getenv("GOGC"))
	p := &Platform{Dir: dir}
	temp := filepath.Join(dir, "spill")
	if err := os.MkdirAll(temp, 0o700); err != nil {
		return nil, err
	}
	var err error
	if p.engine, err = bolt.Open(filepath.Join(dir, "store.db"), bolt.Options{}); err != nil {
		return nil, err
	}
	p.reads = &metered{Engine: p.engine, use: map[store.Table]store.Use{}}
	p.Store = store.New(p.reads)
	p.files, err = folder.Open(folder.Options{Root: filepath.Join(dir, "files"), Clock: time.Now, Random: rand.Reader, Log: quiet,
		Uploaded: func(context.Context, string, int64) error { return nil }})
	if err != nil {
		return nil, errors.Join(err, p.engine.Close())
	}
	p.Worker = &delivery.Service{Store: p.Store, Files: p.files, Queue: &p.queue, Clock: time.Now, Random: rand.Reader, Log: quiet, Temp: temp}
	return p, nil
}

// Close closes the store and the files.
func (p *Platform) Close() error { return errors.Join(p.files.Close(), p.engine.Close()) }

// Serve wires the operations, and signs somebody in.
func (p *Platform) Serve() (err error) {
	const url = "http://bench.invalid"
	p.Issuer, err = localissuer.Open(localissuer.Options{URL: url, KeyFile: filepath.Join(p.Dir, "issuer.pem"), Clock: time.Now, Random: rand.Reader})
	if err != nil {
		return err
	}
	p.Auth, err = identity.New(identity.Config{Issuers: []identity.Issuer{p.Issuer.Trust()}, Store: p.Store,
		Client: &http.Client{Transport: direct{p.Issuer, &p.asked}}})
	if err != nil {
		return err
	}
	if p.handler, err = api.Handler(api.Deps{Store: p.Store, Auth: p.Auth, Files: p.files, Queue: &p.queue, Jobs: nobody{}, Clock: time.Now, Random: rand.Reader,
		Plan: cmp.Or(p.Plan, tenant.Enterprise), Log: quiet, Meter: usage.NewMeter(p.Store, time.Now, quiet)}, ""); err != nil {
		return err
	}
	p.token, err = p.Issuer.Token(Owner, "")
	return err
}

// nobody does long work here.
type nobody struct{}

// Send forgets the message.
func (nobody) Send(context.Context, job.Message) error { return nil }

// Owner is the subject who calls.
const Owner = "owner"

// direct answers requests without a network, and counts them.
type direct struct {
	http.Handler
	asked *atomic.Int64
}

// Asked is how many requests a network would have had.
func (p *Platform) Asked() int64 { return p.asked.Load() }

// RoundTrip answers one.
func (d direct) RoundTrip(r *http.Request) (*http.Response, error) {
	d.asked.Add(1)
	answer := httptest.NewRecorder()
	d.ServeHTTP(answer, r)
	return answer.Result(), nil
}

// Call sends a request, body as JSON unless it is nil, and reads the answer into out unless that is nil.
func (p *Platform) Call(ctx context.Context, method, path string, body, out any) error {
	var sent io.Reader
	if body != nil {
		b, err := json.Marshal(body)
		if err != nil {
			return err
		}
		sent = bytes.NewReader(b)
	}
	r := httptest.NewRequestWithContext(ctx, method, path, sent)
	r.Header.Set("Authorization", "Bearer "+p.token)
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	answer := httptest.NewRecorder()
	p.handler.ServeHTTP(answer, r)
	if answer.Code >= 300 {
		return fmt.Errorf("%s %s answered %d: %s", method, path, answer.Code, answer.Body)
	}
	if out == nil {
		return nil
	}
	return json.Unmarshal(answer.Body.Bytes(), out)
}

// Status sends a GET and gives the status of the answer.
func (p *Platform) Status(ctx context.Context, path string) int {
	r := httptest.NewRequestWithContext(ctx, http.MethodGet, path, nil)
	r.Header.Set("Authorization", "Bearer "+p.token)
	answer := httptest.NewRecorder()
	p.handler.ServeHTTP(answer, r)
	return answer.Code
}

// Made is what is read of the answer to a creation.
type Made struct {
	ID string `json:"id"`
}

// Tenant makes a tenant that keeps tag keys and has n projects of some accounts each, and gives the path of the tenant.
func (p *Platform) Tenant(ctx context.Context, tagKeys []string, projects [][]string) (path string, ids []string, err error) {
	var tenant Made
	if err := p.Call(ctx, "POST", "/v1/tenants", map[string]string{"name": "Bench"}, &tenant); err != nil {
		return "", nil, err
	}
	path = "/v1/tenants/" + tenant.ID
	if err := p.Call(ctx, "PUT", path+"/tag-keys", map[string]any{"keys": tagKeys}, nil); err != nil {
		return "", nil, err
	}
	for i, accounts := range projects {
		var made Made
		if err := p.Call(ctx, "POST", path+"/projects", map[string]any{"name": fmt.Sprintf("project %d", i), "environment": "production",
			"accountIds": accounts}, &made); err != nil {
			return "", nil, err
		}
		ids = append(ids, made.ID)
	}
	return path, ids, nil
}

// Deliver makes a delivery of one file, split by rules, and closes it. What is left for the worker is the message.
func (p *Platform) Deliver(ctx context.Context, tenant, format, file string) (m delivery.Message, err error) {
	info, err := os.Stat(file)
	if err != nil {
		return m, err
	}
	var made Made
	if err := p.Call(ctx, "POST", tenant+"/imports", map[string]any{"format": format, "source": "bench",
		"files": []any{map[string]any{"sizeBytes": info.Size()}}}, &made); err != nil {
		return m, err
	}
	key := filepath.Join("tenants", filepath.Base(tenant), "deliveries", made.ID, "0")
	at := filepath.Join(p.Dir, "files", key)
	if err := errors.Join(os.MkdirAll(filepath.Dir(at), 0o700), os.Link(file, at)); err != nil {
		return m, err
	}
	event := fmt.Sprintf(`{"Records":[{"eventName":"ObjectCreated:Put","s3":{"object":{"key":%q,"size":%d}}}]}`, filepath.ToSlash(key), info.Size())
	uploaded, err := delivery.ParseMessages([]byte(event))
	if err != nil {
		return m, err
	}
	if err := p.Worker.Handle(ctx, uploaded[0]); err != nil {
		return m, err
	}
	p.queue.messages = nil
	if err := p.Call(ctx, "POST", tenant+"/imports/"+made.ID+"/close", nil, nil); err != nil {
		return m, err
	}
	if len(p.queue.messages) != 1 {
		return m, fmt.Errorf("closing the delivery sent %d messages", len(p.queue.messages))
	}
	return p.queue.messages[0], nil
}
