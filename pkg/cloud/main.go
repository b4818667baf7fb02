package cloud

import (
	"context"
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/lambda"
	"github.com/aws/aws-sdk-go-v2/aws"

	"github.com/tenantry/tenantry/pkg/api"
	"github.com/tenantry/tenantry/pkg/collect"
	collectaws "github.com/tenantry/tenantry/pkg/collect/aws"
	"github.com/tenantry/tenantry/pkg/delivery"
	"github.com/tenantry/tenantry/pkg/identity"
	"github.com/tenantry/tenantry/pkg/job"
	"github.com/tenantry/tenantry/pkg/observe"
	"github.com/tenantry/tenantry/pkg/queue"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/usage"
)

// ServeHTTP is the whole of a function that serves the operations of f. It does not return.
func ServeHTTP(f route.Function) {
	c, log := start()
	d, err := served(c, log)
	if err != nil {
		fail(log, err)
	}
	h, err := api.Handler(d, f)
	if err != nil {
		fail(log, err)
	}
	var handler any = Gateway(h)
	if f == route.Admin {
		handler = Operated(api.SetPlan(d), log, Gateway(h))
	}
	lambda.StartWithOptions(handler, lambda.WithEnableSIGTERM(func() {
		ctx, cancel := context.WithTimeout(context.Background(), last)
		defer cancel()
		d.Meter.Flush(ctx)
	}))
}

// last is how long a function may go on writing what is not written of tenants' use: Lambda kills it after half a second.
const last = 400 * time.Millisecond

// recovery is how far DynamoDB's point-in-time recovery reaches back.
const recovery = 35 * 24 * time.Hour

// ServeIngest is the whole of the ingest worker. It does not return.
func ServeIngest() {
	c, log := start()
	lambda.Start(NewIngest(c, log).Batch)
}

// ServeJobs is the whole of the worker of long work. It does not return.
func ServeJobs() {
	c, log := start()
	lambda.Start(NewJobs(c, log).Batch)
}

// Collectors makes what asks customers' accounts: customer.Collectors.
type Collectors func(load func() (aws.Config, error), d api.Deps) map[collect.Kind]collect.Collector

// ServeCollect is the whole of the worker of collection. It does not return.
func ServeCollect(of Collectors) {
	c, log := start()
	lambda.Start(NewCollect(c, log, of).Batch)
}

// Handler serves the operations of f on AWS as c names it. It calls nothing of AWS before a request needs it.
func Handler(c Config, f route.Function, log *slog.Logger) (http.Handler, error) {
	d, err := served(c, log)
	if err != nil {
		return nil, err
	}
	return api.Handler(d, f)
}

// served are what a function needs that serves HTTP.
func served(c Config, log *slog.Logger) (api.Deps, error) {
	clients := newClients(c)
	var issuers []identity.Issuer
	if c.Issuer != "" {
		issuers = []identity.Issuer{{URL: c.Issuer, ClientIDs: c.ClientIDs, Audiences: c.Audiences}}
	}
	d := clients.deps(c, log)
	auth, err := identity.New(identity.Config{Issuers: issuers, Store: d.Store})
	d.Auth, d.RequestID = auth, requestID
	if err != nil {
		return d, err
	}
	d.Verifier, err = collectaws.NewAccounts(clients.load, collectaws.Options{})
	return d, err
}

// NewIngest makes the ingest worker on AWS as c names it.
func NewIngest(c Config, log *slog.Logger) *Consumer {
	clients := newClients(c)
	d := clients.deps(c, log)
	read := usage.Worker(d.Meter, api.OfDelivery, api.Ingest(d).Handle)
	return &Consumer{Work: queue.Of("ingest", delivery.ParseMessages, read), Hide: clients.hide(c.QueueURL), Log: log}
}

// NewJobs makes the worker of long work on AWS as c names it.
func NewJobs(c Config, log *slog.Logger) *Consumer {
	clients := newClients(c)
	d := clients.deps(c, log)
	work := usage.Worker(d.Meter, api.OfJob, api.Jobs(d).Handle)
	return &Consumer{Work: queue.Of("jobs", job.ParseMessages, work), Hide: clients.hide(c.JobsURL), Log: log}
}

// NewCollect makes the worker of collection on AWS as c names it.
func NewCollect(c Config, log *slog.Logger, of Collectors) *Consumer {
	clients := newClients(c)
	d := clients.deps(c, log)
	d.Collectors = of(clients.load, d)
	run := usage.Worker(d.Meter, api.OfRun, api.Collect(d).Handle)
	return &Consumer{Work: queue.Of("collect", collect.ParseMessages, run), Hide: clients.hide(c.RunsURL), Resend: clients.resend(c.RunsURL), Log: log}
}

// deps are what every function works with, without what is HTTP's alone.
func (a clients) deps(c Config, log *slog.Logger) api.Deps {
	s := a.store()
	return api.Deps{
		Store: s, Meter: usage.NewMeter(s, time.Now, log), Files: a.files, Queue: queue.Sender[delivery.Message]{Queue: a.queue}, Jobs: queue.Sender[job.Message]{Queue: a.jobs},
		Runs:      queue.Sender[collect.Message]{Queue: a.runs},
		Schedules: a.schedules,
		Clock:     time.Now, Random: rand.Reader, Plan: c.Plan, Grace: c.Grace, Recovery: recovery, Log: log, Principal: c.Principal,
	}
}

// start reads the configuration; a function that cannot start says why in its log.
func start() (Config, *slog.Logger) {
	collectLate(os.Getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"))
	log := slog.New(observe.Embedded(observe.JSON(os.Stderr)))
	c := ReadConfig(os.Getenv)
	if err := c.Validate(); err != nil {
		fail(log, fmt.Errorf("configuration: %w", err))
	}
	return c, log
}

// collectLate trades memory for time: a function has its memory (in MB) to itself, and what it leaves is paid for all the same.
func collectLate(memory string) {
	if mb, err := strconv.ParseInt(memory, 10, 64); err == nil {
		debug.SetMemoryLimit(mb << 20 / 5 * 4)
		debug.SetGCPercent(400)
	}
}

func fail(log *slog.Logger, err error) {
	log.Error("function cannot start", "error", err)
	os.Exit(1)
}
