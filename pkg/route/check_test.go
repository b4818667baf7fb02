package route_test

import (
	"context"
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/tenant"
)

func good() route.Spec {
	return route.Spec{ID: "x", Method: "GET", Path: "/v1/tenants/{tenantId}/x", Permission: tenant.ReadCost, Reach: route.Within, Function: route.API,
		Summary: "X", Tag: "X", Example: struct{}{}}
}

type nothing = struct{}

func ofTenant[In any](change func(*route.Spec)) []route.Operation {
	s := good()
	change(&s)
	return []route.Operation{route.ForTenant(s, func(context.Context, *tenant.Scope, *In) (*nothing, error) { return nil, nil })}
}

func forAll(change func(*route.Spec)) []route.Operation {
	s := good()
	s.Reach = ""
	change(&s)
	return []route.Operation{route.ForAll(s, func(context.Context, *nothing) (*nothing, error) { return nil, nil })}
}

func forPrincipal(change func(*route.Spec)) []route.Operation {
	s := good()
	s.Reach = ""
	change(&s)
	return []route.Operation{route.ForPrincipal(s, func(context.Context, tenant.Principal, *nothing) (*nothing, error) { return nil, nil })}
}

func TestCheckRefuses(t *testing.T) {
	type other struct {
		OtherID string `path:"otherId"`
	}
	type tenantIn struct {
		TenantID string `path:"tenantId"`
	}
	type need struct {
		Day string `query:"day" required:"true" format:"date"`
	}
	type pointer struct {
		Limit *int `query:"limit"`
	}
	for name, c := range map[string]struct {
		ops  []route.Operation
		says string
	}{
		"no ID":                        {ofTenant[nothing](func(s *route.Spec) { s.ID = "" }), "no ID"},
		"no method":                    {ofTenant[nothing](func(s *route.Spec) { s.Method = "" }), "no method"},
		"no reach":                     {ofTenant[nothing](func(s *route.Spec) { s.Reach = "" }), "Reach"},
		"a reach that is none":         {ofTenant[nothing](func(s *route.Spec) { s.Reach = "far" }), "Reach"},
		"a reach of no tenant's":       {forAll(func(s *route.Spec) { s.Path, s.Permission, s.Reach = "/v1/x", tenant.Public, route.Whole }), "Reach"},
		"no permission":                {ofTenant[nothing](func(s *route.Spec) { s.Permission = "" }), "permission"},
		"a permission nobody has":      {ofTenant[nothing](func(s *route.Spec) { s.Permission = "cost:eat" }), "permission"},
		"a public one of a tenant":     {ofTenant[nothing](func(s *route.Spec) { s.Permission = tenant.Public }), "permission"},
		"a tenant's path outside":      {ofTenant[nothing](func(s *route.Spec) { s.Path = "/v1/x" }), "below"},
		"a tenant under another name":  {ofTenant[nothing](func(s *route.Spec) { s.Path = "/v1/tenants/{id}/x" }), "below"},
		"a slash at the end":           {ofTenant[nothing](func(s *route.Spec) { s.Path += "/" }), "ends with"},
		"no function":                  {ofTenant[nothing](func(s *route.Spec) { s.Function = "x" }), "no function"},
		"no summary":                   {ofTenant[nothing](func(s *route.Spec) { s.Summary = "" }), "no summary"},
		"no example":                   {ofTenant[nothing](func(s *route.Spec) { s.Example = nil }), "no example"},
		"an example of another type":   {ofTenant[nothing](func(s *route.Spec) { s.Example = 1 }), "the example is int"},
		"an example it refuses":        {ofTenant[need](func(s *route.Spec) { s.Example = need{Day: "1"} }), "refused with 422"},
		"an example without a must":    {ofTenant[need](func(s *route.Spec) { s.Example = need{} }), "refused with 422"},
		"no handler":                   {[]route.Operation{route.ForTenant[nothing, nothing](good(), nil)}, "no handler"},
		"made by hand":                 {[]route.Operation{{Spec: good()}}, "no handler"},
		"a field for no parameter":     {ofTenant[other](func(s *route.Spec) { s.Example = other{} }), `"otherId"`},
		"a field for the tenant":       {ofTenant[tenantIn](func(s *route.Spec) { s.Example = tenantIn{} }), `"tenantId"`},
		"a parameter without a field":  {ofTenant[nothing](func(s *route.Spec) { s.Path += "/{otherId}" }), `"otherId"`},
		"a type huma does not read":    {ofTenant[pointer](func(s *route.Spec) { s.Example = pointer{} }), "pointers"},
		"a tenant's path for all":      {forAll(func(s *route.Spec) { s.Permission = tenant.Public }), "ForTenant"},
		"a permission for all":         {forAll(func(s *route.Spec) { s.Path = "/v1/x" }), "does not fit"},
		"a tenant's for the signed-in": {forPrincipal(func(s *route.Spec) { s.Permission = tenant.SignedIn }), "ForTenant"},
		"a role for the signed-in":     {forPrincipal(func(s *route.Spec) { s.Path = "/v1/x" }), "does not fit"},
		"the same ID": {append(ofTenant[nothing](func(*route.Spec) {}),
			ofTenant[nothing](func(s *route.Spec) { s.Path += "/y" })...), "twice"},
		"the same path": {append(ofTenant[nothing](func(*route.Spec) {}),
			ofTenant[nothing](func(s *route.Spec) { s.ID = "y" })...), "twice"},
	} {
		t.Run(name, func(t *testing.T) {
			err := route.Check(c.ops)
			require.ErrorContains(t, err, c.says)
		})
	}
}

