// Package sqs sends the workers' messages through SQS.
package sqs

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/observe"
)

// Queue is one SQS queue. It is safe for concurrent use.
type Queue struct {
	client *sqs.Client
	url    string
}

// New makes a Queue; it calls nothing.
func New(client *sqs.Client, url string) *Queue { return &Queue{client, url} }

// TraceHeader is the attribute of SQS's own that carries a message's trace. It counts towards neither the message's size nor its
// attributes.
const TraceHeader = string(types.MessageSystemAttributeNameForSendsAWSTraceHeader)

// Attributes are SQS's own of a message that is sent in ctx.
func Attributes(ctx context.Context) map[string]types.MessageSystemAttributeValue {
	trace := observe.TraceIn(ctx).XRay()
	if trace == "" {
		return nil
	}
	return map[string]types.MessageSystemAttributeValue{TraceHeader: {DataType: aws.String("String"), StringValue: &trace}}
}

// SendBody sends a message by its body, with the trace of ctx.
func (q *Queue) SendBody(ctx context.Context, body []byte) error {
	if _, err := q.client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &q.url, MessageBody: aws.String(string(body)),
		MessageSystemAttributes: Attributes(ctx)}); err != nil {
		return fault.Wrap(err, fault.Unavailable, "the work cannot be queued now: try again later")
	}
	return nil
}
