// Package functions_test runs the functions' real binaries against an emulator of the Lambda Runtime API, with DynamoDB
// Local and moto for AWS.
package functions_test

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/cloud/runtimeapi"
	"github.com/tenantry/tenantry/pkg/identity/localissuer"
)

// bare is what Lambda's configuration must have at the least.
var bare = []string{"AWS_REGION=us-east-1", "TENANTRY_STAGE=test"}

// binaries are built once, as `make build` builds them, for this machine.
var binaries struct {
	once sync.Once
	dir  string
	err  error
}

func TestMain(m *testing.M) {
	code := m.Run()
	_ = os.RemoveAll(binaries.dir)
	os.Exit(code)
}

func binary(t *testing.T, function string) string {
	b := &binaries
	b.once.Do(func() {
		if b.dir, b.err = os.MkdirTemp("", "functions"); b.err != nil {
			return
		}
		cmd := exec.Command("go", "build", "-tags", "lambda.norpc", "-trimpath", "-ldflags", "-s -w", "-o", b.dir+"/", "./api", "./admin", "./ingest", "./collect", "./jobs", "./reconcile")
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0")
		var out []byte
		if out, b.err = cmd.CombinedOutput(); b.err != nil {
			t.Log(string(out))
		}
	})
	require.NoError(t, b.err)
	return filepath.Join(b.dir, function)
}

// function is one that runs, and what it logs.
type function struct {
	*runtimeapi.Function
	log *log
}

type log = apptest.Log

func start(t *testing.T, name string, env ...string) *function {
	f := &function{log: &log{}}
	var err error
	f.Function, err = runtimeapi.Start(binary(t, name), env, f.log)
	require.NoError(t, err)
	t.Cleanup(func() {
		f.Stop()
		if t.Failed() {
			t.Logf("%s logged:\n%s", name, f.log)
		}
	})
	return f
}

func (f *function) invoke(t *testing.T, event, answer any) {
	body, err := json.Marshal(event)
	require.NoError(t, err)
	ctx, stop := context.WithTimeout(t.Context(), 30*time.Second)
	defer stop()
	out, err := f.Invoke(ctx, body)
	require.NoError(t, err)
	require.NoError(t, json.Unmarshal(out, answer))
}

// http sends a request; what is not a success must be a problem.
func (f *function) http(t *testing.T, e events.APIGatewayV2HTTPRequest) (answer events.APIGatewayV2HTTPResponse) {
	f.invoke(t, e, &answer)
	require.Equal(t, e.RequestContext.RequestID, answer.Headers["X-Request-Id"])
	require.False(t, answer.IsBase64Encoded)
	if answer.StatusCode >= 400 {
		require.Equal(t, "application/problem+json", answer.Headers["Content-Type"])
		require.Contains(t, answer.Body, `"detail":"`)
	}
	return answer
}

// failures sends messages and gives the numbers of those that are to come again.
func (f *function) failures(t *testing.T, e events.SQSEvent) (again []int) {
	var answer events.SQSEventResponse
	f.invoke(t, e, &answer)
	require.NotNil(t, answer.BatchItemFailures, "SQS takes null for a failure of all")
	for _, failed := range answer.BatchItemFailures {
		for i, m := range e.Records {
			if m.MessageId == failed.ItemIdentifier {
				again = append(again, i)
			}
		}
	}
	require.Len(t, again, len(answer.BatchItemFailures))
	return again
}

func sample(t *testing.T, name string, into any) {
	b, err := os.ReadFile(filepath.Join("..", "events", name+".json"))
	require.NoError(t, err)
	d := json.NewDecoder(bytes.NewReader(b))
	require.NoError(t, d.Decode(into))
}

func request(t *testing.T, name string) (e events.APIGatewayV2HTTPRequest) {
	sample(t, name, &e)
	return e
}

func messages(t *testing.T, name string) (e events.SQSEvent) {
	sample(t, name, &e)
	return e
}

func TestAFunctionWithRegionAndStageAlone(t *testing.T) {
	t.Run("answers that it is well, without a call to AWS", func(t *testing.T) {
		answer := start(t, "api", bare...).http(t, request(t, "api-health"))
		require.Equal(t, 200, answer.StatusCode)
		require.JSONEq(t, `{"status":"ok"}`, answer.Body)
	})
	t.Run("asks for a token", func(t *testing.T) {
		require.Equal(t, 401, start(t, "api", bare...).http(t, request(t, "api-costs")).StatusCode)
		require.Equal(t, 401, start(t, "admin", bare...).http(t, request(t, "admin-create-tenant")).StatusCode)
	})
	t.Run("says that sign-in is not set up", func(t *testing.T) {
		e := request(t, "api-costs")
		e.Headers["authorization"] = "Bearer a.b.c"
		f := start(t, "api", bare...)
		require.Equal(t, 503, f.http(t, e).StatusCode)
		require.NotContains(t, f.log.String(), "a.b.c")
	})
	t.Run("is done with messages that need nothing", func(t *testing.T) {
		require.Empty(t, start(t, "ingest", bare...).failures(t, messages(t, "ingest-test-event")))
	})
}

