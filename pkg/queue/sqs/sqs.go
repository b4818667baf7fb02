// Package sqs sends the ingest worker's messages through SQS.
package sqs

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/tenantry/tenantry/pkg/delivery"
	"github.com/tenantry/tenantry/pkg/fault"
)

// Queue is a delivery.Queue on one SQS queue. It is safe for concurrent use.
type Queue struct {
	client *sqs.Client
	url    string
}

var _ delivery.Queue = (*Queue)(nil)

// New makes a Queue; it calls nothing.
func New(client *sqs.Client, url string) *Queue { return &Queue{client, url} }

// Send sends the message as its JSON.
func (q *Queue) Send(ctx context.Context, m delivery.Message) error {
	body, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode a message: %w", err)
	}
	if _, err := q.client.SendMessage(ctx, &sqs.SendMessageInput{QueueUrl: &q.url, MessageBody: aws.String(string(body))}); err != nil {
		return fault.Wrap(err, fault.Unavailable, "the work cannot be queued now: try again later")
	}
	return nil
}
