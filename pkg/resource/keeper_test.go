package resource_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/project"
	"github.com/tenantry/tenantry/pkg/resource"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/bolt"
	"github.com/tenantry/tenantry/pkg/store/storetest"
	"github.com/tenantry/tenantry/pkg/tenant"
)

const (
	abc tenant.ID        = "ten_01J00000000000000000000ABC"
	web tenant.ProjectID = "prj_01J00000000000000000000WEB"
	lab tenant.ProjectID = "prj_01J00000000000000000000ZAB"
)

// world is a store, a tenant of it and a clock.
type world struct {
	faults *storetest.Faulty
	store  *store.Store
	tenant *store.Tenant
	now    time.Time
	resource.Keeper
}

func newWorld(t testing.TB, open func(t testing.TB, clock func() time.Time) store.Engine) *world {
	w := &world{now: time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)}
	clock := func() time.Time { return w.now }
	w.faults = storetest.NewFaulty(open(t, clock), nil)
	w.store = store.New(w.faults)
	w.Keeper = resource.Keeper{Clock: clock, Random: rand.Reader}
	scope, err := tenant.Work(abc, "test")
	require.NoError(t, err)
	w.tenant, err = w.store.Tenant(scope)
	require.NoError(t, err)
	return w
}

func onBolt(t testing.TB, clock func() time.Time) store.Engine {
	e, err := bolt.Open(t.TempDir()+"/store", bolt.Options{Clock: clock, NoSync: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Close()) })
	return e
}

// rules has the tenant's projects select by rules.
func (w *world) rules(t require.TestingT, all ...project.Project) {
	require.NoError(t, w.tenant.Write(context.Background(), store.Change{Key: store.Roster(), Value: project.Roster{Projects: all}}))
}

// all gives what is visible, gone ones too, by ARN.
func (w *world) all(t require.TestingT) map[string]resource.Resource {
	s := &resource.Service{Store: w.store, Clock: w.Clock}
	all := map[string]resource.Resource{}
	for at := ""; ; {
		items, next, err := s.Page(context.Background(), w.tenant, abc, at, 7)
		require.NoError(t, err)
		for _, r := range items {
			require.NotContains(t, all, r.ARN, "it is in the list twice")
			all[r.ARN] = r
		}
		if at = next; at == "" {
			return all
		}
	}
}

// survey stages and commits.
func (w *world) survey(t require.TestingT, s resource.Survey, found ...resource.Sighting) (resource.Count, error) {
	s.At = w.now
	for some := range slices.Chunk(found, 3) {
		names, err := w.Stage(context.Background(), w.tenant, s.Account, some)
		if err != nil {
			return resource.Count{}, err
		}
		s.Parts = append(s.Parts, names...)
	}
	return w.Commit(context.Background(), w.tenant, s)
}

// items counts the stored items of snapshots, whatever they count for.
func (w *world) items(t require.TestingT) (n int) {
	for _, span := range store.Everything([]tenant.ProjectID{web, lab, tenant.Unassigned}, 0, -1) {
		page, err := w.tenant.Query(context.Background(), span, store.List{Consistency: store.Strongly})
		require.NoError(t, err)
		n += len(page.Records)
	}
	return n
}

// Types that a list of their own tells of, and one that only lists of tags do.
var listed = []string{"ec2:instance", "rds:db"}

const aside = "sqs:queue"

func arnOf(kind, region string, n int) string { return arnIn("111122223333", kind, region, n) }

func arnIn(account, kind, region string, n int) string {
	service, _, _ := strings.Cut(kind, ":")
	names := map[string]string{"ec2:instance": "instance/i-%d", "rds:db": "db:d-%d", aside: "q-%d"}
	return fmt.Sprintf("arn:aws:%s:%s:%s:"+names[kind], service, region, account, n)
}

// truth is what a naive reading of all runs says of one resource.
type truth struct {
	kind, region, team string
	first, last, gone  time.Time
}

