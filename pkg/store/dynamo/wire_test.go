package dynamo_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/dynamo"
	"github.com/tenantry/tenantry/pkg/store/dynamo/dynamolocal"
	"github.com/tenantry/tenantry/pkg/store/storetest"
)

// wire is the way to DynamoDB Local. It answers calls by script: the first of an operation by its first answer and so on,
// then as the server does.
type wire struct {
	mu     sync.Mutex
	script map[string][]answer
	always bool // the last answer stays
	calls  map[string]int
}

// answer stands in for the server; forward asks it.
type answer func(r *http.Request, forward func() (*http.Response, error)) (*http.Response, error)

func (w *wire) RoundTrip(r *http.Request) (*http.Response, error) {
	_, operation, _ := strings.Cut(r.Header.Get("X-Amz-Target"), ".")
	w.mu.Lock()
	w.calls[operation]++
	var first answer
	if answers := w.script[operation]; len(answers) > 0 {
		first = answers[0]
		if len(answers) > 1 || !w.always {
			w.script[operation] = answers[1:]
		}
	}
	w.mu.Unlock()
	forward := func() (*http.Response, error) { return http.DefaultTransport.RoundTrip(r) }
	if first == nil {
		return forward()
	}
	return first(r, forward)
}

// wired gives an engine whose calls go over a wire, another on the same tables that goes straight, and the wire.
func wired(t *testing.T, script map[string][]answer) (*dynamo.Engine, *dynamo.Engine, *wire) {
	t.Helper()
	straight := dynamolocal.Start(t)
	w := &wire{script: script, calls: map[string]int{}}
	o := straight.Options()
	o.HTTPClient = &http.Client{Transport: w}
	o.Retryer = retry.NewStandard(func(o *retry.StandardOptions) {
		o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return time.Millisecond, nil })
	})
	options := dynamo.Options{Names: tables(t), Clock: storetest.NewClock().Now}
	return dynamo.New(dynamodb.New(o), options), dynamo.New(straight, options), w
}

// tables are made once: the tests keep to partitions of their own.
var tables = func() func(t *testing.T) map[store.Table]string {
	var once sync.Once
	var names map[store.Table]string
	return func(t *testing.T) map[store.Table]string {
		once.Do(func() { names = dynamolocal.Tables(t, dynamolocal.Start(t)) })
		return names
	}
}()

func says(status int, code, message string, reasons ...string) *http.Response {
	var list []map[string]string
	for _, reason := range reasons {
		list = append(list, map[string]string{"Code": reason})
	}
	body, _ := json.Marshal(map[string]any{"__type": "com.amazonaws.dynamodb.v20120810#" + code, "message": message,
		"CancellationReasons": list})
	return &http.Response{StatusCode: status, Header: http.Header{"Content-Type": {"application/x-amz-json-1.0"}},
		Body: io.NopCloser(bytes.NewReader(body))}
}

// refuse answers without asking the server.
func refuse(status int, code, message string) answer {
	return func(*http.Request, func() (*http.Response, error)) (*http.Response, error) {
		return says(status, code, message), nil
	}
}

// cancel answers that a transaction was cancelled, with a reason for each operation.
func cancel(reasons ...string) answer {
	return func(*http.Request, func() (*http.Response, error)) (*http.Response, error) {
		return says(400, "TransactionCanceledException", "", reasons...), nil
	}
}

var (
	throttle = refuse(400, "ProvisionedThroughputExceededException", "slow down")
	fail     = refuse(500, "InternalServerError", "no")
)

// lose asks the server and answers that it failed.
func lose(_ *http.Request, forward func() (*http.Response, error)) (*http.Response, error) {
	response, err := forward()
	if err != nil {
		return nil, err
	}
	defer response.Body.Close()
	return says(500, "InternalServerError", "lost"), nil
}

// cut asks the server and breaks the connection.
func cut(r *http.Request, forward func() (*http.Response, error)) (*http.Response, error) {
	if _, err := lose(r, forward); err != nil {
		return nil, err
	}
	return nil, errors.New("connection reset by peer")
}

// leave passes on the first n keys or items of each table of a batch, and names the others as the operation does.
func leave(n int, unprocessed string) answer {
	return func(r *http.Request, _ func() (*http.Response, error)) (*http.Response, error) {
		var request map[string]any
		if err := json.NewDecoder(r.Body).Decode(&request); err != nil {
			return nil, err
		}
		left, some := map[string]any{}, map[string]any{}
		for table, part := range request["RequestItems"].(map[string]any) {
			switch part := part.(type) {
			case []any:
				some[table], left[table] = part[:min(n, len(part))], part[min(n, len(part)):]
			case map[string]any:
				keys := part["Keys"].([]any)
				some[table] = map[string]any{"Keys": keys[:min(n, len(keys))], "ConsistentRead": part["ConsistentRead"]}
				left[table] = map[string]any{"Keys": keys[min(n, len(keys)):], "ConsistentRead": part["ConsistentRead"]}
			}
		}
		answer := map[string]any{}
		if request["RequestItems"] = some; n > 0 {
			if err := ask(r, request, &answer); err != nil {
				return nil, err
			}
		}
		answer[unprocessed] = left
		body, err := json.Marshal(answer)
		return &http.Response{StatusCode: 200, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(body))}, err
	}
}

// ask sends another body with the request's headers; DynamoDB Local does not verify signatures.
func ask(r *http.Request, request, answer any) error {
	body, err := json.Marshal(request)
	if err != nil {
		return err
	}
	r = r.Clone(r.Context())
	r.Body, r.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	response, err := http.DefaultTransport.RoundTrip(r)
	if err != nil {
		return err
	}
	defer response.Body.Close()
	return json.NewDecoder(response.Body).Decode(answer)
}

type note struct {
	N    int64  `json:"n"`
	Body []byte `json:"body,omitempty"`
}

func at(t *testing.T, sk string) store.Address {
	return store.Address{Table: store.CoreTable, PK: t.Name(), SK: sk}
}

// read gives an item and its version, 0 where there is none.
func read(t *testing.T, e store.Engine, a store.Address) (n note, version int64) {
	records, err := e.Get(t.Context(), []store.Address{a}, store.Strongly)
	require.NoError(t, err)
	if records[0] == nil {
		return n, 0
	}
	require.NoError(t, records[0].Value.Decode(&n))
	return n, records[0].Version
}

// refused gives an engine on an address where nothing listens.
func refused(t *testing.T) *dynamo.Engine {
	o := dynamolocal.Start(t).Options()
	o.BaseEndpoint = aws.String("http://127.0.0.1:1")
	o.RetryMaxAttempts = 1
	return dynamo.New(dynamodb.New(o), dynamo.Options{Names: tables(t)})
}
