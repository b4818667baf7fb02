package inventory

import (
	"cmp"
	"context"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"

	"github.com/tenantry/tenantry/pkg/resource"
)

func elastic() []lister {
	return []lister{
		{service: "EC2 instances", types: []string{"ec2:instance"}, actions: []string{"ec2:DescribeInstances"}, page: instances},
		{service: "EBS volumes", types: []string{"ec2:volume"}, actions: []string{"ec2:DescribeVolumes"}, page: volumes},
		{service: "EBS snapshots", types: []string{"ec2:snapshot"}, actions: []string{"ec2:DescribeSnapshots"}, page: snapshots},
		{service: "Elastic IPs", types: []string{"ec2:elastic-ip"}, actions: []string{"ec2:DescribeAddresses"}, page: addresses},
		{service: "NAT gateways", types: []string{"ec2:natgateway"}, actions: []string{"ec2:DescribeNatGateways"}, page: gateways},
	}
}

func ec2Tags(all []types.Tag) map[string]string {
	return tagsOf(all, func(t types.Tag) (key, value *string) { return t.Key, t.Value })
}

func more(token string) *string {
	if token == "" {
		return nil
	}
	return &token
}

// instances leaves out what is terminated, which is listed for an hour longer.
func instances(ctx context.Context, p place, token string) (found []resource.Sighting, next string, err error) {
	out, err := ec2.NewFromConfig(p.Config).DescribeInstances(ctx, &ec2.DescribeInstancesInput{NextToken: more(token), MaxResults: aws.Int32(1000)})
	if err != nil {
		return nil, "", err
	}
	for _, r := range out.Reservations {
		for _, i := range r.Instances {
			s := resource.Sighting{ARN: p.arn("ec2", "instance/"+aws.ToString(i.InstanceId)), Class: string(i.InstanceType), CreatedAt: aws.ToTime(i.LaunchTime),
				Tags: ec2Tags(i.Tags)}
			if i.State != nil {
				s.State = string(i.State.Name)
			}
			if s.State != string(types.InstanceStateNameTerminated) {
				found = append(found, s)
			}
		}
	}
	return found, aws.ToString(out.NextToken), nil
}

func volumes(ctx context.Context, p place, token string) (found []resource.Sighting, next string, err error) {
	out, err := ec2.NewFromConfig(p.Config).DescribeVolumes(ctx, &ec2.DescribeVolumesInput{NextToken: more(token), MaxResults: aws.Int32(1000)})
	if err != nil {
		return nil, "", err
	}
	for _, v := range out.Volumes {
		found = append(found, resource.Sighting{ARN: p.arn("ec2", "volume/"+aws.ToString(v.VolumeId)), State: string(v.State),
			Class: strings.TrimSpace(string(v.VolumeType) + " " + gib(v.Size)), CreatedAt: aws.ToTime(v.CreateTime), Tags: ec2Tags(v.Tags)})
	}
	return found, aws.ToString(out.NextToken), nil
}

func snapshots(ctx context.Context, p place, token string) (found []resource.Sighting, next string, err error) {
	out, err := ec2.NewFromConfig(p.Config).DescribeSnapshots(ctx, &ec2.DescribeSnapshotsInput{OwnerIds: []string{"self"}, NextToken: more(token),
		MaxResults: aws.Int32(1000)})
	if err != nil {
		return nil, "", err
	}
	for _, s := range out.Snapshots {
		found = append(found, resource.Sighting{ARN: p.arn("ec2", "snapshot/"+aws.ToString(s.SnapshotId)), State: string(s.State),
			Class: gib(s.VolumeSize), CreatedAt: aws.ToTime(s.StartTime), Tags: ec2Tags(s.Tags)})
	}
	return found, aws.ToString(out.NextToken), nil
}

// addresses come all at once.
func addresses(ctx context.Context, p place, _ string) (found []resource.Sighting, next string, err error) {
	out, err := ec2.NewFromConfig(p.Config).DescribeAddresses(ctx, &ec2.DescribeAddressesInput{})
	if err != nil {
		return nil, "", err
	}
	for _, a := range out.Addresses {
		s := resource.Sighting{ARN: p.arn("ec2", "elastic-ip/"+aws.ToString(cmp.Or(a.AllocationId, a.PublicIp))), State: "available", Class: string(a.Domain), Tags: ec2Tags(a.Tags)}
		if aws.ToString(a.AssociationId) != "" || aws.ToString(a.InstanceId) != "" {
			s.State = "in-use"
		}
		s.Name = cmp.Or(s.Tags["Name"], aws.ToString(a.PublicIp))
		found = append(found, s)
	}
	return found, "", nil
}

// gateways leaves out what is deleted, which is listed for an hour longer.
func gateways(ctx context.Context, p place, token string) (found []resource.Sighting, next string, err error) {
	out, err := ec2.NewFromConfig(p.Config).DescribeNatGateways(ctx, &ec2.DescribeNatGatewaysInput{NextToken: more(token), MaxResults: aws.Int32(1000)})
	if err != nil {
		return nil, "", err
	}
	for _, g := range out.NatGateways {
		if g.State != types.NatGatewayStateDeleted {
			found = append(found, resource.Sighting{ARN: p.arn("ec2", "natgateway/"+aws.ToString(g.NatGatewayId)), State: string(g.State),
				Class: string(g.ConnectivityType), CreatedAt: aws.ToTime(g.CreateTime), Tags: ec2Tags(g.Tags)})
		}
	}
	return found, aws.ToString(out.NextToken), nil
}
