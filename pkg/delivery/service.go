package delivery

import (
	"io"
	"log/slog"
	"time"

	"github.com/tenantry/tenantry/pkg/store"
)

// Service has the operations on deliveries and the worker's step. All fields are needed but the last two.
type Service struct {
	Store  *store.Store
	Files  Files
	Queue  Queue
	Clock  func() time.Time
	Random io.Reader
	Log    *slog.Logger
	Temp   string // folder for spill files of the worker; "" for the system's
	// Alone names this process where no other works on the store: then leases of other names are those of the dead.
	Alone string
}
