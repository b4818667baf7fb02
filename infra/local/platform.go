package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/config"

	"github.com/tenantry/tenantry/pkg/api"
	"github.com/tenantry/tenantry/pkg/blob/folder"
	"github.com/tenantry/tenantry/pkg/collect"
	"github.com/tenantry/tenantry/pkg/collect/aws"
	"github.com/tenantry/tenantry/pkg/delivery"
	"github.com/tenantry/tenantry/pkg/erasure"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/identity"
	"github.com/tenantry/tenantry/pkg/identity/localissuer"
	"github.com/tenantry/tenantry/pkg/job"
	"github.com/tenantry/tenantry/pkg/queue"
	queuebolt "github.com/tenantry/tenantry/pkg/queue/bolt"
	"github.com/tenantry/tenantry/pkg/reconcile"
	schedulebolt "github.com/tenantry/tenantry/pkg/schedule/bolt"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/bolt"
	"github.com/tenantry/tenantry/pkg/tenant"
	"github.com/tenantry/tenantry/pkg/usage"
)

// Names in the data folder.
const (
	queueFile     = "queue.db" // the one that is opened first: whoever has it has the folder
	jobsFile      = "jobs.db"  // the queue of long work
	runsFile      = "runs.db"  // the queue of collection
	schedulesFile = "schedules.db"
	storeFile     = "store.db"
	filesDir      = "files"
	spillDir      = "spill"
	keyFile       = "issuer.pem"
	issuerFile    = "issuer.url"
	demoFile      = "demo.pending" // the demo tenants are still to be filled
)

// platform is everything, wired.
type platform struct {
	config    Config
	log       *slog.Logger
	listener  net.Listener
	queue     *queuebolt.Queue // of deliveries
	jobs      *queuebolt.Queue
	runs      *queuebolt.Queue
	schedules *schedulebolt.Scheduler
	files     *folder.Files
	store     *store.Store
	issuer    *localissuer.Issuer
	read      queue.Worker                // deliveries
	work      queue.Worker                // on jobs
	collect   queue.Worker                // from customers' accounts
	due       func(context.Context) error // queues erasures that are due
	follow    func(context.Context, time.Time) (reconcile.Report, error)
	handler   http.Handler
	meter     *usage.Meter
	closers   []io.Closer // in the order of opening
}

// open takes the data folder and the address, which are refused with a clear error where another program has them.
func open(c Config, log *slog.Logger) (_ *platform, err error) {
	p := &platform{config: c, log: log}
	defer func() {
		if err != nil {
			err = errors.Join(err, p.close())
		}
	}()
	if err := os.MkdirAll(c.Data, 0o700); err != nil {
		return nil, fmt.Errorf("make the data folder (TENANTRY_DATA): %w", err)
	}
	if err := p.openQueues(); err != nil {
		return nil, err
	}
	if err := errors.Join(os.RemoveAll(p.path(spillDir)), os.Mkdir(p.path(spillDir), 0o700)); err != nil {
		return nil, fmt.Errorf("empty the folder for spill files: %w", err)
	}
	if p.listener, err = net.Listen("tcp", c.Addr); errors.Is(err, syscall.EADDRINUSE) {
		return nil, fmt.Errorf("another program is listening at %s: stop it, or set TENANTRY_ADDR to another port", c.Addr)
	} else if err != nil {
		return nil, fmt.Errorf("listen at %s (TENANTRY_ADDR): %w", c.Addr, err)
	}
	p.closers = append(p.closers, p.listener)
	runs := queue.Sender[collect.Message]{Queue: p.runs}
	p.schedules, err = schedulebolt.Open(schedulebolt.Options{Path: p.path(schedulesFile), Clock: time.Now, Send: runs.Send})
	if err != nil {
		return nil, err
	}
	p.closers = append(p.closers, p.schedules)
	s, err := p.openStore()
	if err != nil {
		return nil, err
	}
	p.store = s
	if err := p.openFiles(s); err != nil {
		return nil, err
	}
	return p, p.wire(s)
}

func (p *platform) path(name string) string { return filepath.Join(p.config.Data, name) }

