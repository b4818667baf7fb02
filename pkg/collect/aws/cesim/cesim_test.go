package cesim_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/costexplorer"
	"github.com/aws/aws-sdk-go-v2/service/costexplorer/types"
	"github.com/aws/smithy-go"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/collect/aws/cesim"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/money"
)

var now = time.Date(2026, 3, 10, 12, 0, 0, 0, time.UTC)

func client(s *cesim.Sim, key string) *costexplorer.Client {
	return costexplorer.New(costexplorer.Options{Region: "us-east-1", BaseEndpoint: &s.URL, RetryMaxAttempts: 1, HTTPClient: unhurried{},
		Credentials: credentials.NewStaticCredentialsProvider(key, "secret", "token")})
}

// unhurried sends requests whose bodies cannot be closed: the SDK closes one as soon as the answer begins, and a transport that is not
// quite done with it breaks the connection.
type unhurried struct{}

func (unhurried) Do(r *http.Request) (*http.Response, error) {
	r.Body = io.NopCloser(r.Body)
	return http.DefaultClient.Do(r)
}

func start(t *testing.T, o cesim.Options) *cesim.Sim {
	o.Clock = func() time.Time { return now }
	s := cesim.New(t, o)
	s.Know("AKIA1", "111111111111")
	return s
}

func charge(day, service, region, record, amount string) cesim.Charge {
	at, _ := calendar.ParseDay(day)
	quantity := money.MustParse("2")
	return cesim.Charge{RecordType: record, Record: focus.Record{ChargePeriodStart: at.Time(), SubAccountID: "111111111111", ServiceName: service,
		RegionID: region, BilledCost: money.MustParse(amount), EffectiveCost: money.MustParse(amount), BillingCurrency: "USD",
		SkuID: "Box:" + service, PricingUnit: "Hrs", PricingQuantity: &quantity, Tags: map[string]string{"team": service}}}
}

// input asks for the first three days of March.
func input(groups ...string) *costexplorer.GetCostAndUsageInput {
	in := &costexplorer.GetCostAndUsageInput{Granularity: types.GranularityDaily, Metrics: []string{"UnblendedCost", "UsageQuantity"},
		TimePeriod: &types.DateInterval{Start: aws.String("2026-03-01"), End: aws.String("2026-03-04")}}
	for _, g := range groups {
		kind, key, _ := strings.Cut(g, ":")
		in.GroupBy = append(in.GroupBy, types.GroupDefinition{Type: types.GroupDefinitionType(kind), Key: &key})
	}
	return in
}

func TestSumsDaysThatAreAskedForEndExclusive(t *testing.T) {
	s := start(t, cesim.Options{})
	s.Set([]cesim.Charge{charge("2026-02-28", "S3", "eu-west-1", "Usage", "1"), charge("2026-03-01", "S3", "eu-west-1", "Usage", "0.1"),
		charge("2026-03-01", "EC2", "", "Credit", "-0.03"), charge("2026-03-03", "EC2", "us-east-1", "Usage", "5"), charge("2026-03-04", "S3", "eu-west-1", "Usage", "7")})
	out, err := client(s, "AKIA1").GetCostAndUsage(t.Context(), input())
	require.NoError(t, err)
	require.Len(t, out.ResultsByTime, 3)
	require.Equal(t, "0.07", *out.ResultsByTime[0].Total["UnblendedCost"].Amount)
	require.Equal(t, "0", *out.ResultsByTime[1].Total["UnblendedCost"].Amount)
	require.Equal(t, "5", *out.ResultsByTime[2].Total["UnblendedCost"].Amount)
	require.True(t, out.ResultsByTime[2].Estimated, "the month is not over")

	in := input()
	in.Granularity = types.GranularityMonthly
	*in.TimePeriod.Start = "2026-02-28"
	out, err = client(s, "AKIA1").GetCostAndUsage(t.Context(), in)
	require.NoError(t, err)
	require.Len(t, out.ResultsByTime, 2)
	require.Equal(t, []string{"1", "5.07"}, []string{*out.ResultsByTime[0].Total["UnblendedCost"].Amount, *out.ResultsByTime[1].Total["UnblendedCost"].Amount})
	require.False(t, out.ResultsByTime[0].Estimated)
}

