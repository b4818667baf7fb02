package cloudwatch

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	cw "github.com/aws/aws-sdk-go-v2/service/cloudwatch"
	"github.com/aws/aws-sdk-go-v2/service/cloudwatch/types"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/collect"
	"github.com/tenantry/tenantry/pkg/collect/aws/call"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/metric"
)

// Actions lists the actions of IAM that collecting metrics needs.
func Actions() []string { return []string{"cloudwatch:GetMetricData"} }

// asked is one metric that is asked for, and what came of it.
type asked struct {
	query   types.MetricDataQuery
	reading metric.Reading
	values  map[calendar.Day]float64
	status  types.StatusCode
}

// again is how often metrics are asked for once more that CloudWatch could not give.
const again = 2

// batch asks about resources of one region. A region that cannot be read is noted, and left out from then on.
func (s *step) batch(ctx context.Context, some []target) error {
	region := some[0].region
	if s.notes.Skipped[region] != "" {
		return nil
	}
	config := s.base.Copy()
	config.Region = region
	options := []func(*cw.Options){func(o *cw.Options) { o.HTTPClient = call.Unhurried{HTTPClient: o.HTTPClient} }}
	if s.Options != nil {
		options = append(options, s.Options)
	}
	client, open := cw.NewFromConfig(config, options...), []*asked{}
	for i := range some {
		open = append(open, some[i].asks(s.notes.Until, len(open))...)
	}
	var kept []metric.Reading
	for attempt := 0; attempt <= again && len(open) > 0; attempt++ {
		err := s.ask(ctx, client, open)
		if reason := call.Elsewhere(err, Actions()...); reason != "" {
			s.notes.Skipped[region] = reason
			return nil
		}
		if err != nil {
			return explain(err)
		}
		open = slices.DeleteFunc(open, func(a *asked) bool {
			if a.status == types.StatusCodeComplete {
				kept = append(kept, a.told())
			}
			return a.status == types.StatusCodeComplete
		})
	}
	s.notes.Refused += len(open) // what was kept of them stays
	s.notes.Read++
	s.read = append(s.read, kept...)
	return nil
}

// asks makes the metrics that are asked for of a resource.
func (t *target) asks(until calendar.Day, n int) (all []*asked) {
	for _, m := range t.measured.Measures {
		var dimensions []types.Dimension
		for _, d := range t.dimensions {
			dimensions = append(dimensions, types.Dimension{Name: aws.String(d.Name), Value: aws.String(d.Value)})
		}
		for _, name := range slices.Sorted(maps.Keys(m.Dimensions)) {
			dimensions = append(dimensions, types.Dimension{Name: aws.String(name), Value: aws.String(m.Dimensions[name])})
		}
		for _, statistic := range m.Statistics {
			all = append(all, &asked{
				query: types.MetricDataQuery{Id: aws.String(fmt.Sprintf("m%d", n+len(all))), ReturnData: aws.Bool(true), MetricStat: &types.MetricStat{Period: aws.Int32(day),
					Stat: aws.String(statistic), Metric: &types.Metric{Namespace: aws.String(t.measured.Namespace), MetricName: aws.String(m.Name), Dimensions: dimensions}}},
				reading: metric.Reading{From: t.from, Until: until, Series: metric.Series{ARN: t.arn, Type: t.kind, Metric: m.Name, Statistic: statistic, Unit: m.Unit}},
			})
		}
	}
	return all
}

const day = 86400 // seconds

// ask asks once, all pages. Metrics are paid for by the first page; a page more asks for none.
func (s *step) ask(ctx context.Context, client *cw.Client, all []*asked) error {
	of, in := map[string]*asked{}, &cw.GetMetricDataInput{ScanBy: types.ScanByTimestampAscending}
	for _, a := range all {
		a.values, a.status = map[calendar.Day]float64{}, ""
		of[aws.ToString(a.query.Id)] = a
		in.MetricDataQueries = append(in.MetricDataQueries, a.query)
	}
	in.StartTime, in.EndTime = aws.Time(all[0].reading.From.Time()), aws.Time(all[0].reading.Until.Time())
	var trail call.Trail
	for use := (collect.Use{Metrics: int64(len(all)), Calls: 1}); ; use.Metrics = 0 {
		if err := s.task.Spend(ctx, use); err != nil {
			return err
		}
		out, err := client.GetMetricData(ctx, in)
		if err != nil {
			return err
		}
		for i := range out.MetricDataResults {
			if a := of[aws.ToString(out.MetricDataResults[i].Id)]; a != nil {
				a.take(&out.MetricDataResults[i])
			}
		}
		if aws.ToString(out.NextToken) == "" {
			return nil
		}
		if err := trail.Next(aws.ToString(out.NextToken)); err != nil {
			return fault.Wrap(err, fault.Unavailable, "CloudWatch gives the same page again and again.")
		}
		in.NextToken = out.NextToken
	}
}

// take puts a page's part of a metric to the others. The last page's status counts: PartialData says that more comes.
func (a *asked) take(r *types.MetricDataResult) {
	for i := range min(len(r.Timestamps), len(r.Values)) {
		a.values[calendar.DayOf(r.Timestamps[i])] = r.Values[i]
	}
	if a.status != types.StatusCodeInternalError && a.status != types.StatusCodeForbidden {
		a.status = r.StatusCode
	}
}

// told is what a whole answer has told.
func (a *asked) told() metric.Reading {
	r := a.reading
	for _, d := range slices.Sorted(maps.Keys(a.values)) {
		r.Series.Points = append(r.Series.Points, metric.Point{Date: d, Value: a.values[d]})
	}
	return r
}

// explain says what an error means to the run.
func explain(err error) error { return call.Explain(err, "CloudWatch") }
