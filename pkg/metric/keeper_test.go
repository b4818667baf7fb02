package metric_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/metric"
	"github.com/tenantry/tenantry/pkg/project"
	"github.com/tenantry/tenantry/pkg/resource"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/bolt"
	"github.com/tenantry/tenantry/pkg/store/storetest"
	"github.com/tenantry/tenantry/pkg/tenant"
)

const (
	abc     tenant.ID        = "ten_01J00000000000000000000ABC"
	web     tenant.ProjectID = "prj_01J00000000000000000000WEB"
	lab     tenant.ProjectID = "prj_01J00000000000000000000ZAB"
	account                  = "111122223333"
)

// world is a store, a tenant of it and a clock.
type world struct {
	faults *storetest.Faulty
	store  *store.Store
	tenant *store.Tenant
	now    time.Time
	metric.Keeper
}

func newWorld(t testing.TB) *world {
	w := &world{now: time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return w.now }
	engine, err := bolt.Open(t.TempDir()+"/store", bolt.Options{Clock: clock, NoSync: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, engine.Close()) })
	w.faults = storetest.NewFaulty(engine, nil)
	w.store = store.New(w.faults)
	w.Keeper = metric.Keeper{Clock: clock, Random: rand.Reader}
	scope, err := tenant.Work(abc, "test")
	require.NoError(t, err)
	w.tenant, err = w.store.Tenant(scope)
	require.NoError(t, err)
	return w
}

// see makes resources what there is of an account, each in the project of its tag.
func (w *world) see(t require.TestingT, account string, arns map[string]string) {
	ctx := context.Background()
	require.NoError(t, w.tenant.Write(ctx, store.Change{Key: store.Roster(), Value: project.Roster{Projects: []project.Project{
		{ID: web, TagSelector: map[string]string{"team": "web"}}, {ID: lab, TagSelector: map[string]string{"team": "lab"}}}}}))
	var found []resource.Sighting
	for arn, team := range arns {
		found = append(found, resource.Sighting{ARN: arn, Tags: map[string]string{"team": team}})
	}
	k := resource.Keeper{Clock: w.Clock, Random: rand.Reader}
	names, err := k.Stage(ctx, w.tenant, account, found)
	require.NoError(t, err)
	_, err = k.Commit(ctx, w.tenant, resource.Survey{Account: account, At: w.now, Parts: names})
	require.NoError(t, err)
}

// harvest stages in small parts and commits.
func (w *world) harvest(account string, read ...metric.Reading) (metric.Count, error) {
	v := metric.Harvest{Account: account, Until: calendar.DayOf(w.now), Book: metric.Book{Slot: w.now}}
	for some := range slices.Chunk(read, 3) {
		names, err := w.Stage(context.Background(), w.tenant, account, some)
		if err != nil {
			return metric.Count{}, err
		}
		v.Parts = append(v.Parts, names...)
	}
	return w.Commit(context.Background(), w.tenant, v)
}

// cell is one value; values are those that are visible.
type cell struct {
	project                tenant.ProjectID
	arn, metric, statistic string
	day                    calendar.Day
}

func (w *world) values(t require.TestingT, account string) map[cell]float64 {
	s, all := &metric.Service{Store: w.store, Clock: w.Clock}, map[cell]float64{}
	for at := ""; ; {
		items, next, err := s.Page(context.Background(), w.tenant, abc, at)
		require.NoError(t, err)
		for _, x := range items {
			for _, p := range x.Points {
				if x.AccountID != account {
					continue
				}
				c := cell{x.ProjectID, x.ARN, x.Metric, x.Statistic, p.Date}
				require.NotContains(t, all, c, "it is there twice")
				all[c] = p.Value
			}
		}
		if at = next; at == "" {
			return all
		}
	}
}