func TestRunsAgreeWithANaiveModel(t *testing.T) {
	w := newWorld(t, onBolt)
	rapid.Check(t, func(t *rapid.T) {
		account := fmt.Sprint(w.now.Unix())
		regions := []string{"eu-west-1", "us-east-1"}
		model := map[string]*truth{}
		projects := []project.Project{{ID: web, AccountIDs: []string{account}, TagSelector: map[string]string{"team": "web"}}}
		w.rules(t, projects...)
		for range rapid.IntRange(1, 5).Draw(t, "runs") {
			w.now = w.now.Add(time.Duration(rapid.IntRange(1, 60).Draw(t, "days")) * 24 * time.Hour)
			s := resource.Survey{Account: account}
			var found []resource.Sighting
			for _, region := range regions {
				tags := rapid.SampledFrom([]string{"read", "denied", "left out"}).Draw(t, "tags of "+region)
				if tags != "left out" {
					s.Looks = append(s.Looks, look(region, tags, "tags"))
				}
				for _, kind := range append(slices.Clone(listed), aside) {
					list := "none"
					if kind != aside {
						list = rapid.SampledFrom([]string{"read", "denied", "left out"}).Draw(t, kind+" in "+region)
						if list != "left out" {
							s.Looks = append(s.Looks, look(region, list, kind, kind))
						}
					}
					for n := range 3 {
						there, team := rapid.Bool().Draw(t, "there"), rapid.SampledFrom([]string{"", "web", "lab"}).Draw(t, "team")
						arn := arnIn(account, kind, region, n)
						if there && list == "read" {
							found = append(found, resource.Sighting{ARN: arn, State: "up"})
						}
						if there && team != "" && tags == "read" {
							found = append(found, resource.Sighting{ARN: arn, Aside: true, Tags: map[string]string{"team": team}})
						}
						expect(model, arn, kind, region, there, team, tags == "read", list, list == "read" || list == "none" && tags == "read", w.now)
					}
				}
			}
			if len(s.Looks) == 0 || !slices.ContainsFunc(s.Looks, func(l resource.Look) bool { return slices.Contains(l.Types, listed[0]) }) ||
				!slices.ContainsFunc(s.Looks, func(l resource.Look) bool { return slices.Contains(l.Types, listed[1]) }) {
				s.Looks = append(s.Looks, look("elsewhere-1", "denied", "lists", listed...)) // a run always has these lists
			}
			_, err := w.survey(t, s, rapid.Permutation(found).Draw(t, "found")...)
			require.NoError(t, err)
			check(t, model, w, account)
		}
	})
}

func look(region, how, service string, types ...string) resource.Look {
	l := resource.Look{Region: region, Service: service, Types: types}
	if how == "denied" {
		l.Reason = "denied"
	}
	return l
}

// expect says what a run makes of one resource: what is told of is there; what is not, and would have been, is gone.
func expect(model map[string]*truth, arn, kind, region string, there bool, team string, tagged bool, list string, whole bool, now time.Time) {
	x := model[arn]
	told := there && (list == "read" || tagged && team != "")
	switch {
	case told && x == nil:
		model[arn] = &truth{kind: kind, region: region, first: now, last: now}
		x = model[arn]
	case told:
		x.last, x.gone = now, time.Time{}
	case x != nil && whole && x.gone.IsZero():
		x.gone = now
	}
	if told && tagged {
		x.team = team
	}
	if x != nil && now.Sub(max(x.last, x.gone)) > resource.Keep {
		delete(model, arn)
	}
}

