package route

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"

	"github.com/tenantry/tenantry/pkg/observe"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// begin begins a request's line in the log.
func (s *server) begin(c *call, r *http.Request) (context.Context, *observe.Line) {
	ctx := context.WithValue(r.Context(), callKey{}, c)
	ctx = observe.Follow(ctx, r.Header.Get("Traceparent"), r.Header.Get("X-Amzn-Trace-Id"))
	return observe.Begin(ctx, observe.Start{RequestID: c.request.ID, Cold: !s.warmed.Swap(true), Clock: s.Clock})
}

// write writes the line. It holds nothing of the request but its operation, tenant and project; why it failed only where the fault
// is ours.
func (s *server) write(ctx context.Context, l *observe.Line, c *call, w *response, broken any) {
	about := observe.Subject{Operation: c.request.Operation, Tenant: c.member.Tenant()}
	if c.scope != nil && w.status < http.StatusBadRequest { // else it may be no project of theirs
		about.Project = tenant.ProjectID(c.project)
	}
	l.About(about)
	l.On(c.member)
	l.Read(w.body.bytes)
	l.Wrote(w.bytes)
	e := observe.Ending{Outcome: observe.OK, Err: c.failure, Quiet: true, More: []slog.Attr{slog.Int("status", w.status)}}
	switch {
	case broken != nil:
		e.Outcome, e.Quiet = observe.Failed, false
		e.More = append(e.More, slog.String("panic", fmt.Sprint(broken)), slog.String("stack", c.stack))
	case w.status >= http.StatusInternalServerError && ctx.Err() == nil: // a caller who has gone is no failure of ours
		e.Outcome, e.Quiet = observe.Failed, false
	case w.status >= http.StatusBadRequest:
		e.Outcome = observe.Refused
	}
	l.End(ctx, s.Log, e)
}
