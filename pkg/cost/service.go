package cost

import (
	"time"

	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
)

// Service has the operations on costs. All fields are needed.
type Service struct {
	Store *store.Store
	Clock func() time.Time
}

// Operations lists the package's operations; it works on a nil Service.
func (s *Service) Operations() []route.Operation {
	return []route.Operation{s.costsOperation(), s.dimensionsOperation(), s.valuesOperation()}
}
