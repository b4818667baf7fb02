// Package sqs sends the workers' messages through SQS.
package sqs

import (
	"context"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/tenantry/tenantry/pkg/fault"
)

// Queue is one SQS queue. It is safe for concurrent use.
type Queue struct {
	client *sqs.Client
	url    string
}

// New makes a Queue; it calls nothing.
func New(client *sqs.Client, url string) *Queue { return &Queue{client, url} }

// SendBody sends a message by its body.
func (q *Queue) SendBody(ctx context.Context, body []byte) error {
	if _, err := q.client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &q.url, MessageBody: aws.String(string(body))}); err != nil {
		return fault.Wrap(err, fault.Unavailable, "the work cannot be queued now: try again later")
	}
	return nil
}
