package delivery

import (
	"context"
	"io"
	"log/slog"
	"time"

	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
)

// Service has the operations on deliveries and the worker's step. All fields are needed.
type Service struct {
	Store  *store.Store
	Files  Files
	Queue  Queue
	Clock  func() time.Time
	Random io.Reader
	Log    *slog.Logger
	Temp   string // folder for spill files of the worker; "" for the system's
}

// Busy says that another worker holds the delivery: deliver the message again after the wait.
type Busy struct{ Wait time.Duration }

// Error says so.
func (b *Busy) Error() string { return "another worker is at this delivery" }

// Operations lists the package's operations; it works on a nil Service.
func (s *Service) Operations() []route.Operation { return nil }

// Handle does what one message asks. It may be called any number of times, by any number of workers, with the same
// message. A nil error or one of a kind that no repetition mends means the message is done with; *Busy and
// fault.Unavailable ask for it again.
func (s *Service) Handle(ctx context.Context, m Message) error { return nil }
