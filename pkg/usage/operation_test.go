package usage_test

import (
	"encoding/json"
	"fmt"
	"math/big"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/money"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
	"github.com/tenantry/tenantry/pkg/usage"
)

func ask(t *testing.T, a *apptest.App, query string) (answer usage.Answer) {
	a.Alice.Get(t, a.Alice.Path("/usage"+query)).Is(t, 200).Into(t, &answer)
	return answer
}

func limitOf(t *testing.T, answer usage.Answer, name string) usage.Limit {
	for _, l := range answer.Limits {
		if l.Name == name {
			return l
		}
	}
	require.Fail(t, "there is no limit "+name)
	return usage.Limit{}
}

// deliver brings a file of n lines.
func deliver(t *testing.T, a *apptest.App, n int) (size int64) {
	const header = "BilledCost,EffectiveCost,ListCost,ContractedCost,BillingAccountId,SubAccountId,BillingCurrency,BillingPeriodStart,BillingPeriodEnd," +
		"ChargePeriodStart,ChargePeriodEnd,ChargeCategory,ServiceName,ProviderName,RegionId\n"
	file := header + strings.Repeat("1,1,1,1,pay,acc,USD,2026-02-01T00:00:00Z,2026-03-01T00:00:00Z,2026-02-03T00:00:00Z,2026-02-04T00:00:00Z,Usage,EC2,AWS,eu-west-1\n", n)
	var made struct {
		ID        string
		UploadURL string
	}
	a.Alice.Do(t, "POST", a.Alice.Path("/imports"), map[string]any{"format": "csv", "files": []any{map[string]any{"sizeBytes": len(file)}}}).Is(t, 201).Into(t, &made)
	r, err := http.NewRequestWithContext(t.Context(), "PUT", a.URL+made.UploadURL, strings.NewReader(file))
	require.NoError(t, err)
	require.Less(t, a.With("").Send(t, r).Status, 300)
	a.Work(t)
	a.Alice.Do(t, "POST", a.Alice.Path("/imports/"+made.ID+"/close"), nil).Is(t, 202)
	a.Work(t)
	return int64(len(file))
}

func TestUsageTellsWhatWasUsedAndWhatItCosts(t *testing.T) {
	a := apptest.New(t)
	before := ask(t, a, "")
	require.Equal(t, []string{"2026-03-01", "2026-04-01"}, []string{before.Start.String(), before.End.String()})
	require.Positive(t, before.Total.Requests, "the project was made")
	size := deliver(t, a, 7)
	a.Alice.Get(t, a.Alice.Path("/projects/"+apptest.Never("projectId"))).Is(t, 404)
	after := ask(t, a, "")
	require.Equal(t, int64(4), after.Total.Requests-before.Total.Requests, "the first answer, two of the delivery, and one that found nothing")
	require.Equal(t, size, after.Total.ImportBytes)
	require.Equal(t, int64(7), after.Total.ImportLines)
	require.Positive(t, after.Total.RequestBytes)
	require.Positive(t, after.Total.ResponseBytes)
	require.Len(t, after.Days, 1)
	require.Equal(t, after.Total, after.Days[0].Use)

	var prices []string
	for _, p := range after.Prices {
		prices = append(prices, p.Of+" "+p.PerMillion.String())
		require.Regexp(t, `https://aws\.amazon\.com/.*pricing/`, p.Source)
		require.Equal(t, "2026", p.AsOf)
	}
	require.Equal(t, []string{"readUnits 0.125", "writeUnits 0.625", "collectionPages 10000", "collectionMetrics 10"}, prices)
	requireCost(t, after)
	require.Contains(t, string(a.Alice.Get(t, a.Alice.Path("/usage")).Body), `"cost":"0.0`)
}

func rat(t require.TestingT, text string) *big.Rat {
	r, ok := new(big.Rat).SetString(text)
	require.True(t, ok, text)
	return r
}

// requireCost checks that the cost is what the units cost by the prices that stand beside it, to the last decimal.
func requireCost(t require.TestingT, a usage.Answer) {
	units := map[string]money.Amount{"readUnits": a.Total.ReadUnits, "writeUnits": a.Total.WriteUnits,
		"collectionPages": money.FromInt(a.Total.CollectionPages), "collectionMetrics": money.FromInt(a.Total.CollectionMetrics)}
	require.Len(t, a.Prices, len(units))
	want := new(big.Rat)
	for _, p := range a.Prices {
		millions := new(big.Rat).Mul(rat(t, units[p.Of].String()), big.NewRat(1, 1_000_000))
		want.Add(want, millions.Mul(millions, rat(t, p.PerMillion.String())))
	}
	require.Zero(t, want.Cmp(rat(t, a.Total.Cost.String())), "%s and not %s", a.Total.Cost, want)
}

