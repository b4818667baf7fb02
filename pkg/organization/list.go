package organization

import (
	"context"

	"golang.org/x/sync/errgroup"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/identity"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

type listIn struct{ route.Paging }

type listOut struct{ Body route.Page[Organization] }

const atOnce = 8 // tenants read at the same time: each is read with credentials of its own

func (s *Service) list(ctx context.Context, p tenant.Principal, in *listIn) (*listOut, error) {
	cursors := route.NewCursors(listTenants, p.Issuer, p.Subject)
	after, err := cursors.After(in.Cursor)
	if err != nil {
		return nil, err
	}
	members, next, err := identity.Memberships(ctx, s.Store.Directory(), p, store.List{After: after, Limit: in.Limit, Consistency: store.Strongly})
	if err != nil {
		return nil, err
	}
	found := make([]*Organization, len(members))
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for i, m := range members {
		g.Go(func() error {
			scope, err := identity.See(p, m)
			if err != nil {
				return err
			}
			t, _, err := s.read(ctx, scope)
			if err == nil {
				found[i] = &t.Organization
			}
			if fault.Is(err, fault.NotFound) {
				return nil
			}
			return err
		})
	}
	if err := g.Wait(); err != nil {
		return nil, err
	}
	page := route.Page[Organization]{Items: []Organization{}, Next: cursors.Make(next)}
	for _, t := range found {
		if t != nil {
			page.Items = append(page.Items, *t)
		}
	}
	return &listOut{page}, nil
}
