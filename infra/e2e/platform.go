package e2e

import (
	"fmt"
	"net/http/httptest"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/cloud/mototest"
	"github.com/tenantry/tenantry/pkg/cloud/policy/policytest"
	"github.com/tenantry/tenantry/pkg/store/dynamo/dynamolocal"
)

// Platform is an assembly that is deployed: it runs until it is destroyed or the test ends.
type Platform struct {
	URL     string // of the HTTP API
	Account *policytest.Account
	Log     *apptest.Log // of all functions
	World   World

	resolver  *Resolver
	cloud     *Cloud
	tables    map[string]string // names by logical ID
	buckets   []*bucket
	queues    map[string]*queue // by ARN
	functions map[string]*Function
	mappings  []*mapping
	groups    []string
	rules     []eventRule
	redrives  []redrive
	keys      map[string]string   // of what is encrypted, by ARN
	managedBy map[string][]string // roles by the policy that they name
	api       *api
	server    *httptest.Server
	stop      chan struct{}
	running   sync.WaitGroup
	failures  failures
}

// Cloud is what stands for AWS: it outlives platforms.
type Cloud struct {
	DynamoDB *dynamodb.Client
	Moto     string // its address
	Account  *policytest.Account
	S3       *s3.Client // these three as the account's owner
	SQS      *sqs.Client
	Schedule *scheduler.Client
}

// NewCloud starts the emulators and the account before them.
func NewCloud(t testing.TB) *Cloud {
	db, moto := dynamolocal.Start(t), mototest.Start(t)
	c := mototest.Config(moto)
	return &Cloud{DynamoDB: db, Moto: moto, Account: policytest.Start(t, *db.Options().BaseEndpoint, moto),
		S3: s3.NewFromConfig(c, func(o *s3.Options) { o.UsePathStyle = true }), SQS: sqs.NewFromConfig(c), Schedule: scheduler.NewFromConfig(c)}
}

// Deploy makes all that an assembly says, on a cloud where its tables and buckets may be there already.
func Deploy(t testing.TB, c *Cloud, a *Assembly, generation string) *Platform {
	t.Helper()
	w := World{Account: policytest.AccountID, Region: mototest.Region, Partition: "aws", Generation: generation}
	resolver, err := NewResolver(a, w)
	require.NoError(t, err)
	p := &Platform{Account: c.Account, Log: &apptest.Log{}, World: w, resolver: resolver, cloud: c, tables: map[string]string{},
		queues: map[string]*queue{}, functions: map[string]*Function{}, keys: map[string]string{}, managedBy: map[string][]string{}, stop: make(chan struct{})}
	known := p.steps()
	for _, s := range a.Stacks {
		for id, r := range s.Template.Resources {
			_, stands := known[r.Type]
			_, said := unneeded[r.Type]
			require.True(t, stands || said, "%s of %s is a %s: nothing is known of how it stands", id, s.Name, r.Type)
		}
	}
	p.enact(t, a)
	for _, kind := range order {
		for _, s := range a.Stacks {
			for _, id := range s.Find(kind) {
				if exists, err := resolver.Exists(s, id); err != nil || !exists {
					require.NoError(t, err)
					continue
				}
				require.NoError(t, known[kind](t, s, id), "%s %s of %s", kind, id, s.Name)
			}
		}
	}
	require.NoError(t, p.redrive(t.Context()))
	p.Account.Encrypt(p.keys)
	p.begin(t)
	t.Cleanup(func() { p.Destroy(t) })
	return p
}

// order is that in which types are made.
var order = []string{"AWS::DynamoDB::Table", "AWS::DynamoDB::GlobalTable", "AWS::S3::Bucket", "AWS::SQS::Queue", "Custom::S3BucketNotifications",
	"AWS::Scheduler::ScheduleGroup", "AWS::Lambda::Function", "AWS::Lambda::EventInvokeConfig", "AWS::Lambda::EventSourceMapping", "AWS::Scheduler::Schedule", "AWS::Events::Rule",
	"AWS::ApiGatewayV2::Api", "AWS::ApiGatewayV2::Integration", "AWS::ApiGatewayV2::Route", "AWS::ApiGatewayV2::Stage"}

// steps are what makes a resource, by type; those of IAM are made first of all.
func (p *Platform) steps() map[string]func(testing.TB, *Stack, string) error {
	all := map[string]func(testing.TB, *Stack, string) error{
		"AWS::DynamoDB::Table": p.makeTableOf, "AWS::DynamoDB::GlobalTable": p.globalTable, "AWS::S3::Bucket": p.bucket, "AWS::SQS::Queue": p.queue,
		"Custom::S3BucketNotifications": p.notifications, "AWS::Scheduler::ScheduleGroup": p.group, "AWS::Lambda::Function": p.function,
		"AWS::Lambda::EventInvokeConfig": p.invoked, "AWS::Lambda::EventSourceMapping": p.mapping, "AWS::Scheduler::Schedule": p.schedule, "AWS::Events::Rule": p.rule,
		"AWS::ApiGatewayV2::Api": p.httpAPI, "AWS::ApiGatewayV2::Integration": p.integration, "AWS::ApiGatewayV2::Route": p.route,
		"AWS::ApiGatewayV2::Stage": p.stage,
	}
	for _, kind := range ruled {
		all[kind] = nil // made into rules
	}
	return all
}

