package dynamo

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/internal/item"
)

// races is how often a Put under Present may lose to another write of its item.
const races = 5

// Write makes one conditional call of one operation and a transaction of several.
func (e *Engine) Write(ctx context.Context, ops []store.Op) error {
	if err := item.CheckWrite(ops); err != nil {
		return fmt.Errorf("dynamo: write: %w", err)
	}
	for range races {
		pinned, raced, err := e.pin(ctx, ops)
		if err != nil {
			return err
		}
		err = e.write(ctx, pinned)
		c := store.Conflicted(err)
		if c == nil || c.Contended || len(raced) == 0 {
			return err
		}
		c.Failed = slices.DeleteFunc(c.Failed, func(i int) bool { return raced[i] })
		if len(c.Failed) > 0 {
			return c
		}
	}
	return &store.ConditionError{Contended: true}
}

// pin makes a Put under Present one under the version that is there, and names those it has found. A Put has to count the
// version up, and PutItem cannot; UpdateItem can, but leaves attributes of the old item that the new one does not have.
func (e *Engine) pin(ctx context.Context, ops []store.Op) ([]store.Op, map[int]bool, error) {
	var at []store.Address
	var of []int
	for i, op := range ops {
		if kind, _ := op.Condition.Kind(); op.Action == store.Put && kind == store.IfPresent {
			at, of = append(at, op.Address), append(of, i)
		}
	}
	if at == nil {
		return ops, nil, nil
	}
	records, err := e.Get(ctx, at, store.Strongly)
	if err != nil {
		return nil, nil, err
	}
	ops, found := slices.Clone(ops), map[int]bool{}
	for j, i := range of {
		ops[i].Condition = store.VersionIs(-1) // fails, and lets the other conditions be heard
		if records[j] != nil {
			ops[i].Condition = store.VersionIs(records[j].Version)
			found[i] = true
		}
	}
	return ops, found, nil
}

// request is an operation as DynamoDB takes it.
type request struct {
	op     store.Op
	table  *string
	key    attributes
	put    attributes // the item of a Put
	size   int        // of a Put's item
	expr   *string
	values attributes
}

func (e *Engine) write(ctx context.Context, ops []store.Op) error {
	requests := make([]*request, len(ops))
	size := 0
	for i, op := range ops {
		r, err := e.request(op)
		if err != nil {
			return fmt.Errorf("dynamo: write: %w", err)
		}
		requests[i] = r
		size += r.size
	}
	if size > item.MaxTransaction {
		return fmt.Errorf("dynamo: write: %w", store.ErrTooLarge)
	}
	if len(ops) == 1 && ops[0].Action != store.Check {
		return e.call(ctx, requests[0])
	}
	return e.transact(ctx, requests)
}

func (e *Engine) request(op store.Op) (*request, error) {
	r := &request{op: op, table: e.name(op.Address.Table), key: keyOf(op.Address)}
	r.expr, r.values = e.condition(op.Condition)
	if op.Action != store.Put {
		return r, nil
	}
	_, n := op.Condition.Kind()
	return r, r.fill(n + 1)
}

// fill makes the item of a Put.
func (r *request) fill(version int64) error {
	tree, _, err := item.Encode(r.op.Value)
	if err != nil {
		return err
	}
	expires := item.Expiry(r.op.ExpiresAt)
	if r.size, err = tree.Size(); err != nil {
		return err
	}
	if r.size += item.Overhead(r.op.Address, version, expires); r.size > store.MaxItem {
		return store.ErrTooLarge
	}
	r.put = attributesOf(tree)
	r.put[item.PK], r.put[item.SK] = r.key[item.PK], r.key[item.SK]
	r.put[item.Version] = number(version)
	if expires != 0 {
		r.put[item.ExpiresAt] = number(expires)
	}
	return nil
}

