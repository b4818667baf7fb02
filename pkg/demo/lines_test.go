package demo_test

import (
	"bytes"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/demo"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/money"
	"github.com/tenantry/tenantry/pkg/resource"
)

// today is a day in the middle of a month.
var today = time.Date(2026, 3, 17, 9, 30, 0, 0, time.UTC)

func organizations() map[string]*demo.Organization {
	return map[string]*demo.Organization{"ABC": demo.ABC(), "Globex": demo.Globex()}
}

// gather keeps the lines of an organization.
func gather(t require.TestingT, o *demo.Organization, seed uint64, from, to calendar.Day) ([]focus.Record, demo.Totals) {
	var lines []focus.Record
	totals, err := o.Lines(seed, from, to, func(r *focus.Record) error {
		lines = append(lines, *r)
		return nil
	})
	require.NoError(t, err)
	return lines, totals
}

func add(t require.TestingT, to map[string]money.Amount, key string, a money.Amount) {
	sum, err := to[key].Add(a)
	require.NoError(t, err)
	to[key] = sum
}

func TestWindowIsThirteenMonthsUpToYesterday(t *testing.T) {
	for name, c := range map[string]struct{ now, from, to string }{
		"within a month": {"2026-03-17T00:00:00Z", "2025-03-01", "2026-03-17"},
		"on the first":   {"2026-03-01T23:59:59Z", "2025-02-01", "2026-03-01"},
		"on the second":  {"2026-03-02T00:00:00Z", "2025-03-01", "2026-03-02"},
	} {
		t.Run(name, func(t *testing.T) {
			now, err := time.Parse(time.RFC3339, c.now)
			require.NoError(t, err)
			from, to := demo.Window(now)
			require.Equal(t, []string{c.from, c.to}, []string{from.String(), to.String()})
		})
	}
}

func TestTotalsAreThoseOfTheLines(t *testing.T) {
	for name, o := range organizations() {
		t.Run(name, func(t *testing.T) {
			rapid.Check(t, func(t *rapid.T) {
				from := calendar.Month(2026*12 + rapid.IntRange(0, 11).Draw(t, "month")).First()
				to := from + calendar.Day(rapid.IntRange(1, 70).Draw(t, "days"))
				lines, totals := gather(t, o, rapid.Uint64().Draw(t, "seed"), from, to)
				billed, effective := map[string]money.Amount{}, map[string]money.Amount{}
				for _, r := range lines {
					key := r.BillingCurrency + r.ServiceName + r.ChargeClass + r.Tags["environment"]
					add(t, billed, key, r.BilledCost)
					add(t, effective, key, r.EffectiveCost)
				}
				sums := totals.By(func(k demo.Key) string { return k.Currency + k.Service + k.Class + k.Environment })
				require.Len(t, sums, len(billed))
				for key, s := range sums {
					require.Equal(t, billed[key], s.Amount(focus.BilledCost), key)
					require.Equal(t, effective[key], s.Amount(focus.EffectiveCost), key)
				}
			})
		})
	}
}

func TestLinesHaveWhatRealOnesHave(t *testing.T) {
	for name, o := range organizations() {
		t.Run(name, func(t *testing.T) {
			from, to := demo.Window(today)
			lines, totals := gather(t, o, 1, from, to)
			require.Greater(t, len(lines), 3000)
			require.Less(t, len(lines), 9000)
			seen := map[string]bool{}
			for _, r := range lines {
				seen[r.ChargeCategory+" "+r.ChargeClass+r.CommitmentDiscountStatus] = true
				if r.ChargeClass == "Correction" {
					require.Equal(t, calendar.MonthOf(r.BillingPeriodStart), calendar.MonthOf(r.ChargePeriodStart)+1)
					seen["refund"] = seen["refund"] || r.BilledCost.Sign() < 0
				}
				seen["uncontracted"] = seen["uncontracted"] || r.ContractedCost == nil
				seen["untagged "] = seen["untagged "] || len(r.Tags) == 0
			}
			for _, want := range []string{"Usage ", "Usage Used", "Usage Unused", "Usage Correction", "Purchase ", "Tax ", "Credit ", "Adjustment ",
				"refund", "uncontracted", "untagged "} {
				require.True(t, seen[want], want)
			}
			for what, of := range map[string]func(demo.Key) string{
				"account":  func(k demo.Key) string { return k.Account },
				"provider": func(k demo.Key) string { return k.Provider },
				"region":   func(k demo.Key) string { return k.Region },
			} {
				require.Greater(t, len(totals.By(of)), 1, what)
			}
		})
	}
}

