package e2e_test

import (
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/infra/e2e"
	"github.com/tenantry/tenantry/pkg/identity/localissuer"
	"github.com/tenantry/tenantry/pkg/store"
)

// again takes all away but tables and buckets, deploys an assembly, and asks for the same answers and schedules.
func again(t *testing.T, c *e2e.Cloud, p *e2e.Platform, a *e2e.Assembly, i *localissuer.Issuer, base, generation string) *e2e.Platform {
	before, planned := answers(t, p, i, base), schedules(t, p)
	require.NotEmpty(t, planned)
	p.Destroy(t)
	next := e2e.Deploy(t, c, a, generation)
	next.Drain(t)
	require.Equal(t, before, answers(t, next, i, base))
	require.Equal(t, planned, schedules(t, next))
	t.Logf("%d answers and %d schedules are as they were", len(before), len(planned))
	return next
}

// restored copies all tables to others, as restoring them from a backup does, and gives what the context says of them.
func restored(t *testing.T, c *e2e.Cloud, p *e2e.Platform) (context []string) {
	for _, table := range store.Tables {
		from := p.Variable(t, "api", "TENANTRY_TABLE_"+strings.ToUpper(string(table)))
		to, items := "restored-"+string(table), 0
		is, err := c.DynamoDB.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: &from})
		require.NoError(t, err)
		_, err = c.DynamoDB.CreateTable(t.Context(), &dynamodb.CreateTableInput{TableName: &to, KeySchema: is.Table.KeySchema,
			AttributeDefinitions: is.Table.AttributeDefinitions, BillingMode: "PAY_PER_REQUEST"})
		require.NoError(t, err)
		for pages := dynamodb.NewScanPaginator(c.DynamoDB, &dynamodb.ScanInput{TableName: &from}); pages.HasMorePages(); {
			page, err := pages.NextPage(t.Context())
			require.NoError(t, err)
			for _, item := range page.Items {
				items++
				_, err := c.DynamoDB.PutItem(t.Context(), &dynamodb.PutItemInput{TableName: &to, Item: item})
				require.NoError(t, err)
			}
		}
		t.Logf("%s: %d items restored", to, items)
		context = append(context, "table."+string(table)+"="+to)
	}
	return context
}