func max(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

func check(t *rapid.T, model map[string]*truth, w *world, account string) {
	got := w.all(t)
	maps.DeleteFunc(got, func(_ string, r resource.Resource) bool { return r.AccountID != account })
	require.ElementsMatch(t, slices.Collect(maps.Keys(model)), slices.Collect(maps.Keys(got)))
	for arn, want := range model {
		r := got[arn]
		require.Equal(t, want.kind, r.Type, arn)
		require.Equal(t, want.region, r.Region, arn)
		require.Equal(t, want.first, r.FirstSeenAt, arn)
		require.Equal(t, want.last, r.LastSeenAt, arn)
		require.Equal(t, want.gone, r.GoneAt, arn)
		require.Equal(t, want.team, r.Tags["team"], arn)
		project := tenant.Unassigned
		if want.team == "web" {
			project = web
		}
		require.Equal(t, project, r.ProjectID, arn)
		require.Equal(t, tenant.ResourceIDOf(abc, arn), r.ID)
	}
}

func TestHalfACommitChangesNothingVisible(t *testing.T) {
	for _, m := range []storetest.Method{storetest.Get, storetest.Query, storetest.Write, storetest.Load} {
		for _, fault := range []storetest.Fault{storetest.NotWritten, storetest.Written, storetest.Partly} {
			for n := 1; ; n++ {
				w := newWorld(t, onBolt)
				w.rules(t, project.Project{ID: web, AccountIDs: []string{"111122223333"}, TagSelector: map[string]string{"team": "web"}})
				s := resource.Survey{Account: "111122223333", Looks: []resource.Look{look("eu-west-1", "read", "ec2", listed...)}}
				one := resource.Sighting{ARN: arnOf("ec2:instance", "eu-west-1", 1), Tags: map[string]string{"team": "web"}}
				two := resource.Sighting{ARN: arnOf("ec2:instance", "eu-west-1", 2), Tags: map[string]string{}}
				_, err := w.survey(t, s, one)
				require.NoError(t, err)
				before, items := w.all(t), w.items(t)

				w.now = w.now.Add(time.Hour)
				w.faults.Plan(storetest.At(m, n, fault))
				_, err = w.survey(t, s, two)
				reached := w.faults.Calls(m) >= n
				w.faults.Plan(nil)
				after := w.all(t)
				if err != nil && fault != storetest.Written {
					require.Equal(t, before, after, "%s %d", m, n)
				}
				require.Contains(t, []int{1, 2}, len(after))
				if len(after) == 2 {
					require.False(t, after[one.ARN].GoneAt.IsZero())
				}

				w.now = w.now.Add(25 * time.Hour) // whatever was half done is over
				_, err = w.survey(t, s, one, two)
				require.NoError(t, err)
				require.Len(t, w.all(t), 2)
				require.Equal(t, items+1, w.items(t), "%s %d: only what counts is left: one more project has resources", m, n)
				if !reached {
					break
				}
			}
		}
	}
}

func TestOnlyOneOfTwoCommitsOfAnAccountCounts(t *testing.T) {
	w := newWorld(t, onBolt)
	s := resource.Survey{Account: "111122223333", At: w.now, Looks: []resource.Look{look("eu-west-1", "read", "ec2", listed...)}}
	names, err := w.Stage(t.Context(), w.tenant, s.Account, []resource.Sighting{{ARN: arnOf("rds:db", "eu-west-1", 1)}})
	require.NoError(t, err)
	first := s
	first.Parts = names
	guard := store.Change{Action: store.Check, Key: store.Meta(), Condition: store.Present}
	_, err = w.Commit(t.Context(), w.tenant, first, guard)
	require.NotNil(t, store.Conflicted(err), "the guard does not hold")
	require.Empty(t, w.all(t))
	count, err := w.Commit(t.Context(), w.tenant, first)
	require.NoError(t, err)
	require.Equal(t, resource.Count{There: 1, New: 1}, count)
	_, err = w.Commit(t.Context(), w.tenant, first)
	require.ErrorContains(t, err, "taken away", "what it had put aside was used up")
	require.Len(t, w.all(t), 1)
}

func TestOfTwoLooksAtAnAccountTheSlowerIsOvertaken(t *testing.T) {
	w := newWorld(t, onBolt)
	s := resource.Survey{Account: "111122223333", At: w.now}
	names, err := w.Stage(t.Context(), w.tenant, s.Account, []resource.Sighting{{ARN: arnOf("rds:db", "eu-west-1", 1)}})
	require.NoError(t, err)
	s.Parts = names
	slow, quick := w.Keeper, w.Keeper
	slow.Clock = func() time.Time { // is asked for the name of the generation, after what counts was read
		slow.Clock = w.Keeper.Clock
		require.NoError(t, quick.All(t.Context(), w.tenant, s.Account, []resource.Sighting{{ARN: arnOf("rds:db", "eu-west-1", 2)}}))
		return w.now
	}
	_, err = resource.Keeper{Clock: func() time.Time { return slow.Clock() }, Random: w.Random}.Commit(t.Context(), w.tenant, s)
	require.ErrorIs(t, err, resource.ErrOvertaken)
	require.Equal(t, []string{arnOf("rds:db", "eu-west-1", 2)}, slices.Collect(maps.Keys(w.all(t))))
}

func TestRulesThatWereChangedHoldFromTheNextRunOn(t *testing.T) {
	w := newWorld(t, onBolt)
	s := resource.Survey{Account: "111122223333"}
	kept := resource.Sighting{ARN: arnOf(aside, "eu-west-1", 1), Aside: true, Tags: map[string]string{"team": "web"}}
	_, err := w.survey(t, s, kept)
	require.NoError(t, err)
	require.Equal(t, tenant.Unassigned, w.all(t)[kept.ARN].ProjectID)
	w.rules(t, project.Project{ID: lab, TagSelector: map[string]string{"team": "web"}})
	require.Equal(t, tenant.Unassigned, w.all(t)[kept.ARN].ProjectID)
	_, err = w.survey(t, s)
	require.NoError(t, err)
	require.Equal(t, lab, w.all(t)[kept.ARN].ProjectID, "also of what was not looked at")
}

func TestWhatNobodySeesAnyMoreIsShownFor90Days(t *testing.T) {
	w := newWorld(t, onBolt)
	_, err := w.survey(t, resource.Survey{Account: "111122223333"}, resource.Sighting{ARN: arnOf(aside, "eu-west-1", 1), Aside: true})
	require.NoError(t, err)
	w.now = w.now.Add(resource.Keep)
	require.Len(t, w.all(t), 1)
	w.now = w.now.Add(time.Second)
	require.Empty(t, w.all(t))
}

func TestSightings(t *testing.T) {
	long := map[string]string{}
	for n := range 50 {
		long[fmt.Sprintf("%0128d", n)] = fmt.Sprintf("%0256d", n)
	}
	for name, c := range map[string]struct {
		seen resource.Sighting
		want resource.Resource
	}{
		"of 50 tags with keys of 128 characters": {resource.Sighting{ARN: "arn:aws:s3:::b", Region: "eu-west-1", Tags: long},
			resource.Resource{ARN: "arn:aws:s3:::b", Type: "s3:bucket", Region: "eu-west-1", Name: "b", Tags: long}},
		"called by its tag": {resource.Sighting{ARN: "arn:aws:ec2:eu-west-1:1:volume/vol-1", Tags: map[string]string{"Name": "disk"}},
			resource.Resource{ARN: "arn:aws:ec2:eu-west-1:1:volume/vol-1", Type: "ec2:volume", Region: "eu-west-1", Name: "disk", Tags: map[string]string{"Name": "disk"}}},
		"in no region": {resource.Sighting{ARN: "arn:aws:cloudfront::1:distribution/E1"},
			resource.Resource{ARN: "arn:aws:cloudfront::1:distribution/E1", Type: "cloudfront:distribution", Region: "global", Name: "E1"}},
		"without an account": {resource.Sighting{ARN: "arn:aws:ec2:eu-west-1::snapshot/snap-1", State: "completed"},
			resource.Resource{ARN: "arn:aws:ec2:eu-west-1:111122223333:snapshot/snap-1", Type: "ec2:snapshot", Region: "eu-west-1", Name: "snap-1", State: "completed"}},
		"a load balancer": {resource.Sighting{ARN: "arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/app/shop/50dc6c495c0c9188", Name: "shop", Class: "application"},
			resource.Resource{ARN: "arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/app/shop/50dc6c495c0c9188", Type: "elasticloadbalancing:loadbalancer/app",
				Region: "eu-west-1", Name: "shop", Class: "application"}},
		"a load balancer of old": {resource.Sighting{ARN: "arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/app"},
			resource.Resource{ARN: "arn:aws:elasticloadbalancing:eu-west-1:1:loadbalancer/app", Type: "elasticloadbalancing:loadbalancer", Region: "eu-west-1", Name: "app"}},
		"a log group": {resource.Sighting{ARN: "arn:aws:logs:eu-west-1:1:log-group:/aws/lambda/f"},
			resource.Resource{ARN: "arn:aws:logs:eu-west-1:1:log-group:/aws/lambda/f", Type: "logs:log-group", Region: "eu-west-1", Name: "f"}},
		"of bytes that are no text": {resource.Sighting{ARN: "arn:aws:sns:eu-west-1:1:t\x00\xff", State: "\xff"},
			resource.Resource{ARN: "arn:aws:sns:eu-west-1:1:t\uFFFD", Type: "sns:topic", Region: "eu-west-1", Name: "t\uFFFD", State: "\uFFFD"}},
	} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t, onBolt)
			created := time.Date(2025, 1, 1, 0, 0, 0, 5, time.UTC)
			c.seen.CreatedAt = created
			_, err := w.survey(t, resource.Survey{Account: "111122223333"}, c.seen, resource.Sighting{ARN: "none"}, resource.Sighting{ARN: "arn:aws:s3:::"})
			require.NoError(t, err)
			c.want.ID, c.want.AccountID, c.want.ProjectID = tenant.ResourceIDOf(abc, c.want.ARN), "111122223333", tenant.Unassigned
			c.want.CreatedAt, c.want.FirstSeenAt, c.want.LastSeenAt = created.Truncate(time.Second), w.now, w.now
			if c.want.Tags == nil {
				c.want.Tags = map[string]string{}
			}
			require.Equal(t, map[string]resource.Resource{c.want.ARN: c.want}, w.all(t))
		})
	}
}

