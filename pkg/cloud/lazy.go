package cloud

import (
	"context"
	"errors"
	"os"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sts"

	"github.com/tenantry/tenantry/pkg/api"
	"github.com/tenantry/tenantry/pkg/blob/s3"
	"github.com/tenantry/tenantry/pkg/cloud/tenantrole"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/queue/sqs"
	"github.com/tenantry/tenantry/pkg/schedule"
	"github.com/tenantry/tenantry/pkg/schedule/eventbridge"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/dynamo"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// The seams that are made on first use, once. What cannot be made fails its call and nothing else.
type (
	lazyEngine    func() (store.Engine, error)
	lazyFiles     func() (api.Files, error)
	lazyQueue     func() (*sqs.Queue, error)
	lazySchedules func() (schedule.Scheduler, error)
)

// clients are AWS as the configuration names it. The directory and the queue are called with the function's own
// credentials, tenants' items and files with those of the tenant alone.
type clients struct {
	directory lazyEngine
	tenants   func(tenant.ID) (store.Engine, error)
	files     lazyFiles
	queue     lazyQueue // of the ingest worker
	jobs      lazyQueue
	runs      lazyQueue
	sqs       func() (*awssqs.Client, error)
	load      func() (aws.Config, error) // the function's own configuration
	schedules lazySchedules
}

func newClients(c Config) clients {
	load := sync.OnceValues(func() (aws.Config, error) { return account(c.Region, os.Getenv) })
	engine := once(load, func(a aws.Config) (*dynamo.Engine, error) {
		return dynamo.New(dynamodb.NewFromConfig(a), dynamo.Options{Names: c.Tables}), nil
	})
	role := once(load, func(a aws.Config) (*tenantrole.Role, error) { return newRole(a, c.Role) })
	queues := once(load, func(a aws.Config) (*awssqs.Client, error) { return awssqs.NewFromConfig(a), nil })
	return clients{
		directory: func() (store.Engine, error) { return engine() },
		tenants: func(id tenant.ID) (store.Engine, error) {
			r, err := role()
			if err != nil {
				return nil, err
			}
			e, err := engine()
			if err != nil {
				return nil, err
			}
			return e.As(r.Of(id)), nil
		},
		files: lazyFiles(once(load, func(a aws.Config) (api.Files, error) {
			r, err := role()
			if err != nil {
				return nil, err
			}
			client := awss3.NewFromConfig(a, func(o *awss3.Options) { o.DisableLogOutputChecksumValidationSkipped = true }) // else a line for each read
			return s3.New(client, c.Bucket, r.Lasting), nil
		})),
		queue:     queueAt(queues, c.QueueURL, "Imports are not set up here: TENANTRY_QUEUE_URL is missing."),
		jobs:      queueAt(queues, c.JobsURL, "Long work is not set up here: TENANTRY_JOBS_QUEUE_URL is missing."),
		runs:      queueAt(queues, c.RunsURL, "Collection is not set up here: TENANTRY_RUNS_QUEUE_URL is missing."),
		sqs:       queues,
		schedules: lazySchedules(once(load, func(a aws.Config) (schedule.Scheduler, error) { return newScheduler(a, c.Schedules) })),
		load:      load,
	}
}

func (c clients) store() *store.Store { return store.NewPerTenant(c.directory, c.tenants) }

func queueAt(client func() (*awssqs.Client, error), url, missing string) lazyQueue {
	return func() (*sqs.Queue, error) {
		if url == "" {
			return nil, fault.New(fault.Unavailable, "%s", missing)
		}
		c, err := client()
		if err != nil {
			return nil, err
		}
		return sqs.New(c, url), nil
	}
}

// newRole makes the tenant-data role. Nothing stands in for it where it is not named.
func newRole(a aws.Config, name string) (*tenantrole.Role, error) {
	if name == "" {
		return nil, fault.Wrap(errors.New("TENANTRY_TENANT_ROLE_ARN is missing: no tenant's data can be reached"),
			fault.Unavailable, "The service's access to organizations' data is not set up.")
	}
	return tenantrole.New(sts.NewFromConfig(a), tenantrole.Options{ARN: name})
}

// newScheduler makes EventBridge Scheduler's client, which repeats nothing by itself.
func newScheduler(a aws.Config, c Schedules) (schedule.Scheduler, error) {
	if c.QueueARN == "" || c.RoleARN == "" || c.DeadARN == "" {
		return nil, fault.New(fault.Unavailable, "Schedules are not set up here: TENANTRY_SCHEDULE_QUEUE_ARN, _ROLE_ARN or _DEAD_ARN is missing.")
	}
	client := scheduler.NewFromConfig(a, func(o *scheduler.Options) { o.Retryer = aws.NopRetryer{} })
	return eventbridge.New(client, eventbridge.Options{Region: a.Region, Group: c.Group, Queue: c.QueueARN, Role: c.RoleARN, Dead: c.DeadARN}), nil
}

// once makes a value of the AWS configuration on the first call.
func once[T any](load func() (aws.Config, error), make func(aws.Config) (T, error)) func() (T, error) {
	return sync.OnceValues(func() (t T, err error) {
		a, err := load()
		if err != nil {
			return t, err
		}
		return make(a)
	})
}

func (l lazyEngine) Get(ctx context.Context, at []store.Address, c store.Consistency) ([]*store.Record, error) {
	e, err := l()
	if err != nil {
		return nil, err
	}
	return e.Get(ctx, at, c)
}

func (l lazyEngine) Query(ctx context.Context, r store.Range) (store.Page, error) {
	e, err := l()
	if err != nil {
		return store.Page{}, err
	}
	return e.Query(ctx, r)
}

func (l lazyEngine) Write(ctx context.Context, ops []store.Op) error {
	e, err := l()
	if err != nil {
		return err
	}
	return e.Write(ctx, ops)
}

func (l lazyEngine) Load(ctx context.Context, ops []store.Op) error {
	e, err := l()
	if err != nil {
		return err
	}
	return e.Load(ctx, ops)
}

func (l lazyEngine) Add(ctx context.Context, at store.Address, by map[string]int64, expires time.Time) (map[string]int64, error) {
	e, err := l()
	if err != nil {
		return nil, err
	}
	return e.Add(ctx, at, by, expires)
}

// Put puts through the scheduler that is made on first use.
func (l lazySchedules) Put(ctx context.Context, e schedule.Entry) error {
	s, err := l()
	if err != nil {
		return err
	}
	return s.Put(ctx, e)
}

// Remove removes through it.
func (l lazySchedules) Remove(ctx context.Context, n schedule.Name) error {
	s, err := l()
	if err != nil {
		return err
	}
	return s.Remove(ctx, n)
}

// List lists by it.
func (l lazySchedules) List(ctx context.Context, id tenant.ID) ([]schedule.Entry, error) {
	s, err := l()
	if err != nil {
		return nil, err
	}
	return s.List(ctx, id)
}

// Names lists by it.
func (l lazySchedules) Names(ctx context.Context, after string) ([]schedule.Name, string, error) {
	s, err := l()
	if err != nil {
		return nil, "", err
	}
	return s.Names(ctx, after)
}

// SendBody sends through the queue that is made on first use.
func (l lazyQueue) SendBody(ctx context.Context, body []byte) error {
	q, err := l()
	if err != nil {
		return err
	}
	return q.SendBody(ctx, body)
}