func TestGroupsByDimensionsAndTags(t *testing.T) {
	s := start(t, cesim.Options{})
	bare := charge("2026-03-01", "EC2", "", "Usage", "2")
	bare.Tags, bare.PricingUnit = nil, "GB"
	s.Set([]cesim.Charge{charge("2026-03-01", "EC2", "eu-west-1", "Usage", "1"), bare})
	keys := func(groups ...string) (all []string) {
		out, err := client(s, "AKIA1").GetCostAndUsage(t.Context(), input(groups...))
		require.NoError(t, err)
		for _, g := range out.ResultsByTime[0].Groups {
			all = append(all, strings.Join(g.Keys, " ")+" "+*g.Metrics["UnblendedCost"].Amount+" "+*g.Metrics["UsageQuantity"].Unit)
		}
		return all
	}
	require.Equal(t, []string{"EC2 NoRegion 2 GB", "EC2 eu-west-1 1 Hrs"}, keys("DIMENSION:SERVICE", "DIMENSION:REGION"))
	require.Equal(t, []string{"team$ 2 GB", "team$EC2 1 Hrs"}, keys("TAG:team"))
	require.Equal(t, []string{"111111111111 Usage 3 N/A"}, keys("DIMENSION:LINKED_ACCOUNT", "DIMENSION:RECORD_TYPE"))
}

func TestFilters(t *testing.T) {
	s := start(t, cesim.Options{})
	s.Set([]cesim.Charge{charge("2026-03-01", "EC2", "eu-west-1", "Usage", "1"), charge("2026-03-01", "S3", "eu-west-1", "Usage", "10"),
		charge("2026-03-01", "S3", "us-east-1", "Tax", "100")})
	dimension := func(key string, values ...string) types.Expression {
		return types.Expression{Dimensions: &types.DimensionValues{Key: types.Dimension(key), Values: values}}
	}
	s3, tax, west := dimension("SERVICE", "S3"), dimension("RECORD_TYPE", "Tax", "Credit"), dimension("REGION", "eu-west-1")
	team := types.Expression{Tags: &types.TagValues{Key: aws.String("team"), Values: []string{"EC2"}}}
	absent := types.Expression{Tags: &types.TagValues{Key: aws.String("owner"), MatchOptions: []types.MatchOption{types.MatchOptionAbsent}}}
	for want, filter := range map[string]types.Expression{"110": s3, "100": {And: []types.Expression{s3, tax}}, "11": {Not: &tax},
		"111": {Or: []types.Expression{s3, west}}, "1": team, "10": {And: []types.Expression{{Not: &team}, west, absent}}} {
		in := input()
		in.Filter = &filter
		out, err := client(s, "AKIA1").GetCostAndUsage(t.Context(), in)
		require.NoError(t, err)
		require.Equal(t, want, *out.ResultsByTime[0].Total["UnblendedCost"].Amount)
	}
}

func TestPagesHoldNoMoreThanTheirRows(t *testing.T) {
	for _, series := range []bool{false, true} {
		s := start(t, cesim.Options{Series: series})
		var ledger []cesim.Charge
		for i := range 250 {
			for day := 1; day <= 3; day++ {
				ledger = append(ledger, charge(fmt.Sprintf("2026-03-%02d", day), fmt.Sprintf("S%03d", i), "eu-west-1", "Usage", "0.5"))
			}
		}
		s.Set(ledger)
		in, sum, pages := input("DIMENSION:SERVICE", "DIMENSION:REGION"), money.Amount{}, 0
		for {
			out, err := client(s, "AKIA1").GetCostAndUsage(t.Context(), in)
			require.NoError(t, err)
			pages++
			for _, r := range out.ResultsByTime {
				for _, g := range r.Groups {
					sum, err = sum.Add(money.MustParse(*g.Metrics["UnblendedCost"].Amount))
					require.NoError(t, err)
				}
			}
			if in.NextPageToken = out.NextPageToken; in.NextPageToken == nil {
				break
			}
		}
		require.Equal(t, "375", sum.String())
		require.Equal(t, map[bool]int{false: 4, true: 2}[series], pages)
		require.Equal(t, pages, s.Pages())
	}
}

