package e2e

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"reflect"
	"strconv"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	s3types "github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/aws-sdk-go-v2/service/scheduler"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
)

// anything is a property that nothing here depends on; each that is one is named in a struct, so that a new one is an error.
type anything = any

type tableProperties struct {
	TableName               string
	KeySchema               []types.KeySchemaElement
	AttributeDefinitions    []types.AttributeDefinition
	BillingMode             types.BillingMode
	TimeToLiveSpecification *struct {
		AttributeName string
		Enabled       bool
	}
	SSESpecification struct {
		SSEEnabled              bool
		SSEType, KMSMasterKeyId string
	}
	PointInTimeRecoverySpecification anything
	DeletionProtectionEnabled        anything
	Tags                             anything
}

func (p *Platform) makeTableOf(t testing.TB, s *Stack, id string) error {
	var in tableProperties
	if err := p.resolver.Into(s, id, &in); err != nil {
		return err
	}
	return p.makeTable(t, s, id, in)
}

func (p *Platform) globalTable(t testing.TB, s *Stack, id string) error {
	var in struct {
		tableProperties
		Replicas         []anything
		SSESpecification struct {
			SSEEnabled bool
			SSEType    string
		}
		WarmThroughput, WriteOnDemandThroughputSettings anything
	}
	if err := p.resolver.Into(s, id, &in); err != nil {
		return err
	}
	if len(in.Replicas) != 1 {
		return fmt.Errorf("%d replicas", len(in.Replicas))
	}
	return p.makeTable(t, s, id, in.tableProperties)
}

// makeTable makes a table, or finds that the one that is there has the same keys.
func (p *Platform) makeTable(t testing.TB, s *Stack, id string, in tableProperties) error {
	name, err := p.resolver.Text(s, map[string]any{"Ref": id})
	if err != nil {
		return err
	}
	p.tables[id] = name
	arn, err := p.resolver.ARN(s, id)
	if err != nil {
		return err
	}
	p.encrypted(arn, in.SSESpecification.KMSMasterKeyId)
	_, err = p.cloud.DynamoDB.CreateTable(t.Context(), &dynamodb.CreateTableInput{TableName: &name, KeySchema: in.KeySchema,
		AttributeDefinitions: in.AttributeDefinitions, BillingMode: in.BillingMode})
	var there *types.ResourceInUseException
	if errors.As(err, &there) {
		is, err := p.cloud.DynamoDB.DescribeTable(t.Context(), &dynamodb.DescribeTableInput{TableName: &name})
		if err == nil && !reflect.DeepEqual(is.Table.KeySchema, in.KeySchema) {
			err = fmt.Errorf("table %s is there with other keys", name)
		}
		return err
	}
	if ttl := in.TimeToLiveSpecification; err == nil && ttl != nil && ttl.Enabled {
		_, err = p.cloud.DynamoDB.UpdateTimeToLive(t.Context(), &dynamodb.UpdateTimeToLiveInput{TableName: &name,
			TimeToLiveSpecification: &types.TimeToLiveSpecification{AttributeName: &ttl.AttributeName, Enabled: aws.Bool(true)}})
	}
	return err
}

// bucket is one that stands, and whom it tells of new objects.
type bucket struct {
	name, arn string
	tells     []notification
}

type notification struct {
	events         []string
	queue          string // ARN
	prefix, suffix string
}

type queueNotification struct {
	Event, Queue string
	Filter       struct {
		S3Key struct {
			Rules []struct{ Name, Value string }
		}
	}
}

func (p *Platform) bucket(t testing.TB, s *Stack, id string) error {
	var in struct {
		BucketName              string
		VersioningConfiguration struct {
			Status s3types.BucketVersioningStatus
		}
		NotificationConfiguration struct{ QueueConfigurations []queueNotification }
		BucketEncryption          struct {
			ServerSideEncryptionConfiguration []struct {
				BucketKeyEnabled              bool
				ServerSideEncryptionByDefault struct{ SSEAlgorithm, KMSMasterKeyID string }
			}
		}
		PublicAccessBlockConfiguration, LifecycleConfiguration, CorsConfiguration, OwnershipControls, LoggingConfiguration, Tags, AccessControl anything
	}
	if err := p.resolver.Into(s, id, &in); err != nil {
		return err
	}
	name, err := p.resolver.Text(s, map[string]any{"Ref": id})
	if err != nil {
		return err
	}
	b := &bucket{name: name, arn: p.World.arn("s3", name)}
	for _, of := range in.NotificationConfiguration.QueueConfigurations {
		n := notification{events: []string{of.Event}, queue: of.Queue}
		for _, rule := range of.Filter.S3Key.Rules {
			if err := n.only(rule.Name, rule.Value); err != nil {
				return err
			}
		}
		b.tells = append(b.tells, n)
	}
	for _, e := range in.BucketEncryption.ServerSideEncryptionConfiguration {
		p.encrypted(b.arn, e.ServerSideEncryptionByDefault.KMSMasterKeyID)
	}
	p.buckets = append(p.buckets, b)
	_, err = p.cloud.S3.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &name})
	var there *s3types.BucketAlreadyOwnedByYou
	if err != nil && !errors.As(err, &there) || in.VersioningConfiguration.Status == "" {
		return ignore(err, &there)
	}
	_, err = p.cloud.S3.PutBucketVersioning(t.Context(), &s3.PutBucketVersioningInput{Bucket: &name,
		VersioningConfiguration: &s3types.VersioningConfiguration{Status: in.VersioningConfiguration.Status}})
	return err
}

