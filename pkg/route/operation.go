// Package route says what an operation is: method, path, permission, owning function, example and handler. It is a thin
// layer on huma, and the only place where a failure becomes an HTTP answer.
package route

import (
	"context"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tenantry/tenantry/pkg/tenant"
)

// Function is the Lambda that serves an operation.
type Function string

// The functions that serve HTTP.
const (
	API   Function = "api"
	Admin Function = "admin"
)

// Spec is what an operation is, apart from its handler.
type Spec struct {
	ID         string // camelCase, unique: "getCosts"
	Method     string
	Path       string // "/v1/tenants/{tenantId}/costs"; the parameter of the tenant is always named tenantId
	Permission tenant.Permission
	Function   Function
	Summary    string
	Doc        string // more than a line, Markdown
	Tag        string // the section of the reference: "Costs"
	Status     int    // of success; 200 where 0
	MaxBody    int64  // bytes; 64 KB where 0
	Example    any    // an In filled as a caller would, path parameters may be left out; not nil
}

// Operation is a Spec with its handler. It is made by ForTenant, ForPrincipal and ForAll, which are the only ways.
type Operation struct {
	Spec
	register func(api huma.API, auth Authorizer)
}

// Authorizer is the authorization step, pkg/identity's. Errors are fault.Unauthenticated, NotFound and Forbidden.
type Authorizer interface {
	// Principal authenticates the Authorization header.
	Principal(ctx context.Context, authorization string) (tenant.Principal, error)
	// Scope authenticates, finds the membership of the tenant and asks it for the permission.
	Scope(ctx context.Context, authorization, tenantID string, need tenant.Permission) (*tenant.Scope, error)
}
