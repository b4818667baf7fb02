package export

import (
	"context"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/oklog/ulid/v2"

	"github.com/tenantry/tenantry/pkg/apikey"
	"github.com/tenantry/tenantry/pkg/audit"
	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/collect"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/delivery"
	"github.com/tenantry/tenantry/pkg/member"
	"github.com/tenantry/tenantry/pkg/metric"
	"github.com/tenantry/tenantry/pkg/organization"
	"github.com/tenantry/tenantry/pkg/project"
	"github.com/tenantry/tenantry/pkg/reconciliation"
	"github.com/tenantry/tenantry/pkg/resource"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/schedule"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
	"github.com/tenantry/tenantry/pkg/usage"
)

// reading is what sections read from: the tenant at the time of the export.
type reading struct {
	store  *store.Store
	scope  *tenant.Scope
	tenant *store.Tenant
	at     time.Time
}

// section is a file of JSON Lines: each a thing of one kind, as the API shows it.
type section struct {
	name, doc string
	// page gives some of them after a place that an earlier page named as next, and the next; "" at the end.
	page func(ctx context.Context, r *reading, after string) (items []any, next string, err error)
}

const perPage = 200

var sections = []section{
	{"tenant", "the organization, as GET /v1/tenants/{tenantId}", readTenant},
	{"projects", "projects, as GET .../projects; unassigned, which is always there, is left out", listed[project.Project](store.Projects())},
	{"schedules", "what was set of schedules; all others have their kind's defaults", listed[schedule.Set](store.Schedules())},
	{"members", "members, as GET .../members", readMembers},
	{"invitations", "open and expired invitations, as GET .../invitations; without their tokens", readInvitations},
	{"api-keys", "API keys, as GET .../api-keys; without the keys themselves and their digests", readKeys},
	{"connections", "connections to AWS accounts, as GET .../connections; without their ExternalIds, since another platform makes its own", readConnections},
	{"tag-keys", "the kept tag keys, as GET .../tag-keys", readTagKeys},
	{"imports", "deliveries, as GET .../imports", listed[delivery.Delivery](store.Deliveries())},
	{"reconciliations", "what was said of invoices, as the invoices of GET .../reconciliations/{billingAccountId}/{month}", listed[reconciliation.Invoiced](store.Invoices())},
	{"resources", "resources of the connected accounts, as GET .../resources, those that are gone among them", readResources},
	{"metrics", "metrics of resources, as GET .../metrics, a line for each month of a series and with its project", readMetrics},
	{"runs", "runs of collection in every project, as GET .../runs/{runId}, by project and kind, oldest first", readRuns},
	{"usage", "what was used of the platform on each UTC day before the export's, as the days of GET .../usage", readUsage},
	{"exports", "exports before this one, as GET .../exports/{exportId}", readExports},
	{"audit", "the audit log until the export was asked for, as GET .../audit, oldest first", readAudit},
}

// listed gives the section of a span whose items are stored as they are shown; what is stored beside is passed over.
func listed[T any](span store.Span) func(context.Context, *reading, string) ([]any, string, error) {
	return func(ctx context.Context, r *reading, after string) (items []any, next string, err error) {
		page, err := r.tenant.Query(ctx, span, store.List{After: after, Limit: perPage, Consistency: store.Strongly})
		if err != nil {
			return nil, "", fmt.Errorf("list what is exported: %w", err)
		}
		for _, record := range page.Records {
			var item T
			if err := record.Value.Decode(&item); err != nil {
				return nil, "", fmt.Errorf("read what is exported: %w", err)
			}
			items = append(items, item)
		}
		return items, page.Next, nil
	}
}

// readConnections is the list of connections as who may not set them up is shown it.
func readConnections(ctx context.Context, r *reading, after string) ([]any, string, error) {
	items, next, err := listed[connection.Connection](store.Connections())(ctx, r, after)
	for i := range items {
		items[i] = items[i].(connection.Connection).Public()
	}
	return items, next, err
}

func readTenant(ctx context.Context, r *reading, _ string) ([]any, string, error) {
	var o organization.Organization
	if _, err := r.tenant.Read(ctx, store.Meta(), &o); err != nil {
		return nil, "", fmt.Errorf("read a tenant: %w", err)
	}
	return []any{o.Shown()}, "", nil
}

// members is the list of members and invitations as it was answered at the time of the export.
func (r *reading) members() *member.Service {
	return &member.Service{Store: r.store, Clock: func() time.Time { return r.at }}
}

func readMembers(ctx context.Context, r *reading, after string) ([]any, string, error) {
	return paged(r.members().Page(ctx, r.scope, route.Paging{Cursor: after, Limit: perPage}))
}

func readInvitations(ctx context.Context, r *reading, after string) ([]any, string, error) {
	return paged(r.members().InvitationPage(ctx, r.scope, route.Paging{Cursor: after, Limit: perPage}))
}

func readKeys(ctx context.Context, r *reading, after string) ([]any, string, error) {
	s := &apikey.Service{Store: r.store, Clock: func() time.Time { return r.at }}
	return paged(s.Page(ctx, r.scope, route.Paging{Cursor: after, Limit: perPage}))
}

func paged[T any](p route.Page[T], err error) ([]any, string, error) {
	return anyOf(p.Items), p.Next, err
}

