package cost_test

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cost"
	"github.com/tenantry/tenantry/pkg/cost/document"
	"github.com/tenantry/tenantry/pkg/cost/rollup"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/money"
	"github.com/tenantry/tenantry/pkg/project"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// item is one line of a small world: few accounts, months and services, so that deliveries meet.
type item struct {
	billingAccount, subAccount, service, category string
	billing                                       calendar.Month
	day                                           calendar.Day
	amount                                        string
	effective                                     string // "" for amount
}

// of is the item's amount of a metric.
func (i item) of(m focus.Metric) money.Amount {
	if m == focus.EffectiveCost && i.effective != "" {
		return money.MustParse(i.effective)
	}
	return money.MustParse(i.amount)
}

// world is a tenant whose deliveries are replayed against a model in plain Go.
type world struct {
	t      require.TestingT
	dir    string
	store  *store.Store
	scope  *tenant.Scope
	handle *store.Tenant
	ids    []tenant.ProjectID
	now    time.Time
	n      int
	held   map[string]map[cost.Holding]lot // by source
}

// lot is what one delivery brought of a billing account and period.
type lot struct {
	items   []item
	project func(item) tenant.ProjectID
	at      int
}

var month0 = calendar.Month(2025*12 + 10)

func newWorld(t require.TestingT, dir string, s *store.Store) *world {
	w := &world{t: t, dir: dir, store: s, now: time.Date(2026, 2, 20, 0, 0, 0, 0, time.UTC), held: map[string]map[cost.Holding]lot{}}
	w.scope = newScope(t)
	var err error
	w.handle, err = s.Tenant(w.scope)
	require.NoError(t, err)
	var roster project.Roster
	for i := range 2 {
		id, err := tenant.NewProjectID(w.now, zeros(byte(i)))
		require.NoError(t, err)
		roster.Projects = append(roster.Projects, project.Project{ID: id, Name: "p" + strconv.Itoa(i), Environment: "other"})
		w.ids = append(w.ids, id)
	}
	w.ids = append(w.ids, tenant.Unassigned)
	require.NoError(t, w.handle.Write(context.Background(), store.Change{Key: store.Roster(), Value: roster, Condition: store.Absent}))
	return w
}

type zeros byte

func (z zeros) Read(b []byte) (int, error) {
	for i := range b {
		b[i] = byte(z)
	}
	return len(b), nil
}

// split sends the sub-accounts s0 and s1 to the two projects and all others to unassigned.
func (w *world) split(i item) tenant.ProjectID {
	if n, err := strconv.Atoi(i.subAccount[min(1, len(i.subAccount)):]); err == nil && n < 2 {
		return w.ids[n]
	}
	return tenant.Unassigned
}

// prepare rolls items up and prepares their replacement.
func (w *world) prepare(source string, items []item, to func(item) tenant.ProjectID, shrink bool) (*cost.Replacement, []cost.Change, error) {
	w.n++
	symbols := focus.NewSymbols()
	b := rollup.New(rollup.Config{Dir: w.dir, Symbols: symbols, TagKeys: []string{"team"},
		Assign: func(sub, _ string) string { return string(to(item{subAccount: sub})) }})
	defer b.Close()
	for n, i := range items {
		l := focus.Line{Number: int64(n), Billing: i.billing, Day: i.day}
		for dim, text := range map[focus.Dim]string{focus.BillingCurrency: "USD", focus.BillingAccountID: i.billingAccount,
			focus.SubAccountID: i.subAccount, focus.ServiceName: i.service, focus.ChargeCategory: i.category,
			focus.ResourceID: "r-" + i.service, focus.RegionID: "eu-west-1", focus.RegionName: "Ireland"} {
			l.Dims[dim] = symbols.Intern(dim, []byte(text))
		}
		for m := range focus.NumMetrics {
			l.Amounts[m], l.Present[m] = i.of(m), true
		}
		require.NoError(w.t, b.Add(&l))
	}
	lines, err := b.Finish()
	require.NoError(w.t, err)
	id, err := tenant.NewDeliveryID(w.now.Add(time.Duration(w.n)*time.Second), zeros(0))
	require.NoError(w.t, err)
	r := &cost.Replacement{Tenant: w.handle, Delivery: id, Gen: fmt.Sprintf("gen-%06d", w.n), Source: source, TagKeys: []string{"team"},
		AllowShrink: shrink, Dir: w.dir, Lines: lines,
		Origin: func(string, calendar.Month) cost.Origin {
			return cost.Origin{Delivery: id, Delivered: w.now.Add(time.Duration(w.n) * time.Second)}
		}}
	changes, err := r.Prepare(context.Background())
	return r, changes, err
}

