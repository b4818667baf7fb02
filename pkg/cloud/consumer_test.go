package cloud_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/cloud"
	"github.com/tenantry/tenantry/pkg/cloud/customer"
	"github.com/tenantry/tenantry/pkg/cloud/mototest"
	"github.com/tenantry/tenantry/pkg/delivery"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/queue"
)

// batch is an event of messages about deliveries numbered from 0, each received so many times.
func batch(received ...string) (e events.SQSEvent) {
	for i, n := range received {
		e.Records = append(e.Records, events.SQSMessage{
			MessageId: fmt.Sprint("m", i), ReceiptHandle: fmt.Sprint("r", i), Attributes: map[string]string{"ApproximateReceiveCount": n},
			Body: fmt.Sprintf(`{"kind":"closed","tenant":"t","delivery":"%d"}`, i),
		})
	}
	return e
}

func TestBatch(t *testing.T) {
	busy := func(wait time.Duration) error { return &queue.Busy{Wait: wait} }
	passing := fault.New(fault.Unavailable, "x")
	tests := map[string]struct {
		outcomes []error
		received []string
		again    []string
		hidden   map[string]time.Duration
	}{
		"that is done is done":                       {[]error{nil, nil}, []string{"1", "1"}, nil, nil},
		"that is hopeless is done":                   {[]error{fault.New(fault.NotFound, "x")}, []string{"1"}, nil, nil},
		"fails by its messages":                      {[]error{nil, passing, nil}, []string{"1", "1", "1"}, []string{"m1"}, map[string]time.Duration{"r1": 30 * time.Second}},
		"waits longer each time":                     {[]error{passing, passing}, []string{"3", "50"}, []string{"m0", "m1"}, map[string]time.Duration{"r0": 2 * time.Minute, "r1": 16 * time.Minute}},
		"waits where the count is missing":           {[]error{passing}, []string{""}, []string{"m0"}, map[string]time.Duration{"r0": 30 * time.Second}},
		"waits for another worker":                   {[]error{busy(50 * time.Second)}, []string{"9"}, []string{"m0"}, map[string]time.Duration{"r0": 50 * time.Second}},
		"waits whole seconds, and never too few":     {[]error{busy(1001 * time.Millisecond)}, []string{"1"}, []string{"m0"}, map[string]time.Duration{"r0": 2 * time.Second}},
		"waits no longer than SQS lets it":           {[]error{busy(100 * time.Hour)}, []string{"1"}, []string{"m0"}, map[string]time.Duration{"r0": 12 * time.Hour}},
		"fails by the messages whose handler panics": {[]error{errors.New("panic"), nil}, []string{"1", "1"}, []string{"m0"}, map[string]time.Duration{"r0": 30 * time.Second}},
	}
	for name, test := range tests {
		t.Run(name, func(t *testing.T) {
			var hidden map[string]time.Duration
			i := &cloud.Consumer{Log: slog.New(slog.DiscardHandler),
				Work: queue.Of("ingest", delivery.ParseMessages, func(_ context.Context, m delivery.Message) error {
					var n int
					_, err := fmt.Sscan(string(m.Delivery), &n)
					require.NoError(t, err)
					if err := test.outcomes[n]; err != nil && err.Error() == "panic" {
						panic(err)
					}
					return test.outcomes[n]
				}),
				Hide: func(_ context.Context, receipt string, visibility time.Duration) error {
					if hidden == nil {
						hidden = map[string]time.Duration{}
					}
					hidden[receipt] = visibility
					return errors.New("what cannot be hidden comes when its visibility ends")
				},
			}
			out, err := i.Batch(t.Context(), batch(test.received...))
			require.NoError(t, err)
			var again []string
			for _, f := range out.BatchItemFailures {
				again = append(again, f.ItemIdentifier)
			}
			require.Equal(t, test.again, again)
			require.Equal(t, test.hidden, hidden)
		})
	}
}

