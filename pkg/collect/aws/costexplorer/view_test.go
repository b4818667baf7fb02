package costexplorer_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/collect/aws/cesim"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/money"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// long is as long as a tag key can be.
var long = strings.Repeat("k", 128)

// tagged is a ledger of two usage types and two tags, which tell the same costs apart in two ways.
func tagged() []cesim.Charge {
	of := func(day, usage, unit, quantity, environment, team, amount string) cesim.Charge {
		c := charge(one, day, "Amazon Elastic Compute Cloud", "eu-west-1", "Usage", amount, amount)
		q := money.MustParse(quantity)
		c.SkuID, c.PricingUnit, c.PricingQuantity, c.Tags = usage, unit, &q, map[string]string{}
		if environment != "" {
			c.Tags["environment"] = environment
		}
		if team != "" {
			c.Tags[long] = team
		}
		return c
	}
	return []cesim.Charge{
		of("2026-02-10", "BoxUsage:m5.large", "Hrs", "24", "prod", "blue", "2.4"),
		of("2026-02-10", "BoxUsage:m5.large", "Hrs", "12", "dev", "blue", "1.2"),
		of("2026-02-10", "EBS:VolumeUsage.gp3", "GB-Mo", "7", "prod", "", "0.7"),
		of("2026-03-01", "EBS:VolumeUsage.gp3", "GB-Mo", "1", "", "red", "0.1"),
		charge(one, "2026-02-10", "Tax", "", "Tax", "0.6", "0.6"),
	}
}

func (t *tester) keep(keys ...string) {
	t.app.Alice.Do(t, "PUT", t.app.Alice.Path("/tag-keys"), map[string]any{"keys": keys}).Is(t, 200)
	t.app.Work(t)
}

func (a answer) of(dimension string) map[string]string {
	all := map[string]string{}
	for _, g := range a.Groups {
		key := "-"
		if v := g.Key[dimension]; v != nil {
			key = *v
		}
		all[key] = g.Total
	}
	return all
}

func TestUsageTypesAndTagsTellTheSameCostsApart(t *testing.T) {
	for _, kind := range []connection.Kind{connection.Member, connection.Payer} {
		t.Run(string(kind), func(t *testing.T) {
			w := newTester(t, kind, cesim.Options{})
			w.keep("environment", long)
			w.sim.Set(tagged())
			w.collect()
			for _, d := range w.everything() {
				require.Equal(t, "succeeded", d.Status, d.Error)
			}
			require.Len(t, w.details(), 3*2, "three further views of two months")
			q := year + "&metric=billedCost&groupBy="
			require.Equal(t, "5", w.ask(q+"serviceName").Total)
			usage := w.ask(q + "skuId")
			require.Equal(t, "5", usage.Total)
			require.Equal(t, map[string]string{"BoxUsage:m5.large": "3.6", "EBS:VolumeUsage.gp3": "0.8", "-": "0.6"}, usage.of("skuId"))
			quantities := w.ask(year + "&metric=pricingQuantity&groupBy=pricingUnit").of("pricingUnit")
			delete(quantities, "-") // tax has none
			require.Equal(t, map[string]string{"Hrs": "36", "GB-Mo": "8"}, quantities)
			environment := w.ask(q + "tag:environment")
			require.Equal(t, "5", environment.Total)
			require.Equal(t, map[string]string{"prod": "3.1", "dev": "1.2", "-": "0.7"}, environment.of("tag:environment"))
			require.Equal(t, map[string]string{"blue": "3.6", "red": "0.1", "-": "1.3"}, w.ask(q+"tag:"+long).of("tag:"+long))
			require.Equal(t, "1.2", w.ask(q+"serviceName&filter=tag:environment:dev").Total)
			w.app.Alice.Get(t, w.app.Alice.Path("/costs?"+q+"tag:environment,tag:"+long)).Fails(t, 422, "one tag key at a time")

			w.upload(tagged()) // which has both tags together, and counts
			both := w.ask(q + "tag:environment,tag:" + long)
			require.Equal(t, "5", both.Total)
			require.Len(t, both.Groups, 5)
			require.Equal(t, usage.of("skuId"), w.ask(q+"skuId").of("skuId"))
			require.Equal(t, environment.of("tag:environment"), w.ask(q+"tag:environment").of("tag:environment"))
			require.Equal(t, "5", w.ask(q+"serviceName").Total)
		})
	}
}

