package costexplorer

import (
	"context"
	"errors"
	"fmt"

	"github.com/aws/aws-sdk-go-v2/aws"
	ce "github.com/aws/aws-sdk-go-v2/service/costexplorer"
	"github.com/aws/aws-sdk-go-v2/service/costexplorer/types"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/collect"
	"github.com/tenantry/tenantry/pkg/collect/aws/call"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/money"
)

// span is days, the end exclusive.
type span struct {
	From calendar.Day `json:"from"`
	To   calendar.Day `json:"to"`
}

func (s span) has(d calendar.Day) bool { return d >= s.From && d < s.To }

// query asks for daily costs.
type query struct {
	span   span
	groups []types.GroupDefinition // at most two
	filter *types.Expression
}

// answered is one group of one day; without groups, the day.
type answered struct {
	day       calendar.Day
	keys      []string
	sum       Sum
	estimated bool
}

// The metrics that are asked for together: a page costs the same with one.
var costMetrics = [...]string{"UnblendedCost", "AmortizedCost", "NetUnblendedCost", "NetAmortizedCost"}

const usageQuantity = "UsageQuantity"

// maxPages bounds one query.
const maxPages = 5000

// ask asks a query with all its pages, each of which is paid for before it is asked for. A session that has ended is renewed
// once a page.
func (s *step) ask(ctx context.Context, q query) (all []answered, err error) {
	in := &ce.GetCostAndUsageInput{Granularity: types.GranularityDaily, Metrics: append(costMetrics[:], usageQuantity), GroupBy: q.groups,
		Filter: q.filter, TimePeriod: &types.DateInterval{Start: aws.String(q.span.From.String()), End: aws.String(q.span.To.String())}}
	for range maxPages {
		if err := s.task.Spend(ctx, collect.Use{Pages: 1, Calls: 1}); err != nil {
			return nil, err
		}
		out, err := s.page(ctx, in)
		if err != nil {
			return nil, err
		}
		for i := range out.ResultsByTime {
			if all, err = read(all, &out.ResultsByTime[i]); err != nil {
				return nil, fmt.Errorf("read an answer of Cost Explorer: %w", err)
			}
		}
		if aws.ToString(out.NextPageToken) == "" {
			return all, nil
		}
		in.NextPageToken = out.NextPageToken
	}
	return nil, fault.New(fault.Unavailable, "Cost Explorer answers in more than %d pages.", maxPages)
}

func (s *step) page(ctx context.Context, in *ce.GetCostAndUsageInput) (*ce.GetCostAndUsageOutput, error) {
	for renewed := false; ; renewed = true {
		if s.client == nil {
			config, err := s.collector.Config(ctx, s.task.Scope, s.task.Connection)
			if err != nil {
				return nil, explain(err)
			}
			s.client = ce.NewFromConfig(config, func(o *ce.Options) {
				o.Region = home(s.task.Connection.Partition)
				o.HTTPClient = call.Unhurried{HTTPClient: o.HTTPClient}
				if s.collector.Retryer != nil {
					o.Retryer = s.collector.Retryer()
				}
			})
		}
		out, err := s.client.GetCostAndUsage(ctx, in)
		if err == nil || renewed || !call.Expired(err) {
			return out, explain(err)
		}
		s.client = nil
	}
}

// home is where Cost Explorer is, in each partition.
func home(partition string) string {
	switch partition {
	case "aws-cn":
		return "cn-northwest-1"
	case "aws-us-gov":
		return "us-gov-west-1"
	}
	return "us-east-1"
}

// explain says what an error means to the run.
func explain(err error) error {
	switch code := call.Code(err); code {
	case "DataUnavailableException":
		return fault.Wrap(err, fault.Unavailable, "Cost Explorer has no data of the account yet: after it is enabled that takes up to 24 hours.")
	case "RequestChangedException", "BillExpirationException":
		return fault.Wrap(err, fault.Unavailable, "Cost Explorer ended the query midway (%s).", code)
	}
	if call.Of(err) == call.Denied {
		return &collect.Denied{Reason: "Cost Explorer refuses the role. Check that the role allows ce:GetCostAndUsage, that Cost Explorer is enabled in the " +
			"account (Billing and Cost Management, Cost Explorer) and, for a member account, that its payer lets members see it."}
	}
	return call.Explain(err, "Cost Explorer")
}

func read(all []answered, r *types.ResultByTime) ([]answered, error) {
	if r.TimePeriod == nil {
		return nil, errors.New("a result without its day")
	}
	day, err := calendar.ParseDay(aws.ToString(r.TimePeriod.Start))
	if err != nil {
		return nil, err
	}
	add := func(keys []string, values map[string]types.MetricValue) error {
		sum, err := readSum(values)
		all = append(all, answered{day, keys, sum, r.Estimated})
		return err
	}
	if len(r.Groups) == 0 && len(r.Total) > 0 {
		return all, add(nil, r.Total)
	}
	for _, g := range r.Groups {
		if err := add(g.Keys, g.Metrics); err != nil {
			return nil, err
		}
	}
	return all, nil
}

func readSum(values map[string]types.MetricValue) (s Sum, err error) {
	for i, name := range costMetrics {
		v, ok := values[name]
		if !ok || v.Amount == nil {
			return s, fmt.Errorf("no %s", name)
		}
		if s.Costs[i], _, err = money.Parse(*v.Amount); err != nil {
			return s, fmt.Errorf("%s is %q: %w", name, *v.Amount, err)
		}
		if i == 0 {
			s.Currency = aws.ToString(v.Unit)
		} else if aws.ToString(v.Unit) != s.Currency {
			return s, fmt.Errorf("%s is in %s and in %s", name, aws.ToString(v.Unit), s.Currency)
		}
	}
	if v, ok := values[usageQuantity]; ok && v.Amount != nil {
		if s.Quantity, _, err = money.Parse(*v.Amount); err != nil {
			return s, fmt.Errorf("%s is %q: %w", usageQuantity, *v.Amount, err)
		}
		s.Unit = aws.ToString(v.Unit)
	}
	return s, nil
}
