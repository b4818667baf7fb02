package metric_test

import (
	"encoding/csv"
	"fmt"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/metric"
	"github.com/tenantry/tenantry/pkg/resource"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

const (
	box    = "arn:aws:ec2:eu-west-1:111122223333:instance/i-1"
	assets = "arn:aws:s3:::assets"
	free   = "arn:aws:s3:::free"
)

// use has two resources of Alice's project and one of unassigned be measured, from the end of one month to the next.
func use(t *testing.T, a *apptest.App) {
	a.Alice.Do(t, "PATCH", a.Alice.Path("/projects/"+string(a.Alice.Project)), map[string]any{"accountIds": []string{account}, "tagSelector": map[string]string{"team": "web"}}).Is(t, 200)
	tags := map[string]string{"team": "web"}
	a.Sight(t, a.Alice.Tenant, account, resource.Sighting{ARN: box, Tags: tags}, resource.Sighting{ARN: assets, Region: "eu-west-1", Tags: tags}, resource.Sighting{ARN: free, Region: "eu-west-1"})
	today := calendar.DayOf(a.Now()) // 2026-03-02
	var all []metric.Reading
	for _, of := range []struct{ arn, kind, metric, statistic, unit string }{{box, "ec2:instance", "CPUUtilization", "Average", "Percent"}, {box, "ec2:instance", "CPUUtilization", "p99", "Percent"},
		{box, "ec2:instance", "NetworkIn", "Average", "Bytes"}, {assets, "s3:bucket", "BucketSizeBytes", "Average", "Bytes"}, {free, "s3:bucket", "BucketSizeBytes", "Average", "Bytes"}} {
		all = append(all, metric.Reading{From: today - 14, Until: today, Series: metric.Series{ARN: of.arn, Type: of.kind, Metric: of.metric, Statistic: of.statistic, Unit: of.unit,
			Points: []metric.Point{{Date: today - 14, Value: 3.2833333333333337}, {Date: today - 2, Value: 1e-7}, {Date: today - 1, Value: 12345678901234567890}}}})
	}
	a.Measure(t, a.Alice.Tenant, account, all...)
}

// shown lists series as resource, metric and statistic.
func shown(l metric.Listing) (all []string) {
	for _, x := range l.Items {
		all = append(all, x.ARN[strings.LastIndexAny(x.ARN, ":/")+1:]+" "+x.Metric+" "+x.Statistic)
	}
	return all
}

func TestListing(t *testing.T) {
	a := apptest.New(t)
	use(t, a)
	path := a.Alice.Path("/projects/" + string(a.Alice.Project) + "/metrics")
	for name, c := range map[string]struct {
		query string
		want  []string
	}{
		"all":               {"", []string{"i-1 CPUUtilization Average", "i-1 CPUUtilization p99", "i-1 NetworkIn Average", "assets BucketSizeBytes Average"}},
		"a type":            {"&type=s3:bucket", []string{"assets BucketSizeBytes Average"}},
		"an ARN":            {"&resource=" + url.QueryEscape(box) + "&metric=NetworkIn", []string{"i-1 NetworkIn Average"}},
		"an ID":             {"&resource=" + string(tenant.ResourceIDOf(a.Alice.Tenant, assets)), []string{"assets BucketSizeBytes Average"}},
		"two resources":     {"&statistic=Average&resource=" + url.QueryEscape(box) + "&resource=" + url.QueryEscape(assets), []string{"i-1 CPUUtilization Average", "i-1 NetworkIn Average", "assets BucketSizeBytes Average"}},
		"a statistic":       {"&statistic=p99", []string{"i-1 CPUUtilization p99"}},
		"another project's": {"&resource=" + url.QueryEscape(free), nil},
		"a period before":   {"&start=2026-01-01&end=2026-02-16", nil},
		"its first day":     {"&start=2026-02-16&end=2026-02-17&type=s3:bucket", []string{"assets BucketSizeBytes Average"}},
	} {
		t.Run(name, func(t *testing.T) {
			var l metric.Listing
			a.Alice.Get(t, path+"?"+c.query).Is(t, 200).Into(t, &l)
			require.Equal(t, c.want, shown(l))
			require.Equal(t, len(c.want), *l.Total)
			var paged []string
			for cursor := ""; ; {
				var p metric.Listing
				a.Alice.Get(t, path+"?limit=1&cursor="+cursor+c.query).Is(t, 200).Into(t, &p)
				paged = append(paged, shown(p)...)
				if cursor = p.Next; cursor == "" {
					break
				}
			}
			require.Equal(t, c.want, paged)
		})
	}
	t.Run("values as they were given, over months", func(t *testing.T) {
		answer := a.Alice.Get(t, path+"?type=s3:bucket").Is(t, 200)
		require.Contains(t, string(answer.Body), `[{"date":"2026-02-16","value":3.2833333333333337},{"date":"2026-02-28","value":1e-7},{"date":"2026-03-01","value":12345678901234567000}]`)
		var l metric.Listing
		answer.Into(t, &l)
		require.Equal(t, metric.Shown{ResourceID: tenant.ResourceIDOf(a.Alice.Tenant, assets), ARN: assets, Type: "s3:bucket", AccountID: account, Metric: "BucketSizeBytes",
			Statistic: "Average", Unit: "Bytes", Points: l.Items[0].Points}, l.Items[0])
		require.Equal(t, []metric.Origin{{ID: account, CollectedAt: a.Now(), Until: calendar.DayOf(a.Now())}}, l.Accounts)
		require.Equal(t, "2026-02-16 2026-03-02", l.Start.String()+" "+l.End.String())
	})
	t.Run("of who does not see the project", func(t *testing.T) {
		limited := a.Join(t, a.Alice.Tenant, "limited", tenant.Viewer, tenant.Unassigned)
		limited.Get(t, path).Is(t, 404)
		var l metric.Listing
		limited.Get(t, a.Alice.Path("/projects/unassigned/metrics")).Is(t, 200).Into(t, &l)
		require.Equal(t, []string{"free BucketSizeBytes Average"}, shown(l))
		a.Bob.Get(t, path).Is(t, 404)
		a.Bob.Get(t, a.Bob.Path("/projects/"+string(a.Bob.Project)+"/metrics?resource="+url.QueryEscape(box))).Is(t, 200).Into(t, &l)
		require.Empty(t, l.Items)
	})
	t.Run("refuses", func(t *testing.T) {
		for _, query := range []string{"start=x", "end=2026-02-30", "start=2026-03-02&end=2026-03-02", "start=2025-01-01&end=2026-03-01", "statistic=p50", "type=ec2:address", "limit=0"} {
			a.Alice.Get(t, path+"?"+query).Is(t, 422)
		}
		var l metric.Listing
		a.Alice.Get(t, path+"?limit=1").Is(t, 200).Into(t, &l)
		a.Alice.Get(t, path+"?limit=1&type=s3:bucket&cursor="+l.Next).Fails(t, 400, "cursor")
	})
}

func TestCSV(t *testing.T) {
	a := apptest.New(t)
	use(t, a)
	answer := a.Alice.Do(t, "GET", a.Alice.Path("/projects/"+string(a.Alice.Project)+"/metrics?statistic=p99"), nil, "Accept: text/csv").Is(t, 200)
	require.Equal(t, "text/csv; charset=utf-8; header=present", answer.Header.Get("Content-Type"))
	rows, err := csv.NewReader(strings.NewReader(string(answer.Body))).ReadAll()
	require.NoError(t, err)
	id := string(tenant.ResourceIDOf(a.Alice.Tenant, box))
	require.Equal(t, [][]string{{"resourceId", "arn", "type", "accountId", "metric", "statistic", "unit", "date", "value"},
		{id, box, "ec2:instance", account, "CPUUtilization", "p99", "Percent", "2026-02-16", "3.2833333333333337"},
		{id, box, "ec2:instance", account, "CPUUtilization", "p99", "Percent", "2026-02-28", "0.0000001"},
		{id, box, "ec2:instance", account, "CPUUtilization", "p99", "Percent", "2026-03-01", "12345678901234567000"}}, rows)
}

func TestAYearOfAProjectsTypeIsReadForFewUnits(t *testing.T) {
	w := newWorld(t)
	today := calendar.DayOf(w.now)
	var all []metric.Reading
	for m := today.Month() - 11; m <= today.Month(); m++ {
		for n := range 50 {
			for _, kind := range []string{instance, "rds:db"} {
				for _, statistic := range []string{"Average", "Maximum", "p99"} {
					r := read(arnOf(account, n), "CPUUtilization", statistic, m.First(), m.Last()+1)
					r.Series.Type, r.Series.ARN = kind, r.Series.ARN+kind
					for d := m.First(); d <= m.Last(); d++ {
						r.Series.Points = append(r.Series.Points, metric.Point{Date: d, Value: float64(n) / 7 * float64(d)})
					}
					all = append(all, r)
				}
			}
		}
	}
	names, err := w.Stage(t.Context(), w.tenant, account, all)
	require.NoError(t, err)
	_, err = w.Commit(t.Context(), w.tenant, metric.Harvest{Account: account, Until: today, Parts: names, Book: metric.Book{Slot: w.now}})
	require.NoError(t, err)
	ctx, meter := store.WithMeter(t.Context())
	s := &metric.Service{Store: w.store, Clock: w.Clock}
	_, err = s.Look(ctx, w.tenant, abc, tenant.Unassigned, today-365, today, instance)
	require.NoError(t, err)
	one := meter.Total().Read
	require.Positive(t, one)
	require.LessOrEqual(t, one, int64(2*200), "half units for 50 resources of 3 series each and a year")
	_, err = s.Look(ctx, w.tenant, abc, tenant.Unassigned, today-365, today)
	require.NoError(t, err)
	require.Greater(t, meter.Total().Read-one, one, "a type does not pay for the others")
	t.Logf("a year of 150 series: %.1f read units", float64(one)/2)
}

func TestAnARNThatWasInTwoAccountsIsTwoSeries(t *testing.T) {
	app, accounts, bucket := apptest.New(t), []string{"111111111111", "222222222222"}, "arn:aws:s3:::logs"
	app.Alice.Do(t, "PATCH", app.Alice.Path("/projects/"+string(app.Alice.Project)), map[string]any{"accountIds": accounts}).Is(t, 200)
	until := calendar.DayOf(app.Now())
	for i, account := range accounts {
		app.Sight(t, app.Alice.Tenant, account, resource.Sighting{ARN: bucket, Region: "eu-west-1"})
		app.Measure(t, app.Alice.Tenant, account, metric.Reading{From: until - 3, Until: until, Series: metric.Series{ARN: bucket, Type: "s3:bucket", Metric: "BucketSizeBytes",
			Statistic: "Average", Unit: "Bytes", Points: []metric.Point{{Date: until - 3, Value: float64(i + 1)}, {Date: until - 2, Value: float64(i + 1)}}}})
	}
	path := app.Alice.Path(fmt.Sprintf("/projects/%s/metrics?limit=1&start=%s&end=%s", app.Alice.Project, until-10, until))
	var found []metric.Shown
	for cursor := ""; ; {
		var l metric.Listing
		app.Alice.Get(t, path+"&cursor="+cursor).Is(t, 200).Into(t, &l)
		found = append(found, l.Items...)
		if cursor = l.Next; cursor == "" {
			break
		}
	}
	require.Len(t, found, 2)
	for i, x := range found {
		require.Equal(t, accounts[i], x.AccountID)
		require.Equal(t, []metric.Point{{Date: until - 3, Value: float64(i + 1)}, {Date: until - 2, Value: float64(i + 1)}}, x.Points)
	}
}