// items counts the stored items of metrics, whatever they count for.
func (w *world) items(t require.TestingT) (n int) {
	for _, span := range store.Everything([]tenant.ProjectID{web, lab, tenant.Unassigned}, 0, -1) {
		page, err := w.tenant.Query(context.Background(), span, store.List{Consistency: store.Strongly})
		require.NoError(t, err)
		n += len(page.Records)
	}
	return n
}

func arnOf(account string, n int) string {
	return fmt.Sprintf("arn:aws:ec2:eu-west-1:%s:instance/i-%d", account, n)
}

func read(arn, name, statistic string, from, until calendar.Day, points ...metric.Point) metric.Reading {
	return metric.Reading{From: from, Until: until, Series: metric.Series{ARN: arn, Type: instance, Metric: name, Statistic: statistic, Unit: "Percent", Points: points}}
}

func TestRunsAgreeWithANaiveModel(t *testing.T) {
	w := newWorld(t)
	rapid.Check(t, func(t *rapid.T) {
		account, model := fmt.Sprint(w.now.Unix()), map[cell]float64{}
		for range rapid.IntRange(1, 5).Draw(t, "runs") {
			w.now = w.now.Add(time.Duration(rapid.IntRange(1, 30).Draw(t, "days")) * 24 * time.Hour)
			today, teams := calendar.DayOf(w.now), map[string]string{}
			for n := range 3 {
				if team := rapid.SampledFrom([]string{"", "web", "lab", "gone"}).Draw(t, "team"); team != "gone" {
					teams[arnOf(account, n)] = team
				}
			}
			w.see(t, account, teams)
			var all []metric.Reading
			for n := range 3 {
				for _, statistic := range []string{"Average", "p99"} {
					if rapid.Bool().Draw(t, "left out") {
						continue
					}
					from := today - calendar.Day(rapid.IntRange(1, 40).Draw(t, "from"))
					r := read(arnOf(account, n), "CPUUtilization", statistic, from, today)
					forget(model, r)
					for d := from - 1; d <= today; d++ { // beyond what was asked for on both sides, which counts for nothing
						if rapid.Bool().Draw(t, "there") {
							r.Series.Points = append(r.Series.Points, metric.Point{Date: d, Value: drawnValue.Draw(t, "value")})
						}
					}
					for _, p := range r.Series.Points {
						if p.Date >= from && p.Date < today {
							model[cell{arn: r.Series.ARN, metric: r.Series.Metric, statistic: statistic, day: p.Date}] = p.Value
						}
					}
					r.Series.Points = rapid.Permutation(r.Series.Points).Draw(t, "points")
					all = append(all, r)
				}
			}
			_, err := w.harvest(account, all...)
			require.NoError(t, err)
			got := map[cell]float64{}
			for c, v := range w.values(t, account) {
				c.project = ""
				got[c] = v
			}
			require.Equal(t, model, got)
		}
	})
}

// forget takes from the model what a reading replaces.
func forget(model map[cell]float64, r metric.Reading) {
	for d := r.From; d < r.Until; d++ {
		delete(model, cell{arn: r.Series.ARN, metric: r.Series.Metric, statistic: r.Series.Statistic, day: d})
	}
}

func TestMetricsAreInTheProjectThatHasTheResource(t *testing.T) {
	w := newWorld(t)
	today := calendar.DayOf(w.now)
	one, two, three := arnOf(account, 1), arnOf(account, 2), arnOf(account, 3)
	value := func(arn string, day calendar.Day) metric.Reading {
		return read(arn, "CPUUtilization", "Average", day, day+1, metric.Point{Date: day, Value: 1.5})
	}
	w.see(t, account, map[string]string{one: "web", two: "lab"})
	_, err := w.harvest(account, value(one, today-3), value(two, today-3), value(three, today-3), value(one, today-1))
	require.NoError(t, err)
	at := func(p tenant.ProjectID, arn string, day calendar.Day) cell {
		return cell{p, arn, "CPUUtilization", "Average", day}
	}
	require.Equal(t, map[cell]float64{at(web, one, today-3): 1.5, at(web, one, today-1): 1.5, at(lab, two, today-3): 1.5, at(tenant.Unassigned, three, today-3): 1.5},
		w.values(t, account))

	w.now = w.now.Add(24 * time.Hour)
	w.see(t, account, map[string]string{one: "lab", three: "web"})
	_, err = w.harvest(account, value(one, today))
	require.NoError(t, err)
	require.Equal(t, map[cell]float64{at(web, one, today-3): 1.5, // February was not collected again
		at(lab, one, today-1): 1.5, at(lab, one, today): 1.5, at(lab, two, today-3): 1.5, at(tenant.Unassigned, three, today-3): 1.5}, w.values(t, account))
}