// unneeded are types that nothing of a request or an event goes through, and why they do not stand here.
var unneeded = map[string]string{
	"AWS::CDK::Metadata": "tells AWS of the library's version", "AWS::Logs::LogGroup": "functions' lines are collected whole", "AWS::Logs::MetricFilter": "metrics are read by nobody",
	"AWS::Logs::ResourcePolicy": "of what writes logs beside functions", "AWS::Logs::QueryDefinition": "for people",
	"AWS::CloudWatch::Alarm": "metrics are read by nobody", "AWS::CloudWatch::CompositeAlarm": "metrics are read by nobody", "AWS::CloudWatch::Dashboard": "for people",
	"AWS::SNS::Topic": "of alarms", "AWS::SNS::TopicPolicy": "of alarms", "AWS::SNS::Subscription": "of alarms", "AWS::Budgets::Budget": "of the bill",
	"AWS::Cognito::UserPool": "tokens are another issuer's", "AWS::Cognito::UserPoolClient": "tokens are another issuer's", "AWS::Cognito::UserPoolDomain": "tokens are another issuer's",
	"AWS::Cognito::UserPoolResourceServer": "tokens are another issuer's", "AWS::Cognito::ManagedLoginBranding": "tokens are another issuer's",
	"AWS::CloudFront::Distribution": "the page is no part of this", "AWS::CloudFront::OriginAccessControl": "the page is no part of this",
	"AWS::CloudFront::ResponseHeadersPolicy": "the page is no part of this", "AWS::CloudFront::CachePolicy": "the page is no part of this",
	"AWS::CloudFront::OriginRequestPolicy": "the page is no part of this", "AWS::CloudFront::Function": "the page is no part of this",
	"Custom::CDKBucketDeployment": "the page is no part of this", "AWS::Lambda::LayerVersion": "of what uploads the page",
	"AWS::KMS::Alias":     "names are not asked by",
	"AWS::SSM::Parameter": "read by nobody",
}

// Destroy takes all away but tables and buckets.
func (p *Platform) Destroy(t testing.TB) {
	t.Helper()
	if p.server == nil {
		return
	}
	close(p.stop)
	p.running.Wait()
	p.server.Close()
	p.server = nil
	p.Account.Tell(nil)
	for _, f := range p.functions {
		f.stop()
	}
	ctx := t.Context()
	if ctx.Err() != nil {
		return // the test is over, and so are the emulators
	}
	for _, q := range p.queues {
		_, err := p.cloud.SQS.DeleteQueue(ctx, &sqs.DeleteQueueInput{QueueUrl: &q.url})
		require.NoError(t, err)
	}
	for _, group := range p.groups {
		for _, s := range p.Schedules(t) {
			if *s.GroupName == group {
				_, err := p.cloud.Schedule.DeleteSchedule(ctx, &scheduler.DeleteScheduleInput{GroupName: s.GroupName, Name: s.Name})
				require.NoError(t, err)
			}
		}
		_, err := p.cloud.Schedule.DeleteScheduleGroup(ctx, &scheduler.DeleteScheduleGroupInput{Name: aws.String(group)})
		require.NoError(t, err)
	}
}

// begin starts what runs by itself.
func (p *Platform) begin(t testing.TB) {
	p.Account.Tell(p.seen)
	for _, m := range p.mappings {
		for range m.workers {
			p.running.Add(1)
			go func() {
				defer p.running.Done()
				p.poll(m)
			}()
		}
	}
	p.server = httptest.NewServer(p.api)
	p.URL = p.server.URL
	for _, s := range p.resolver.assembly.Stacks {
		p.deployed(t, s)
	}
}

// as gives an SDK configuration of a role's session, whose every call the account decides on.
func (p *Platform) as(role string) aws.Config {
	return aws.Config{Region: p.World.Region, BaseEndpoint: aws.String(p.Account.URL),
		Credentials: credentials.NewStaticCredentialsProvider(p.Account.Key(role, nil), "secret", "")}
}

// failures are what went wrong where nobody was told.
type failures struct {
	mu  sync.Mutex
	all []string
}

func (f *failures) add(format string, arguments ...any) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.all = append(f.all, fmt.Sprintf(format, arguments...))
}

// Failures gives what went wrong since it was asked for last where nobody was told: events that were not delivered, invocations that
// failed.
func (p *Platform) Failures() []string {
	p.failures.mu.Lock()
	defer p.failures.mu.Unlock()
	all := p.failures.all
	p.failures.all = nil
	return all
}

// Buckets gives the names of all.
func (p *Platform) Buckets() (all []string) {
	for _, b := range p.buckets {
		all = append(all, b.name)
	}
	return all
}
