package sqs_test

import (
	"context"
	"crypto/rand"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	awssqs "github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/cloud/mototest"
	"github.com/tenantry/tenantry/pkg/delivery"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/queue"
	"github.com/tenantry/tenantry/pkg/queue/sqs"
)

func TestSend(t *testing.T) {
	ctx := context.Background()
	client := awssqs.NewFromConfig(mototest.Config(mototest.Start(t)))
	made, err := client.CreateQueue(ctx, &awssqs.CreateQueueInput{QueueName: aws.String(rand.Text())})
	require.NoError(t, err)

	t.Run("puts the message's JSON into the queue", func(t *testing.T) {
		sent := delivery.Message{
			Kind: delivery.Closed, Tenant: "ten_01JQ0000000000000000000000", Delivery: "imp_01JQ0000000000000000000000",
		}
		require.NoError(t, queue.Sender[delivery.Message]{Queue: sqs.New(client, *made.QueueUrl)}.Send(ctx, sent))
		out, err := client.ReceiveMessage(ctx, &awssqs.ReceiveMessageInput{QueueUrl: made.QueueUrl})
		require.NoError(t, err)
		require.Len(t, out.Messages, 1)
		got, err := delivery.ParseMessages([]byte(*out.Messages[0].Body))
		require.NoError(t, err)
		require.Equal(t, []delivery.Message{sent}, got)
	})
	t.Run("to no queue is unavailable", func(t *testing.T) {
		err := sqs.New(client, *made.QueueUrl+"-none").SendBody(ctx, []byte("x"))
		require.True(t, fault.Is(err, fault.Unavailable))
	})
}