// deliver replaces, commits and settles, and does the same to the model.
func (w *world) deliver(source string, items []item, to func(item) tenant.ProjectID) *cost.Replacement {
	ctx := context.Background()
	r, _, err := w.prepare(source, items, to, true)
	require.NoError(w.t, err)
	defer r.Close()
	require.NoError(w.t, r.Load(ctx))
	require.NoError(w.t, r.Commit(ctx))
	require.NoError(w.t, cost.Settle(ctx, w.handle, r.Delivery, true, w.ids))
	w.model(source, items, to)
	return r
}

func (w *world) model(source string, items []item, to func(item) tenant.ProjectID) {
	if w.held[source] == nil {
		w.held[source] = map[cost.Holding]lot{}
	}
	brought := map[cost.Holding]lot{}
	for _, i := range items {
		h := cost.Holding{BillingAccount: i.billingAccount, Period: i.billing}
		l := brought[h]
		l.items, l.project, l.at = append(l.items, i), to, w.n
		brought[h] = l
	}
	for h, l := range brought {
		w.held[source][h] = l
	}
}

// want gives the exact sums of a metric that count, by project and charge month.
func (w *world) want(m focus.Metric) map[string]money.Amount {
	type claim struct {
		unit   string
		period calendar.Month
	}
	newest := map[claim]int{}
	for _, held := range w.held {
		for h, l := range held {
			for _, i := range l.items {
				c := claim{cost.Unit(i.billingAccount, i.subAccount), h.Period}
				newest[c] = max(newest[c], l.at)
			}
		}
	}
	sums := map[string]money.Amount{}
	for source, held := range w.held {
		for h, l := range held {
			for _, i := range l.items {
				c := claim{cost.Unit(i.billingAccount, i.subAccount), h.Period}
				if w.owner(source, c.unit, h.Period) != newest[c] {
					continue
				}
				key := string(l.project(i)) + " " + i.day.Month().String()
				sum, err := sums[key].Add(i.of(m))
				require.NoError(w.t, err)
				sums[key] = sum
			}
		}
	}
	for key, sum := range sums {
		if sum.IsZero() {
			delete(sums, key)
		}
	}
	return sums
}

// owner is the youngest delivery by which the source holds a unit in a period.
func (w *world) owner(source, unit string, period calendar.Month) (at int) {
	for h, l := range w.held[source] {
		for _, i := range l.items {
			if h.Period == period && cost.Unit(i.billingAccount, i.subAccount) == unit {
				at = max(at, l.at)
			}
		}
	}
	return at
}

// got asks the same of the store, by months and by days.
func (w *world) got(g cost.Granularity, m focus.Metric) map[string]money.Amount {
	s := &cost.Service{Store: w.store, Clock: func() time.Time { return w.now }}
	a, err := s.Ask(context.Background(), w.scope, cost.Question{Start: (month0 - 3).First(), End: (month0 + 6).First(),
		Granularity: g, Metric: m, GroupBy: []cost.Dimension{"project"}})
	require.NoError(w.t, err)
	sums := map[string]money.Amount{}
	for _, group := range a.Groups {
		for _, p := range group.Points {
			key := *group.Key["project"] + " " + p.Date.Month().String()
			sum, err := sums[key].Add(*p.Amount)
			require.NoError(w.t, err)
			sums[key] = sum
		}
	}
	for key, sum := range sums {
		if sum.IsZero() {
			delete(sums, key)
		}
	}
	return sums
}

