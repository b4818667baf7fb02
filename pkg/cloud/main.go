package cloud

import (
	"crypto/rand"
	"fmt"
	"log/slog"
	"net/http"
	"os"
	"runtime/debug"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/lambda"

	"github.com/tenantry/tenantry/pkg/api"
	"github.com/tenantry/tenantry/pkg/delivery"
	"github.com/tenantry/tenantry/pkg/identity"
	"github.com/tenantry/tenantry/pkg/route"
)

// ServeHTTP is the whole of a function that serves the operations of f. It does not return.
func ServeHTTP(f route.Function) {
	c, log := start()
	h, err := Handler(c, f, log)
	if err != nil {
		fail(log, err)
	}
	lambda.Start(Gateway(h))
}

// ServeIngest is the whole of the ingest worker. It does not return.
func ServeIngest() {
	c, log := start()
	lambda.Start(NewIngest(c, log).Batch)
}

// Handler serves the operations of f on AWS as c names it. It calls nothing of AWS before a request needs it.
func Handler(c Config, f route.Function, log *slog.Logger) (http.Handler, error) {
	aws := newClients(c)
	var issuers []identity.Issuer
	if c.Issuer != "" {
		issuers = []identity.Issuer{{URL: c.Issuer, ClientIDs: c.ClientIDs, Audiences: c.Audiences}}
	}
	s := aws.store()
	auth, err := identity.New(identity.Config{Issuers: issuers, Store: s})
	if err != nil {
		return nil, err
	}
	return api.Handler(api.Deps{
		Store: s, Auth: auth, Files: aws.files, Queue: aws.queue, Clock: time.Now, Random: rand.Reader, Plan: c.Plan, Log: log, RequestID: requestID,
	}, f)
}

// NewIngest makes the ingest worker on AWS as c names it.
func NewIngest(c Config, log *slog.Logger) *Ingest {
	aws := newClients(c)
	s := &delivery.Service{
		Store: aws.store(), Files: aws.files, Queue: aws.queue, Clock: time.Now, Random: rand.Reader, Log: log,
	}
	return &Ingest{Handle: s.Handle, Hide: aws.hide(c.QueueURL), Log: log}
}

// start reads the configuration; a function that cannot start says why in its log.
func start() (Config, *slog.Logger) {
	collectLate(os.Getenv("AWS_LAMBDA_FUNCTION_MEMORY_SIZE"))
	log := slog.New(slog.NewJSONHandler(os.Stderr, nil))
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
