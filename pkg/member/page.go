package member

import (
	"context"

	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Page gives a page of the members as the scope's principal is shown them in the list.
func (s *Service) Page(ctx context.Context, scope *tenant.Scope, p route.Paging) (route.Page[Member], error) {
	out, err := s.list(ctx, scope, &listIn{p})
	if err != nil {
		return route.Page[Member]{}, err
	}
	return out.Body, nil
}

// InvitationPage gives a page of the invitations likewise.
func (s *Service) InvitationPage(ctx context.Context, scope *tenant.Scope, p route.Paging) (route.Page[Invitation], error) {
	out, err := s.listInvitations(ctx, scope, &listIn{p})
	if err != nil {
		return route.Page[Invitation]{}, err
	}
	return out.Body, nil
}
