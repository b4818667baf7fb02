package delivery

import (
	"net/http"

	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/tenant"
)

const (
	tenantImports  = "/v1/tenants/{tenantId}/imports"
	projectImports = "/v1/tenants/{tenantId}/projects/{projectId}/imports"
)

const uploadAddresses = "Upload addresses are good for 45 minutes; the same request with the same Idempotency-Key gives new ones."

// Operations lists the package's operations; it works on a nil Service.
func (s *Service) Operations() []route.Operation {
	return []route.Operation{
		route.ForTenant(spec(route.Within, "createProjectImport", http.MethodPost, projectImports, "Deliver one file to one project",
			"The project gets every line of the file. PUT the bytes to `uploadUrl`; the delivery closes by itself when they have arrived. "+
				uploadAddresses, http.StatusCreated, exampleOne()), s.createOne),
		route.ForTenant(spec(route.Whole, "createImport", http.MethodPost, tenantImports, "Deliver files that rules split into projects",
			"PUT each file to its `uploadUrl`, then close the delivery. A line goes to the project whose `accountIds` and `tagSelector` "+
				"select it, and to the project `unassigned` where none does. "+uploadAddresses, http.StatusCreated, exampleMany()), s.createMany),
		route.ForTenant(spec(route.Within, "closeImport", http.MethodPost, tenantImports+"/{importId}/close", "Close a delivery",
			"All of its files have been uploaded: read them. Closing it again is the same.", http.StatusAccepted, &GetImport{}), s.close),
		route.ForTenant(spec(route.Within, "getImport", http.MethodGet, tenantImports+"/{importId}", "Get a delivery",
			"Progress while it runs, then its result or its problems.", 0, &GetImport{}), s.get),
		route.ForTenant(spec(route.Within, "getProjectImport", http.MethodGet, projectImports+"/{importId}", "Get a project's delivery",
			"Progress while it runs, then its result or its problems.", 0, &GetProjectImport{}), s.getOne),
		route.ForTenant(spec(route.Within, "listImports", http.MethodGet, tenantImports, "List deliveries",
			"All of the tenant's, youngest first, also those aimed at one project.", 0, &ListImports{}), s.list),
		route.ForTenant(spec(route.Within, "listProjectImports", http.MethodGet, projectImports, "List a project's deliveries",
			"Those aimed at the project, youngest first.", 0, &ListProjectImports{}), s.listOne),
		route.ForTenant(tagSpec(route.Within, "getTagKeys", http.MethodGet, tenant.ReadTenant, "Get the kept tag keys",
			"The tags that costs can be grouped and filtered by, as `tag:<key>`.", &GetTagKeys{}), s.getTagKeys),
		route.ForTenant(tagSpec(route.Whole, "putTagKeys", http.MethodPut, tenant.WriteTenant, "Set the kept tag keys",
			"At most 20. What was delivered before is read again in the background, so that its costs can be asked for by the new keys.",
			examplePutTagKeys()), s.putTagKeys),
	}
}

func spec(reach route.Reach, id, method, path, summary, doc string, status int, example any) route.Spec {
	p := tenant.WriteDelivery
	if method == http.MethodGet {
		p = tenant.ReadDelivery
	}
	return route.Spec{ID: id, Method: method, Path: path, Permission: p, Reach: reach, Function: route.API, Summary: summary, Doc: doc,
		Tag: "Imports", Status: status, Example: example}
}

func tagSpec(reach route.Reach, id, method string, p tenant.Permission, summary, doc string, example any) route.Spec {
	return route.Spec{ID: id, Method: method, Path: "/v1/tenants/{tenantId}/tag-keys", Permission: p, Reach: reach, Function: route.API,
		Summary: summary, Doc: doc, Tag: "Costs", Example: example}
}
