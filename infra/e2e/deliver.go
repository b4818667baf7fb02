package e2e

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sqs"
	"github.com/aws/aws-sdk-go-v2/service/sqs/types"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/cloud/policy/policytest"
)

// from is the context of a request that a service of AWS makes for what a resource has asked it.
func (p *Platform) from(source string) map[string][]string {
	return map[string][]string{"aws:sourcearn": {source}, "aws:sourceaccount": {p.World.Account}, "aws:securetransport": {"true"}}
}

// invoke invokes a function for as long as who invokes it waits.
func (p *Platform) invoke(ctx context.Context, f *Function, wait time.Duration, event []byte) ([]byte, error) {
	ctx, stop := context.WithTimeout(context.WithoutCancel(ctx), wait)
	defer stop()
	return f.Invoke(ctx, event)
}

// mapping hands a queue's messages to a function.
type mapping struct {
	queue    *queue
	function *Function
	batch    int32
	partial  bool // the function says which messages have failed
	workers  int
	client   *sqs.Client // with the function's role, by which Lambda receives
	busy     atomic.Int64
	mu       sync.Mutex
	hidden   []string // receipt handles of messages that failed
}

func (p *Platform) mapping(_ testing.TB, s *Stack, id string) error {
	var in struct {
		EventSourceArn, FunctionName                        string
		BatchSize                                           int
		FunctionResponseTypes                               []string
		Enabled                                             *bool
		ScalingConfig                                       struct{ MaximumConcurrency int }
		MaximumBatchingWindowInSeconds, Tags, MetricsConfig anything
	}
	if err := p.resolver.Into(s, id, &in); err != nil {
		return err
	}
	arn := in.FunctionName
	if !strings.HasPrefix(arn, "arn:") {
		arn = p.World.arn("lambda", "function:"+arn)
	}
	m := &mapping{queue: p.queues[in.EventSourceArn], function: p.functions[arn], batch: 10, workers: 2,
		partial: slices.Contains(in.FunctionResponseTypes, "ReportBatchItemFailures")}
	if m.queue == nil || m.function == nil || in.Enabled != nil && !*in.Enabled {
		return fmt.Errorf("from %s to %s", in.EventSourceArn, in.FunctionName)
	}
	if in.BatchSize > 0 {
		m.batch = int32(min(in.BatchSize, 10))
	}
	if in.ScalingConfig.MaximumConcurrency > 0 {
		m.workers = min(m.workers, in.ScalingConfig.MaximumConcurrency)
	}
	m.client = sqs.NewFromConfig(p.as(m.function.Role))
	p.mappings = append(p.mappings, m)
	return nil
}

// poll receives until the platform stops: at once when something was sent, else twice a second.
func (p *Platform) poll(m *mapping) {
	for {
		for p.receive(m) {
			select {
			case <-p.stop:
				return
			default:
			}
		}
		select {
		case <-p.stop:
			return
		case <-m.queue.wake:
		case <-time.After(500 * time.Millisecond):
		}
	}
}

// receive hands on one batch; false where there was none.
func (p *Platform) receive(m *mapping) bool {
	m.busy.Add(1)
	defer m.busy.Add(-1)
	ctx := context.Background()
	got, err := m.client.ReceiveMessage(ctx, &sqs.ReceiveMessageInput{QueueUrl: &m.queue.url, MaxNumberOfMessages: m.batch,
		MessageSystemAttributeNames: []types.MessageSystemAttributeName{types.MessageSystemAttributeNameAll}, MessageAttributeNames: []string{"All"}})
	if err != nil {
		p.failures.add("receive from %s: %v", m.queue.name, err)
		return false
	}
	if len(got.Messages) == 0 {
		return false
	}
	event := events.SQSEvent{}
	for _, message := range got.Messages {
		r := events.SQSMessage{MessageId: *message.MessageId, ReceiptHandle: *message.ReceiptHandle, Body: *message.Body, Attributes: message.Attributes,
			EventSource: "aws:sqs", EventSourceARN: m.queue.arn, AWSRegion: p.World.Region, Md5OfBody: aws.ToString(message.MD5OfBody),
			MessageAttributes: map[string]events.SQSMessageAttribute{}}
		for name, a := range message.MessageAttributes {
			r.MessageAttributes[name] = events.SQSMessageAttribute{StringValue: a.StringValue, DataType: *a.DataType}
		}
		event.Records = append(event.Records, r)
	}
	failed := p.handle(ctx, m, event)
	for _, r := range event.Records {
		if slices.Contains(failed, r.MessageId) {
			m.mu.Lock()
			m.hidden = append(m.hidden, r.ReceiptHandle)
			m.mu.Unlock()
			continue
		}
		if _, err := m.client.DeleteMessage(ctx, &sqs.DeleteMessageInput{QueueUrl: &m.queue.url, ReceiptHandle: &r.ReceiptHandle}); err != nil {
			p.failures.add("delete from %s: %v", m.queue.name, err)
		}
	}
	return true
}