func (p *platform) openQueues() (err error) {
	for _, q := range []struct {
		file string
		into **queuebolt.Queue
	}{{queueFile, &p.queue}, {jobsFile, &p.jobs}, {runsFile, &p.runs}} {
		*q.into, err = queuebolt.Open(queuebolt.Options{Path: p.path(q.file), Clock: time.Now, Log: p.log})
		if errors.Is(err, queuebolt.ErrInUse) {
			return fmt.Errorf("another Tenantry is running on the data in %s: stop it, or set TENANTRY_DATA to another folder", p.config.Data)
		}
		if err != nil {
			return err
		}
		p.closers = append(p.closers, *q.into)
	}
	return nil
}

// openStore opens the store, and notes where it is new that the demo is to be filled.
func (p *platform) openStore() (*store.Store, error) {
	if _, err := os.Stat(p.path(storeFile)); errors.Is(err, fs.ErrNotExist) && p.config.Demo == "on" {
		if err := os.WriteFile(p.path(demoFile), nil, 0o600); err != nil {
			return nil, err
		}
	}
	engine, err := bolt.Open(p.path(storeFile), bolt.Options{})
	if err != nil {
		return nil, err
	}
	p.closers = append(p.closers, engine)
	return store.New(engine), nil
}

func (p *platform) openFiles(s *store.Store) (err error) {
	p.files, err = folder.Open(folder.Options{
		Root: p.path(filesDir), Clock: time.Now, Random: rand.Reader, Log: p.log,
		Admit: func(ctx context.Context, key string) error { return delivery.TakesFile(ctx, s, key) },
		Uploaded: func(ctx context.Context, key string, size int64) error {
			body, err := objectCreated(key, size, time.Now())
			if err != nil {
				return err
			}
			return p.queue.SendBody(ctx, body)
		},
	})
	if err != nil {
		return err
	}
	p.closers = append(p.closers, p.files)
	return nil
}

// wire puts the features together over what was opened.
func (p *platform) wire(s *store.Store) error {
	url, err := p.issuerURL()
	if err != nil {
		return err
	}
	p.issuer, err = localissuer.Open(localissuer.Options{URL: url, KeyFile: p.path(keyFile), Clock: time.Now, Random: rand.Reader})
	if err != nil {
		return err
	}
	auth, err := identity.New(identity.Config{Issuers: []identity.Issuer{p.issuer.Trust()}, Store: s,
		Client: &http.Client{Timeout: 5 * time.Second, Transport: p.self()}})
	if err != nil {
		return err
	}
	accounts, err := aws.NewAccounts(sync.OnceValues(machine), aws.Options{})
	if err != nil {
		return err
	}
	customers := aws.Machine{Accounts: accounts, Region: region, Profile: profile}
	p.meter = usage.NewMeter(s, time.Now, p.log)
	d := api.Deps{
		Store: s, Meter: p.meter, Auth: auth, Files: p.files, Queue: queue.Sender[delivery.Message]{Queue: p.queue}, Jobs: queue.Sender[job.Message]{Queue: p.jobs},
		Runs:      queue.Sender[collect.Message]{Queue: p.runs},
		Schedules: p.schedules,
		Clock:     time.Now, Random: rand.Reader, Plan: tenant.Plan(p.config.Plan), Grace: p.config.Grace, Quiet: quiet, Log: p.log,
		Verifier: customers, Principal: p.config.Trust,
	}
	d.Collectors = ofKinds(d, customers.Config)
	served, err := api.Handler(d, "")
	if err != nil {
		return err
	}
	alone := rand.Text()
	ingest, jobs, runs := api.Ingest(d), api.Jobs(d), api.Collect(d)
	ingest.Temp, ingest.Alone, jobs.Alone, runs.Alone = p.path(spillDir), alone, alone, alone
	jobs.Turn = turn
	p.read = queue.Of("ingest", delivery.ParseMessages, usage.Worker(d.Meter, api.OfDelivery, ingest.Handle))
	p.work = queue.Of("jobs", job.ParseMessages, usage.Worker(d.Meter, api.OfJob, jobs.Handle))
	p.follow = api.Reconcile(d).Reconcile
	p.collect = queue.Of("collect", collect.ParseMessages, usage.Worker(d.Meter, api.OfRun, runs.Handle))
	p.due = func(ctx context.Context) error { return jobs.Handle(ctx, job.Message{Kind: erasure.Due}) }
	p.handler, err = p.front(served, operator(api.SetPlan(d)))
	return err
}