func TestHalfACommitChangesNothingVisible(t *testing.T) {
	for _, m := range []storetest.Method{storetest.Get, storetest.Query, storetest.Write, storetest.Load} {
		for _, fault := range []storetest.Fault{storetest.NotWritten, storetest.Written, storetest.Partly} {
			for n := 1; ; n++ {
				w := newWorld(t)
				today := calendar.DayOf(w.now)
				w.see(t, account, map[string]string{arnOf(account, 1): "web", arnOf(account, 2): "lab"})
				run := func(v float64) error {
					_, err := w.harvest(account,
						read(arnOf(account, 1), "CPUUtilization", "p99", today-3, today, metric.Point{Date: today - 3, Value: v}, metric.Point{Date: today - 1, Value: v}),
						read(arnOf(account, 2), "CPUUtilization", "p99", today-3, today, metric.Point{Date: today - 2, Value: v}))
					return err
				}
				require.NoError(t, run(1))
				before, items := w.values(t, account), w.items(t)
				require.Len(t, before, 3)

				w.now = w.now.Add(time.Hour)
				w.faults.Plan(storetest.At(m, n, fault))
				err := run(2)
				reached := w.faults.Calls(m) >= n
				w.faults.Plan(nil)
				after := w.values(t, account)
				if err != nil && fault != storetest.Written {
					require.Equal(t, before, after, "%s %d", m, n)
				}
				for c, v := range after {
					require.Equal(t, after[cell{web, arnOf(account, 1), "CPUUtilization", "p99", today - 1}], v, "all of a run or nothing: %v", c)
				}
				require.Len(t, after, 3)

				w.now = w.now.Add(metric.Left + time.Hour) // whatever was half done is over
				require.NoError(t, run(3))
				require.Len(t, w.values(t, account), 3)
				require.Equal(t, items, w.items(t), "%s %d: only what counts is left", m, n)
				if !reached {
					break
				}
			}
		}
	}
}

func TestOnlyOneOfTwoCommitsCountsAndOnlyUnderItsGuard(t *testing.T) {
	w := newWorld(t)
	day := calendar.DayOf(w.now) - 1
	names, err := w.Stage(t.Context(), w.tenant, account, []metric.Reading{read(arnOf(account, 1), "CPUUtilization", "Average", day, day+1, metric.Point{Date: day, Value: 1})})
	require.NoError(t, err)
	v := metric.Harvest{Account: account, Until: day + 1, Parts: names, Book: metric.Book{Slot: w.now}}
	_, err = w.Commit(t.Context(), w.tenant, v, store.Change{Action: store.Check, Key: store.Meta(), Condition: store.Present})
	require.NotNil(t, store.Conflicted(err), "the guard does not hold")
	require.Empty(t, w.values(t, account))
	count, err := w.Commit(t.Context(), w.tenant, v)
	require.NoError(t, err)
	require.Equal(t, metric.Count{Series: 1, Values: 1}, count)
	_, err = w.Commit(t.Context(), w.tenant, v)
	require.ErrorContains(t, err, "taken away")
	require.Len(t, w.values(t, account), 1)
	book, err := metric.ReadBook(t.Context(), w.tenant, account)
	require.NoError(t, err)
	require.Equal(t, w.now, book.Slot)
}