func TestACommitmentCostsInEffectWhatWasPaidForIt(t *testing.T) {
	for seed := range uint64(3) {
		from := calendar.Date(2025, time.March, 1)
		lines, _ := gather(t, demo.ABC(), seed, from, from+365)
		paid, used := map[string]money.Amount{}, map[string]money.Amount{}
		for _, r := range lines {
			if id := r.CommitmentDiscountID; id != "" {
				add(t, paid, id, r.BilledCost)
				add(t, used, id, r.EffectiveCost)
			}
		}
		require.Len(t, paid, 2)
		require.Equal(t, paid, used)
	}
}

func TestAmountsStayWhenTimeMovesOn(t *testing.T) {
	from, to := calendar.Date(2026, time.March, 1), calendar.Date(2026, time.April, 10)
	charges := func(to calendar.Day) (all []string) {
		_, err := demo.ABC().Lines(7, from, to, func(r *focus.Record) error {
			if r.ChargeFrequency == "Usage-Based" {
				all = append(all, r.ChargePeriodStart.String()+r.ResourceID+r.ChargeDescription+r.EffectiveCost.String())
			}
			return nil
		})
		require.NoError(t, err)
		return all
	}
	before, after := charges(to), charges(to+3)
	require.Subset(t, after, before)
	require.Greater(t, len(after), len(before))
}

func TestBenchIsTheSameAgainAndReadable(t *testing.T) {
	file := func() (*bytes.Buffer, demo.Totals) {
		b := new(bytes.Buffer)
		w := focus.NewCSVWriter(b, demo.Version)
		totals, err := demo.Bench{Seed: 3, Month: 2026*12 + 1, Lines: 5000, Resources: 100}.Each(func(r *focus.Record) error { return w.Write(*r) })
		require.NoError(t, err)
		require.NoError(t, w.Close())
		return b, totals
	}
	first, totals := file()
	second, _ := file()
	require.True(t, bytes.Equal(first.Bytes(), second.Bytes()))
	require.InDelta(t, 900, first.Len()/5000, 100)
	symbols := focus.NewSymbols()
	r, err := focus.NewCSV(first, focus.Options{Symbols: symbols})
	require.NoError(t, err)
	require.Equal(t, demo.Version, r.Version())
	sums := map[string]money.Amount{}
	for l := (focus.Line{}); r.Next(&l); {
		add(t, sums, symbols.Text(focus.ServiceName, l.Dims[focus.ServiceName]), l.Amounts[focus.EffectiveCost])
	}
	require.NoError(t, r.Err())
	for service, s := range totals.By(func(k demo.Key) string { return k.Service }) {
		require.Equal(t, sums[service], s.Amount(focus.EffectiveCost), service)
	}
}

func TestAnErrorEndsTheLines(t *testing.T) {
	stop := errors.New("stop")
	from, to := demo.Window(today)
	for after := range 60 {
		n := 0
		_, err := demo.ABC().Lines(1, from, to, func(*focus.Record) error {
			if n++; n > after {
				return stop
			}
			return nil
		})
		require.ErrorIs(t, err, stop)
		require.Equal(t, after+1, n)
	}
	_, err := demo.Bench{Lines: 2, Month: 2026 * 12, Resources: 1}.Each(func(*focus.Record) error { return stop })
	require.ErrorIs(t, err, stop)
}

func BenchmarkBench(b *testing.B) {
	w := focus.NewCSVWriter(discard{}, demo.Version)
	_, err := demo.Bench{Seed: 1, Month: 2026*12 + 1, Lines: b.N, Resources: demo.BenchResources}.Each(func(r *focus.Record) error { return w.Write(*r) })
	require.NoError(b, err)
}

type discard struct{}

func (discard) Write(b []byte) (int, error) { return len(b), nil }

func TestResourcesAreThoseThatCostsName(t *testing.T) {
	from, to := demo.Window(time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC))
	for _, o := range []*demo.Organization{demo.ABC(), demo.Globex()} {
		named := map[string]string{} // the accounts of ARNs
		_, err := o.Lines(1, from, to, func(r *focus.Record) error {
			if strings.HasPrefix(r.ResourceID, "arn:") {
				named[r.ResourceID] = r.SubAccountID
			}
			return nil
		})
		require.NoError(t, err)
		there := map[string]string{}
		for account, all := range o.Resources(from.Time()) {
			for _, s := range all {
				require.NotEmpty(t, resource.Type(s.ARN))
				there[s.ARN] = account
			}
		}
		require.Equal(t, named, there, o.Name)
	}
}
