// Package organization keeps the tenants themselves: organizations, which their founders own. The words are one: the API
// says tenant, people say organization.
package organization

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/tenantry/tenantry/pkg/audit"
	"github.com/tenantry/tenantry/pkg/blob"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/identity"
	"github.com/tenantry/tenantry/pkg/observe"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Organization is a tenant as it is shown.
type Organization struct {
	ID        tenant.ID      `json:"id" doc:"ten_ and 26 characters."`
	Name      string         `json:"name"`
	Status    tenant.Status  `json:"status" enum:"active,suspended,deleting"`
	Plan      tenant.Plan    `json:"plan" enum:"free,team,enterprise"`
	Role      tenant.Role    `json:"role,omitempty" enum:"owner,admin,editor,viewer" doc:"Yours."`
	Limits    *tenant.Limits `json:"limits,omitempty" doc:"Of the plan."`
	CreatedAt time.Time      `json:"createdAt"`
	UpdatedAt time.Time      `json:"updatedAt"`

	DeleteAfter *time.Time `json:"deleteAfter,omitempty" doc:"Of one that is being deleted: until then an owner can restore it, from then on it is erased."`
}

// record is the stored form of a tenant, without Role.
type record struct {
	Organization
	Before  tenant.Status `json:"before,omitempty"`  // what one that is being deleted was: what restoring makes it again
	Erasing bool          `json:"erasing,omitempty"` // it is as good as gone, and nothing brings it back
	AskedBy *audit.Actor  `json:"askedBy,omitempty"` // who deleted one that is being deleted
}

// Shown is the tenant with its plan's limits, which are not stored.
func (o Organization) Shown() Organization {
	limits := o.Plan.Limits()
	o.Limits = &limits
	return o
}

// Service has the operations on tenants. All fields are needed.
type Service struct {
	Store  *store.Store
	Clock  func() time.Time
	Random io.Reader // of IDs
	Audit  audit.Log
	Plan   tenant.Plan   // of new tenants
	Grace  time.Duration // between asking for a tenant's end and its erasure
	// Owe gives the change that goes with making the tenant active: what was refused while it rested is to be done. Wake has that
	// begun, if it is owed still.
	Owe    func(context.Context, *store.Tenant, tenant.ID) (store.Change, error)
	Wake   func(context.Context, *store.Tenant, tenant.ID) error
	Turned func(context.Context, *tenant.Scope) // is told of every change of a tenant's status, unless the process dies between; may be nil
	Forget func(tenant.Principal, tenant.ID)    // makes this process read the tenant's standing anew
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
		route.ForTenant(route.Spec{ID: "getTenant", Method: "GET", Path: one, Permission: tenant.ReadTenant, Reach: route.Within, Function: route.Admin,
			Tag: tag, Summary: "Get a tenant", Example: struct{}{}}, s.get),
		route.ForTenant(route.Spec{ID: "updateTenant", Method: "PATCH", Path: one, Permission: tenant.WriteTenant, Reach: route.Whole, Function: route.Admin,
			Tag: tag, Summary: "Rename a tenant", Example: updateIn{Body: New{Name: "ABC Ltd"}}}, s.update),
		route.ForTenant(route.Spec{ID: "suspendTenant", Method: "POST", Path: one + "/suspend", Permission: tenant.OwnTenant, Reach: route.Whole, Function: route.Admin,
			Tag: tag, Summary: "Suspend a tenant", Doc: "It can be read and not changed: nothing is imported or collected, until an owner activates it. " +
				"It holds everywhere within a minute; what is being imported then may still come to its end.", Example: lifeIn{}}, s.suspend),
		route.ForTenant(route.Spec{ID: "activateTenant", Method: "POST", Path: one + "/activate", Permission: tenant.OwnTenant, Reach: route.Whole, Function: route.Admin,
			Tag: tag, Summary: "Activate a suspended tenant", Example: lifeIn{}}, s.activate),
		route.ForTenant(route.Spec{ID: "deleteTenant", Method: "DELETE", Path: one, Permission: tenant.OwnTenant, Reach: route.Whole, Function: route.Admin,
			Tag: tag, Status: 202, Summary: "Delete a tenant", Doc: docDelete, Example: deleteIn{Name: "ABC"}}, s.delete),
		route.ForTenant(route.Spec{ID: "restoreTenant", Method: "POST", Path: one + "/restore", Permission: tenant.OwnTenant, Reach: route.Whole, Function: route.Admin,
			Tag: tag, Summary: "Restore a tenant that is being deleted", Doc: "It is again what it was before: active or suspended.", Example: lifeIn{}}, s.restore),
	}
}

const docDelete = `From now on nothing of it changes, and only its owners can read and export it. An owner can restore it until ` + "`deleteAfter`" + `;
then everything of it is erased for ever: costs, files, members, keys and the audit log. Afterwards it answers as if it had never been, and those who
were its owners find the proof of its erasure under ` + "`GET /v1/me/erasures`" + `.`

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
	return &tenantOut{ETag: route.ETag(version), Body: t.Shown()}, nil
}

func target(id tenant.ID) string { return "tenant/" + string(id) }

// read gives the scope's tenant with the caller's role, and its version.
func (s *Service) read(ctx context.Context, scope *tenant.Scope) (t record, version int64, err error) {
	h, err := s.Store.Tenant(scope)
	if err != nil {
		return t, 0, err
	}
	if version, err = h.Read(ctx, store.Meta(), &t); err != nil {
		return t, 0, fmt.Errorf("read a tenant: %w", err)
	}
	if version == 0 || t.Erasing {
		return t, 0, identity.NoTenant()
	}
	t.Role = scope.Role()
	return t, version, nil
}

// None is the error of a tenant that is not there.
func None() error { return identity.NoTenant() }

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
	scope = scope.In(tenant.Standing{Status: t.Status, Plan: t.Plan})
	observe.In(ctx).On(scope)
	return scope, nil
}

// TakesFiles refuses a file of a tenant that is not active, by the file's object key.
func TakesFiles(ctx context.Context, st *store.Store, key string) error {
	id, _, ok := blob.Owner(key)
	err := None()
	if ok {
		_, err = Work(ctx, st, id, "upload")
	}
	if fault.Is(err, fault.NotFound) {
		return fault.New(fault.Forbidden, "the organization is not active: while it rests nothing can be uploaded. If it is activated "+
			"again before this address expires, it works again")
	}
	return err
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
