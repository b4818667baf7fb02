package cloud

import (
	"context"
	"log/slog"
	"strconv"
	"time"

	"github.com/aws/aws-lambda-go/events"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"

	"github.com/tenantry/tenantry/pkg/observe"
	"github.com/tenantry/tenantry/pkg/queue"
	"github.com/tenantry/tenantry/pkg/queue/sqs"
)

const (
	reserve       = 10 * time.Second // of the invocation's time; messages not begun before go back
	firstBackoff  = 30 * time.Second // of a message that failed, doubled with each receipt
	maxVisibility = 12 * time.Hour   // SQS's own bound
)

// Consumer is a worker's handler of SQS events. It answers which messages must come again (ReportBatchItemFailures); SQS
// moves those that come too often to the dead letters.
type Consumer struct {
	Work queue.Worker
	// Hide keeps a message, by its receipt handle, from coming before the time is over; nil where that is not possible.
	Hide func(ctx context.Context, receipt string, visibility time.Duration) error
	// Resend sends a copy of a message that waits, in its place, so that waiting does not count as failing and brings it to the dead
	// letters; nil where it is hidden instead.
	Resend func(ctx context.Context, body string, wait time.Duration) error
	Log    *slog.Logger
}

// Batch handles the messages of one event, one after the other.
func (c *Consumer) Batch(ctx context.Context, e events.SQSEvent) (out events.SQSEventResponse, err error) {
	out.BatchItemFailures = []events.SQSBatchItemFailure{}
	for _, m := range e.Records {
		if !c.one(ctx, m) {
			out.BatchItemFailures = append(out.BatchItemFailures, events.SQSBatchItemFailure{ItemIdentifier: m.MessageId})
		}
	}
	return out, nil
}

// one tells whether the message is done with.
func (c *Consumer) one(ctx context.Context, m events.SQSMessage) bool {
	log := c.Log.With("requestId", invocationID(ctx), "message", m.MessageId)
	ctx = observe.Follow(ctx, m.Attributes[sqs.TraceHeader], lambdaTrace(ctx))
	deadline, ok := ctx.Deadline()
	if ctx.Err() != nil || ok && time.Until(deadline) < reserve {
		log.WarnContext(ctx, "message goes back: no time is left")
		return false
	}
	verdict, wait := c.Work(ctx, log, []byte(m.Body))
	wait = (wait + time.Second - 1).Truncate(time.Second) // SQS counts whole ones, and what comes too early would wait again
	switch verdict {
	case queue.Done:
		return true
	case queue.Again:
		wait = backoff(m)
	case queue.Later:
		if c.Resend == nil {
			break
		}
		err := c.Resend(ctx, m.Body, wait)
		if err == nil {
			return true
		}
		log.WarnContext(ctx, "message cannot be sent again and is hidden", "error", err)
	}
	if c.Hide != nil {
		if err := c.Hide(ctx, m.ReceiptHandle, min(wait, maxVisibility)); err != nil {
			log.WarnContext(ctx, "message comes again when its visibility ends", "error", err)
		}
	}
	return false
}

// backoff of a message that failed, by how often it has come.
func backoff(m events.SQSMessage) time.Duration {
	n, err := strconv.Atoi(m.Attributes["ApproximateReceiveCount"])
	if err != nil || n < 1 {
		n = 1
	}
	return firstBackoff << min(n-1, 5)
}

// longestDelay is SQS's own bound.
const longestDelay = 15 * time.Minute

// resend sends a message that is to come after a wait, or after as much of it as SQS takes.
func (c clients) resend(queueURL string) func(context.Context, string, time.Duration) error {
	if queueURL == "" {
		return nil
	}
	return func(ctx context.Context, body string, wait time.Duration) error {
		client, err := c.sqs()
		if err != nil {
			return err
		}
		_, err = client.SendMessage(ctx, &awssqs.SendMessageInput{
			QueueUrl: &queueURL, MessageBody: &body, DelaySeconds: int32(min(wait, longestDelay) / time.Second),
			MessageSystemAttributes: sqs.Attributes(ctx),
		})
		return err
	}
}

// hide changes a message's visibility in the queue.
func (c clients) hide(queueURL string) func(context.Context, string, time.Duration) error {
	if queueURL == "" {
		return nil
	}
	return func(ctx context.Context, receipt string, visibility time.Duration) error {
		client, err := c.sqs()
		if err != nil {
			return err
		}
		_, err = client.ChangeMessageVisibility(ctx, &awssqs.ChangeMessageVisibilityInput{
			QueueUrl: &queueURL, ReceiptHandle: &receipt, VisibilityTimeout: int32(visibility / time.Second),
		})
		return err
	}
}
