package inventory

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	"github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	"github.com/aws/aws-sdk-go-v2/service/lambda"

	"github.com/tenantry/tenantry/pkg/collect/aws/call"
	"github.com/tenantry/tenantry/pkg/resource"
)

func computing() []lister {
	return []lister{
		{service: "Lambda functions", types: []string{"lambda:function"}, actions: []string{"lambda:ListFunctions"}, page: functions},
		{service: "ECS clusters", types: []string{"ecs:cluster"}, actions: []string{"ecs:ListClusters", "ecs:DescribeClusters"}, page: ecsClusters},
		{service: "ECS services", types: []string{"ecs:service"}, actions: []string{"ecs:ListClusters", "ecs:ListServices", "ecs:DescribeServices"}, page: ecsServices},
		{service: "EKS clusters", types: []string{"eks:cluster"}, actions: []string{"eks:ListClusters", "eks:DescribeCluster"}, page: eksClusters},
	}
}

// functions have no tags in their list.
func functions(ctx context.Context, p place, token string) (found []resource.Sighting, next string, err error) {
	out, err := lambda.NewFromConfig(p.Config).ListFunctions(ctx, &lambda.ListFunctionsInput{Marker: more(token), MaxItems: aws.Int32(50)})
	if err != nil {
		return nil, "", err
	}
	for _, f := range out.Functions {
		s := resource.Sighting{ARN: aws.ToString(f.FunctionArn), Name: aws.ToString(f.FunctionName), State: string(f.State), Class: string(f.Runtime)}
		if f.MemorySize != nil {
			s.Class = strings.TrimSpace(fmt.Sprintf("%d MB %s", *f.MemorySize, f.Runtime))
		}
		found = append(found, s)
	}
	return found, aws.ToString(out.NextMarker), nil
}

func ecsTags(all []types.Tag) map[string]string {
	return tagsOf(all, func(t types.Tag) (key, value *string) { return t.Key, t.Value })
}

func ecsClusters(ctx context.Context, p place, token string) (found []resource.Sighting, next string, err error) {
	client := ecs.NewFromConfig(p.Config)
	out, err := client.ListClusters(ctx, &ecs.ListClustersInput{NextToken: more(token), MaxResults: aws.Int32(100)})
	if err != nil || len(out.ClusterArns) == 0 {
		return nil, "", err
	}
	described, err := client.DescribeClusters(ctx, &ecs.DescribeClustersInput{Clusters: out.ClusterArns, Include: []types.ClusterField{types.ClusterFieldTags}})
	if err != nil {
		return nil, "", err
	}
	for _, c := range described.Clusters {
		if aws.ToString(c.Status) == "INACTIVE" {
			continue // is deleted
		}
		found = append(found, resource.Sighting{ARN: aws.ToString(c.ClusterArn), Name: aws.ToString(c.ClusterName), State: aws.ToString(c.Status), Tags: ecsTags(c.Tags)})
	}
	return found, aws.ToString(out.NextToken), nil
}

// ecsServices goes through the clusters one by one: a page is of some clusters, with all their services.
func ecsServices(ctx context.Context, p place, token string) (found []resource.Sighting, next string, err error) {
	client := ecs.NewFromConfig(p.Config)
	out, err := client.ListClusters(ctx, &ecs.ListClustersInput{NextToken: more(token), MaxResults: aws.Int32(10)})
	if err != nil {
		return nil, "", err
	}
	for _, cluster := range out.ClusterArns {
		some, err := servicesOf(ctx, client, cluster)
		if err != nil {
			return nil, "", err
		}
		found = append(found, some...)
	}
	return found, aws.ToString(out.NextToken), nil
}

func servicesOf(ctx context.Context, client *ecs.Client, cluster string) (found []resource.Sighting, err error) {
	pages := ecs.NewListServicesPaginator(client, &ecs.ListServicesInput{Cluster: &cluster, MaxResults: aws.Int32(100)})
	var trail call.Trail
	for pages.HasMorePages() {
		out, err := pages.NextPage(ctx)
		if call.Code(err) == "ClusterNotFoundException" {
			return nil, nil // deleted meanwhile
		}
		if err != nil {
			return nil, err
		}
		if next := aws.ToString(out.NextToken); next != "" {
			if err := trail.Next(next); err != nil {
				return nil, err
			}
		}
		for some := range slices.Chunk(out.ServiceArns, 10) {
			described, err := client.DescribeServices(ctx, &ecs.DescribeServicesInput{Cluster: &cluster, Services: some, Include: []types.ServiceField{types.ServiceFieldTags}})
			if err != nil {
				return nil, err
			}
			for _, s := range described.Services {
				if aws.ToString(s.Status) != "INACTIVE" {
					found = append(found, resource.Sighting{ARN: aws.ToString(s.ServiceArn), Name: aws.ToString(s.ServiceName), State: aws.ToString(s.Status),
						Class: string(s.LaunchType), CreatedAt: aws.ToTime(s.CreatedAt), Tags: ecsTags(s.Tags)})
				}
			}
		}
	}
	return found, nil
}

func eksClusters(ctx context.Context, p place, token string) (found []resource.Sighting, next string, err error) {
	client := eks.NewFromConfig(p.Config)
	out, err := client.ListClusters(ctx, &eks.ListClustersInput{NextToken: more(token), MaxResults: aws.Int32(50)})
	if err != nil {
		return nil, "", err
	}
	for _, name := range out.Clusters {
		d, err := client.DescribeCluster(ctx, &eks.DescribeClusterInput{Name: &name})
		if call.Code(err) == "ResourceNotFoundException" {
			continue // deleted meanwhile
		}
		if err != nil {
			return nil, "", err
		}
		c := d.Cluster
		tags := map[string]string{}
		for k, v := range c.Tags {
			tags[k] = v
		}
		found = append(found, resource.Sighting{ARN: aws.ToString(c.Arn), Name: name, State: string(c.Status), Class: "Kubernetes " + aws.ToString(c.Version),
			CreatedAt: aws.ToTime(c.CreatedAt), Tags: tags})
	}
	return found, aws.ToString(out.NextToken), nil
}
