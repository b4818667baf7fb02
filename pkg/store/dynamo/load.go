package dynamo

import (
	"context"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"golang.org/x/sync/errgroup"

	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/internal/item"
)

// Load writes by BatchWriteItem, some calls at a time.
func (e *Engine) Load(ctx context.Context, ops []store.Op) error {
	ops, err := item.Last(ops)
	if err != nil {
		return fmt.Errorf("dynamo: load: %w", err)
	}
	group, ctx := errgroup.WithContext(ctx)
	group.SetLimit(parallel)
	for chunk := range slices.Chunk(ops, batchWrite) {
		group.Go(func() error { return e.loadBatch(ctx, chunk) })
	}
	return group.Wait()
}

func (e *Engine) loadBatch(ctx context.Context, ops []store.Op) error {
	left := map[string][]types.WriteRequest{}
	for _, op := range ops {
		r, err := e.request(op)
		if err != nil {
			return fmt.Errorf("dynamo: load: %w", err)
		}
		w := types.WriteRequest{DeleteRequest: &types.DeleteRequest{Key: r.key}}
		if op.Action == store.Put {
			w = types.WriteRequest{PutRequest: &types.PutRequest{Item: r.put}}
		}
		left[*r.table] = append(left[*r.table], w)
	}
	for attempt := 0; len(left) > 0; attempt++ {
		if err := pause(ctx, attempt); err != nil {
			return err
		}
		out, err := e.client.BatchWriteItem(ctx, &dynamodb.BatchWriteItemInput{RequestItems: left,
			ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal})
		if err != nil {
			return failure(ctx, "BatchWriteItem", err)
		}
		for _, c := range out.ConsumedCapacity {
			e.wrote(ctx, &c)
		}
		if count(out.UnprocessedItems) < count(left) {
			attempt = 0
		}
		left = out.UnprocessedItems
	}
	return nil
}

func count(requests map[string][]types.WriteRequest) (n int) {
	for _, w := range requests {
		n += len(w)
	}
	return n
}
