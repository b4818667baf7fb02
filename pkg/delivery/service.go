package delivery

import (
	"io"
	"log/slog"
	"time"

	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Service has the operations on deliveries and the worker's step. All fields are needed but the last three.
type Service struct {
	Store  *store.Store
	Files  Files
	Queue  Queue
	Clock  func() time.Time
	Random io.Reader
	Log    *slog.Logger
	// Imported is told of the bytes of files that have arrived and of the lines of deliveries that have succeeded, each once, or not
	// at all where that is not known. May be nil.
	Imported func(scope *tenant.Scope, bytes, lines int64)
	Temp     string // folder for spill files of the worker; "" for the system's
	// Alone names this process where no other works on the store: then leases of other names are those of the dead.
	Alone string
}

func (s *Service) imported(scope *tenant.Scope, bytes, lines int64) {
	if s.Imported != nil {
		s.Imported(scope, bytes, lines)
	}
}