func TestCheckAccepts(t *testing.T) {
	require.NoError(t, route.Check((*shop)(nil).operations()))
	require.NoError(t, route.Check(ofTenant[nothing](func(*route.Spec) {})))
}

func TestNoHandlerIsMadeOfWhatCheckRefuses(t *testing.T) {
	_, err := route.Handler(ofTenant[nothing](func(s *route.Spec) { s.Permission = "" }), door{}, route.Options{})
	require.ErrorContains(t, err, "permission")
	_, err = route.Handler(nil, nil, route.Options{})
	require.ErrorContains(t, err, "Authorizer")
}

func TestOpenAPI(t *testing.T) {
	doc, err := route.OpenAPI((*shop)(nil).operations(), route.Info{Title: "Shop", Version: "1"})
	require.NoError(t, err)
	again, err := route.OpenAPI((*shop)(nil).operations(), route.Info{Title: "Shop", Version: "1"})
	require.NoError(t, err)
	require.Equal(t, string(doc), string(again))
	var d struct {
		OpenAPI string
		Paths   map[string]map[string]struct {
			OperationID string
			Security    []map[string][]string
			Parameters  []struct {
				Name, In string
				Example  any
			}
			RequestBody struct {
				Content map[string]struct{ Example any }
			}
			Responses map[string]struct {
				Ref              string `json:"$ref"`
				Content, Headers map[string]any
			}
		}
		Components struct{ Schemas, Responses, SecuritySchemes, Headers map[string]any }
	}
	require.NoError(t, json.Unmarshal(doc, &d))
	require.Equal(t, "3.1.0", d.OpenAPI)
	create := d.Paths["/v1/tenants/{tenantId}/things"]["post"]
	require.Equal(t, map[string]any{"name": "a"}, create.RequestBody.Content["application/json"].Example)
	require.Equal(t, "#/components/responses/Conflict", create.Responses["409"].Ref)
	require.Len(t, create.Security, 1)
	require.Subset(t, keys(anys(create.Responses)), []string{"201", "400", "401", "403", "404", "409", "413", "415", "422", "500", "503"})
	list := d.Paths["/v1/tenants/{tenantId}/things"]["get"]
	require.Equal(t, "tenantId", list.Parameters[0].Name)
	require.Equal(t, []any{"x", "y"}, list.Parameters[3].Example)
	require.Contains(t, d.Paths["/v1/tenants/{tenantId}/things/{thingId}"]["get"].Responses["200"].Content, "text/csv")
	require.Empty(t, d.Paths["/v1/open"]["post"].Security)
	require.Subset(t, keys(d.Components.Schemas), []string{"PageString", "Problem", "FaultDetail"})
	require.Contains(t, d.Components.SecuritySchemes, "bearer")
	require.Len(t, d.Components.Responses, 13)
	require.Subset(t, keys(create.Responses["201"].Headers), []string{"RateLimit", "RateLimit-Policy", "X-Request-Id"})
	require.Subset(t, keys(d.Components.Headers), []string{"RateLimit", "RateLimit-Policy", "Retry-After", "WWW-Authenticate", "X-Request-Id"})
	require.NotContains(t, d.Paths["/v1/open"]["post"].Responses["200"].Headers, "RateLimit")
	code := d.Components.Schemas["Problem"].(map[string]any)["properties"].(map[string]any)["code"].(map[string]any)
	require.Len(t, code["enum"], len(fault.Codes())+1, "all of them, and HTTP's own")
}

func anys[V any](m map[string]V) map[string]any {
	all := map[string]any{}
	for k, v := range m {
		all[k] = v
	}
	return all
}