func TestTheCostIsOfThePricesShown(t *testing.T) {
	a := apptest.New(t)
	scope, err := tenant.Work(a.Alice.Tenant, "test")
	require.NoError(t, err)
	h, err := a.Store.Tenant(scope)
	require.NoError(t, err)
	rapid.Check(t, func(r *rapid.T) {
		day := today - calendar.Day(rapid.IntRange(1, 399).Draw(r, "days ago")) // counters of a day that comes again add up
		halves := rapid.Int64Range(0, 100_000_000_000)
		by := map[string]int64{"readHalves": halves.Draw(r, "read"), "writeHalves": halves.Draw(r, "write"),
			"collectionPages": rapid.Int64Range(0, 10_000_000).Draw(r, "pages"), "collectionMetrics": halves.Draw(r, "metrics")}
		_, err := h.Add(t.Context(), store.Usage(day), by, time.Time{})
		require.NoError(r, err)
		requireCost(r, ask(t, a, "?start="+day.String()+"&end="+(day+1).String()))
	})
}

func TestUsageOfDays(t *testing.T) {
	a := apptest.New(t)
	scope, err := tenant.Work(a.Alice.Tenant, "test")
	require.NoError(t, err)
	h, err := a.Store.Tenant(scope)
	require.NoError(t, err)
	for day := today - 500; day < today; day++ {
		_, err := h.Add(t.Context(), store.Usage(day), map[string]int64{"requests": 1, "readHalves": 1, "writeHalves": int64(today - day)}, time.Time{})
		require.NoError(t, err)
	}
	answer := ask(t, a, "?start=2026-02-10&end=2026-02-13")
	require.Equal(t, "2026-02-10 2026-02-11 2026-02-12", strings.Trim(fmt.Sprint(answer.Days[0].Date, answer.Days[1].Date, answer.Days[2].Date), "[]"))
	require.Equal(t, int64(3), answer.Total.Requests)
	require.Equal(t, "1.5", answer.Total.ReadUnits.String())
	require.Equal(t, "28.5", answer.Total.WriteUnits.String(), "20, 19 and 18 days ago")
	require.Equal(t, "0.000018", answer.Total.Cost.String())
	require.Equal(t, answer.Total.Cost, answer.Total.OperatorCost)
	require.True(t, answer.Total.AccountCost.IsZero())
	require.Equal(t, int64(400), ask(t, a, "?start="+(today-400).String()+"&end="+today.String()).Total.Requests)
	require.Empty(t, ask(t, a, "?start=2020-01-01&end=2020-02-01").Days)
	for query, says := range map[string]string{
		"?start=2026-02-10&end=2026-02-10": "not before end", "?start=2026-02-10&end=2026-02-09": "not before end", "?start=2025-01-01": "400 days",
		"?start=2026-02-30": "no day", "?end=tomorrow": "no day", "?month=2026-02": "no such parameter",
	} {
		refused := a.Alice.Get(t, a.Alice.Path("/usage"+query)).Is(t, 422)
		require.Contains(t, string(refused.Body), says)
	}
}

func TestUsageTellsWhatThePlanGives(t *testing.T) {
	a := apptest.New(t)
	a.Join(t, a.Alice.Tenant, "carol", tenant.Viewer)
	deliver(t, a, 1)
	answer := ask(t, a, "")
	require.Equal(t, tenant.Enterprise, answer.Plan)
	want := map[string]int64{"projects": 1, "members": 2, "apiKeys": 0, "importsPerDay": 1}
	for name, n := range want {
		require.Equal(t, n, *limitOf(t, answer, name).Used, name)
	}
	require.Positive(t, *limitOf(t, answer, "importBytesPerDay").Used)
	require.Equal(t, "2026-03-03T00:00:00Z", limitOf(t, answer, "importsPerDay").ResetsAt.Format(time.RFC3339))
	require.Equal(t, "2026-03-02T12:01:00Z", limitOf(t, answer, "requestsPerMinute").ResetsAt.Format(time.RFC3339))
	require.Equal(t, "2026-04-01T00:00:00Z", limitOf(t, answer, "collectionPagesPerMonth").ResetsAt.Format(time.RFC3339))
	require.Nil(t, limitOf(t, answer, "retentionDays").Used)

	b, err := json.Marshal(tenant.Enterprise.Limits())
	require.NoError(t, err)
	var limits map[string]int64
	require.NoError(t, json.Unmarshal(b, &limits))
	got := map[string]int64{}
	for _, l := range answer.Limits {
		got[l.Name] = l.Limit
	}
	require.Equal(t, limits, got, "every limit of the plan, by its name")
}

func TestUsageIsOfTheWholeOrganization(t *testing.T) {
	a := apptest.New(t)
	a.Join(t, a.Alice.Tenant, "carol", tenant.Viewer).Get(t, a.Alice.Path("/usage")).Is(t, 200)
	a.Join(t, a.Alice.Tenant, "dave", tenant.Editor, a.Alice.Project).Get(t, a.Alice.Path("/usage")).Fails(t, 403, "limited to named projects")
	a.Bob.Get(t, a.Alice.Path("/usage")).Fails(t, 404, "")
}
