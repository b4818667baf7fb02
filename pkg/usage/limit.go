package usage

import (
	"context"
	"maps"
	"time"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// limits are the plan's, in the order of tenant.Limits, with what is used of each.
func (s *Service) limits(ctx context.Context, scope *tenant.Scope, now time.Time) ([]Limit, error) {
	used := map[string]int64{}
	for _, of := range s.Used {
		some, err := of(ctx, scope)
		if err != nil {
			return nil, err
		}
		maps.Copy(used, some)
	}
	l := scope.Standing().Plan.Limits()
	all := []Limit{
		{Name: "projects", Limit: l.Projects},
		{Name: "members", Limit: l.Members},
		{Name: "apiKeys", Limit: l.APIKeys},
		{Name: "requestsPerMinute", Limit: l.RequestsPerMinute, Per: "minute"},
		{Name: "importsPerDay", Limit: l.ImportsPerDay, Per: "day"},
		{Name: "importBytesPerDay", Limit: l.ImportBytesPerDay, Per: "day"},
		{Name: "exportsPerDay", Limit: l.ExportsPerDay, Per: "day"},
		{Name: "collectionPagesPerMonth", Limit: l.CollectionPagesPerMonth, Per: "month"},
		{Name: "retentionDays", Limit: l.RetentionDays},
	}
	for i := range all {
		if n, ok := used[all[i].Name]; ok {
			all[i].Used = &n
		}
		all[i].ResetsAt = reset(all[i].Per, now)
	}
	return all, nil
}

// reset is when what is counted by a span of time begins at 0 again.
func reset(per string, now time.Time) *time.Time {
	var at time.Time
	switch per {
	case "minute":
		at = now.Truncate(time.Minute).Add(time.Minute)
	case "day":
		at = (calendar.DayOf(now) + 1).Time()
	case "month":
		at = (calendar.MonthOf(now) + 1).First().Time()
	default:
		return nil
	}
	return &at
}
