package apikey

import (
	"context"

	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Page gives a page of the keys as the scope's principal is shown them in the list.
func (s *Service) Page(ctx context.Context, scope *tenant.Scope, p route.Paging) (route.Page[Key], error) {
	out, err := s.list(ctx, scope, &listIn{p})
	if err != nil {
		return route.Page[Key]{}, err
	}
	return out.Body, nil
}
