package aws_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cloud/customertest"
	"github.com/tenantry/tenantry/pkg/collect"
	"github.com/tenantry/tenantry/pkg/collect/aws/cesim"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/erasure"
	"github.com/tenantry/tenantry/pkg/job"
	"github.com/tenantry/tenantry/pkg/tenant"
	"github.com/tenantry/tenantry/pkg/usage"
)

// whole is a story that is told on: two customers connect two accounts each.
type whole struct {
	*story
	a1, a2, b1, b2 string                   // accounts
	of             map[string]*apptest.Home // accounts
	web, shop      tenant.ProjectID         // of alice, who share a1; what is tagged shop is the latter's
	con            map[string]connection.Connection
	arns           map[string][]string
}

// TestTheWholePath is what two customers live through, from connecting their accounts to the end of one of them. Its parts follow on
// each other.
func TestTheWholePath(t *testing.T) {
	y := &whole{story: newStory(t), a1: "777700000001", a2: "777700000002", b1: "777700000003", b2: "777700000004", con: map[string]connection.Connection{},
		arns: map[string][]string{}}
	y.of = map[string]*apptest.Home{y.a1: y.Alice, y.a2: y.Alice, y.b1: y.Bob, y.b2: y.Bob}
	for _, part := range []struct {
		name string
		tell func(*whole)
	}{
		{"accounts are connected, and what is started by hand collects them", (*whole).byHand},
		{"a schedule's slot collects once, for all projects of an account", (*whole).bySchedule},
		{"trust that is withdrawn breaks the connection, and given back mends it", (*whole).trust},
		{"a suspended tenant rests", (*whole).suspended},
		{"an export of the same costs counts, once, and Cost Explorer is its control", (*whole).exported},
		{"a connection that is deleted leaves what was collected", (*whole).deleted},
		{"a tenant that is erased leaves nothing, and its accounts to others", (*whole).erased},
	} {
		if !t.Run(part.name, func(t *testing.T) { y.TB = t; part.tell(y) }) {
			return
		}
	}
}

func (y *whole) ledger(days ...string) (all []cesim.Charge) {
	for _, day := range days {
		all = append(all, charge(y.a1, day, "Amazon S3", "1.25"), charge(y.a1, day, "AWS Lambda", "0.0000000001"), charge(y.a2, day, "Amazon S3", "20"),
			charge(y.b1, day, "Amazon S3", "300"))
	}
	return all
}

func (y *whole) byHand() {
	for account, tags := range map[string]map[string]string{y.a1: {"team": "shop"}, y.a2: {"team": "web"}, y.b1: {"team": "web"}} { // b2 has nothing in it
		y.arns[account] = y.furnish(account, tags)
	}
	yesterday := calendar.DayOf(y.app.Now()) - 1
	for n, account := range []string{y.a1, y.a2, y.b1} {
		_, instance, _ := strings.Cut(y.arns[account][0], "/")
		y.Clouds.Sample(y, account, "eu-west-1", "AWS/EC2", "CPUUtilization", "InstanceId", instance, yesterday.Time().Add(12*time.Hour), float64(n)*10, float64(n)*10+5)
	}
	y.sim.Set(y.ledger("2026-02-27"))
	for _, account := range []string{y.a1, y.a2, y.b1, y.b2} {
		y.con[account] = y.connect(y.of[account], account)
	}
	y.web = y.project(y.Alice, "site", body{"accountIds": []string{y.a1, y.a2}, "tagSelector": body{"team": "web"}})
	y.shop = y.project(y.Alice, "shop", body{"accountIds": []string{y.a1}, "tagSelector": body{"team": "shop"}})
	bobs := y.project(y.Bob, "all", body{"accountIds": []string{y.b1, y.b2}})
	y.work()
	for _, of := range []struct {
		home *apptest.Home
		id   tenant.ProjectID
	}{{y.Alice, y.web}, {y.Bob, bobs}} {
		for _, k := range []collect.Kind{collect.Costs, collect.Resources, collect.Metrics} {
			r := y.start(of.home, of.id, k)
			y.work()
			var done collect.Run
			of.home.Get(y, of.home.Path("/projects/"+string(of.id)+"/runs/"+string(r.ID))).Is(y, 200).Into(y, &done)
			require.Equal(y, collect.Succeeded, done.Status, "%+v", done)
			require.Empty(y, done.Reason)
			require.Len(y, done.Connections, 2)
		}
	}
	require.Equal(y, map[string]string{y.a1: "1.2500000001", y.a2: "20"}, y.costs(y.Alice))
	require.Equal(y, map[string]string{y.b1: "300"}, y.costs(y.Bob))
	sorted := func(all ...[]string) []string { one := slices.Concat(all...); slices.Sort(one); return one }
	require.Equal(y, sorted(y.arns[y.a1], y.arns[y.a2]), y.resources(y.Alice, ""))
	require.Equal(y, sorted(y.arns[y.a1][:1]), y.resources(y.Alice, y.shop), "by its tag")
	require.Equal(y, sorted(y.arns[y.b1]), y.resources(y.Bob, bobs))
	at := func(account string) string { return y.arns[account][0] + " " + yesterday.String() }
	require.Equal(y, map[string]float64{at(y.a1): 2.5}, y.load(y.Alice, y.shop))
	require.Equal(y, map[string]float64{at(y.a2): 12.5}, y.load(y.Alice, y.web))
	require.Equal(y, map[string]float64{at(y.b1): 22.5}, y.load(y.Bob, bobs))
	y.Bob.Get(y, y.Alice.Path("/projects/"+string(y.web)+"/metrics")).Is(y, 404)
	y.through(y.Clouds.Calls(), y.of)
	require.Empty(y, y.Clouds.Refused(), "the role of the template allows all that is asked")
	for _, c := range y.sim.Calls() {
		require.Contains(y, y.of, c.Account)
	}
	var used usage.Answer
	y.Alice.Get(y, y.Alice.Path("/usage")).Is(y, 200).Into(y, &used)
	pages := 0
	for _, c := range y.sim.Calls() {
		if y.of[c.Account] == y.Alice {
			pages++
		}
	}
	require.EqualValues(y, pages, used.Total.CollectionPages, "what is told of is what AWS bills")
	for _, path := range []string{"/costs?start=2026-01-01&end=2026-03-01", "/resources", "/connections", "/projects/" + string(y.web) + "/runs",
		"/projects/" + string(y.shop) + "/resources", "/connections/" + string(y.con[y.a1].ID), "/usage"} {
		y.Bob.Get(y, y.Alice.Path(path)).Is(y, 404)
	}
}

