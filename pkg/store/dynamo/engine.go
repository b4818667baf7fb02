// Package dynamo is the engine on DynamoDB, and the only package that imports its SDK. It needs item actions, Query and
// transactions; it never scans.
package dynamo

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tenantry/tenantry/pkg/store"
)

// Options of New.
type Options struct {
	Names map[store.Table]string // of the tables that the engine is used with
	Clock func() time.Time       // what items expire by; nil: time.Now
}

// Engine makes the calls of one client. It is a store.Engine.
type Engine struct {
	client *dynamodb.Client
	names  map[store.Table]string
	tables map[string]store.Table
	clock  func() time.Time
}

var _ store.Engine = (*Engine)(nil)

// New makes an engine; it calls nothing.
func New(client *dynamodb.Client, o Options) *Engine {
	e := &Engine{client: client, names: o.Names, tables: map[string]store.Table{}, clock: o.Clock}
	for t, name := range o.Names {
		e.tables[name] = t
	}
	if e.clock == nil {
		e.clock = time.Now
	}
	return e
}

// As gives an engine like this one, on the same connections, all of whose calls are signed with the credentials of c.
func (e *Engine) As(c aws.CredentialsProvider) *Engine {
	shared := e.client.Options()
	other := *e
	other.client = dynamodb.New(shared, func(o *dynamodb.Options) {
		o.HTTPClient = shared.HTTPClient // New has made another, whose connections would be its own
		o.Credentials = c
	})
	return &other
}

// name gives the name of a table for a request.
func (e *Engine) name(t store.Table) *string {
	name := e.names[t]
	return &name
}

// read reports what DynamoDB says that it charged for reading so many items.
func (e *Engine) read(ctx context.Context, c *types.ConsumedCapacity, items int) {
	if t, units := e.consumed(c); t != "" {
		store.Report(ctx, t, store.Use{Read: units, Calls: 1, Items: int64(items)})
	}
}

// wrote reports what DynamoDB says that it charged for a write.
func (e *Engine) wrote(ctx context.Context, c *types.ConsumedCapacity) {
	if t, units := e.consumed(c); t != "" {
		store.Report(ctx, t, store.Use{Write: units, Calls: 1})
	}
}

func (e *Engine) consumed(c *types.ConsumedCapacity) (store.Table, store.HalfUnits) {
	if c == nil || c.TableName == nil || c.CapacityUnits == nil {
		return "", 0
	}
	return e.tables[*c.TableName], store.HalfUnits(*c.CapacityUnits * 2)
}

// Repetitions of what DynamoDB leaves undone: waits of random length, doubling from firstWait to longestWait on average.
const (
	attempts    = 8
	firstWait   = 25 * time.Millisecond
	longestWait = time.Second
)

// pause waits before an attempt, the first of which is 0; ErrThrottled where there is none left.
func pause(ctx context.Context, attempt int) error {
	if attempt == attempts {
		return fmt.Errorf("dynamo: given up after %d attempts: %w", attempts, store.ErrThrottled)
	}
	if attempt == 0 {
		return ctx.Err()
	}
	wait := min(firstWait<<(attempt-1), longestWait)
	timer := time.NewTimer(rand.N(2 * wait))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