func readTagKeys(ctx context.Context, r *reading, _ string) ([]any, string, error) {
	keys := delivery.TagKeys{Keys: []string{}}
	if _, err := r.tenant.Read(ctx, store.TagKeys(), &keys); err != nil {
		return nil, "", fmt.Errorf("read the tag keys: %w", err)
	}
	return []any{keys}, "", nil
}

// readUsage goes from day to day; a place is the last one that was looked at.
func readUsage(ctx context.Context, r *reading, after string) ([]any, string, error) {
	first, err := calendar.ParseDay(after)
	if after == "" {
		var o organization.Organization
		if _, err = r.tenant.Read(ctx, store.Meta(), &o); err != nil {
			return nil, "", fmt.Errorf("read a tenant: %w", err)
		}
		first = calendar.DayOf(o.CreatedAt) - 1
	}
	if err != nil {
		return nil, "", err
	}
	before := calendar.DayOf(r.at) - 1
	last := min(first+perPage, before)
	if first >= last {
		return nil, "", nil
	}
	days, err := usage.Days(ctx, r.store, r.scope, first+1, last)
	if err != nil || last == before {
		return anyOf(days), "", err
	}
	return anyOf(days), last.String(), nil
}

// resourcesPerPage is much: each page reads all that there is.
const resourcesPerPage = 20_000

func readResources(ctx context.Context, r *reading, after string) ([]any, string, error) {
	s := &resource.Service{Store: r.store, Clock: func() time.Time { return r.at }}
	items, next, err := s.Page(ctx, r.tenant, r.scope.Tenant(), after, resourcesPerPage)
	return anyOf(items), next, err
}

// readMetrics gives those of one account and month at once.
func readMetrics(ctx context.Context, r *reading, after string) ([]any, string, error) {
	s := &metric.Service{Store: r.store, Clock: func() time.Time { return r.at }}
	items, next, err := s.Page(ctx, r.tenant, r.scope.Tenant(), after)
	return anyOf(items), next, err
}

// readRuns goes through the projects, unassigned first, and their kinds; a place is one of them and the run in it.
func readRuns(ctx context.Context, r *reading, after string) ([]any, string, error) {
	roster, _, err := project.Read(ctx, r.tenant)
	if err != nil {
		return nil, "", err
	}
	projects := []tenant.ProjectID{tenant.Unassigned}
	for _, p := range roster.Projects {
		projects = append(projects, p.ID)
	}
	at, sort, _ := strings.Cut(after, "/")
	n, _ := strconv.Atoi(at) // of "" it is 0
	if n >= len(projects)*len(collect.Kinds) {
		return nil, "", nil
	}
	span := store.Runs(projects[n/len(collect.Kinds)], string(collect.Kinds[n%len(collect.Kinds)]), "")
	items, next, err := listed[collect.Run](span)(ctx, r, sort)
	switch {
	case err != nil:
		return nil, "", err
	case next != "":
		return items, strconv.Itoa(n) + "/" + next, nil
	case n+1 < len(projects)*len(collect.Kinds):
		return items, strconv.Itoa(n+1) + "/", nil
	}
	return items, "", nil
}

// readExports leaves out the export itself, which is under way.
func readExports(ctx context.Context, r *reading, after string) ([]any, string, error) {
	items, next, err := listed[Export](store.Exports())(ctx, r, after)
	kept := items[:0]
	for _, i := range items {
		if e := i.(Export); e.CreatedAt.Before(r.at) {
			kept = append(kept, e)
		}
	}
	return kept, next, err
}

// readAudit goes through the months from the tenant's first; a place is the row's ULID, or the first there can be of a month.
func readAudit(ctx context.Context, r *reading, after string) ([]any, string, error) {
	last := calendar.MonthOf(r.at)
	month, err := r.month(ctx, after)
	if err != nil {
		return nil, "", err
	}
	page, err := r.tenant.Query(ctx, store.AuditRows(month, month.First().Time(), r.at), store.List{After: after, Limit: perPage, Consistency: store.Strongly})
	if err != nil {
		return nil, "", fmt.Errorf("read the audit log: %w", err)
	}
	var items []any
	for _, record := range page.Records {
		var row audit.Row
		if err := record.Value.Decode(&row); err != nil {
			return nil, "", fmt.Errorf("read the audit log: %w", err)
		}
		items = append(items, row)
	}
	if page.Next == "" && month < last {
		return items, firstOf(month + 1), nil
	}
	return items, page.Next, nil
}

// month is where a place in the audit log is.
func (r *reading) month(ctx context.Context, after string) (calendar.Month, error) {
	if after != "" {
		id, err := ulid.ParseStrict(after)
		return calendar.MonthOf(ulid.Time(id.Time())), err
	}
	var o organization.Organization
	if _, err := r.tenant.Read(ctx, store.Meta(), &o); err != nil {
		return 0, fmt.Errorf("read a tenant: %w", err)
	}
	return calendar.MonthOf(o.CreatedAt), nil
}

// firstOf is the least ULID of a month, which no row has.
func firstOf(m calendar.Month) string {
	var id ulid.ULID
	_ = id.SetTime(ulid.Timestamp(m.First().Time())) // fails for years past 10889 alone
	return id.String()
}

func anyOf[T any](all []T) []any {
	items := make([]any, len(all))
	for i := range all {
		items[i] = all[i]
	}
	return items
}