func TestAMessageThatWaitsIsSentAgainInItsPlace(t *testing.T) {
	for name, fails := range map[string]error{"and done with": nil, "and hidden where that fails": errors.New("no")} {
		t.Run(name, func(t *testing.T) {
			sent, hidden := map[string]time.Duration{}, 0
			i := &cloud.Consumer{Log: slog.New(slog.DiscardHandler),
				Work: queue.Of("ingest", delivery.ParseMessages, func(_ context.Context, m delivery.Message) error {
					if m.Delivery == "1" {
						return &queue.Busy{Wait: time.Minute}
					}
					return nil
				}),
				Hide: func(context.Context, string, time.Duration) error { hidden++; return nil },
				Resend: func(_ context.Context, body string, wait time.Duration) error {
					sent[body] = wait
					return fails
				},
			}
			e := batch("1", "1")
			out, err := i.Batch(t.Context(), e)
			require.NoError(t, err)
			require.Equal(t, map[string]time.Duration{e.Records[1].Body: time.Minute}, sent)
			require.Equal(t, fails != nil, len(out.BatchItemFailures) == 1)
			require.Equal(t, len(out.BatchItemFailures), hidden)
		})
	}
}

func TestResend(t *testing.T) {
	url := mototest.Start(t)
	t.Setenv("AWS_ENDPOINT_URL", url)
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDTEST")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	client := sqs.NewFromConfig(mototest.Config(url))
	made, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String(rand.Text())})
	require.NoError(t, err)
	log := slog.New(slog.DiscardHandler)
	c := cloud.NewCollect(cloud.ReadConfig(with("AWS_REGION", mototest.Region, "TENANTRY_RUNS_QUEUE_URL", *made.QueueUrl)), log, customer.Collectors)
	receive := func() int {
		out, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: made.QueueUrl})
		require.NoError(t, err)
		return len(out.Messages)
	}
	require.NoError(t, c.Resend(t.Context(), "x", 900*time.Millisecond))
	require.Equal(t, 1, receive())
	require.NoError(t, c.Resend(t.Context(), "x", 100*time.Hour), "which is more than SQS takes")
	require.Zero(t, receive())
	require.Nil(t, cloud.NewCollect(cloud.ReadConfig(with()), log, customer.Collectors).Resend)
}

func TestBatchThatRunsOutOfTimeGivesTheRestBack(t *testing.T) {
	ctx, stop := context.WithTimeout(t.Context(), 10*time.Second+50*time.Millisecond)
	defer stop()
	var log bytes.Buffer
	handled := 0
	i := &cloud.Consumer{Log: slog.New(slog.NewTextHandler(&log, nil)), Work: queue.Of("ingest", delivery.ParseMessages, func(context.Context, delivery.Message) error {
		handled++
		time.Sleep(100 * time.Millisecond)
		return nil
	})}
	out, err := i.Batch(ctx, batch("1", "1", "1"))
	require.NoError(t, err)
	require.Equal(t, 1, handled)
	require.Equal(t, []events.SQSBatchItemFailure{{ItemIdentifier: "m1"}, {ItemIdentifier: "m2"}}, out.BatchItemFailures)
	require.Contains(t, log.String(), "no time is left")
}

func TestHide(t *testing.T) {
	url := mototest.Start(t)
	t.Setenv("AWS_ENDPOINT_URL", url)
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDTEST")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	client := sqs.NewFromConfig(mototest.Config(url))
	made, err := client.CreateQueue(t.Context(), &sqs.CreateQueueInput{QueueName: aws.String(rand.Text())})
	require.NoError(t, err)
	receive := func(visibility int32) []string {
		out, err := client.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: made.QueueUrl, VisibilityTimeout: visibility})
		require.NoError(t, err)
		var receipts []string
		for _, m := range out.Messages {
			receipts = append(receipts, *m.ReceiptHandle)
		}
		return receipts
	}
	log := slog.New(slog.DiscardHandler)

	t.Run("keeps a message from coming", func(t *testing.T) {
		_, err := client.SendMessage(t.Context(), &sqs.SendMessageInput{QueueUrl: made.QueueUrl, MessageBody: aws.String("x")})
		require.NoError(t, err)
		i := cloud.NewIngest(cloud.ReadConfig(with("AWS_REGION", mototest.Region, "TENANTRY_QUEUE_URL", *made.QueueUrl)), log)
		receipts := receive(1)
		require.Len(t, receipts, 1)
		require.NoError(t, i.Hide(t.Context(), receipts[0], time.Hour))
		time.Sleep(1100 * time.Millisecond)
		require.Empty(t, receive(1))
	})
	t.Run("is not possible where the queue is not named", func(t *testing.T) {
		require.Nil(t, cloud.NewIngest(cloud.ReadConfig(with()), log).Hide)
	})
}
