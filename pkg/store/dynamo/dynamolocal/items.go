package dynamolocal

import (
	"encoding/json"
	"fmt"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"

	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/internal/item"
)

// Keep makes the tables keep what has expired: else items leave by the server's own clock, which a test cannot set.
func Keep(t testing.TB, c *dynamodb.Client, names map[store.Table]string) {
	t.Helper()
	for _, name := range names {
		_, err := c.UpdateTimeToLive(t.Context(), &dynamodb.UpdateTimeToLiveInput{TableName: aws.String(name),
			TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: aws.String(item.ExpiresAt), Enabled: aws.Bool(false)}})
		if err != nil {
			t.Fatal(err)
		}
	}
}

// Items gives every item of the tables in its wire form, by table and keys.
func Items(t testing.TB, c *dynamodb.Client, names map[store.Table]string) map[string]string {
	t.Helper()
	all := map[string]string{}
	for table, name := range names {
		in := &dynamodb.ScanInput{TableName: aws.String(name), ConsistentRead: aws.Bool(true)}
		for more := true; more; more = len(in.ExclusiveStartKey) > 0 {
			out, err := c.Scan(t.Context(), in)
			if err != nil {
				t.Fatal(err)
			}
			for _, i := range out.Items {
				pk, _ := i[item.PK].(*types.AttributeValueMemberS)
				sk, _ := i[item.SK].(*types.AttributeValueMemberS)
				b, err := json.Marshal(i)
				if err != nil {
					t.Fatal(err)
				}
				all[fmt.Sprintf("%s/%s\x00\x00%s", table, pk.Value, sk.Value)] = string(b)
			}
			in.ExclusiveStartKey = out.LastEvaluatedKey
		}
	}
	return all
}
