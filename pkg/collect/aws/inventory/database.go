package inventory

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	"github.com/aws/aws-sdk-go-v2/service/rds/types"

	"github.com/tenantry/tenantry/pkg/collect/aws/call"
	"github.com/tenantry/tenantry/pkg/resource"
)

func databases() []lister {
	return []lister{
		{service: "RDS databases", types: []string{"rds:db"}, actions: []string{"rds:DescribeDBInstances"}, page: dbs},
		{service: "RDS clusters", types: []string{"rds:cluster"}, actions: []string{"rds:DescribeDBClusters"}, page: dbClusters},
		{service: "DynamoDB tables", types: []string{"dynamodb:table"}, actions: []string{"dynamodb:ListTables", "dynamodb:DescribeTable"}, page: tables},
	}
}

func rdsTags(all []types.Tag) map[string]string {
	return tagsOf(all, func(t types.Tag) (key, value *string) { return t.Key, t.Value })
}

func dbs(ctx context.Context, p place, token string) (found []resource.Sighting, next string, err error) {
	out, err := rds.NewFromConfig(p.Config).DescribeDBInstances(ctx, &rds.DescribeDBInstancesInput{Marker: more(token), MaxRecords: aws.Int32(100)})
	if err != nil {
		return nil, "", err
	}
	for _, d := range out.DBInstances {
		found = append(found, resource.Sighting{ARN: aws.ToString(d.DBInstanceArn), Name: aws.ToString(d.DBInstanceIdentifier), State: aws.ToString(d.DBInstanceStatus),
			Class: aws.ToString(d.DBInstanceClass), CreatedAt: aws.ToTime(d.InstanceCreateTime), Tags: rdsTags(d.TagList)})
	}
	return found, aws.ToString(out.Marker), nil
}

func dbClusters(ctx context.Context, p place, token string) (found []resource.Sighting, next string, err error) {
	out, err := rds.NewFromConfig(p.Config).DescribeDBClusters(ctx, &rds.DescribeDBClustersInput{Marker: more(token), MaxRecords: aws.Int32(100)})
	if err != nil {
		return nil, "", err
	}
	for _, d := range out.DBClusters {
		found = append(found, resource.Sighting{ARN: aws.ToString(d.DBClusterArn), Name: aws.ToString(d.DBClusterIdentifier), State: aws.ToString(d.Status),
			Class: aws.ToString(d.Engine), CreatedAt: aws.ToTime(d.ClusterCreateTime), Tags: rdsTags(d.TagList)})
	}
	return found, aws.ToString(out.Marker), nil
}

// tables asks for each table beside the list, which has names alone. One that is deleted meanwhile is not there.
func tables(ctx context.Context, p place, token string) (found []resource.Sighting, next string, err error) {
	client := dynamodb.NewFromConfig(p.Config)
	out, err := client.ListTables(ctx, &dynamodb.ListTablesInput{ExclusiveStartTableName: more(token), Limit: aws.Int32(50)})
	if err != nil {
		return nil, "", err
	}
	for _, name := range out.TableNames {
		d, err := client.DescribeTable(ctx, &dynamodb.DescribeTableInput{TableName: &name})
		if call.Code(err) == "ResourceNotFoundException" {
			continue
		}
		if err != nil {
			return nil, "", err
		}
		s := resource.Sighting{ARN: aws.ToString(d.Table.TableArn), Name: name, State: string(d.Table.TableStatus), Class: "PROVISIONED",
			CreatedAt: aws.ToTime(d.Table.CreationDateTime)}
		if b := d.Table.BillingModeSummary; b != nil {
			s.Class = string(b.BillingMode)
		}
		found = append(found, s)
	}
	return found, aws.ToString(out.LastEvaluatedTableName), nil
}
