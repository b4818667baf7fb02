package inventory

import (
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	tagging "github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi"
	"github.com/aws/aws-sdk-go-v2/service/resourcegroupstaggingapi/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/tenantry/tenantry/pkg/collect/aws/call"
	"github.com/tenantry/tenantry/pkg/resource"
)

func tagged() lister {
	return lister{service: "resources with tags", actions: []string{"tag:GetResources"}, page: withTags}
}

func buckets() lister {
	return lister{service: "S3 buckets", types: []string{"s3:bucket"}, global: true, actions: []string{"s3:ListAllMyBuckets", "s3:GetBucketLocation"}, page: allBuckets}
}

func others() []lister {
	return []lister{
		{service: "load balancers", types: []string{"elasticloadbalancing:loadbalancer/app", "elasticloadbalancing:loadbalancer/net", "elasticloadbalancing:loadbalancer/gwy"},
			actions: []string{"elasticloadbalancing:DescribeLoadBalancers"}, page: balancers},
		{service: "log groups", types: []string{"logs:log-group"}, actions: []string{"logs:DescribeLogGroups"}, page: logGroups},
	}
}

// withTags lists everything that has tags, or had some.
func withTags(ctx context.Context, p place, token string) (found []resource.Sighting, next string, err error) {
	out, err := tagging.NewFromConfig(p.Config).GetResources(ctx, &tagging.GetResourcesInput{PaginationToken: more(token), ResourcesPerPage: aws.Int32(100)})
	if err != nil {
		return nil, "", err
	}
	for _, r := range out.ResourceTagMappingList {
		s := resource.Sighting{ARN: aws.ToString(r.ResourceARN), Aside: true,
			Tags: tagsOf(r.Tags, func(t types.Tag) (key, value *string) { return t.Key, t.Value })}
		if resource.Type(s.ARN) == "s3:bucket" {
			s.Region = p.Region
		}
		found = append(found, s)
	}
	return found, aws.ToString(out.PaginationToken), nil
}

// allBuckets lists the buckets of all regions. Where the list does not say the region of one, it is asked for.
func allBuckets(ctx context.Context, p place, token string) (found []resource.Sighting, next string, err error) {
	client := s3.NewFromConfig(p.Config, func(o *s3.Options) { o.UsePathStyle = p.BaseEndpoint != nil })
	out, err := client.ListBuckets(ctx, &s3.ListBucketsInput{ContinuationToken: more(token), MaxBuckets: aws.Int32(500)})
	if err != nil {
		return nil, "", err
	}
	for _, b := range out.Buckets {
		region := aws.ToString(b.BucketRegion)
		if region == "" {
			located, err := client.GetBucketLocation(ctx, &s3.GetBucketLocationInput{Bucket: b.Name})
			if call.Code(err) == "NoSuchBucket" {
				continue // deleted meanwhile
			}
			if err != nil {
				return nil, "", err
			}
			region = regionOf(string(located.LocationConstraint))
		}
		found = append(found, resource.Sighting{ARN: "arn:" + p.partition + ":s3:::" + aws.ToString(b.Name), Region: region, Name: aws.ToString(b.Name),
			CreatedAt: aws.ToTime(b.CreationDate)})
	}
	return found, aws.ToString(out.ContinuationToken), nil
}

// regionOf is the region that a location constraint stands for.
func regionOf(constraint string) string {
	switch constraint {
	case "":
		return "us-east-1"
	case "EU":
		return "eu-west-1"
	}
	return constraint
}

// balancers have no tags in their list.
func balancers(ctx context.Context, p place, token string) (found []resource.Sighting, next string, err error) {
	out, err := elb.NewFromConfig(p.Config).DescribeLoadBalancers(ctx, &elb.DescribeLoadBalancersInput{Marker: more(token), PageSize: aws.Int32(400)})
	if err != nil {
		return nil, "", err
	}
	for _, b := range out.LoadBalancers {
		s := resource.Sighting{ARN: aws.ToString(b.LoadBalancerArn), Name: aws.ToString(b.LoadBalancerName), Class: string(b.Type), CreatedAt: aws.ToTime(b.CreatedTime)}
		if b.State != nil {
			s.State = string(b.State.Code)
		}
		found = append(found, s)
	}
	return found, aws.ToString(out.NextMarker), nil
}

// logGroups have no tags in their list.
func logGroups(ctx context.Context, p place, token string) (found []resource.Sighting, next string, err error) {
	out, err := cloudwatchlogs.NewFromConfig(p.Config).DescribeLogGroups(ctx, &cloudwatchlogs.DescribeLogGroupsInput{NextToken: more(token), Limit: aws.Int32(50)})
	if err != nil {
		return nil, "", err
	}
	for _, g := range out.LogGroups {
		found = append(found, resource.Sighting{ARN: strings.TrimSuffix(aws.ToString(g.Arn), ":*"), Name: aws.ToString(g.LogGroupName), Class: string(g.LogGroupClass),
			CreatedAt: milliseconds(g.CreationTime)})
	}
	return found, aws.ToString(out.NextToken), nil
}
