package organization

import (
	"context"

	"github.com/tenantry/tenantry/pkg/identity"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

type listIn struct{ route.Paging }

type listOut struct{ Body route.Page[Organization] }

func (s *Service) list(ctx context.Context, p tenant.Principal, in *listIn) (*listOut, error) {
	cursors := route.NewCursors(listTenants, p.Issuer, p.Subject)
	after, err := cursors.Key(in.Cursor)
	if err != nil {
		return nil, err
	}
	l := store.List{After: after, Limit: in.Limit, Consistency: store.Strongly}
	all, next, err := identity.OfEach(ctx, s.Store.Directory(), p, l, func(ctx context.Context, m tenant.Membership) (o Organization, err error) {
		scope, err := identity.See(p, m)
		if err != nil {
			return o, err
		}
		t, _, err := s.read(ctx, scope)
		if err != nil {
			return o, err
		}
		return t.Shown(), nil
	})
	if err != nil {
		return nil, err
	}
	return &listOut{route.Page[Organization]{Items: all, Next: cursors.Make(next)}}, nil
}
