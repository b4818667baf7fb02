package dynamo

import (
	"context"
	"fmt"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/internal/item"
)

// tableWait bounds the wait for a new table.
const tableWait = time.Minute

// Create makes the tables of those names, on demand and with expiry, and waits until they can be used. It is for tests and
// emulators; in an account the tables are made by infra/aws, with backups, encryption and protection.
func Create(ctx context.Context, client *dynamodb.Client, names map[store.Table]string) error {
	for _, name := range names {
		if err := create(ctx, client, &name); err != nil {
			return fmt.Errorf("create table %s: %w", name, err)
		}
	}
	return nil
}

func create(ctx context.Context, client *dynamodb.Client, name *string) error {
	_, err := client.CreateTable(ctx, &dynamodb.CreateTableInput{
		TableName:   name,
		BillingMode: types.BillingModePayPerRequest,
		AttributeDefinitions: []types.AttributeDefinition{
			{AttributeName: aws.String(item.PK), AttributeType: types.ScalarAttributeTypeS},
			{AttributeName: aws.String(item.SK), AttributeType: types.ScalarAttributeTypeS},
		},
		KeySchema: []types.KeySchemaElement{
			{AttributeName: aws.String(item.PK), KeyType: types.KeyTypeHash},
			{AttributeName: aws.String(item.SK), KeyType: types.KeyTypeRange},
		},
	})
	if err != nil {
		return err
	}
	exists := dynamodb.NewTableExistsWaiter(client, func(o *dynamodb.TableExistsWaiterOptions) { o.MinDelay = time.Second / 10 })
	if err := exists.Wait(ctx, &dynamodb.DescribeTableInput{TableName: name}, tableWait); err != nil {
		return err
	}
	_, err = client.UpdateTimeToLive(ctx, &dynamodb.UpdateTimeToLiveInput{TableName: name,
		TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: aws.String(item.ExpiresAt), Enabled: aws.Bool(true)}})
	return err
}
