package cloud_test

import (
	"context"
	"encoding/base64"
	"io"
	"log/slog"
	"net/http"
	"testing"

	"github.com/aws/aws-lambda-go/events"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/cloud"
	"github.com/tenantry/tenantry/pkg/route"
)

// event is a request as API Gateway describes it.
func event(method, path string) (e events.APIGatewayV2HTTPRequest) {
	e.RawPath = path
	e.RequestContext.HTTP.Method = method
	e.RequestContext.DomainName = "example.com"
	e.RequestContext.RequestID = "request-1"
	return e
}

func TestGateway(t *testing.T) {
	// seen is the request that the handler gets.
	seen := func(t *testing.T, e events.APIGatewayV2HTTPRequest) (r *http.Request, body string) {
		_, err := cloud.Gateway(http.HandlerFunc(func(w http.ResponseWriter, got *http.Request) {
			b, err := io.ReadAll(got.Body)
			require.NoError(t, err)
			r, body = got, string(b)
			w.WriteHeader(http.StatusNoContent)
		}))(t.Context(), e)
		require.NoError(t, err)
		require.NotNil(t, r)
		return r, body
	}
	t.Run("hands on the body as it was sent", func(t *testing.T) {
		e := event("POST", "/v1/tenants")
		e.Body = `{"name":"ÄBC"}`
		_, body := seen(t, e)
		require.Equal(t, e.Body, body)
		e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString([]byte(e.Body)), true
		_, again := seen(t, e)
		require.Equal(t, body, again)
	})
	t.Run("hands on headers whole", func(t *testing.T) {
		e := event("GET", "/")
		e.Headers = map[string]string{"idempotency-key": "a,b", "if-match": `"1","2"`, "authorization": "Bearer x", "accept": "text/csv"}
		r, _ := seen(t, e)
		require.Equal(t, "a,b", r.Header.Get("Idempotency-Key"))
		require.Equal(t, []string{`"1","2"`}, r.Header.Values("If-Match"))
		require.Equal(t, "Bearer x", r.Header.Get("Authorization"))
		require.Equal(t, "text/csv", r.Header.Get("Accept"))
	})
	t.Run("hands on the query as it was written", func(t *testing.T) {
		e := event("GET", "/v1/x")
		e.RawQueryString = "filter=a%3Ab%2Cc&filter=%21d"
		r, _ := seen(t, e)
		require.Equal(t, []string{"a:b,c", "!d"}, r.URL.Query()["filter"])
	})
	t.Run("refuses what it cannot read", func(t *testing.T) {
		base64 := event("POST", "/")
		base64.Body, base64.IsBase64Encoded = "%", true
		for name, e := range map[string]events.APIGatewayV2HTTPRequest{
			"base64": base64, "path": event("GET", "/%zz"), "control": event("GET", "/\x00"), "method": event("G T", "/"),
		} {
			answer, err := cloud.Gateway(http.NotFoundHandler())(t.Context(), e)
			require.NoError(t, err, name)
			require.Equal(t, 400, answer.StatusCode, name)
			require.Equal(t, "application/problem+json", answer.Headers["Content-Type"], name)
		}
	})
	t.Run("gives back bytes that are no text in base64", func(t *testing.T) {
		answer, err := cloud.Gateway(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			_, _ = w.Write([]byte{0xff, 0})
		}))(t.Context(), event("GET", "/"))
		require.NoError(t, err)
		require.True(t, answer.IsBase64Encoded)
		require.Equal(t, "/wA=", answer.Body)
	})
}

func TestGatewayOutlivesAnAnswerThatBreaksOff(t *testing.T) {
	answer, err := cloud.Gateway(http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("X-Request-Id", "request-1")
		w.Header().Set("Content-Type", "text/csv")
		_, _ = io.WriteString(w, "half of it")
		panic(http.ErrAbortHandler)
	}))(t.Context(), event("GET", "/"))
	require.NoError(t, err)
	require.Equal(t, 503, answer.StatusCode)
	require.Equal(t, "request-1", answer.Headers["X-Request-Id"])
	require.Equal(t, "application/problem+json", answer.Headers["Content-Type"])
	require.NotContains(t, answer.Body, "half of it")
	require.Contains(t, answer.Body, "Ask again")
}

// TestHandler asks handlers on an AWS that is not there.
func TestHandler(t *testing.T) {
	t.Setenv("AWS_ACCESS_KEY_ID", "AKIDTEST")
	t.Setenv("AWS_SECRET_ACCESS_KEY", "test")
	ask := func(t *testing.T, f route.Function, method, path string) events.APIGatewayV2HTTPResponse {
		h, err := cloud.Handler(cloud.ReadConfig(with()), f, slog.New(slog.DiscardHandler))
		require.NoError(t, err)
		answer, err := cloud.Gateway(h)(context.Background(), event(method, path))
		require.NoError(t, err)
		require.Equal(t, "request-1", answer.Headers["X-Request-Id"])
		return answer
	}
	t.Run("is well", func(t *testing.T) {
		require.Equal(t, 200, ask(t, route.API, "GET", "/v1/health").StatusCode)
	})
	t.Run("serves its function's operations alone", func(t *testing.T) {
		require.Equal(t, 401, ask(t, route.Admin, "GET", "/v1/tenants").StatusCode)
		require.Equal(t, 404, ask(t, route.API, "GET", "/v1/tenants").StatusCode)
		require.Equal(t, 404, ask(t, route.Admin, "GET", "/v1/health").StatusCode)
	})
}