// check compares the world with its model and finds parts that no index points at, and the other way round.
func (w *world) check() {
	for _, m := range []focus.Metric{focus.BilledCost, focus.EffectiveCost} {
		require.Equal(w.t, w.want(m), w.got(cost.Monthly, m), "from year documents")
		require.Equal(w.t, w.want(m), w.got(cost.Daily, m), "from period documents")
	}
	for _, p := range w.ids {
		require.Equal(w.t, w.referenced(p), w.stored(p), "parts of %s", p)
	}
}

func (w *world) stored(p tenant.ProjectID) map[string]bool {
	all := map[string]bool{}
	for _, span := range store.Documents(p) {
		for after := ""; ; {
			page, err := w.handle.Query(context.Background(), span, store.List{After: after, Consistency: store.Strongly})
			require.NoError(w.t, err)
			for _, r := range page.Records {
				all[r.Address.SK] = true
			}
			if after = page.Next; after == "" {
				break
			}
		}
	}
	return all
}

func (w *world) referenced(p tenant.ProjectID) map[string]bool {
	all := map[string]bool{}
	for _, v := range document.Views {
		keys, err := cost.PartsOf(context.Background(), w.handle, p, v)
		require.NoError(w.t, err)
		for _, k := range keys {
			all[k.Sort()] = true
		}
	}
	return all
}

func drawItems(t *rapid.T) []item {
	return rapid.SliceOfN(rapid.Custom(func(t *rapid.T) item {
		billing := month0 + calendar.Month(rapid.IntRange(0, 3).Draw(t, "billing"))
		sub := rapid.SampledFrom([]string{"s0", "s1", "s2", ""}).Draw(t, "sub")
		return item{
			billingAccount: rapid.SampledFrom([]string{"b0", "b1"}).Draw(t, "account"), subAccount: sub,
			service: rapid.SampledFrom([]string{"EC2", "S3", "RDS"}).Draw(t, "service"), category: "Usage",
			billing: billing, day: billing.First() + calendar.Day(rapid.IntRange(-40, 30).Draw(t, "day")),
			effective: rapid.SampledFrom([]string{"", "", "0.5", "-7"}).Draw(t, "effective"),
			amount:    strconv.Itoa(rapid.IntRange(-1000, 100000).Draw(t, "cents")) + "." + strconv.Itoa(rapid.IntRange(1, 999999999).Draw(t, "part")),
		}
	}), 1, 12).Draw(t, "items")
}

func TestDeliveriesReplaceWhatTheirSourceHeld(t *testing.T) {
	s := newStore(t)
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, os.TempDir(), s)
		for range rapid.IntRange(1, 6).Draw(t, "deliveries") {
			source := rapid.SampledFrom([]string{"upload:a", "upload:b"}).Draw(t, "source")
			to := w.split
			if aim := rapid.IntRange(-2, 2).Draw(t, "aim"); aim >= 0 {
				to = func(item) tenant.ProjectID { return w.ids[aim] }
			}
			w.deliver(source, drawItems(t), to)
			w.check()
		}
	})
}

func TestARestatedMetricReplacesItself(t *testing.T) {
	s := newStore(t)
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, os.TempDir(), s)
		items := drawItems(t)
		w.deliver("upload:a", items, w.split)
		for range 3 {
			some := rapid.SampledFrom(items).Draw(t, "of").billing
			for i := range items {
				if restated := &items[i]; restated.billing == some {
					restated.effective = rapid.SampledFrom([]string{"", "0", "1.25", "-3"}).Draw(t, "effective")
				}
			}
			w.deliver("upload:a", slices.DeleteFunc(slices.Clone(items), func(i item) bool { return i.billing != some }), w.split)
			w.check()
		}
	})
}

func TestTheSameDeliveryAgainWritesNoDocument(t *testing.T) {
	s := newStore(t)
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, os.TempDir(), s)
		items := drawItems(t)
		w.deliver("upload:a", items, w.split)
		before := w.stored(w.ids[0])
		again := w.deliver("upload:a", rapid.Permutation(items).Draw(t, "order"), w.split)
		require.Zero(t, again.Documents())
		require.Equal(t, before, w.stored(w.ids[0]))
		w.check()
	})
}