// handle invokes the function and gives the IDs of messages that failed.
func (p *Platform) handle(ctx context.Context, m *mapping, event events.SQSEvent) (failed []string) {
	all := func() (ids []string) {
		for _, r := range event.Records {
			ids = append(ids, r.MessageId)
		}
		return ids
	}
	body, err := json.Marshal(event)
	var out []byte
	if err == nil {
		out, err = m.function.Invoke(ctx, body)
	}
	var answer events.SQSEventResponse
	if err == nil && m.partial {
		err = json.Unmarshal(out, &answer)
	}
	if err != nil {
		p.failures.add("%s: %v", m.function.Name, err)
		return all()
	}
	for _, f := range answer.BatchItemFailures {
		if failed = append(failed, f.ItemIdentifier); f.ItemIdentifier == "" {
			return all()
		}
	}
	return failed
}

// seen is told of calls that went well: what they cause is sent on.
func (p *Platform) seen(r *http.Request, service, _ string, body []byte) {
	switch service {
	case "sqs":
		var of struct{ QueueUrl string }
		if strings.HasSuffix(r.Header.Get("X-Amz-Target"), ".SendMessage") && json.Unmarshal(body, &of) == nil {
			p.wake(p.World.arn("sqs", of.QueueUrl[strings.LastIndexByte(of.QueueUrl, '/')+1:]))
		}
	case "s3":
		name, key, _ := strings.Cut(strings.TrimPrefix(r.URL.Path, "/"), "/")
		query, event := r.URL.Query(), ""
		switch {
		case r.Method == http.MethodPut && key != "" && !query.Has("partNumber"):
			event = "ObjectCreated:Put"
		case r.Method == http.MethodPost && query.Has("uploadId"):
			event = "ObjectCreated:CompleteMultipartUpload"
		}
		for _, b := range p.buckets {
			if b.name == name && event != "" {
				p.created(b, key, event)
			}
		}
	}
}

func (p *Platform) wake(queue string) {
	if q := p.queues[queue]; q != nil {
		select {
		case q.wake <- struct{}{}:
		default:
		}
	}
}

// created tells the queues that a bucket is to tell of a new object.
func (p *Platform) created(b *bucket, key, event string) {
	for _, n := range b.tells {
		if !strings.HasPrefix(key, n.prefix) || !strings.HasSuffix(key, n.suffix) ||
			!slices.ContainsFunc(n.events, func(e string) bool { return e == "s3:"+event || e == "s3:ObjectCreated:*" }) {
			continue
		}
		is, err := p.cloud.S3.HeadObject(context.Background(), &s3.HeadObjectInput{Bucket: &b.name, Key: &key})
		if err != nil {
			p.failures.add("%s of %s: %v", key, b.name, err)
			continue
		}
		// as S3 writes it: the key is encoded as in a form, but for slashes
		body, err := json.Marshal(map[string]any{"Records": []any{map[string]any{"eventVersion": "2.1", "eventSource": "aws:s3", "awsRegion": p.World.Region,
			"eventTime": time.Now().UTC().Format(time.RFC3339Nano), "eventName": event, "s3": map[string]any{"s3SchemaVersion": "1.0",
				"bucket": map[string]any{"name": b.name, "arn": b.arn},
				"object": map[string]any{"key": strings.ReplaceAll(url.QueryEscape(key), "%2F", "/"), "size": is.ContentLength, "sequencer": strconv.FormatInt(time.Now().UnixNano(), 16)}}}}})
		if err == nil {
			err = p.send("s3.amazonaws.com", b.arn, n.queue, string(body))
		}
		if err != nil {
			p.failures.add("%s tells of %s: %v", b.name, key, err)
		}
	}
}