func TestAFunctionWithoutAccessToAWS(t *testing.T) {
	i := issuer(t)
	env := append(slices.Clone(bare), "AWS_ACCESS_KEY_ID=", "TENANTRY_ISSUER="+i.URL, "TENANTRY_CLIENT_IDS="+localissuer.ClientID)
	t.Run("is well, since nothing is asked for what is not needed", func(t *testing.T) {
		require.Equal(t, 200, start(t, "api", env...).http(t, request(t, "api-health")).StatusCode)
	})
	t.Run("fails what needs it", func(t *testing.T) {
		token, err := i.Token("alice", "")
		require.NoError(t, err)
		status, _ := (&caller{token: token}).do(t, start(t, "admin", env...), "GET", "/v1/tenants", nil)
		require.Equal(t, 503, status)
	})
	t.Run("gives messages back", func(t *testing.T) {
		require.Equal(t, []int{0}, start(t, "ingest", env...).failures(t, messages(t, "ingest-closed")))
	})
}

func TestAFunctionThatCannotStartSaysWhy(t *testing.T) {
	for _, name := range []string{"api", "admin", "ingest", "collect", "jobs", "reconcile"} {
		f := start(t, name, "TENANTRY_STAGE=No Stage", "TENANTRY_ISSUER=http://example.com")
		_, err := f.Invoke(t.Context(), []byte(`{}`))
		require.ErrorContains(t, err, "exit status 1")
		for _, variable := range []string{"AWS_REGION", "TENANTRY_STAGE", "TENANTRY_ISSUER", "TENANTRY_CLIENT_IDS"} {
			require.Contains(t, f.log.String(), variable)
		}
	}
}

func TestAnEventOfAnotherSortIsAnError(t *testing.T) {
	f := start(t, "ingest", bare...)
	_, err := f.Invoke(t.Context(), []byte(`{"Records":"none"}`))
	var reported *runtimeapi.Error
	require.ErrorAs(t, err, &reported)
	require.Contains(t, reported.Message, "Records")
	require.Empty(t, f.failures(t, messages(t, "ingest-test-event")), "it goes on")
}

// samples are all events that the functions get: the status of those over HTTP without a token, the numbers of the messages that
// come again, an error, or fields of the answer; all others than those over HTTP are of a tenant that there is not.
var samples = map[string]any{
	"api-health":                 200,
	"api-costs":                  401,
	"api-import":                 401,
	"admin-create-tenant":        401,
	"admin-create-tenant-base64": 401,
	"ingest-uploaded":            []int(nil),
	"ingest-test-event":          []int(nil),
	"ingest-closed":              []int(nil),
	"ingest-rebuild":             []int(nil),
	"ingest-batch":               []int{1},
	"collect-costs":              []int(nil),
	"collect-started":            []int(nil),
	"collect-batch":              []int{1},
	"jobs-wake":                  []int(nil),
	"jobs-due":                   []int(nil),
	"jobs-erasure":               []int(nil),
	"jobs-export":                []int(nil),
	"admin-set-plan":             "no organization of this tenantId",
	"reconcile-scheduled":        map[string]any{"done": true, "tenants": 0.0, "failed": 0.0, "checked": 0.0},
	"reconcile-tenant":           map[string]any{"checked": 0.0, "created": 0.0, "updated": 0.0, "removed": 0.0},
}

func TestEverySampleIsAnswered(t *testing.T) {
	files, err := filepath.Glob("../events/*.json")
	require.NoError(t, err)
	require.Len(t, files, len(samples))
	e := emulated(t)
	running := map[string]*function{}
	for _, file := range files {
		name := strings.TrimSuffix(filepath.Base(file), ".json")
		of, _, _ := strings.Cut(name, "-")
		if running[of] == nil {
			running[of] = start(t, of, e.env(of)...)
		}
		t.Run(name, func(t *testing.T) {
			if want, ok := samples[name].(string); ok {
				var event json.RawMessage
				sample(t, name, &event)
				_, err := running[of].Invoke(t.Context(), event)
				require.ErrorContains(t, err, want)
				return
			}
			if want, ok := samples[name].(map[string]any); ok {
				var event json.RawMessage
				sample(t, name, &event)
				var answer map[string]any
				running[of].invoke(t, event, &answer)
				for field := range want {
					require.Equal(t, want[field], answer[field], field)
				}
				return
			}
			if want, ok := samples[name].(int); ok {
				require.Equal(t, want, running[of].http(t, request(t, name)).StatusCode)
				return
			}
			require.Contains(t, samples, name)
			require.Equal(t, samples[name], running[of].failures(t, messages(t, name)))
		})
	}
}