func TestRefusesWhatCostExplorerRefuses(t *testing.T) {
	period := func(start, end string) *types.DateInterval { return &types.DateInterval{Start: &start, End: &end} }
	for name, c := range map[string]struct {
		change func(*costexplorer.GetCostAndUsageInput)
		code   string
	}{
		"three groups": {func(in *costexplorer.GetCostAndUsageInput) {
			in.GroupBy = input("DIMENSION:SERVICE", "DIMENSION:REGION", "TAG:a").GroupBy
		}, "ValidationException"},
		"an unknown group":   {func(in *costexplorer.GetCostAndUsageInput) { in.GroupBy = input("DIMENSION:COLOUR").GroupBy }, "ValidationException"},
		"an unknown metric":  {func(in *costexplorer.GetCostAndUsageInput) { in.Metrics = []string{"Cost"} }, "ValidationException"},
		"no metric":          {func(in *costexplorer.GetCostAndUsageInput) { in.Metrics = []string{} }, "ValidationException"},
		"no days":            {func(in *costexplorer.GetCostAndUsageInput) { in.TimePeriod = period("2026-03-01", "2026-03-01") }, "ValidationException"},
		"a day that is none": {func(in *costexplorer.GetCostAndUsageInput) { in.TimePeriod = period("2026-02-30", "2026-03-01") }, "ValidationException"},
		"too long ago":       {func(in *costexplorer.GetCostAndUsageInput) { in.TimePeriod = period("2025-01-31", "2026-03-01") }, "ValidationException"},
		"two roots": {func(in *costexplorer.GetCostAndUsageInput) {
			in.Filter = &types.Expression{Not: &types.Expression{}, Dimensions: &types.DimensionValues{Key: "SERVICE", Values: []string{"S3"}}}
		}, "ValidationException"},
		"And of one": {func(in *costexplorer.GetCostAndUsageInput) {
			in.Filter = &types.Expression{And: []types.Expression{{Dimensions: &types.DimensionValues{Key: "SERVICE", Values: []string{"S3"}}}}}
		}, "ValidationException"},
		"a token of another request": {func(in *costexplorer.GetCostAndUsageInput) { in.NextPageToken = aws.String("abc.200") }, "InvalidNextTokenException"},
	} {
		t.Run(name, func(t *testing.T) {
			s := start(t, cesim.Options{})
			in := input()
			c.change(in)
			_, err := client(s, "AKIA1").GetCostAndUsage(context.Background(), in)
			require.Equal(t, c.code, codeOf(t, err))
			require.Zero(t, s.Pages())
		})
	}
}

func codeOf(t *testing.T, err error) string {
	var api smithy.APIError
	require.True(t, errors.As(err, &api), "%v", err)
	return api.ErrorCode()
}

func TestAccountsSeeTheirOwnAndPayersAll(t *testing.T) {
	s := start(t, cesim.Options{})
	other := charge("2026-03-01", "S3", "", "Usage", "10")
	other.SubAccountID = "222222222222"
	s.Set([]cesim.Charge{charge("2026-03-01", "S3", "", "Usage", "1"), other})
	s.Know("AKIA2", "222222222222")
	s.Know("AKIA9", "999999999999")
	s.Organize("999999999999", "111111111111", "222222222222")
	for key, want := range map[string]string{"AKIA1": "1", "AKIA2": "10", "AKIA9": "11"} {
		out, err := client(s, key).GetCostAndUsage(t.Context(), input())
		require.NoError(t, err)
		require.Equal(t, want, *out.ResultsByTime[0].Total["UnblendedCost"].Amount)
	}
	accounts := map[string]int{}
	for _, c := range s.Calls() {
		accounts[c.Account]++
	}
	require.Equal(t, map[string]int{"111111111111": 1, "222222222222": 1, "999999999999": 1}, accounts)
}

func TestFailsOnDemand(t *testing.T) {
	s := start(t, cesim.Options{})
	s.Fail(func(c cesim.Call) *cesim.Fault { return cesim.Throttle })
	_, err := client(s, "AKIA1").GetCostAndUsage(t.Context(), input())
	var limited *types.LimitExceededException
	require.ErrorAs(t, err, &limited)
	s.Fail(func(c cesim.Call) *cesim.Fault {
		return &cesim.Fault{Code: "DataUnavailableException", Message: "Data is not available"}
	})
	_, err = client(s, "AKIA1").GetCostAndUsage(t.Context(), input())
	var none *types.DataUnavailableException
	require.ErrorAs(t, err, &none)
	s.Fail(nil)
	s.Deny("111111111111", true)
	_, err = client(s, "AKIA1").GetCostAndUsage(t.Context(), input())
	require.Equal(t, "AccessDeniedException", codeOf(t, err))
	s.Deny("111111111111", false)
	s.Expire("AKIA1")
	_, err = client(s, "AKIA1").GetCostAndUsage(t.Context(), input())
	require.Equal(t, "ExpiredTokenException", codeOf(t, err))
	_, err = client(s, "AKIAX").GetCostAndUsage(t.Context(), input())
	require.Equal(t, "UnrecognizedClientException", codeOf(t, err))
	require.Zero(t, s.Pages())
	require.Len(t, s.Calls(), 5)
}
