// Package route says what an operation is: method, path, permission, owning function, example and handler. It is a thin
// layer on huma, and the only place where a failure becomes an HTTP answer.
//
// A request passes, in this order: match, authorize, read strictly, decode and validate (huma), handler. Nothing of a
// request is looked at before it is authorized, so that a stranger learns nothing from what is said about it.
package route

import (
	"context"
	"io"
	"reflect"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Function is the Lambda that serves an operation.
type Function string

// The functions that serve HTTP.
const (
	API   Function = "api"
	Admin Function = "admin"
)

// Reach says of an operation of a tenant what it is about, and so what it is to members and API keys that are limited to named projects.
// It has no default: every operation must say it.
type Reach string

// The reaches.
const (
	Whole  Reach = "whole"  // the organization as a whole: who is limited is refused before the handler
	Within Reach = "within" // what the caller sees: the handler leaves the rest out, by the scope
)

// Spec is what an operation is, apart from its handler.
type Spec struct {
	ID         string // camelCase, unique: "getCosts"
	Method     string
	Path       string // "/v1/tenants/{tenantId}/costs"; the parameter of the tenant is always named tenantId
	Permission tenant.Permission
	Reach      Reach // of ForTenant, "" of others
	Function   Function
	Summary    string
	Doc        string       // more than a line, Markdown
	Tag        string       // the section of the reference: "Costs"
	Status     int          // of success; where 0, 200, or 204 where Out has no Body
	MaxBody    int64        // bytes; 64 KB where 0
	Media      string       // the media type an Alternate Out may have instead of JSON: "text/csv"
	Fails      []fault.Kind // what the handler may fail with beside what the rest of the Spec, the caller and the In imply
	Example    any          // an In filled as a caller would, path parameters may be left out; not nil
}

// Operation is a Spec with its handler. It is made by ForTenant, ForPrincipal and ForAll, which are the only ways.
type Operation struct {
	Spec
	caller   caller
	handled  bool
	in, out  reflect.Type
	register func(api huma.API, op huma.Operation, dry bool)
}

// caller is what a handler is told of who calls.
type caller int

const (
	anybody caller = iota + 1
	signedIn
	member
)

// Authorizer is the authorization step, pkg/identity's. Errors are fault.Unauthenticated, NotFound and Forbidden.
type Authorizer interface {
	// Principal authenticates the Authorization header.
	Principal(ctx context.Context, authorization string) (tenant.Principal, error)
	// Scope authenticates, finds the membership of the tenant and asks it for the permission. With an error the scope may still
	// be there: that of a member who is refused, for the tenant's own books and for nothing else.
	Scope(ctx context.Context, authorization, tenantID string, need tenant.Permission) (*tenant.Scope, error)
}

// Alternate is implemented by an Out that can be something else than JSON.
type Alternate interface {
	// Alternate gives the body's media type and what writes it; "" where the answer is the JSON Body.
	Alternate() (mediaType string, write func(io.Writer) error)
}

// File is implemented by an Alternate that a browser keeps rather than shows.
type File interface {
	Alternate
	// FileName is what the file is called, where the answer is not JSON.
	FileName() string
}

// ForTenant makes an operation on one tenant, whose path begins with /v1/tenants/{tenantId}. In and Out are structs as huma
// reads them: fields tagged path, query or header, and Body; In has no field for the tenant, which comes with the scope alone.
// The handler may be a method value on a nil pointer, so that operations can be listed without wiring anything.
func ForTenant[In, Out any](spec Spec, h func(context.Context, *tenant.Scope, *In) (*Out, error)) Operation {
	return operation(spec, member, h != nil, func(ctx context.Context, in *In) (*Out, error) {
		c := callOf(ctx)
		if c == nil || c.scope == nil {
			return nil, fault.New(fault.Internal, "%s was reached without a scope", spec.ID)
		}
		return h(ctx, c.scope, in)
	})
}

// ForPrincipal makes an operation of whoever is signed in, outside of any tenant.
func ForPrincipal[In, Out any](spec Spec, h func(context.Context, tenant.Principal, *In) (*Out, error)) Operation {
	return operation(spec, signedIn, h != nil, func(ctx context.Context, in *In) (*Out, error) {
		c := callOf(ctx)
		if c == nil || c.principal.Subject == "" {
			return nil, fault.New(fault.Internal, "%s was reached without a principal", spec.ID)
		}
		return h(ctx, c.principal, in)
	})
}

// ForAll makes an operation that needs no identity.
func ForAll[In, Out any](spec Spec, h func(context.Context, *In) (*Out, error)) Operation {
	return operation(spec, anybody, h != nil, h)
}

func operation[In, Out any](spec Spec, who caller, handled bool, h func(context.Context, *In) (*Out, error)) Operation {
	return Operation{
		Spec: spec, caller: who, handled: handled, in: reflect.TypeFor[In](), out: reflect.TypeFor[Out](),
		register: func(api huma.API, op huma.Operation, dry bool) {
			if dry {
				huma.Register(api, op, func(context.Context, *In) (*Out, error) { return nil, nil })
				return
			}
			huma.Register(api, op, answering(h))
		},
	}
}

// answering turns the handler's failures into problems and an Alternate's body into the answer.
func answering[In, Out any](h func(context.Context, *In) (*Out, error)) func(context.Context, *In) (*Out, error) {
	return func(ctx context.Context, in *In) (*Out, error) {
		out, err := h(ctx, in)
		c := callOf(ctx)
		if err == nil && out == nil {
			err = fault.New(fault.Internal, "the handler gave neither an answer nor an error")
		}
		if err != nil {
			if c != nil {
				c.failure = err
			}
			return nil, problemOf(err)
		}
		if a, ok := any(out).(Alternate); ok && c != nil {
			if c.mediaType, c.write = a.Alternate(); c.mediaType != "" {
				if f, ok := a.(File); ok {
					c.fileName = f.FileName()
				}
				return nil, nil
			}
		}
		return out, nil
	}
}

// Request is what a handler may want to know of the request beside its In: where it must be recorded.
type Request struct {
	ID        string // as in X-Request-Id
	Operation string // the Spec's ID
	Target    string // what the path names last, as kind/ID: "project/prj_..."; at most 64 bytes of printable ASCII, and nothing else is known of the ID
	Source    string // the caller's network address, without port
}

// RequestOf gives the request that is being served; the zero Request outside of one.
func RequestOf(ctx context.Context) Request {
	if c := callOf(ctx); c != nil {
		return c.request
	}
	return Request{}
}

// call is what a request's steps tell each other.
type call struct {
	request   Request
	scope     *tenant.Scope // once it is authorized
	member    *tenant.Scope // who asks, authorized or not
	admitted  bool
	principal tenant.Principal
	failure   error
	project   string // that the path names
	stack     string // of a panic
	mediaType string
	fileName  string
	write     func(io.Writer) error
}

type callKey struct{}

func callOf(ctx context.Context) *call {
	c, _ := ctx.Value(callKey{}).(*call)
	return c
}

// status of success.
func (o Operation) status() int {
	if o.Status != 0 {
		return o.Status
	}
	if _, ok := o.out.FieldByName("Body"); !ok {
		return 204
	}
	return 200
}

// maxBody in bytes.
func (o Operation) maxBody() int64 {
	if o.MaxBody != 0 {
		return o.MaxBody
	}
	return 64 << 10
}
