package collect

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/tenantry/tenantry/pkg/audit"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Service has the operations on runs and the worker that does them. The operations need no Collectors.
type Service struct {
	Store  *store.Store
	Queue  Queue
	Clock  func() time.Time
	Random io.Reader
	Audit  audit.Log
	Log    *slog.Logger
	// Collectors do what is of a kind; a run of a kind that has none fails and says so.
	Collectors map[Kind]Collector
	// Spent is told of pages and metrics as they are asked for. May be nil.
	Spent func(scope *tenant.Scope, pages, metrics int64)
	// Paused is told of a tenant a connection of which was paused for having been denied too long: its schedules follow. May be nil.
	Paused func(ctx context.Context, scope *tenant.Scope)
	// Alone names this process where no other works on the store: then leases of other names are those of the dead.
	Alone string
	// Sleep waits within a step where AWS asks to slow down, until ctx ends at the latest; nil for time's own.
	Sleep func(ctx context.Context, d time.Duration)
}

// Queue takes messages for the worker: queue.Sender over SQS or the local queue. Delivered at least once.
type Queue interface {
	Send(ctx context.Context, m Message) error
}

// now is the time to the millisecond, which every store keeps.
func (s *Service) now() time.Time { return s.Clock().UTC().Truncate(time.Millisecond) }

func (s *Service) sleep(ctx context.Context, d time.Duration) {
	if s.Sleep != nil {
		s.Sleep(ctx, d)
		return
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
	case <-timer.C:
	}
}
