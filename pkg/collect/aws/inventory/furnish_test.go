package inventory_test

import (
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatchlogs"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	ddb "github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/aws/aws-sdk-go-v2/service/ec2/types"
	"github.com/aws/aws-sdk-go-v2/service/ecs"
	ecstypes "github.com/aws/aws-sdk-go-v2/service/ecs/types"
	"github.com/aws/aws-sdk-go-v2/service/eks"
	ekstypes "github.com/aws/aws-sdk-go-v2/service/eks/types"
	elb "github.com/aws/aws-sdk-go-v2/service/elasticloadbalancingv2"
	"github.com/aws/aws-sdk-go-v2/service/lambda"
	lambdatypes "github.com/aws/aws-sdk-go-v2/service/lambda/types"
	"github.com/aws/aws-sdk-go-v2/service/rds"
	rdstypes "github.com/aws/aws-sdk-go-v2/service/rds/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/resource"
)

// furniture is what is put into a region of an account, by ARN: what of it must be told.
type furniture struct {
	t       *testing.T
	config  aws.Config
	account string
	want    map[string]resource.Resource
}

func (f *furniture) put(arn, name, state, class string, tags map[string]string) {
	if tags == nil {
		tags = map[string]string{}
	}
	if name == "" {
		name = tags["Name"]
	}
	if name == "" {
		name = arn[strings.LastIndexAny(arn, ":/")+1:]
	}
	f.want[arn] = resource.Resource{ARN: arn, Type: resource.Type(arn), Region: f.config.Region, AccountID: f.account, Name: name, State: state, Class: class, Tags: tags}
}

func (f *furniture) arn(service, resource string) string {
	return "arn:aws:" + service + ":" + f.config.Region + ":" + f.account + ":" + resource
}

func pairs(of types.ResourceType, tags map[string]string) []types.TagSpecification {
	s := types.TagSpecification{ResourceType: of}
	for k, v := range tags {
		s.Tags = append(s.Tags, types.Tag{Key: aws.String(k), Value: aws.String(v)})
	}
	return []types.TagSpecification{s}
}

func (f *furniture) instance(tags map[string]string) {
	out, err := ec2.NewFromConfig(f.config).RunInstances(f.t.Context(), &ec2.RunInstancesInput{ImageId: aws.String("ami-12c6146b"), MinCount: aws.Int32(1), MaxCount: aws.Int32(1),
		InstanceType: types.InstanceTypeM5Large, TagSpecifications: pairs(types.ResourceTypeInstance, tags)})
	require.NoError(f.t, err)
	f.put(f.arn("ec2", "instance/"+*out.Instances[0].InstanceId), "", "running", "m5.large", tags)
	for _, d := range f.volumes() {
		if len(d.Attachments) > 0 {
			f.put(f.arn("ec2", "volume/"+*d.VolumeId), "", "in-use", "gp2 8 GiB", nil) // the instance's own
		}
	}
}

func (f *furniture) volumes() []types.Volume {
	out, err := ec2.NewFromConfig(f.config).DescribeVolumes(f.t.Context(), &ec2.DescribeVolumesInput{})
	require.NoError(f.t, err)
	return out.Volumes
}

