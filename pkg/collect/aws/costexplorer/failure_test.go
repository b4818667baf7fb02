package costexplorer_test

import (
	"context"
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/collect"
	"github.com/tenantry/tenantry/pkg/collect/aws/cesim"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/store/storetest"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// wide has 250 services on each of some days of February: two pages a day.
func wide(amount string, days ...int) (all []cesim.Charge) {
	for _, d := range days {
		for i := range 250 {
			all = append(all, charge(one, fmt.Sprintf("2026-02-%02d", d), fmt.Sprintf("S%03d", i), "eu-west-1", "Usage", amount, amount))
		}
	}
	return all
}

func TestAPageThatFailsMidwayChangesNothing(t *testing.T) {
	w := newTester(t, connection.Member, cesim.Options{})
	w.sim.Set(wide("1", 1, 2))
	w.collect()
	before := w.deliveries()
	w.tomorrow()
	w.sim.Set(wide("2", 1, 2, 3))
	w.due()
	for n := 1; ; n++ {
		fail := n
		w.sim.Fail(func(cesim.Call) *cesim.Fault {
			if fail--; fail <= 0 {
				return &cesim.Fault{Code: "DataUnavailableException", Message: "try later"}
			}
			return nil
		})
		_, _, err := w.step()
		if err == nil {
			require.Greater(t, n, 4)
			break
		}
		require.True(t, fault.Is(err, fault.Unavailable), "%v", err)
		w.app.Work(t)
		require.Equal(t, "500", w.ask(year+"&metric=billedCost").Total, "page %d", n)
		require.Equal(t, before, w.deliveries())
	}
	w.app.Work(t)
	require.Equal(t, "1500", w.ask(year+"&metric=billedCost").Total)
}

func TestARestatedMonthReplacesExactlyWhatChanged(t *testing.T) {
	w := newTester(t, connection.Member, cesim.Options{})
	january := charge(one, "2026-01-20", "S3", "eu-west-1", "Usage", "7", "7")
	w.sim.Set(append(wide("1", 1, 2, 5), january))
	w.collect()
	w.tomorrow()
	restated := append(wide("1", 1, 5, 6), january)
	for _, c := range wide("0.5", 2) {
		if c.ServiceName != "S007" { // it has gone
			restated = append(restated, c)
		}
	}
	w.sim.Set(restated)
	pages := w.collect()
	require.Equal(t, 1+2+1+2+1+1, pages, "the totals, both changed days, and whether 2 March has really nothing")
	require.Equal(t, "881.5", w.ask(year+"&metric=billedCost").Total)
	days := map[string]string{}
	for _, p := range w.ask("start=2026-02-01&end=2026-02-08&metric=billedCost&granularity=daily&groupBy=subAccountId").Groups[0].Points {
		days[p.Date] = p.Amount
	}
	require.Equal(t, map[string]string{"2026-02-01": "250", "2026-02-02": "124.5", "2026-02-05": "250", "2026-02-06": "250"}, days)
	all := w.deliveries()
	require.Len(t, all, 2)
	require.Len(t, all[1].Result.Periods, 1)
	require.Equal(t, "2026-02", all[1].Result.Periods[0].Period)
}

func TestThrottlingBacksOff(t *testing.T) {
	w := newTester(t, connection.Member, cesim.Options{})
	w.sim.Set(ledger())
	w.due()
	n := 0
	w.sim.Fail(func(cesim.Call) *cesim.Fault { // every other request
		if n++; n%2 == 1 {
			return cesim.Throttle
		}
		return nil
	})
	w.finish()
	require.Equal(t, "124.2500000011", w.ask(year+"&metric=billedCost").Total)
	w.tomorrow()
	w.due()
	w.sim.Fail(func(cesim.Call) *cesim.Fault { return cesim.Throttle })
	_, _, err := w.step()
	var throttled *collect.Throttled
	require.ErrorAs(t, err, &throttled)
	require.Positive(t, throttled.After)
}

func TestASessionThatEndsMidwayIsRenewed(t *testing.T) {
	w := newTester(t, connection.Member, cesim.Options{})
	w.sim.Set(wide("1", 1, 2, 3))
	w.due()
	w.sim.Fail(func(c cesim.Call) *cesim.Fault {
		if c.Page == 2 && c.AccessKey == "ASIA1" {
			w.key = "ASIA2"
			return &cesim.Fault{Code: "ExpiredTokenException", Message: "The security token included in the request is expired"}
		}
		return nil
	})
	w.sim.Know("ASIA2", one)
	w.finish()
	require.Equal(t, "750", w.ask(year+"&metric=billedCost").Total)
	w.sim.Expire("ASIA2") // and of a role that gives no other
	w.tomorrow()
	w.due()
	w.sim.Fail(nil)
	_, _, err := w.step()
	require.True(t, fault.Is(err, fault.Unavailable), "%v", err)
}

func TestAnAccountThatDeniesBreaksTheConnection(t *testing.T) {
	w := newTester(t, connection.Member, cesim.Options{})
	w.sim.Set(ledger())
	w.sim.Deny(one, true)
	w.due()
	_, _, err := w.step()
	var denied *collect.Denied
	require.ErrorAs(t, err, &denied)
	require.Contains(t, denied.Reason, "ce:GetCostAndUsage")
	require.Contains(t, denied.Reason, "enabled")
	require.Empty(t, w.deliveries())
}

func TestARoleThatIsNotGivenBreaksTheConnection(t *testing.T) {
	w := newTester(t, connection.Member, cesim.Options{})
	w.collector.Config = func(context.Context, *tenant.Scope, connection.Connection) (aws.Config, error) {
		return aws.Config{}, w.con.NotTaken()
	}
	w.due()
	_, _, err := w.step()
	var denied *collect.Denied
	require.ErrorAs(t, err, &denied)
	require.Contains(t, denied.Reason, "ExternalId")
	require.Empty(t, w.sim.Calls())
}

func TestAnAccountWithNothingInItIsAskedLittle(t *testing.T) {
	w := newTester(t, connection.Member, cesim.Options{})
	require.Equal(t, 2, w.collect(), "13 months of nothing, asked for once more to tell nothing from what comes to nothing")
	require.Empty(t, w.deliveries())
	w.tomorrow()
	require.Equal(t, 2, w.collect())
	w.app.Advance(time.Hour)
	require.Equal(t, 1, w.collect())
	w.tomorrow()
	w.sim.Set([]cesim.Charge{charge(one, "2026-03-03", "AWS Support", "", "Support", "29", "29"), charge(one, "2026-03-03", "AWS Support", "", "Credit", "-29", "-29")})
	w.collect()
	require.Equal(t, map[string]string{"Purchase": "29", "Credit": "-29"}, w.ask(year+"&groupBy=chargeCategory").by(), "credits make up for it, and are seen")
	require.Len(t, w.deliveries(), 1)

	w.tomorrow()
	w.sim.Set(nil)
	w.collect()
	require.Equal(t, "0", w.ask(year).Total, "what is gone is gone")
	require.Equal(t, "succeeded", w.deliveries()[1].Status)
}

func TestAKillAnywhereIsMended(t *testing.T) {
	for _, method := range []storetest.Method{storetest.Get, storetest.Write} {
		for _, kind := range []storetest.Fault{storetest.NotWritten, storetest.Written} {
			t.Run(fmt.Sprint(method, " ", kind), func(t *testing.T) {
				w := newTester(t, connection.Member, cesim.Options{})
				w.sim.Set(wide("1", 1))
				w.collect()
				for n := 1; ; n++ {
					w.tomorrow()
					amount := fmt.Sprint(n + 1)
					w.sim.Set(wide(amount, 1))
					before := len(w.deliveries())
					w.due()
					task := w.task()
					w.app.Faults.Plan(storetest.At(method, n, kind))
					_, err := w.newCollector().Collect(context.Background(), task)
					reached := w.app.Faults.Calls(method) >= n
					w.app.Faults.Plan(nil)
					if err != nil {
						require.False(t, errors.Is(err, context.Canceled))
						w.finish()
					}
					w.app.Work(t)
					require.Equal(t, fmt.Sprint(250*(n+1)), w.ask(year+"&metric=billedCost").Total, "call %d", n)
					require.Len(t, w.deliveries(), before+1, "call %d: one delivery, not two", n)
					if !reached {
						return
					}
				}
			})
		}
	}
}

func TestTimeThatRunsOutIsTakenUpAgain(t *testing.T) {
	w := newTester(t, connection.Payer, cesim.Options{})
	var all []cesim.Charge
	for _, c := range wide("1", 1, 2, 3) {
		c2 := c
		c2.SubAccountID = two
		all = append(all, c, c2)
	}
	w.sim.Set(all)
	w.due()
	steps := 0
	for more := true; more; steps++ {
		task := w.task()
		start := len(w.sim.Calls())
		task.Until = w.app.Now().Add(time.Minute)
		w.sim.Fail(func(cesim.Call) *cesim.Fault { w.app.Advance(10 * time.Second); return nil }) // a page takes long
		var err error
		more, err = w.collector.Collect(context.Background(), task)
		require.NoError(t, err)
		require.Less(t, len(w.sim.Calls())-start, 14)
	}
	w.sim.Fail(nil)
	require.GreaterOrEqual(t, steps, 2)
	w.app.Work(t)
	require.Equal(t, map[string]string{one: "750", two: "750"}, w.ask(year+"&metric=billedCost&groupBy=subAccountId").by())
}
