package dynamo

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/errgroup"

	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/internal/item"
)

// Items of one call of a batch, and calls of one Get or Load at a time.
const (
	batchGet   = 100
	batchWrite = 25
	parallel   = 4
)

// Get reads one item by GetItem and more by BatchGetItem.
func (e *Engine) Get(ctx context.Context, at []store.Address, c store.Consistency) ([]*store.Record, error) {
	unique, err := item.Unique(at)
	if err != nil {
		return nil, fmt.Errorf("dynamo: get: %w", err)
	}
	found := findings{records: make(map[store.Address]*store.Record, len(unique))}
	if len(unique) == 1 {
		err = e.getItem(ctx, unique[0], c, &found)
	} else {
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(parallel)
		for chunk := range slices.Chunk(unique, batchGet) {
			group.Go(func() error { return e.getBatch(ctx, chunk, c, &found) })
		}
		err = group.Wait()
	}
	if err != nil {
		return nil, err
	}
	records := make([]*store.Record, len(at))
	for i, a := range at {
		records[i] = found.records[a]
	}
	return records, nil
}

// findings collects records of parallel calls.
type findings struct {
	mu      sync.Mutex
	records map[store.Address]*store.Record
}

func (e *Engine) find(t store.Table, items []attributes, into *findings) error {
	into.mu.Lock()
	defer into.mu.Unlock()
	for _, values := range items {
		r, err := recordOf(t, values)
		if err != nil {
			return err
		}
		if !e.expired(r) {
			into.records[r.Address] = r
		}
	}
	return nil
}

func (e *Engine) getItem(ctx context.Context, at store.Address, c store.Consistency, into *findings) error {
	out, err := e.client.GetItem(ctx, &dynamodb.GetItemInput{TableName: e.name(at.Table), Key: keyOf(at),
		ConsistentRead: aws.Bool(bool(c)), ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal})
	if err != nil {
		return failure(ctx, "GetItem", err)
	}
	var items []attributes
	if len(out.Item) > 0 {
		items = append(items, out.Item)
	}
	e.read(ctx, out.ConsumedCapacity, len(items))
	return e.find(at.Table, items, into)
}

func (e *Engine) getBatch(ctx context.Context, at []store.Address, c store.Consistency, into *findings) error {
	left := map[string]types.KeysAndAttributes{}
	for _, a := range at {
		keys := left[e.names[a.Table]]
		keys.Keys, keys.ConsistentRead = append(keys.Keys, keyOf(a)), aws.Bool(bool(c))
		left[e.names[a.Table]] = keys
	}
	for attempt := 0; len(left) > 0; attempt++ {
		if err := pause(ctx, attempt); err != nil {
			return err
		}
		out, err := e.client.BatchGetItem(ctx, &dynamodb.BatchGetItemInput{RequestItems: left,
			ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal})
		if err != nil {
			return failure(ctx, "BatchGetItem", err)
		}
		for _, c := range out.ConsumedCapacity {
			e.read(ctx, &c, len(out.Responses[aws.ToString(c.TableName)]))
		}
		for name, items := range out.Responses {
			if len(items) > 0 {
				attempt = 0
			}
			if err := e.find(e.tables[name], items, into); err != nil {
				return err
			}
		}
		left = out.UnprocessedKeys
	}
	return nil
}

// Query reads one page.
func (e *Engine) Query(ctx context.Context, r store.Range) (store.Page, error) {
	r, some, err := item.Narrow(r)
	if err != nil {
		return store.Page{}, fmt.Errorf("dynamo: query: %w", err)
	}
	if !some {
		return store.Page{}, ctx.Err()
	}
	out, err := e.client.Query(ctx, e.queryInput(r))
	if err != nil {
		return store.Page{}, failure(ctx, "Query", err)
	}
	e.read(ctx, out.ConsumedCapacity, len(out.Items))
	var page store.Page
	for _, values := range out.Items {
		record, err := recordOf(r.Table, values)
		if err != nil {
			return store.Page{}, err
		}
		if r.Expired || !e.expired(record) {
			page.Records = append(page.Records, *record)
		}
	}
	if last, ok := out.LastEvaluatedKey[item.SK].(*types.AttributeValueMemberS); ok {
		page.Next = last.Value
	}
	return page, nil
}

func (e *Engine) queryInput(r store.Range) *dynamodb.QueryInput {
	in := &dynamodb.QueryInput{
		TableName:                 e.name(r.Table),
		KeyConditionExpression:    aws.String("pk = :pk AND sk BETWEEN :from AND :to"),
		ExpressionAttributeValues: attributes{":pk": text(r.PK), ":from": text(r.From), ":to": text(r.To)},
		ScanIndexForward:          aws.Bool(!r.Reverse),
		ConsistentRead:            aws.Bool(bool(r.Consistency)),
		ReturnConsumedCapacity:    types.ReturnConsumedCapacityTotal,
	}
	if r.From == "" {
		in.KeyConditionExpression = aws.String("pk = :pk AND sk <= :to")
		delete(in.ExpressionAttributeValues, ":from")
	}
	if r.After != "" {
		in.ExclusiveStartKey = keyOf(store.Address{PK: r.PK, SK: r.After})
	}
	if r.Limit > 0 {
		in.Limit = aws.Int32(int32(min(r.Limit, math.MaxInt32)))
	}
	return in
}