// condition gives an expression and its values. An item that has expired may still be there.
func (e *Engine) condition(c store.Condition) (*string, attributes) {
	const live = "(attribute_not_exists(expiresAt) OR expiresAt > :now)"
	values := attributes{":now": number(e.clock().Unix())}
	switch kind, n := c.Kind(); kind {
	case store.IfAbsent:
		return aws.String("attribute_not_exists(pk) OR expiresAt <= :now"), values
	case store.IfPresent:
		return aws.String("attribute_exists(pk) AND " + live), values
	case store.IfVersion:
		values[":version"] = number(n)
		return aws.String("version = :version AND " + live), values
	}
	return nil, nil
}

// call makes one operation without a transaction. Where an attempt that failed may have been made, a condition that does
// not hold thereafter says nothing.
func (e *Engine) call(ctx context.Context, r *request) error {
	name, do := "PutItem", e.putItem
	if r.op.Action == store.Delete {
		name, do = "DeleteItem", e.deleteItem
	}
	a := &attempter{}
	consumed, err := do(ctx, r, a.option)
	switch {
	case err == nil:
		e.wrote(ctx, consumed)
		return nil
	case isConditional(err) && a.unsure:
		return fmt.Errorf("dynamo: %s: an attempt before may have been made: %w", name, store.ErrUnavailable)
	case isConditional(err):
		chargeFailed(ctx, false, r)
		return &store.ConditionError{Failed: []int{0}}
	case isConflict(err):
		return &store.ConditionError{Contended: true}
	}
	return failure(ctx, name, err)
}

func (e *Engine) putItem(ctx context.Context, r *request, option func(*dynamodb.Options)) (*types.ConsumedCapacity, error) {
	out, err := e.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: r.table, Item: r.put, ConditionExpression: r.expr,
		ExpressionAttributeValues: r.values, ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal}, option)
	if err != nil {
		return nil, err
	}
	return out.ConsumedCapacity, nil
}

func (e *Engine) deleteItem(ctx context.Context, r *request, option func(*dynamodb.Options)) (*types.ConsumedCapacity, error) {
	out, err := e.client.DeleteItem(ctx, &dynamodb.DeleteItemInput{TableName: r.table, Key: r.key, ConditionExpression: r.expr,
		ExpressionAttributeValues: r.values, ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal}, option)
	if err != nil {
		return nil, err
	}
	return out.ConsumedCapacity, nil
}

// transact makes all operations or none. Its token makes the SDK's further attempts answer as the first one would have.
func (e *Engine) transact(ctx context.Context, requests []*request) error {
	in := &dynamodb.TransactWriteItemsInput{ClientRequestToken: aws.String(rand.Text()),
		ReturnConsumedCapacity: types.ReturnConsumedCapacityTotal}
	for _, r := range requests {
		var w types.TransactWriteItem
		switch r.op.Action {
		case store.Put:
			w.Put = &types.Put{TableName: r.table, Item: r.put, ConditionExpression: r.expr, ExpressionAttributeValues: r.values}
		case store.Delete:
			w.Delete = &types.Delete{TableName: r.table, Key: r.key, ConditionExpression: r.expr, ExpressionAttributeValues: r.values}
		default:
			w.ConditionCheck = &types.ConditionCheck{TableName: r.table, Key: r.key, ConditionExpression: r.expr,
				ExpressionAttributeValues: r.values}
		}
		in.TransactItems = append(in.TransactItems, w)
	}
	out, err := e.client.TransactWriteItems(ctx, in)
	if err == nil {
		for _, c := range out.ConsumedCapacity {
			e.wrote(ctx, &c)
		}
		return nil
	}
	if c := cancelled(err); c != nil {
		if errors.As(c, new(*store.ConditionError)) {
			chargeFailed(ctx, true, requests...)
		}
		return c
	}
	return failure(ctx, "TransactWriteItems", err)
}

// chargeFailed reports what DynamoDB takes, without saying so, for conditions that do not hold. The sizes of the items that
// are there are not known: it is the least it can be.
func chargeFailed(ctx context.Context, transaction bool, requests ...*request) {
	bill := item.Bill{}
	for _, r := range requests {
		bill.Add(r.op.Address.Table, store.Use{Write: item.WriteUnits(r.size, transaction)})
	}
	bill.Report(ctx)
}
