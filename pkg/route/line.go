package route

import (
	"context"
	"fmt"
	"log/slog"
	"net/http"
	"time"

	"github.com/tenantry/tenantry/pkg/store"
)

// line is a request's line in the log. It holds nothing of the request but its operation and tenant.
type line struct {
	start     time.Time
	id        string
	operation string
	cold      bool
	broken    any
	stack     string
}

// write logs the request; why it failed only where the fault is ours.
func (s *server) write(ctx context.Context, l line, c *call, status int, meter *store.Meter) {
	use := meter.Total()
	attrs := []slog.Attr{
		slog.String("operation", l.operation),
		slog.String("tenant", string(c.member.Tenant())),
		slog.Int("status", status),
		slog.Duration("duration", s.Clock().Sub(l.start)),
		slog.String("requestId", l.id),
		slog.Int64("readHalfUnits", int64(use.Read)),
		slog.Int64("writeHalfUnits", int64(use.Write)),
		slog.Bool("coldStart", l.cold),
	}
	level := slog.LevelInfo
	if status >= http.StatusInternalServerError && ctx.Err() == nil { // a caller who has gone is no failure of ours
		level = slog.LevelError
		if c.failure != nil {
			attrs = append(attrs, slog.String("error", c.failure.Error()))
		}
	}
	if l.broken != nil {
		level = slog.LevelError
		attrs = append(attrs, slog.String("panic", fmt.Sprint(l.broken)), slog.String("stack", l.stack))
	}
	s.Log.LogAttrs(ctx, level, "request", attrs...)
}