// disks puts a volume, a snapshot of it, an address and a NAT gateway.
func (f *furniture) disks(tags map[string]string) {
	client, ctx := ec2.NewFromConfig(f.config), f.t.Context()
	v, err := client.CreateVolume(ctx, &ec2.CreateVolumeInput{AvailabilityZone: aws.String(f.config.Region + "a"), Size: aws.Int32(30), VolumeType: types.VolumeTypeGp3,
		TagSpecifications: pairs(types.ResourceTypeVolume, tags)})
	require.NoError(f.t, err)
	f.put(f.arn("ec2", "volume/"+*v.VolumeId), "", "available", "gp3 30 GiB", tags)
	s, err := client.CreateSnapshot(ctx, &ec2.CreateSnapshotInput{VolumeId: v.VolumeId})
	require.NoError(f.t, err)
	f.put(f.arn("ec2", "snapshot/"+*s.SnapshotId), "", "completed", "30 GiB", nil)
	a, err := client.AllocateAddress(ctx, &ec2.AllocateAddressInput{Domain: types.DomainTypeVpc})
	require.NoError(f.t, err)
	g, err := client.CreateNatGateway(ctx, &ec2.CreateNatGatewayInput{SubnetId: aws.String(f.subnets()[0]), AllocationId: a.AllocationId})
	require.NoError(f.t, err)
	f.put(f.arn("ec2", "natgateway/"+*g.NatGateway.NatGatewayId), "", "available", "", nil) // moto does not tell the kind
	b, err := client.AllocateAddress(ctx, &ec2.AllocateAddressInput{Domain: types.DomainTypeVpc})
	require.NoError(f.t, err)
	f.put(f.arn("ec2", "elastic-ip/"+*b.AllocationId), *b.PublicIp, "available", "vpc", nil)
	described, err := client.DescribeAddresses(ctx, &ec2.DescribeAddressesInput{AllocationIds: []string{*a.AllocationId}})
	require.NoError(f.t, err)
	state := "available"
	if described.Addresses[0].AssociationId != nil {
		state = "in-use"
	}
	f.put(f.arn("ec2", "elastic-ip/"+*a.AllocationId), *a.PublicIp, state, "vpc", nil)
}

func (f *furniture) subnets() (all []string) {
	out, err := ec2.NewFromConfig(f.config).DescribeSubnets(f.t.Context(), &ec2.DescribeSubnetsInput{})
	require.NoError(f.t, err)
	for _, s := range out.Subnets {
		all = append(all, *s.SubnetId)
	}
	return all
}

func (f *furniture) database(name string, tags map[string]string) {
	var list []rdstypes.Tag
	for k, v := range tags {
		list = append(list, rdstypes.Tag{Key: aws.String(k), Value: aws.String(v)})
	}
	out, err := rds.NewFromConfig(f.config).CreateDBInstance(f.t.Context(), &rds.CreateDBInstanceInput{DBInstanceIdentifier: &name, DBInstanceClass: aws.String("db.t3.micro"),
		Engine: aws.String("postgres"), AllocatedStorage: aws.Int32(20), MasterUsername: aws.String("root"), MasterUserPassword: aws.String("password1"), Tags: list})
	require.NoError(f.t, err)
	f.put(*out.DBInstance.DBInstanceArn, name, "available", "db.t3.micro", tags)
}

func (f *furniture) bucket(name string, tags map[string]string) {
	client, ctx := s3.NewFromConfig(f.config, func(o *s3.Options) { o.UsePathStyle = true }), f.t.Context()
	b := &s3.CreateBucketInput{Bucket: &name}
	if f.config.Region != "us-east-1" {
		b.CreateBucketConfiguration = &s3types.CreateBucketConfiguration{LocationConstraint: s3types.BucketLocationConstraint(f.config.Region)}
	}
	_, err := client.CreateBucket(ctx, b)
	require.NoError(f.t, err)
	var list []s3types.Tag
	for k, v := range tags {
		list = append(list, s3types.Tag{Key: aws.String(k), Value: aws.String(v)})
	}
	if len(list) > 0 {
		_, err = client.PutBucketTagging(ctx, &s3.PutBucketTaggingInput{Bucket: &name, Tagging: &s3types.Tagging{TagSet: list}})
		require.NoError(f.t, err)
	}
	f.put("arn:aws:s3:::"+name, name, "", "", tags)
}

func (f *furniture) table(name string, tags map[string]string) {
	var list []ddb.Tag
	for k, v := range tags {
		list = append(list, ddb.Tag{Key: aws.String(k), Value: aws.String(v)})
	}
	out, err := dynamodb.NewFromConfig(f.config).CreateTable(f.t.Context(), &dynamodb.CreateTableInput{TableName: &name, BillingMode: ddb.BillingModePayPerRequest, Tags: list,
		AttributeDefinitions: []ddb.AttributeDefinition{{AttributeName: aws.String("pk"), AttributeType: ddb.ScalarAttributeTypeS}},
		KeySchema:            []ddb.KeySchemaElement{{AttributeName: aws.String("pk"), KeyType: ddb.KeyTypeHash}}})
	require.NoError(f.t, err)
	f.put(*out.TableDescription.TableArn, name, "ACTIVE", "PAY_PER_REQUEST", tags)
}

