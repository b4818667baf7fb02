package metric

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/tenantry/tenantry/pkg/generation"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Service has the operations on metrics. All fields are needed.
type Service struct {
	Store *store.Store
	Clock func() time.Time
}

const (
	listMetrics = "listMetrics"
	listPath    = "/v1/tenants/{tenantId}/projects/{projectId}/metrics"
)

const listDoc = `What a project's resources use, as CloudWatch tells it: a series for each resource, metric and statistic, with a value for each UTC day that has
one. Values are as CloudWatch gave them, exactly, in the metric's ` + "`unit`" + `. Levels (CPU, connections, duration, bytes of a period) have Average, Maximum and p99;
what counts events (invocations, errors, requests) has Sum, since a sample of it is one event. Types whose metrics are collected
are those of the parameter.

Only whole days are collected; the last two may still change, since CloudWatch is told some things late. The first collection of a resource
goes back 14 days. A month's metrics of a resource are in the project that had it when the month was collected last.

Series are by type, ARN, metric and statistic. ` + "`total` and `accounts`" + ` come with the first page. Series without a value in the period are left out.

**CSV.** With ` + "`Accept: text/csv`" + ` all come at once, up to 5 MB, a line for each value. Texts that begin with = + - @ have an apostrophe before them.`

// Operations lists the package's operations; it works on a nil Service.
func (s *Service) Operations() []route.Operation {
	return []route.Operation{
		route.ForTenant(route.Spec{ID: listMetrics, Method: "GET", Path: listPath, Permission: tenant.ReadResource, Reach: route.Within, Function: route.API,
			Tag: "Metrics", Summary: "List metrics of a project's resources", Doc: listDoc, Media: "text/csv",
			Example: listIn{ProjectID: "prj_01ARZ3NDEKTSV4RRFFQ69G5FAV", Type: []string{"ec2:instance"}, Metric: []string{"CPUUtilization"},
				Statistic: []string{"Average", "p99"}, Start: "2026-01-01", End: "2026-02-01"}}, s.list),
	}
}

// Kept is a month of a series, and whose it is: a line of an export.
type Kept struct {
	ProjectID tenant.ProjectID `json:"projectId"`
	Shown
}

// Page gives some of a tenant's metrics, those of one account and month, after a position that an earlier page gave as next; "" at the end.
func (s *Service) Page(ctx context.Context, h *store.Tenant, id tenant.ID, at string) (items []Kept, next string, err error) {
	err = generation.Try(ctx, func() error {
		page, err := h.Query(ctx, store.EverMeasured(), store.List{After: at, Limit: 1, Consistency: store.Strongly})
		if err != nil {
			return fmt.Errorf("read metrics: %w", err)
		}
		next = page.Next
		for _, r := range page.Records {
			x, err := headIn(r)
			if err != nil {
				return err
			}
			if items, err = x.all(ctx, h, id); err != nil {
				return err
			}
		}
		return nil
	})
	if errors.Is(err, generation.ErrMoved) {
		err = ErrOvertaken
	}
	return items, next, err
}

// all gives everything of a head.
func (x *head) all(ctx context.Context, h *store.Tenant, id tenant.ID) ([]Kept, error) {
	var items []Kept
	for i := range x.Holdings {
		of := &x.Holdings[i]
		parts, err := generation.Get(ctx, h, x.parts(of), decode)
		if err != nil {
			return nil, err
		}
		for _, s := range slices.Concat(parts...) {
			items = append(items, Kept{of.Project, Shown{ResourceID: tenant.ResourceIDOf(id, s.ARN), ARN: s.ARN, Type: s.Type, AccountID: x.Account, Metric: s.Metric,
				Statistic: s.Statistic, Unit: s.Unit, Points: s.Points}})
		}
	}
	return items, nil
}
