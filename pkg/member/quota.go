package member

import (
	"context"
	"fmt"

	"github.com/tenantry/tenantry/pkg/fence"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Used gives how many members the scope's tenant has, by the name of the plan's limit.
func (s *Service) Used(ctx context.Context, scope *tenant.Scope) (map[string]int64, error) {
	all := func(*store.Record) (bool, error) { return true, nil }
	n, err := fence.Count(ctx, s.Store.Directory(), store.OrgMembers(scope.Tenant()), all)
	if err != nil {
		return nil, fmt.Errorf("count the members: %w", err)
	}
	return map[string]int64{"members": n}, nil
}