func (y *whole) bySchedule() {
	require.Equal(y, 3*(4+3), y.schedules(y.Alice)+y.schedules(y.Bob), "of each kind: of alice's and bob's projects and of what is in none")
	calls := len(y.Clouds.Calls())
	y.sim.Forget()
	y.sim.Set(y.ledger("2026-02-27", "2026-03-02"))
	sent := y.night()
	require.NotEmpty(y, sent)
	y.work()
	made := y.through(y.Clouds.Calls()[calls:], y.of)
	require.Equal(y, 2, made[y.a1+" ec2:DescribeInstances"], "once in each region, for three projects")
	require.Equal(y, made[y.a1+" ce:GetCostAndUsage"]+made[y.a2+" ce:GetCostAndUsage"]+made[y.b1+" ce:GetCostAndUsage"]+made[y.b2+" ce:GetCostAndUsage"], y.sim.Pages())
	pages, shared := int64(0), 0
	for _, m := range sent {
		if m.Kind != collect.Costs {
			continue
		}
		r := y.run(map[tenant.ID]*apptest.Home{y.Alice.Tenant: y.Alice, y.Bob.Tenant: y.Bob}[m.Tenant], m)
		for _, p := range r.Connections {
			if pages += p.Pages; p.FetchedBy != nil {
				shared++
				require.Zero(y, p.Pages)
			}
		}
	}
	require.EqualValues(y, y.sim.Pages(), pages, "each page is of one run")
	require.Positive(y, shared)
	require.Equal(y, map[string]string{y.a1: "2.5000000002", y.a2: "40"}, y.costs(y.Alice))
	calls, pages = len(y.Clouds.Calls()), int64(y.sim.Pages())
	for _, m := range sent { // EventBridge Scheduler sends at least once
		require.NoError(y, y.app.Collect.Handle(y.Context(), m))
	}
	require.Len(y, y.Clouds.Calls(), calls, "a duplicate asks nothing")
	require.EqualValues(y, pages, y.sim.Pages())
}

// status reads a connection.
func (y *whole) status(account string) (c connection.Connection) {
	h := y.of[account]
	h.Get(y, h.Path("/connections/"+string(y.con[account].ID))).Is(y, 200).Into(y, &c)
	return c
}