func ignore(err error, kind any) error {
	if err != nil && errors.As(err, kind) {
		return nil
	}
	return err
}

// only narrows a notification to keys that begin or end with a text.
func (n *notification) only(rule, value string) error {
	switch rule {
	case "prefix", "Prefix":
		n.prefix = value
	case "suffix", "Suffix":
		n.suffix = value
	default:
		return fmt.Errorf("nothing is known of the filter rule %s", rule)
	}
	return nil
}

// notifications is how the CDK sets a bucket's.
func (p *Platform) notifications(_ testing.TB, s *Stack, id string) error {
	var in struct {
		ServiceToken, BucketName           string
		Managed, SkipDestinationValidation anything
		NotificationConfiguration          struct {
			QueueConfigurations []struct {
				Events   []string
				QueueArn string
				Filter   struct {
					Key struct {
						FilterRules []struct{ Name, Value string }
					}
				}
			}
		}
	}
	if err := p.resolver.Into(s, id, &in); err != nil {
		return err
	}
	for _, b := range p.buckets {
		if b.name != in.BucketName {
			continue
		}
		for _, of := range in.NotificationConfiguration.QueueConfigurations {
			n := notification{events: of.Events, queue: of.QueueArn}
			for _, rule := range of.Filter.Key.FilterRules {
				if err := n.only(rule.Name, rule.Value); err != nil {
					return err
				}
			}
			b.tells = append(b.tells, n)
		}
		return nil
	}
	return fmt.Errorf("there is no bucket %s", in.BucketName)
}

// queue is one that stands.
type queue struct {
	name, arn, url string // the emulator's address
	dead           string // ARN of its dead letters
	wake           chan struct{}
}

func (p *Platform) queue(t testing.TB, s *Stack, id string) error {
	var in struct {
		QueueName, KmsMasterKeyId                                                                                  string
		VisibilityTimeout, MessageRetentionPeriod, DelaySeconds, MaximumMessageSize, ReceiveMessageWaitTimeSeconds *int
		RedrivePolicy                                                                                              *struct {
			DeadLetterTargetArn string `json:"deadLetterTargetArn"`
			MaxReceiveCount     int    `json:"maxReceiveCount"`
		}
		SqsManagedSseEnabled, KmsDataKeyReusePeriodSeconds, RedriveAllowPolicy, Tags anything
	}
	if err := p.resolver.Into(s, id, &in); err != nil {
		return err
	}
	arn, err := p.resolver.ARN(s, id)
	if err != nil {
		return err
	}
	q := &queue{name: arn[len(p.World.arn("sqs", "")):], arn: arn, wake: make(chan struct{}, 1)}
	attributes := map[string]string{}
	for name, value := range map[string]*int{"VisibilityTimeout": in.VisibilityTimeout, "MessageRetentionPeriod": in.MessageRetentionPeriod,
		"DelaySeconds": in.DelaySeconds, "MaximumMessageSize": in.MaximumMessageSize} {
		if value != nil {
			attributes[name] = strconv.Itoa(*value)
		}
	}
	p.encrypted(arn, in.KmsMasterKeyId)
	made, err := p.cloud.SQS.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: &q.name, Attributes: attributes})
	if err != nil {
		return err
	}
	q.url = *made.QueueUrl
	p.queues[arn] = q
	if in.RedrivePolicy != nil {
		q.dead = in.RedrivePolicy.DeadLetterTargetArn
		p.redrives = append(p.redrives, redrive{q, in.RedrivePolicy.MaxReceiveCount})
	}
	return nil
}

// redrive is when a queue's messages become dead letters.
type redrive struct {
	of    *queue
	after int
}

// redrive sets where dead letters go, once all queues are there.
func (p *Platform) redrive(ctx context.Context) error {
	for _, r := range p.redrives {
		if p.queues[r.of.dead] == nil {
			return fmt.Errorf("queue %s: there is no queue %s of dead letters", r.of.name, r.of.dead)
		}
		b, err := json.Marshal(map[string]any{"deadLetterTargetArn": r.of.dead, "maxReceiveCount": r.after})
		if err != nil {
			return err
		}
		if _, err := p.cloud.SQS.SetQueueAttributes(ctx, &sqs.SetQueueAttributesInput{QueueUrl: &r.of.url,
			Attributes: map[string]string{"RedrivePolicy": string(b)}}); err != nil {
			return err
		}
	}
	return nil
}

func (p *Platform) group(t testing.TB, s *Stack, id string) error {
	var in struct {
		Name string
		Tags anything
	}
	if err := p.resolver.Into(s, id, &in); err != nil {
		return err
	}
	arn, err := p.resolver.ARN(s, id)
	if err != nil {
		return err
	}
	name := path.Base(arn)
	p.groups = append(p.groups, name)
	_, err = p.cloud.Schedule.CreateScheduleGroup(t.Context(), &scheduler.CreateScheduleGroupInput{Name: &name})
	return err
}
