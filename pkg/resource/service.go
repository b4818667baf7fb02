package resource

import (
	"context"
	"time"

	"github.com/tenantry/tenantry/pkg/cost"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Service has the operations on resources. All fields are needed.
type Service struct {
	Store *store.Store
	Clock func() time.Time
	Costs *cost.Service
}

const (
	listResources, listProjectResources, getResource = "listResources", "listProjectResources", "getResource"

	tenantPath  = "/v1/tenants/{tenantId}/resources"
	projectPath = "/v1/tenants/{tenantId}/projects/{projectId}/resources"
)

const listDoc = `What there is in the connected AWS accounts, as it was collected last: of every type that the Resource Groups Tagging API knows, and
instances, volumes, snapshots, addresses, NAT gateways, load balancers, databases, functions, buckets, tables, clusters, services and log
groups without a tag, too.

**Filters** are ` + "`[!]dimension:value[,value]`" + ` as those of costs: one of the values, or with ! none of them; several filters must all hold; an empty
value is what has none. Dimensions are type, region, account, project (its ID), state, class, name, arn, tag:‹key›, text (a part of
the name, the ARN or a tag, letters of either case) and gone (true or false). Without a filter on gone only what is there is listed; what is gone is
kept for 90 days.

**Sorting** is by ` + "`sort`" + `, ascending, with a - before it descending. Pages are of the resources as they are when each is asked for.

` + "`total`, `facets` and `accounts`" + ` come with the first page. ` + "`accounts`" + ` says when each account was collected and what could not be read of it:
its resources there are as they were seen before.

**Projects** have the resources that their rules select (accounts, tags); the others are unassigned's. Rules that were changed hold from
the next collection on.

**CSV.** With ` + "`Accept: text/csv`" + ` all come at once, up to 5 MB; tags are one cell of JSON. Texts that begin with = + - @ have an apostrophe before them.`

// Operations lists the package's operations; it works on a nil Service.
func (s *Service) Operations() []route.Operation {
	const tag, project = "Resources", "prj_01ARZ3NDEKTSV4RRFFQ69G5FAV"
	narrow := Narrowing{Filter: []string{"type:ec2:instance", "tag:environment:production"}, Sort: "-createdAt"}
	return []route.Operation{
		route.ForTenant(route.Spec{ID: listResources, Method: "GET", Path: tenantPath, Permission: tenant.ReadResource, Reach: route.Within, Function: route.API, Tag: tag,
			Summary: "List resources", Doc: listDoc, Media: "text/csv", Example: listIn{Narrowing: narrow}}, s.list),
		route.ForTenant(route.Spec{ID: listProjectResources, Method: "GET", Path: projectPath, Permission: tenant.ReadResource, Reach: route.Within, Function: route.API,
			Tag: tag, Summary: "List a project's resources", Doc: listDoc, Media: "text/csv",
			Example: listProjectIn{ProjectID: project, Narrowing: narrow}}, s.listProject),
		route.ForTenant(route.Spec{ID: getResource, Method: "GET", Path: projectPath + "/{resourceId}", Permission: tenant.ReadResource, Reach: route.Within, Function: route.API,
			Tag: tag, Summary: "Get a resource and its costs", Doc: "Its costs are those of the project's lines that name it by its ARN or, as some " +
				"services do, by the end of it; null where there are none.",
			Example: getIn{ProjectID: project, ResourceID: "res_01ARZ3NDEKTSV4RRFFQ69G5FAV", Start: "2026-01-01", End: "2026-03-01"}}, s.get),
	}
}

// Page gives some of a tenant's resources, gone ones too, after a position that an earlier page gave as next; "" at the end.
func (s *Service) Page(ctx context.Context, h *store.Tenant, id tenant.ID, at string, most int) (items []Resource, next string, err error) {
	return s.page(ctx, h, id, at, most)
}
