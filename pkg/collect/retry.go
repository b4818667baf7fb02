package collect

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"net/url"
	"time"

	"github.com/aws/smithy-go"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/job"
	"github.com/tenantry/tenantry/pkg/queue"
)

const (
	firstWait   = time.Second
	longestWait = 10 * time.Minute
)

// backoff is a time between half of a wait that doubles and all of it.
func backoff(n int) time.Duration {
	wait := min(firstWait<<min(n, 20), longestWait)
	return wait/2 + rand.N(wait/2+1)
}

// A connection is tried so often, and so long after its first failure, and twice as long after each further one. It is less often than a
// job is, so that a connection that cannot be read does not end the others' run.
const (
	maxAttempts = 4
	firstRetry  = 30 * time.Second
)

// later has a step that has failed tried again after a while, or ends the fetch where that was done often enough.
func (f *fetching) later(ctx context.Context, err error) error {
	if errors.Is(err, context.Canceled) { // the worker is being stopped
		return errors.Join(f.note(ctx, func(rec *job.Record) { rec.Owner, rec.Attempts = "", 0 }), &queue.Busy{Wait: time.Second})
	}
	f.service.Log.ErrorContext(ctx, "collection failed", "kind", f.message.Kind, "tenant", f.message.Tenant, "project", f.message.Project,
		"run", f.message.ID(), "connection", f.connection.ID, "error", err)
	state, tries := &f.book.fetch, f.lease.Record.Attempts
	state.Trouble = cause(err)
	if tries >= maxAttempts {
		return f.end(ctx, PartFailed, gaveUp(state.Trouble, tries))
	}
	after := firstRetry << max(tries-1, 0)
	state.Retry = f.service.now().Add(after)
	if err := f.note(ctx, func(rec *job.Record) { rec.Owner = "" }); err != nil {
		return err
	}
	return wait(after, state.retry(), nil)
}

// retry says what went wrong, and when it is tried again.
func (f *fetch) retry() string { return f.Trouble + " It is tried again at " + second(f.Retry) + "." }

func gaveUp(trouble string, tries int) string {
	return fmt.Sprintf("%s It was tried %d times; the next run begins anew. If that fails too, tell the operator the run's ID.", cmp.Or(trouble, unexplained), tries)
}

const unexplained = "It failed for a reason that is the platform's."

// cause says what sort of failure it was, to people: what was said of it for them, what kept AWS from being reached, or that it is the
// platform's.
func cause(err error) string {
	var said *fault.Error
	switch {
	case errors.As(err, &said) && said.Kind != fault.Internal:
		return said.Message + how(err)
	case how(err) != "":
		return "AWS cannot be reached now." + how(err)
	}
	return unexplained
}

// how says what of the network failed, "" where nothing of it did. Names and addresses are the log's.
func how(err error) string {
	var name *net.DNSError
	var op *net.OpError
	var request *url.Error
	var garbled *smithy.DeserializationError
	var timed interface{ Timeout() bool }
	switch {
	case errors.As(err, &name):
		return " Its address is not known here: is the network, or a proxy, in the way?"
	case errors.As(err, &op) && op.Op == "dial":
		return " No connection comes about."
	case errors.As(err, &timed) && timed.Timeout(), errors.Is(err, context.DeadlineExceeded):
		return " No answer came in time."
	case errors.As(err, &op), errors.As(err, &request):
		return " The connection was broken."
	case errors.As(err, &garbled):
		return " The answer was not understood: does something other than AWS answer there?"
	}
	return ""
}
