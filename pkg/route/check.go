package route

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"reflect"
	"slices"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tenantry/tenantry/pkg/tenant"
)

const tenantPath = "/v1/tenants/{tenantId}"

// plain finds what is wrong with operations without looking into their types: what start-up can afford.
func plain(ops []Operation) error {
	var errs []error
	ids, paths := map[string]bool{}, map[string]bool{}
	for _, o := range ops {
		if err := o.plain(); err != nil {
			errs = append(errs, fmt.Errorf("operation %s: %w", o, err))
		}
		if at := o.Method + " " + o.Path; ids[o.ID] || paths[at] {
			errs = append(errs, fmt.Errorf("operation %s is there twice", o))
		} else {
			ids[o.ID], paths[at] = true, true
		}
	}
	return errors.Join(errs...)
}

func (o Operation) plain() error {
	of := o.Path == tenantPath || strings.HasPrefix(o.Path, tenantPath+"/")
	switch {
	case o.ID == "":
		return errors.New("no ID")
	case !slices.Contains([]string{http.MethodGet, http.MethodPost, http.MethodPut, http.MethodPatch, http.MethodDelete}, o.Method):
		return errors.New("no method")
	case !strings.HasPrefix(o.Path, "/v1/") || strings.HasSuffix(o.Path, "/"):
		return errors.New("the path does not begin with /v1/ or ends with /")
	case o.Function != API && o.Function != Admin:
		return errors.New("no function")
	case o.Summary == "" || o.Tag == "":
		return errors.New("no summary or tag")
	case o.Example == nil:
		return errors.New("no example")
	case !o.handled:
		return errors.New("no handler")
	case o.caller == member && (!of || !tenant.Owner.May(o.Permission)):
		return errors.New("ForTenant asks for a path below " + tenantPath + " and a permission that a role grants")
	case o.caller == member && o.Reach != Whole && o.Reach != Within, o.caller != member && o.Reach != "":
		return errors.New("the Reach of an operation of a tenant is Whole or Within, and others have none: say whether members may do it who are limited " +
			"to named projects")
	case o.caller == signedIn && o.Permission != tenant.SignedIn && o.Permission != tenant.Person, o.caller == anybody && o.Permission != tenant.Public:
		return fmt.Errorf("the permission %q does not fit the constructor", o.Permission)
	case o.caller != member && strings.Contains(o.Path, "{tenantId}"):
		return errors.New("the path of a tenant asks for ForTenant")
	}
	return nil
}

// Check finds everything that is wrong with operations: what is missing, what is there twice, types that huma does not
// read, and examples that the operation itself would refuse. It is for tests and for programs that have the time.
func Check(ops []Operation) error {
	if err := plain(ops); err != nil {
		return err
	}
	var errs []error
	for _, o := range ops {
		if err := o.check(); err != nil {
			errs = append(errs, fmt.Errorf("operation %s: %w", o, err))
		}
	}
	if _, err := OpenAPI(ops, Info{}); err != nil && len(errs) == 0 {
		errs = append(errs, err)
	}
	return errors.Join(errs...)
}

// check sends the example through all that comes before the handler.
func (o Operation) check() (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("%v", p)
		}
	}()
	if o.in.Kind() != reflect.Struct || o.out.Kind() != reflect.Struct {
		return errors.New("the In and Out are not both structs")
	}
	e := &endpoint{Operation: o, dry: true}
	e.prepare()
	if err := o.checkPath(e.op.Parameters); err != nil {
		return err
	}
	r, err := o.NewRequest(context.Background(), "", nil)
	if err != nil {
		return err
	}
	match := http.NewServeMux()
	answer := &answer{header: http.Header{}}
	match.HandleFunc(o.Path, func(_ http.ResponseWriter, r *http.Request) {
		w := &response{ResponseWriter: answer}
		r, body, err := e.read(r)
		if err != nil {
			w.fail(err)
			return
		}
		e.handle(e.exchange(r, w, body))
		w.finish()
	})
	match.ServeHTTP(answer, r)
	if answer.status != o.status() {
		return fmt.Errorf("the example is refused with %d: %s", answer.status, answer.body.String())
	}
	return nil
}

// checkPath compares the path's parameters with In's.
func (o Operation) checkPath(params []*huma.Param) error {
	want := map[string]bool{}
	for _, name := range o.pathParameters() {
		want[name] = true
	}
	delete(want, "tenantId")
	for _, p := range params {
		if p.In == "path" {
			if !want[p.Name] {
				return fmt.Errorf("the In has a field for the path parameter %q that the path has not, or that is the tenant's", p.Name)
			}
			delete(want, p.Name)
		}
	}
	for name := range want {
		return fmt.Errorf("the In has no field for the path parameter %q", name)
	}
	return nil
}

// answer keeps what is written to it.
type answer struct {
	header http.Header
	status int
	body   bytes.Buffer
}

// Header gives the headers.
func (a *answer) Header() http.Header { return a.header }

// WriteHeader keeps the first status.
func (a *answer) WriteHeader(status int) {
	if a.status == 0 {
		a.status = status
	}
}

// Write keeps the body.
func (a *answer) Write(p []byte) (int, error) { return a.body.Write(p) }
