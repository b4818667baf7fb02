package collect

import (
	"context"
	"fmt"
	"time"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/money"
	"github.com/tenantry/tenantry/pkg/observe"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// A page of Cost Explorer costs what 1,000 metrics of GetMetricData cost: https://aws.amazon.com/aws-cost-management/pricing/ and
// https://aws.amazon.com/cloudwatch/pricing/. So one limit bounds both, and both are counted in thousandths of a page.
const (
	perPage     = 1_000 // thousandths
	pageCents   = 1     // USD 0.01
	thousandths = 3 + 2 // decimals of USD of a thousandth of a page
)

func (u Use) thousandths() int64 { return u.Pages*perPage + u.Metrics }

// Cost is what it costs on AWS, in USD, exactly.
func (u Use) Cost() money.Amount { return money.FromScaled(u.thousandths()*pageCents, thousandths) }

// collected is what a tenant's collection has spent in a UTC month: counters.
type collected struct {
	Pages       int64 `json:"pages"`
	Metrics     int64 `json:"metrics"`
	Thousandths int64 `json:"thousandths"`
}

func (u Use) attributes(sign int64) map[string]int64 {
	return map[string]int64{"pages": sign * u.Pages, "metrics": sign * u.Metrics, "thousandths": sign * u.thousandths()}
}

// spend counts what is about to be asked for against the tenant's plan. It counts before the calls are made, so that what a worker
// that is killed has asked for is counted too; where it is not known whether it was counted it is, and the step is repeated.
func (s *Service) spend(ctx context.Context, scope *tenant.Scope, t *store.Tenant, u Use) error {
	if u.Pages < 0 || u.Metrics < 0 {
		return fault.New(fault.Internal, "less than nothing cannot be spent")
	}
	if u.thousandths() == 0 {
		return nil
	}
	now := s.Clock()
	month := calendar.MonthOf(now)
	expires := (month + 13).First().Time()
	plan := scope.Standing().Plan
	most := plan.Limits().CollectionPagesPerMonth
	sum, err := t.Add(ctx, store.Collected(month), u.attributes(1), expires)
	if err != nil {
		return fault.Wrap(err, fault.Unavailable, "What is collected could not be counted now.")
	}
	if sum["thousandths"] > most*perPage {
		if _, err := t.Add(ctx, store.Collected(month), u.attributes(-1), expires); err != nil {
			s.Log.WarnContext(ctx, "what was not spent is counted", "tenant", scope.Tenant(), "use", u, "error", err)
		}
		reset := (month + 1).First().Time()
		return fault.Wrap(ErrCapped, fault.Limited, "The plan %s has a limit of collectionPagesPerMonth of %d, which is used up. It is reset at %s: "+
			"what waits is collected then. Or have the operator move you to a larger plan.", plan, most, reset.Format(time.RFC3339))
	}
	observe.In(ctx).Collected(u.Pages, u.Metrics, u.Cost())
	if s.Spent != nil {
		s.Spent(scope, u.Pages, u.Metrics)
	}
	return nil
}

// Used gives what the scope's tenant has spent in the present month, by the name of the plan's limit.
func (s *Service) Used(ctx context.Context, scope *tenant.Scope) (map[string]int64, error) {
	t, err := s.Store.Tenant(scope)
	if err != nil {
		return nil, err
	}
	var c collected
	if _, err := t.Read(ctx, store.Collected(calendar.MonthOf(s.Clock())), &c); err != nil {
		return nil, fmt.Errorf("read what was collected: %w", err)
	}
	return map[string]int64{"collectionPagesPerMonth": (c.Thousandths + perPage - 1) / perPage}, nil
}