func (y *whole) trust() {
	before := y.costs(y.Alice)
	y.Clouds.Role(y, y.a1, "read", customertest.Trust("arn:aws:iam::999999999999:root", "other"))
	y.replace()
	y.later(time.Hour)
	r := y.start(y.Alice, y.shop, collect.Resources)
	y.work()
	y.Alice.Get(y, y.Alice.Path("/projects/"+string(y.shop)+"/runs/"+string(r.ID))).Is(y, 200).Into(y, &r)
	require.Equal(y, collect.Failed, r.Status)
	require.Contains(y, r.Reason, "Account "+y.a1+": The role arn:aws:iam::"+y.a1+":role/tenantry/read cannot be taken with the ExternalId of this connection. See that")
	c := y.status(y.a1)
	require.Equal(y, connection.Broken, c.Status)
	require.Contains(y, r.Reason, c.Reason)
	require.Equal(y, before, y.costs(y.Alice), "what was collected is kept")
	require.Len(y, y.resources(y.Alice, ""), 6)
	y.role(y.a1, y.con[y.a1].ExternalID)
	y.later(time.Hour)
	y.start(y.Alice, y.shop, collect.Resources)
	y.work()
	c = y.status(y.a1)
	require.Equal(y, connection.Connected, c.Status)
	require.Empty(y, c.Reason)
}

func (y *whole) suspended() {
	y.Alice.Do(y, "POST", y.Alice.Path("/suspend"), nil).Is(y, 200)
	y.work()
	require.Zero(y, y.schedules(y.Alice))
	calls := len(y.Clouds.Calls())
	sent := y.night()
	for _, m := range sent {
		require.Equal(y, y.Bob.Tenant, m.Tenant)
		m.Tenant, m.Project = y.Alice.Tenant, y.web // one that was sent just before
		require.NoError(y, y.app.Collect.Handle(y.Context(), m))
	}
	y.work()
	for _, c := range y.Clouds.Calls()[calls:] {
		require.Equal(y, y.Bob, y.of[c.Account])
	}
	y.Alice.Do(y, "POST", y.Alice.Path("/activate"), nil).Is(y, 200)
	y.work()
	require.Equal(y, 12, y.schedules(y.Alice))
	y.sim.Set(y.ledger("2026-02-27", "2026-03-02", "2026-03-03"))
	y.night()
	y.work()
	require.Equal(y, map[string]string{y.a1: "3.7500000003", y.a2: "60"}, y.costs(y.Alice), "it goes on, and has what it has missed")
}

func (y *whole) deleted() {
	costs, resources := y.costs(y.Bob), y.resources(y.Bob, "")
	require.Equal(y, map[string]string{y.b1: "900"}, costs)
	for _, account := range []string{y.b1, y.b2} {
		y.Bob.Do(y, "DELETE", y.Bob.Path("/connections/"+string(y.con[account].ID)), nil).Is(y, 204)
	}
	y.work()
	require.Zero(y, y.schedules(y.Bob))
	for _, m := range y.night() {
		require.Equal(y, y.Alice.Tenant, m.Tenant)
	}
	y.work()
	require.Equal(y, costs, y.costs(y.Bob))
	require.Equal(y, resources, y.resources(y.Bob, ""))
}

func (y *whole) erased() {
	made := y.Bob.Do(y, "POST", y.Bob.Path("/connections"), body{"name": "taken", "accountId": y.a1}).Is(y, 201)
	var c connection.Connection
	made.Into(y, &c)
	patch := func() *apptest.Answer {
		return y.Bob.Do(y, "PATCH", y.Bob.Path("/connections/"+string(c.ID)), body{"roleArn": y.role(y.a1, c.ExternalID)})
	}
	patch().Fails(y, 409, "another organization")
	y.Alice.Do(y, "DELETE", y.Alice.Path("?name=alice%27s"), nil).Is(y, 202)
	y.work()
	require.Zero(y, y.schedules(y.Alice))
	for range 100 { // what the clock asks for
		y.later(12 * time.Hour)
		require.NoError(y, y.app.Jobs.Handle(y.Context(), job.Message{Kind: erasure.Due}))
		for _, m := range y.app.PendingJobs() {
			y.app.TakeJob()
			_ = y.app.Jobs.Handle(y.Context(), m)
		}
		var proofs struct{ Items []struct{ Status string } }
		y.Alice.Get(y, "/v1/me/erasures").Is(y, 200).Into(y, &proofs)
		if len(proofs.Items) > 0 && proofs.Items[0].Status == "erased" {
			break
		}
	}
	for name, bytes := range y.app.Holdings(y) {
		if strings.Contains(name+bytes, string(y.Alice.Tenant)) {
			require.True(y, strings.Contains(name, "ERASED#") || strings.HasPrefix(name, "directory/ERASURE"), name)
		}
	}
	all, err := y.app.Schedules.List(y.Context(), y.Alice.Tenant)
	require.NoError(y, err)
	require.Empty(y, all)
	y.later(0)
	patch().Is(y, 200)
}