// send puts a message into a queue for a service or a role, if the policies let it; source is what the service does it for, or "".
func (p *Platform) send(principal, source, queue, body string) error {
	q, r := p.queues[queue], policytest.Request{Action: "sqs:SendMessage", Resource: queue, Principal: principal, Context: map[string][]string{"aws:securetransport": {"true"}}}
	if source != "" {
		r.Context = p.from(source)
	}
	if q == nil || !p.Account.AskEncrypted(r) {
		return fmt.Errorf("%s may not send to %s, or there is none", principal, queue)
	}
	_, err := p.cloud.SQS.SendMessage(context.Background(), &sqs.SendMessageInput{QueueUrl: &q.url, MessageBody: &body})
	p.wake(queue)
	return err
}

// Drain waits until no message can be received and none is being handled. Messages that wait, or that failed and are hidden, stay.
func (p *Platform) Drain(t testing.TB) {
	t.Helper()
	for end := time.Now().Add(time.Minute); !p.idle(t); time.Sleep(5 * time.Millisecond) {
		require.True(t, time.Now().Before(end), "the queues are never empty: %v", p.Failures())
	}
}

func (p *Platform) idle(t testing.TB) bool {
	for range 2 { // what is handled meanwhile may have sent
		for _, m := range p.mappings {
			is, err := p.cloud.SQS.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &m.queue.url,
				AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameApproximateNumberOfMessages}})
			require.NoError(t, err)
			if is.Attributes["ApproximateNumberOfMessages"] != "0" || m.busy.Load() > 0 {
				return false
			}
		}
	}
	return true
}

// Quiet waits until there is no message at all. Those that failed come again after a second and not when they would.
func (p *Platform) Quiet(t testing.TB) {
	t.Helper()
	for end := time.Now().Add(2 * time.Minute); ; time.Sleep(time.Second) {
		p.Drain(t)
		left := 0
		for _, m := range p.mappings {
			is, err := p.cloud.SQS.GetQueueAttributes(t.Context(), &sqs.GetQueueAttributesInput{QueueUrl: &m.queue.url,
				AttributeNames: []types.QueueAttributeName{types.QueueAttributeNameAll}})
			require.NoError(t, err)
			for _, name := range []string{"ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible", "ApproximateNumberOfMessagesDelayed"} {
				n, err := strconv.Atoi(is.Attributes[name])
				require.NoError(t, err, name)
				left += n
			}
			m.mu.Lock()
			again := m.hidden
			m.hidden = nil
			m.mu.Unlock()
			for _, receipt := range again {
				_, err := p.cloud.SQS.ChangeMessageVisibility(t.Context(), &sqs.ChangeMessageVisibilityInput{QueueUrl: &m.queue.url, ReceiptHandle: &receipt})
				require.NoError(t, err)
			}
			p.wake(m.queue.arn)
		}
		if left == 0 {
			return
		}
		require.True(t, time.Now().Before(end), "%d messages are left: %v", left, p.Failures())
	}
}

// Dead gives the bodies of all dead letters.
func (p *Platform) Dead(t testing.TB) (bodies []string) {
	for _, r := range p.redrives {
		got, err := p.cloud.SQS.ReceiveMessage(t.Context(), &sqs.ReceiveMessageInput{QueueUrl: &p.queues[r.of.dead].url, MaxNumberOfMessages: 10, VisibilityTimeout: 1})
		require.NoError(t, err)
		for _, m := range got.Messages {
			bodies = append(bodies, *m.Body)
		}
	}
	return bodies
}