func TestFurtherViewsAreFetchedWeekly(t *testing.T) {
	w := newTester(t, connection.Member, cesim.Options{})
	w.keep("environment")
	w.sim.Set(tagged())
	w.collect()
	before := len(w.details())
	for n := range 7 {
		w.tomorrow()
		more := charge(one, "2026-03-02", "Amazon Elastic Compute Cloud", "eu-west-1", "Usage", "10", "10")
		more.SkuID, more.Tags = "BoxUsage:m5.large", map[string]string{"environment": "prod"}
		w.sim.Set(append(tagged(), more))
		w.collect()
		q := "start=2026-03-01&end=2026-03-03&metric=billedCost&groupBy="
		require.Equal(t, "10.1", w.ask(q+"serviceName").Total)
		if n < 6 {
			stale := w.ask(q + "tag:environment")
			require.Equal(t, "0.1", stale.Total, "day %d", n)
			require.False(t, stale.Complete)
			require.Contains(t, stale.Incomplete[0].Reason, "costs end on 2026-03-01")
			require.Len(t, w.details(), before)
		} else {
			fresh := w.ask(q + "tag:environment")
			require.Equal(t, "10.1", fresh.Total)
			require.True(t, fresh.Complete, "%+v", fresh.Incomplete)
			require.Len(t, w.details(), before+2, "of March alone: February has not changed")
		}
	}
}

// bound leaves so many pages of the plan to this month.
func (t *tester) bound(pages int64) {
	ctx := context.Background()
	month := calendar.MonthOf(t.app.Now())
	sum, err := t.task().Tenant.Add(ctx, store.Collected(month), map[string]int64{"thousandths": 0}, (month + 13).First().Time())
	require.NoError(t, err)
	const page = 1000 // thousandths
	most := tenant.Enterprise.Limits().CollectionPagesPerMonth
	_, err = t.task().Tenant.Add(ctx, store.Collected(month), map[string]int64{"thousandths": (most-pages)*page - sum["thousandths"]}, (month + 13).First().Time())
	require.NoError(t, err)
}

type partly struct {
	Status, Reason string
	Partial        bool
}

func (t *tester) ranPartly(path string) (r partly) {
	t.app.Alice.Get(t, path).Is(t, 200).Into(t, &r)
	return r
}

func TestWhatThePlanHasNoPagesForWaits(t *testing.T) {
	w := newTester(t, connection.Member, cesim.Options{})
	w.connect()
	w.keep("environment")
	w.sim.Set(tagged())
	w.bound(8) // totals, a quiet year, the estimate and two months of two pages
	path := w.start()
	require.NoError(t, w.app.WorkRuns(t))
	w.app.Work(t)
	require.Equal(t, "succeeded", w.ranPartly(path).Status, "%+v", w.ranPartly(path))
	require.Equal(t, "5", w.ask(year+"&metric=billedCost&groupBy=serviceName").Total, "what is daily is there")
	before := len(w.details())
	require.Less(t, before, 4, "the rest waits")
	w.bound(100)
	w.app.Advance(time.Hour)
	w.start()
	require.NoError(t, w.app.WorkRuns(t))
	w.app.Work(t)
	require.Len(t, w.details(), 4, "and comes when there are pages again")
	require.Equal(t, map[string]string{"prod": "3.1", "dev": "1.2", "-": "0.7"}, w.ask(year+"&metric=billedCost&groupBy=tag:environment").of("tag:environment"))
}

func TestMonthsThatThePlanHasNoPagesForWait(t *testing.T) {
	w := newTester(t, connection.Member, cesim.Options{})
	w.connect()
	w.sim.Set(append(tagged(), charge(one, "2025-11-05", "AWS Lambda", "eu-west-1", "Usage", "3", "3"), charge(one, "2025-08-05", "AWS Lambda", "eu-west-1", "Usage", "4", "4")))
	w.bound(9)
	path := w.start()
	require.NoError(t, w.app.WorkRuns(t))
	w.app.Work(t)
	r := w.ranPartly(path)
	require.Equal(t, "succeeded", r.Status, "%+v", r)
	require.True(t, r.Partial)
	require.Contains(t, r.Reason, "Still to be collected are the costs of 2025-0")
	got := w.ask(year + "&metric=billedCost").Total
	require.Contains(t, []string{"5", "8"}, got, "the newest months are there: %+v", r)
	w.bound(100)
	w.app.Advance(time.Hour)
	w.start()
	require.NoError(t, w.app.WorkRuns(t))
	w.app.Work(t)
	require.Equal(t, "12", w.ask(year+"&metric=billedCost").Total)
}