// profile is AWS as one of this machine's profiles has it.
func profile(ctx context.Context, name string) (sdk.Config, error) {
	return config.LoadDefaultConfig(ctx, config.WithSharedConfigProfile(name))
}

// region is where AWS is called from, where nothing says another.
const region = "us-east-1"

// machine is how this machine calls AWS when it takes the roles of customers. It is looked for when it is first needed.
func machine() (sdk.Config, error) {
	c, err := config.LoadDefaultConfig(context.Background())
	if c.Region == "" {
		c.Region = region
	}
	if err != nil {
		return c, fault.Wrap(err, fault.Unavailable, "This machine's access to AWS is not set up: `aws sts get-caller-identity` must work.")
	}
	return c, nil
}

func (p *platform) front(served, plan http.Handler) (http.Handler, error) {
	document, err := api.OpenAPI()
	if err != nil {
		return nil, err
	}
	reference, err := reference(document, p.url())
	if err != nil {
		return nil, err
	}
	return &front{
		api: served, uploads: p.files, downloads: p.files.Downloads(), issuer: p.issuer, plan: plan, loopback: p.loopback(),
		openAPI: page("application/json", "default-src 'none'", document),
		docs:    page("text/html; charset=utf-8", "default-src 'none'; style-src 'unsafe-inline'", reference),
	}, nil
}

// url is where people reach the server.
func (p *platform) url() string {
	a := p.listener.Addr().(*net.TCPAddr)
	if a.IP.IsUnspecified() {
		return fmt.Sprintf("http://127.0.0.1:%d", a.Port)
	}
	return "http://" + a.String()
}

func (p *platform) loopback() bool { return p.listener.Addr().(*net.TCPAddr).IP.IsLoopback() }

// issuerURL is the name that the issuer got with the data: who somebody is must not change with the port.
func (p *platform) issuerURL() (string, error) {
	b, err := os.ReadFile(p.path(issuerFile))
	if err == nil && len(b) > 0 {
		return strings.TrimSpace(string(b)), nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return "", err
	}
	return p.url(), os.WriteFile(p.path(issuerFile), []byte(p.url()+"\n"), 0o600)
}

// self reaches this server by whatever name: the issuer's keys are at home.
func (p *platform) self() http.RoundTripper {
	return &http.Transport{DialContext: func(ctx context.Context, network, _ string) (net.Conn, error) {
		return (&net.Dialer{}).DialContext(ctx, network, strings.TrimPrefix(p.url(), "http://"))
	}}
}

// serve answers and works until ctx ends, then lets what is under way come to an end for as long as grace.
func (p *platform) serve(ctx context.Context, grace time.Duration) error {
	server := &http.Server{
		Handler: p.handler, ReadHeaderTimeout: 10 * time.Second, IdleTimeout: 2 * time.Minute,
		ErrorLog: slog.NewLogLogger(p.log.Handler(), slog.LevelWarn),
	}
	ctx, stop := context.WithCancel(ctx)
	defer stop()
	var running sync.WaitGroup
	for range workers {
		running.Go(func() { work(ctx, p.queue, p.read, longest, p.log) })
		running.Go(func() { work(ctx, p.jobs, p.work, longest, p.log) })
	}
	for range collectors {
		running.Go(func() { work(ctx, p.runs, p.collect, asked, p.log) })
	}
	running.Go(func() { p.tick(ctx) })
	running.Go(func() { p.keepTime(ctx) })
	running.Go(func() { p.reconcile(ctx) })
	running.Go(func() { p.demo(ctx) })
	running.Go(func() { p.remind(ctx) })
	failed := make(chan error, 1)
	go func() { failed <- server.Serve(p.listener) }()
	var err error
	select {
	case err = <-failed:
	case <-ctx.Done():
		patience, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
		defer cancel()
		if server.Shutdown(patience) != nil {
			err = server.Close() // an upload still under way is sent again
		}
	}
	stop()
	running.Wait()
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), grace)
	defer cancel()
	p.meter.Flush(last)
	return err
}

// close closes what was opened, the last one first.
func (p *platform) close() (err error) {
	for i := len(p.closers) - 1; i >= 0; i-- {
		if e := p.closers[i].Close(); !errors.Is(e, net.ErrClosed) {
			err = errors.Join(err, e)
		}
	}
	return err
}
