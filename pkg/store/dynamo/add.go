package dynamo

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/internal/item"
)

// Add adds by UpdateItem. An attempt that may have been made is not repeated: it would count twice.
func (e *Engine) Add(ctx context.Context, at store.Address, by map[string]int64, expires time.Time) (map[string]int64, error) {
	if err := item.CheckAdd(at, by); err != nil {
		return nil, fmt.Errorf("dynamo: add: %w", err)
	}
	for attempt := 0; ; attempt++ {
		if err := pause(ctx, attempt); err != nil {
			return nil, err
		}
		sums, err := e.increase(ctx, at, by, item.Expiry(expires))
		if isConditional(err) {
			sums, err = e.restart(ctx, at, by, item.Expiry(expires))
		}
		switch {
		case err == nil:
			return sums, nil
		case !isConditional(err) && !isConflict(err):
			return nil, failure(ctx, "UpdateItem", err)
		}
	}
}

// increase adds to an item that has not expired, or makes one.
func (e *Engine) increase(ctx context.Context, at store.Address, by map[string]int64, expires int64) (map[string]int64, error) {
	in := &dynamodb.UpdateItemInput{
		TableName:                 e.name(at.Table),
		Key:                       keyOf(at),
		ConditionExpression:       aws.String("attribute_not_exists(expiresAt) OR expiresAt > :now"),
		ExpressionAttributeNames:  map[string]string{},
		ExpressionAttributeValues: attributes{":now": number(e.clock().Unix()), ":first": number(1)},
		ReturnValues:              types.ReturnValueUpdatedNew,
		ReturnConsumedCapacity:    types.ReturnConsumedCapacityTotal,
	}
	var adds []string
	for name, n := range by {
		i := fmt.Sprint(len(adds))
		in.ExpressionAttributeNames["#"+i], in.ExpressionAttributeValues[":"+i] = name, number(n)
		adds = append(adds, "#"+i+" :"+i)
	}
	update := "ADD " + strings.Join(adds, ", ") + " SET version = if_not_exists(version, :first)"
	if expires != 0 {
		update += ", expiresAt = :expires"
		in.ExpressionAttributeValues[":expires"] = number(expires)
	}
	in.UpdateExpression = &update
	out, err := e.client.UpdateItem(ctx, in, (&attempter{once: true}).option)
	if err != nil {
		return nil, err
	}
	e.wrote(ctx, out.ConsumedCapacity)
	return sumsOf(out.Attributes, by)
}

func sumsOf(updated attributes, by map[string]int64) (map[string]int64, error) {
	sums := make(map[string]int64, len(by))
	for name := range by {
		sum, err := elementOf(updated[name])
		if err != nil {
			return nil, err
		}
		n, ok := item.Integer(sum)
		if !ok {
			return nil, errors.New("dynamo: add: a counter has overflowed")
		}
		sums[name] = n
	}
	return sums, nil
}

// restart replaces an item that has expired.
func (e *Engine) restart(ctx context.Context, at store.Address, by map[string]int64, expires int64) (map[string]int64, error) {
	fresh := keyOf(at)
	sums := make(map[string]int64, len(by))
	for name, n := range by {
		fresh[name], sums[name] = number(n), n
	}
	fresh[item.Version] = number(1)
	if expires != 0 {
		fresh[item.ExpiresAt] = number(expires)
	}
	out, err := e.client.PutItem(ctx, &dynamodb.PutItemInput{TableName: e.name(at.Table), Item: fresh,
		ConditionExpression:       aws.String("expiresAt <= :now"),
		ExpressionAttributeValues: attributes{":now": number(e.clock().Unix())},
		ReturnConsumedCapacity:    types.ReturnConsumedCapacityTotal}, (&attempter{once: true}).option)
	if err != nil {
		return nil, err
	}
	e.wrote(ctx, out.ConsumedCapacity)
	return sums, nil
}
