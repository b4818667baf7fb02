package connection

import (
	"context"
	"fmt"

	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Sweep gives up the claims on accounts of connections of the scope's tenant that are no more, as a crash leaves them, and tells how
// many. It needs the Store alone.
func (s *Service) Sweep(ctx context.Context, scope *tenant.Scope) (swept int64, err error) {
	h, err := s.Store.Tenant(scope)
	if err != nil {
		return 0, err
	}
	for l := (store.List{Consistency: store.Strongly}); ; {
		page, err := s.Store.Directory().Query(ctx, store.OrgAccounts(scope.Tenant()), l)
		if err != nil {
			return swept, fmt.Errorf("list claims on accounts: %w", err)
		}
		for _, r := range page.Records {
			var held claim
			if err := r.Value.Decode(&held); err != nil {
				return swept, fmt.Errorf("list claims on accounts: %w", err)
			}
			if _, there, err := Read(ctx, h, held.Connection); err != nil || there > 0 {
				if err != nil {
					return swept, err
				}
				continue
			}
			released, err := s.release(ctx, scope, held.Account, held.Connection)
			if err != nil {
				return swept, err
			}
			if released {
				swept++
			}
		}
		if l.After = page.Next; l.After == "" {
			return swept, nil
		}
	}
}