// services puts a cluster and a service of ECS, a cluster of EKS, a load balancer, a log group and a function.
func (f *furniture) services(name string, tags map[string]string) {
	ctx := f.t.Context()
	c, err := ecs.NewFromConfig(f.config).CreateCluster(ctx, &ecs.CreateClusterInput{ClusterName: &name, Tags: []ecstypes.Tag{{Key: aws.String("kind"), Value: aws.String("ecs")}}})
	require.NoError(f.t, err)
	f.put(*c.Cluster.ClusterArn, name, "ACTIVE", "", map[string]string{"kind": "ecs"})
	d, err := ecs.NewFromConfig(f.config).RegisterTaskDefinition(ctx, &ecs.RegisterTaskDefinitionInput{Family: &name, ContainerDefinitions: []ecstypes.ContainerDefinition{{Name: &name, Image: aws.String("image"), Memory: aws.Int32(64)}}})
	require.NoError(f.t, err)
	f.put(*d.TaskDefinition.TaskDefinitionArn, "1", "", "", nil)
	s, err := ecs.NewFromConfig(f.config).CreateService(ctx, &ecs.CreateServiceInput{Cluster: &name, ServiceName: &name, TaskDefinition: &name, DesiredCount: aws.Int32(1)})
	require.NoError(f.t, err)
	f.put(*s.Service.ServiceArn, name, "ACTIVE", string(s.Service.LaunchType), nil)
	k, err := eks.NewFromConfig(f.config).CreateCluster(ctx, &eks.CreateClusterInput{Name: &name, RoleArn: aws.String("arn:aws:iam::" + f.account + ":role/eks"),
		ResourcesVpcConfig: &ekstypes.VpcConfigRequest{SubnetIds: f.subnets()[:2]}, Tags: tags})
	require.NoError(f.t, err)
	f.put(*k.Cluster.Arn, name, string(k.Cluster.Status), "Kubernetes "+*k.Cluster.Version, tags)
	b, err := elb.NewFromConfig(f.config).CreateLoadBalancer(ctx, &elb.CreateLoadBalancerInput{Name: &name, Subnets: f.subnets()[:2]})
	require.NoError(f.t, err)
	f.put(*b.LoadBalancers[0].LoadBalancerArn, name, "active", "application", nil)
	group := "/aws/" + name
	_, err = cloudwatchlogs.NewFromConfig(f.config).CreateLogGroup(ctx, &cloudwatchlogs.CreateLogGroupInput{LogGroupName: &group, Tags: tags})
	require.NoError(f.t, err)
	f.put(f.arn("logs", "log-group:"+group), group, "", "", tags)
	f.function(name, tags)
}

func (f *furniture) function(name string, tags map[string]string) {
	ctx := f.t.Context()
	key, err := f.config.Credentials.Retrieve(ctx)
	require.NoError(f.t, err)
	form := url.Values{"Action": {"CreateRole"}, "Version": {"2010-05-08"}, "RoleName": {name}, "AssumeRolePolicyDocument": {`{"Version":"2012-10-17","Statement":[{"Effect":"Allow",` +
		`"Principal":{"Service":"lambda.amazonaws.com"},"Action":"sts:AssumeRole"}]}`}}
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, *f.config.BaseEndpoint, strings.NewReader(form.Encode()))
	require.NoError(f.t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+key.AccessKeyID+"/20260101/us-east-1/iam/aws4_request, SignedHeaders=host, Signature=0")
	answer, err := http.DefaultClient.Do(r)
	require.NoError(f.t, err)
	require.NoError(f.t, answer.Body.Close())
	out, err := lambda.NewFromConfig(f.config).CreateFunction(ctx, &lambda.CreateFunctionInput{FunctionName: &name, Runtime: lambdatypes.RuntimePython312, MemorySize: aws.Int32(256),
		Role: aws.String("arn:aws:iam::" + f.account + ":role/" + name), Handler: aws.String("h"), Code: &lambdatypes.FunctionCode{ZipFile: []byte("PK\x05\x06" + strings.Repeat("\x00", 18))}, Tags: tags})
	require.NoError(f.t, err)
	f.put(*out.FunctionArn, name, "Active", "256 MB python3.12", tags)
}