func TestAReplacementThatIsNotCommittedLeavesNothing(t *testing.T) {
	s := newStore(t)
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld(t, os.TempDir(), s)
		w.deliver("upload:a", drawItems(t), w.split)
		r, _, err := w.prepare("upload:a", drawItems(t), w.split, true)
		require.NoError(t, err)
		defer r.Close()
		stop := errors.New("killed")
		if rapid.Bool().Draw(t, "while loading") {
			r.Loading = func(int, int) error { return stop }
		}
		if err := r.Load(context.Background()); err != nil {
			require.ErrorIs(t, err, stop)
		}
		require.Equal(t, w.want(focus.BilledCost), w.got(cost.Monthly, focus.BilledCost), "before it is settled")
		require.NoError(t, cost.Settle(context.Background(), w.handle, r.Delivery, false, w.ids))
		w.check()
	})
}

func TestACommitThatIsOvertaken(t *testing.T) {
	w := newWorld(t, t.TempDir(), newStore(t))
	ctx := context.Background()
	one := []item{{"b0", "s0", "EC2", "Usage", month0, month0.First(), "1.5", ""}}
	two := []item{{"b0", "s1", "EC2", "Usage", month0, month0.First(), "2.5", ""}}
	t.Run("by the same source fails and is taken away", func(t *testing.T) {
		r, _, err := w.prepare("upload:a", one, w.split, true)
		require.NoError(t, err)
		defer r.Close()
		require.NoError(t, r.Load(ctx))
		w.deliver("upload:a", two, w.split)
		require.ErrorIs(t, r.Commit(ctx), cost.ErrOvertaken)
		require.NoError(t, cost.Settle(ctx, w.handle, r.Delivery, false, w.ids))
		w.check()
	})
	t.Run("by another source succeeds", func(t *testing.T) {
		r, _, err := w.prepare("upload:b", one, w.split, true)
		require.NoError(t, err)
		defer r.Close()
		require.NoError(t, r.Load(ctx))
		n := w.n
		w.deliver("upload:a", two, w.split)
		require.NoError(t, r.Commit(ctx))
		require.NoError(t, cost.Settle(ctx, w.handle, r.Delivery, true, w.ids))
		w.n = n
		w.model("upload:b", one, w.split)
		w.check()
	})
	t.Run("by another source, whose project who delivers does not see, fails", func(t *testing.T) {
		month := month0 + 1
		some := []item{{"b0", "s0", "EC2", "Usage", month, month.First(), "3.5", ""}}
		r, _, err := w.prepare("upload:c", some, w.split, true)
		require.NoError(t, err)
		defer r.Close()
		r.Sees = func(p tenant.ProjectID) bool { return p == w.ids[0] }
		require.NoError(t, r.Load(ctx))
		w.deliver("upload:a", some, func(item) tenant.ProjectID { return w.ids[1] })
		require.True(t, fault.Is(r.Commit(ctx), fault.Invalid), "nothing was in its way when it was prepared")
		require.NoError(t, cost.Settle(ctx, w.handle, r.Delivery, false, w.ids))
		w.check()
	})
}

func TestADeliveryThatShrinksIsRefused(t *testing.T) {
	w := newWorld(t, t.TempDir(), newStore(t))
	var many []item
	for n := range 10 {
		many = append(many, item{"b0", "s0", "EC2", "Usage", month0, month0.First() + calendar.Day(n), "1", ""})
	}
	w.deliver("upload:a", many, w.split)
	for name, c := range map[string]struct {
		lines   int
		allow   bool
		refused bool
	}{
		"half of the lines":                 {5, false, false},
		"less than half":                    {4, false, true},
		"less than half where it is wished": {4, true, false},
	} {
		t.Run(name, func(t *testing.T) {
			r, changes, err := w.prepare("upload:a", many[:c.lines], w.split, c.allow)
			require.Equal(t, c.refused, fault.Is(err, fault.Invalid), "%v", err)
			defer r.Close()
			require.Equal(t, int64(10), changes[0].Before.Lines)
			require.Equal(t, int64(c.lines), changes[0].After.Lines)
		})
	}
	w.check()
}
