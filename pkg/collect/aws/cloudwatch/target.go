package cloudwatch

import (
	"context"
	"slices"
	"strings"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/metric"
	"github.com/tenantry/tenantry/pkg/resource"
)

// target is a resource that is asked about, and the first day that it is asked for.
type target struct {
	arn, kind, region string
	from              calendar.Day
	measured          metric.Measured
	dimensions        []metric.Dimension
	queries           int
	position          string // in the order
}

// targets are the resources that are still to be asked about, in order: what was left waiting first, then by the first day and region.
func (s *step) targets(ctx context.Context) (all []target, err error) {
	found, err := resource.Of(ctx, s.task.Tenant, s.task.Connection.AccountID)
	if err != nil {
		return nil, err
	}
	for i := range found {
		t, ok := s.target(&found[i])
		if ok && t.position > s.notes.After {
			all = append(all, t)
		}
	}
	slices.SortFunc(all, func(a, b target) int { return strings.Compare(a.position, b.position) })
	return all, nil
}

func (s *step) target(r *resource.Resource) (target, bool) {
	of, ok := metric.Of(r.Type)
	if !ok || r.Region == resource.Global || s.notes.Skipped[r.Region] != "" {
		return target{}, false
	}
	dimensions, ok := of.DimensionsOf(r.ARN)
	t := target{arn: r.ARN, kind: r.Type, region: r.Region, measured: of, dimensions: dimensions, queries: of.Queries(), from: s.notes.Until - firstDays}
	if through := s.book.Through; through > 0 && !r.FirstSeenAt.After(s.book.Whole) {
		t.from = max(min(through, s.notes.Until-settling), s.notes.Until-farthest)
	}
	if !ok || !r.GoneAt.IsZero() && calendar.DayOf(r.GoneAt) < t.from || len(s.task.Connection.Regions) > 0 && !slices.Contains(s.task.Connection.Regions, r.Region) {
		return target{}, false
	}
	turn := "1"
	if s.notes.First != "" && r.ARN < s.notes.First {
		turn = "2"
	}
	if s.notes.First != "" { // by ARN alone, so that what waited longest comes first
		t.position = strings.Join([]string{turn, r.ARN, t.from.String(), r.Region}, "|")
	} else {
		t.position = strings.Join([]string{turn, t.from.String(), r.Region, r.ARN}, "|")
	}
	return t, true
}

// perCall is how many metrics GetMetricData takes at once.
const perCall = 500

// batchOf is how many of the first targets are asked about together: of one region and first day.
func batchOf(all []target) int {
	n, queries := 0, 0
	for n < len(all) && all[n].region == all[0].region && all[n].from == all[0].from && queries+all[n].queries <= perCall {
		queries += all[n].queries
		n++
	}
	return n
}
