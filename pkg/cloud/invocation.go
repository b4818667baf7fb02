package cloud

import (
	"context"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/aws/aws-lambda-go/lambdacontext"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/observe"
)

// invocationID is Lambda's ID of the invocation; "" outside of Lambda.
func invocationID(ctx context.Context) string {
	if c, ok := lambdacontext.FromContext(ctx); ok {
		return c.AwsRequestID
	}
	return ""
}

// lambdaTrace is the trace that Lambda says it is in, by X-Ray's header.
func lambdaTrace(ctx context.Context) string {
	text, _ := ctx.Value("x-amzn-trace-id").(string) // the key of aws-lambda-go
	return text
}

// invocations writes the lines of what is neither a request nor a message.
type invocations struct {
	function string
	log      *slog.Logger
	warm     atomic.Bool
}

// do does it and writes its line. What fails for the reason of whoever invoked it is refused.
func (i *invocations) do(ctx context.Context, about observe.Subject, do func(context.Context) error, more ...slog.Attr) error {
	ctx, l := observe.Begin(observe.Follow(ctx, lambdaTrace(ctx)),
		observe.Start{Function: i.function, RequestID: invocationID(ctx), Cold: !i.warm.Swap(true), Clock: time.Now})
	l.About(about)
	err := do(ctx)
	e := observe.Ending{Outcome: observe.OK, Err: err, More: more}
	switch kind := fault.KindOf(err); {
	case err == nil:
	case kind == fault.Internal, kind == fault.Unavailable:
		e.Outcome = observe.Failed
	default:
		e.Outcome = observe.Refused
	}
	l.End(ctx, i.log, e)
	return err
}
