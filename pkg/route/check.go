package route

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

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
	case o.caller == signedIn && o.Permission != tenant.SignedIn, o.caller == anybody && o.Permission != tenant.Public:
		return fmt.Errorf("the permission %q does not fit the constructor", o.Permission)
	case o.caller != member && strings.Contains(o.Path, "{tenantId}"):
		return errors.New("the path of a tenant asks for ForTenant")
	}
	return nil
}
