// Package organization keeps the tenants themselves: organizations, which their founders own. The words are one: the API
// says tenant, people say organization.
package organization

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/tenantry/tenantry/pkg/audit"
	"github.com/tenantry/tenantry/pkg/identity"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Organization is a tenant. JSON is both its wire form and, without Role, its stored form.
type Organization struct {
	ID        tenant.ID     `json:"id" doc:"ten_ and 26 characters."`
	Name      string        `json:"name"`
	Status    tenant.Status `json:"status" enum:"active,suspended,deleting"`
	Plan      tenant.Plan   `json:"plan" enum:"free,team,enterprise"`
	Role      tenant.Role   `json:"role,omitempty" enum:"owner,admin,editor,viewer" doc:"Yours."`
	CreatedAt time.Time     `json:"createdAt"`
	UpdatedAt time.Time     `json:"updatedAt"`
}

// Service has the operations on tenants. All fields are needed.
type Service struct {
	Store  *store.Store
	Clock  func() time.Time
	Random io.Reader // of IDs
	Audit  audit.Log
	Plan   tenant.Plan // of new tenants
}

// Operations lists the package's operations; it works on a nil Service.
func (s *Service) Operations() []route.Operation {
	const all, one, tag = "/v1/tenants", "/v1/tenants/{tenantId}", "Tenants"
	return []route.Operation{
		route.ForPrincipal(route.Spec{ID: createTenant, Method: "POST", Path: all, Permission: tenant.Person, Function: route.Admin,
			Tag: tag, Status: 201, Summary: "Create a tenant", Doc: "You become its owner.",
			Example: createIn{Body: New{Name: "ABC"}}}, s.create),
		route.ForPrincipal(route.Spec{ID: listTenants, Method: "GET", Path: all, Permission: tenant.SignedIn, Function: route.Admin,
			Tag: tag, Summary: "List your tenants", Doc: "Oldest first, each with your role.", Example: listIn{}}, s.list),
		route.ForTenant(route.Spec{ID: "getTenant", Method: "GET", Path: one, Permission: tenant.ReadTenant, Function: route.Admin,
			Tag: tag, Summary: "Get a tenant", Example: struct{}{}}, s.get),
		route.ForTenant(route.Spec{ID: "updateTenant", Method: "PATCH", Path: one, Permission: tenant.WriteTenant, Function: route.Admin,
			Tag: tag, Summary: "Rename a tenant", Example: updateIn{Body: New{Name: "ABC Ltd"}}}, s.update),
	}
}

const createTenant, listTenants = "createTenant", "listTenants"

// New is what a caller says of a tenant.
type New struct {
	Name string `json:"name" minLength:"1" doc:"1 to 100 characters, blanks around them not counted."`
}

const maxName = 100

type tenantOut struct {
	ETag     string `header:"ETag"`
	Location string `header:"Location"`
	Body     Organization
}

func (s *Service) get(ctx context.Context, scope *tenant.Scope, _ *struct{}) (*tenantOut, error) {
	t, version, err := s.read(ctx, scope)
	if err != nil {
		return nil, err
	}
	return &tenantOut{ETag: route.ETag(version), Body: t}, nil
}

func target(id tenant.ID) string { return "tenant/" + string(id) }

// read gives the scope's tenant with the caller's role, and its version.
func (s *Service) read(ctx context.Context, scope *tenant.Scope) (t Organization, version int64, err error) {
	h, err := s.Store.Tenant(scope)
	if err != nil {
		return t, 0, err
	}
	if version, err = h.Read(ctx, store.Meta(), &t); err != nil {
		return t, 0, fmt.Errorf("read a tenant: %w", err)
	}
	if version == 0 {
		return t, 0, identity.NoTenant()
	}
	t.Role = scope.Role()
	return t, version, nil
}

// See gives a worker the scope of a tenant that is there, whatever its status: it may read all and change nothing but its own
// notes. Otherwise the error is fault.NotFound.
func See(ctx context.Context, st *store.Store, id tenant.ID, worker string) (*tenant.Scope, error) {
	scope, err := tenant.Work(id, worker) // leaves here only after what is read with it
	if err != nil {
		return nil, identity.NoTenant()
	}
	t, _, err := (&Service{Store: st}).read(ctx, scope)
	if err != nil {
		return nil, err
	}
	return scope.In(tenant.Standing{Status: t.Status, Plan: t.Plan}), nil
}

// Work gives a worker the scope of a tenant, after reading that it is active: a message that comes late finds nothing to
// work on. Otherwise the error is fault.NotFound.
func Work(ctx context.Context, st *store.Store, id tenant.ID, worker string) (*tenant.Scope, error) {
	scope, err := See(ctx, st, id, worker)
	if err != nil {
		return nil, err
	}
	if scope.Standing().Status != tenant.Active {
		return nil, identity.NoTenant()
	}
	return scope, nil
}
