package cloud

import (
	"context"
	"net/http"
	"strings"

	"github.com/aws/aws-lambda-go/events"
	"github.com/awslabs/aws-lambda-go-api-proxy/core"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/route"
)

// Gateway gives a Lambda handler of API Gateway's version 2 events that answers as h does.
func Gateway(h http.Handler) func(context.Context, events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
	var accessor core.RequestAccessorV2
	return func(ctx context.Context, e events.APIGatewayV2HTTPRequest) (events.APIGatewayV2HTTPResponse, error) {
		w := core.NewProxyResponseWriterV2()
		if r, err := accessor.EventToRequestWithContext(ctx, e); err != nil {
			route.Fail(w, fault.Wrap(err, fault.Malformed, "The path, the query or the body's base64 cannot be read."))
		} else {
			whole(r.Header, e.Headers)
			if brokeOff(h, w, r) {
				id := w.Header().Get("X-Request-Id")
				w = core.NewProxyResponseWriterV2()
				w.Header().Set("X-Request-Id", id)
				route.Fail(w, fault.New(fault.Unavailable, "The answer broke off in the middle. Ask again."))
			}
		}
		return w.GetProxyResponse()
	}
}

// brokeOff has h answer and tells whether it gave up in the middle, with http.ErrAbortHandler. A server would close the connection; here
// nothing is out yet, and the panic would end the function's process with all that it has not written.
func brokeOff(h http.Handler, w http.ResponseWriter, r *http.Request) (broken bool) {
	defer func() {
		switch p := recover(); p {
		case nil:
		case http.ErrAbortHandler:
			broken = true
		default:
			panic(p)
		}
	}()
	h.ServeHTTP(w, r)
	return false
}

// whole puts headers with commas back as they came: the adapter takes them apart, and an Idempotency-Key may have some.
func whole(h http.Header, headers map[string]string) {
	for name, value := range headers {
		if strings.Contains(value, ",") {
			h.Set(name, value)
		}
	}
}

// requestID is API Gateway's ID of the request, which its own log has too.
func requestID(ctx context.Context) string {
	e, _ := core.GetAPIGatewayV2ContextFromContext(ctx)
	return e.RequestID
}