// TestOneResourceOutOfBoundsHidesNoOther has what AWS's own bounds exclude.
func TestOneResourceOutOfBoundsHidesNoOther(t *testing.T) {
	w := newWorld(t, onBolt)
	tags := map[string]string{strings.Repeat("\u00e4", 500): strings.Repeat("\u00f6", 5000)}
	for n := range 10_000 {
		tags[fmt.Sprintf("%0128d", n)] = fmt.Sprintf("%0256d", n)
	}
	long := strings.Repeat("\u00fc", 100_000)
	_, err := w.survey(t, resource.Survey{Account: "111122223333"}, resource.Sighting{ARN: "arn:aws:sqs:eu-west-1:1:small"},
		resource.Sighting{ARN: "arn:aws:sqs:eu-west-1:1:large", Name: long, State: long, Class: long, Tags: tags}, resource.Sighting{ARN: "arn:aws:sqs:eu-west-1:1:" + long})
	require.NoError(t, err)
	all := w.all(t)
	require.Len(t, all, 2)
	require.Contains(t, all, "arn:aws:sqs:eu-west-1:1:small")
	got := all["arn:aws:sqs:eu-west-1:1:large"]
	require.Len(t, got.Tags, 100)
	require.Equal(t, fmt.Sprintf("%0256d", 99), got.Tags[fmt.Sprintf("%0128d", 99)])
	for _, text := range []string{got.Name, got.State, got.Class} {
		require.Equal(t, long[:2*512], text)
	}
}
