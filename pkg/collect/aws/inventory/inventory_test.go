package inventory_test

import (
	"crypto/rand"
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ec2"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/cloud/customertest"
	"github.com/tenantry/tenantry/pkg/cloud/mototest"
	"github.com/tenantry/tenantry/pkg/collect"
	collectaws "github.com/tenantry/tenantry/pkg/collect/aws"
	"github.com/tenantry/tenantry/pkg/collect/aws/inventory"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/organization"
	"github.com/tenantry/tenantry/pkg/resource"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// TestMain keeps moto from putting hundreds of images, and their snapshots, into every account.
func TestMain(m *testing.M) {
	if err := os.Setenv("MOTO_EC2_LOAD_DEFAULT_AMIS", "false"); err != nil {
		panic(err)
	}
	os.Exit(m.Run())
}

// yard is a platform, customers' clouds and the collector between them.
type yard struct {
	*apptest.App
	clouds    *customertest.Clouds
	front     *front // of the clouds
	collector *inventory.Collector
}

func newYard(t *testing.T) *yard {
	y := &yard{App: apptest.New(t), clouds: customertest.Over(t, mototest.Start(t))}
	y.front = newFront(t, y.clouds.URL)
	accounts, err := collectaws.NewAccounts(func() (aws.Config, error) {
		config := mototest.Config(y.front.url)
		config.HTTPClient = http.DefaultClient
		return config, nil
	}, collectaws.Options{})
	require.NoError(t, err)
	y.collector = &inventory.Collector{Clock: y.Now, Random: rand.Reader, Retryer: func() aws.Retryer { return aws.NopRetryer{} }, Config: accounts.Config}
	return y
}

// owner is the configuration of an account's owner.
func (y *yard) owner(t *testing.T, account string) aws.Config {
	config := y.clouds.Account(t, account)
	config.HTTPClient = http.DefaultClient
	return config
}

// task is one of an account, which has a role for the platform that allows what the template's does.
func (y *yard) task(t *testing.T, id tenant.ID, account string, regions ...string) *collect.Task {
	scope, err := organization.Work(t.Context(), y.Store, id, "test")
	require.NoError(t, err)
	h, err := y.Store.Tenant(scope)
	require.NoError(t, err)
	role := y.clouds.Role(t, account, "tenantry", customertest.Trust(customertest.Platform, "tne_"+account))
	var names []string
	for _, a := range connection.Actions() {
		if a.Use == connection.Resources {
			names = append(names, a.Name)
		}
	}
	policy, err := json.Marshal(map[string]any{"Version": "2012-10-17", "Statement": []any{map[string]any{"Effect": "Allow", "Action": names, "Resource": "*"}}})
	require.NoError(t, err)
	require.NoError(t, y.clouds.Ask(t.Context(), account, "iam", url.Values{"Action": {"PutRolePolicy"}, "Version": {"2010-05-08"}, "RoleName": {"tenantry"}, "PolicyName": {"all"},
		"PolicyDocument": {string(policy)}}, &struct{}{}))
	return &collect.Task{Scope: scope, Tenant: h, Kind: collect.Resources, Slot: y.Now(), Connection: connection.Connection{ID: "con_01J00000000000000000000001", AccountID: account,
		Partition: "aws", Regions: regions, RoleARN: role, ExternalID: "tne_" + account, Status: connection.Connected}}
}

// collect does all steps of a task.
func (y *yard) collect(t *testing.T, task *collect.Task) error {
	for range 2000 {
		more, err := y.collector.Collect(t.Context(), task)
		if err != nil || !more {
			return err
		}
	}
	return fmt.Errorf("it never comes to its end")
}

// list gives all that the API shows, by ARN.
func list(t *testing.T, h *apptest.Home) map[string]resource.Resource {
	all := map[string]resource.Resource{}
	for cursor := ""; ; {
		var l resource.Listing
		h.Get(t, h.Path("/resources?limit=20&cursor="+cursor)).Is(t, 200).Into(t, &l)
		for _, r := range l.Items {
			all[r.ARN] = r
		}
		if cursor = l.Next; cursor == "" {
			return all
		}
	}
}

// accountOf is one that no other test has.
func accountOf(t *testing.T, n int) string {
	sum := 0
	for _, c := range t.Name() {
		sum = (sum*31 + int(c)) % 1_000_000_000
	}
	return fmt.Sprintf("%d%09d", 200+n, sum)
}

func TestWhatIsInAccountsIsToldToTheirTenant(t *testing.T) {
	y := newYard(t)
	long := map[string]string{"Name": "many"}
	for n := range 49 {
		long[fmt.Sprintf("%0128d", n)] = fmt.Sprintf("%0256d", n)
	}
	var accounts []string
	want := map[*apptest.Home]map[string]resource.Resource{y.Alice: {}, y.Bob: {}}
	for n, home := range []*apptest.Home{y.Alice, y.Alice, y.Bob, y.Bob} {
		account := accountOf(t, n)
		accounts = append(accounts, account)
		if n == 3 {
			continue // has nothing in it
		}
		config := y.owner(t, account)
		for _, region := range []string{"us-east-1", "eu-west-1"} {
			f := &furniture{t, in(config, region), account, want[home]}
			mark := fmt.Sprintf("%s-%d-%s", strings.ToLower(string(home.Project[20:])), n, region)
			f.instance(map[string]string{"Name": mark, "team": "web"})
			f.disks(map[string]string{"owner": mark})
			f.database("db-"+mark, map[string]string{"team": "shop"})
			f.bucket("b-"+mark, map[string]string{"bucket": mark})
			f.table("t-"+mark, map[string]string{"table": mark})
			if n == 0 {
				f.instance(long)
				f.bucket("bare-"+mark, nil)
				f.services("s-"+region, map[string]string{"team": "apps"})
			}
		}
	}
	y.Alice.Do(t, "PATCH", y.Alice.Path("/projects/"+string(y.Alice.Project)), map[string]any{"accountIds": []string{accounts[0]}}).Is(t, 200)
	called, actions := len(y.clouds.Calls()), map[string]bool{}
	for n, home := range []*apptest.Home{y.Alice, y.Alice, y.Bob, y.Bob} {
		task := y.task(t, home.Tenant, accounts[n], "us-east-1", "eu-west-1")
		require.NoError(t, y.collect(t, task))
		taken := y.clouds.Calls()[called:]
		called += len(taken)
		require.Greater(t, len(taken), 25)
		require.EqualValues(t, len(taken), task.Spent().Calls, "each call is spent")
		for _, c := range taken {
			require.Equal(t, customertest.Call{Action: c.Action, Account: accounts[n], Role: task.Connection.RoleARN, Session: "tenantry-" + string(home.Tenant)}, c)
			actions[c.Action] = true
		}
	}
	require.Empty(t, y.clouds.Refused(), "the role of the template allows all that is called")
	for action := range actions {
		require.Contains(t, inventory.Actions(), action)
	}
	for home, all := range want {
		got := list(t, home)
		for arn, w := range all {
			g := got[arn]
			require.NotEmpty(t, g.ARN, "%s is missing", arn)
			w.ID, w.ProjectID, w.FirstSeenAt, w.LastSeenAt = tenant.ResourceIDOf(home.Tenant, arn), tenant.Unassigned, y.Now(), y.Now()
			if w.AccountID == accounts[0] {
				w.ProjectID = home.Project
			}
			if w.State == "" || w.Class == "" {
				w.State, w.Class = g.State, g.Class
			}
			w.CreatedAt = g.CreatedAt
			require.Equal(t, w, g)
			delete(got, arn)
		}
		require.Empty(t, slices.Collect(maps.Keys(got)), "nothing that was not put there")
	}
}

func TestStepsOfOnePageEachTellTheSame(t *testing.T) {
	y := newYard(t)
	account := accountOf(t, 0)
	f := &furniture{t, in(y.owner(t, account), "eu-west-1"), account, map[string]resource.Resource{}}
	f.disks(map[string]string{"team": "web"})
	f.table("steps", nil)
	task := y.task(t, y.Alice.Tenant, account, "eu-west-1")
	task.Until = y.Now() // each page is late
	for steps := 0; ; steps++ {
		require.Empty(t, list(t, y.Alice), "half a run shows nothing")
		more, err := y.collector.Collect(t.Context(), task)
		require.NoError(t, err)
		if !more {
			require.Greater(t, steps, 12)
			break
		}
	}
	require.ElementsMatch(t, slices.Collect(maps.Keys(f.want)), slices.Collect(maps.Keys(list(t, y.Alice))))
}

// read is a yard whose alice has an account that was collected once, ten minutes ago.
type read struct {
	*yard
	account string
	west    *furniture
	before  map[string]resource.Resource
}

func newRead(t *testing.T) *read {
	r := &read{yard: newYard(t), account: accountOf(t, 0)}
	r.west = &furniture{t, in(r.owner(t, r.account), "eu-west-1"), r.account, map[string]resource.Resource{}}
	r.west.database("west", nil)
	r.west.disks(map[string]string{"team": "web"})
	r.run(t, "eu-west-1")
	r.before = list(t, r.Alice)
	require.ElementsMatch(t, slices.Collect(maps.Keys(r.west.want)), slices.Collect(maps.Keys(r.before)))
	r.Advance(10 * time.Minute)
	return r
}

func (r *read) run(t *testing.T, regions ...string) {
	require.NoError(t, r.collect(t, r.task(t, r.Alice.Tenant, r.account, regions...)))
}

func TestWhatCannotBeReadStaysAsItWas(t *testing.T) {
	y := newRead(t)
	t.Run("a service that is denied", func(t *testing.T) {
		y.front.denies(func(service, _, _ string) string { return map[string]string{"rds": "AccessDenied"}[service] })
		y.run(t, "eu-west-1")
		after := list(t, y.Alice)
		require.Equal(t, len(y.before), len(after))
		for arn, r := range after {
			require.Equal(t, r.Type == "rds:db", r.LastSeenAt.Before(y.Now()), arn)
		}
		require.Contains(t, y.skipped(t), "eu-west-1/RDS databases: The role does not allow rds:DescribeDBInstances (AccessDenied)")
	})
	t.Run("a region that does not take the credentials", func(t *testing.T) {
		y.front.denies(func(service, region, _ string) string {
			if service == "ec2" && region == "eu-west-1" {
				return "AuthFailure"
			}
			return ""
		})
		y.run(t, "eu-west-1")
		require.Contains(t, y.skipped(t), "eu-west-1/EC2 instances: The region does not take")
		require.Equal(t, len(y.before), len(list(t, y.Alice)))
	})
	t.Run("regions that are none or disabled", func(t *testing.T) {
		y.front.denies(nil)
		y.Advance(10 * time.Minute)
		y.run(t, "mars-north-1", "us-east-1")
		require.Contains(t, y.skipped(t), "mars-north-1/: AWS has no region mars-north-1 in the partition aws.")
		require.Equal(t, len(y.before), len(list(t, y.Alice)))
	})
}

func TestWhatEndsARunAndWhatDoesNot(t *testing.T) {
	y := newRead(t)
	t.Run("nothing at all", func(t *testing.T) {
		y.front.denies(func(service, _, action string) string {
			if action == "DescribeRegions" || service == "sts" {
				return ""
			}
			return "AccessDenied"
		})
		err := y.collect(t, y.task(t, y.Alice.Tenant, y.account, "eu-west-1"))
		var denied *collect.Denied
		require.ErrorAs(t, err, &denied)
		require.Contains(t, denied.Reason, "Update the stack of its template")
		require.Equal(t, len(y.before), len(list(t, y.Alice)))
	})
	t.Run("the regions, where none are named", func(t *testing.T) {
		y.front.denies(func(_, _, action string) string {
			return map[string]string{"DescribeRegions": "UnauthorizedOperation"}[action]
		})
		err := y.collect(t, y.task(t, y.Alice.Tenant, y.account))
		var denied *collect.Denied
		require.ErrorAs(t, err, &denied)
		require.Contains(t, denied.Reason, "ec2:DescribeRegions")
		y.run(t, "eu-west-1") // needs no list of regions
	})
	t.Run("what is throttled goes on where it was", func(t *testing.T) {
		n := 0
		y.front.denies(func(service, _, _ string) string {
			if service == "rds" && n < 3 {
				n++
				return "Throttling"
			}
			return ""
		})
		task, throttled := y.task(t, y.Alice.Tenant, y.account, "eu-west-1"), 0
		for {
			more, err := y.collector.Collect(t.Context(), task)
			var slow *collect.Throttled
			if err != nil {
				require.ErrorAs(t, err, &slow)
				throttled++
				continue
			}
			if !more {
				break
			}
		}
		require.Equal(t, 3, throttled)
		require.Equal(t, len(y.before), len(list(t, y.Alice)))
	})
	t.Run("and what was taken away is gone", func(t *testing.T) {
		y.front.denies(nil)
		client := ec2.NewFromConfig(y.west.config)
		for _, v := range y.west.volumes() {
			_, err := client.DeleteVolume(t.Context(), &ec2.DeleteVolumeInput{VolumeId: v.VolumeId})
			require.NoError(t, err)
		}
		y.run(t, "eu-west-1")
		var l resource.Listing
		y.Alice.Get(t, y.Alice.Path("/resources?filter=gone:true")).Is(t, 200).Into(t, &l)
		require.Len(t, l.Items, 1)
		require.Equal(t, "ec2:volume", l.Items[0].Type)
		require.Equal(t, y.Now(), l.Items[0].GoneAt)
	})
}

// skipped is what the API says was not read.
func (y *yard) skipped(t *testing.T) string {
	var l resource.Listing
	y.Alice.Get(t, y.Alice.Path("/resources")).Is(t, 200).Into(t, &l)
	var all []string
	for _, a := range l.Accounts {
		for _, s := range a.Skipped {
			all = append(all, s.Region+"/"+s.Service+": "+s.Reason)
		}
	}
	return strings.Join(all, "\n")
}

func TestRegionsAreThoseOfTheProjectsElseAllThatAreEnabled(t *testing.T) {
	y := newYard(t)
	account := accountOf(t, 0)
	regions := func() map[string]bool {
		y.front.take()
		require.NoError(t, y.collect(t, y.task(t, y.Alice.Tenant, account)))
		all := map[string]bool{}
		for _, c := range y.front.take() {
			if c.service == "rds" {
				all[c.region] = true
			}
		}
		return all
	}
	y.front.denies(func(service, region, _ string) string { // moto lists the regions of all partitions
		if service != "sts" && (strings.HasPrefix(region, "cn-") || strings.HasPrefix(region, "us-gov-")) {
			return "UnrecognizedClientException"
		}
		return ""
	})
	require.Greater(t, len(regions()), 10)
	require.Contains(t, y.skipped(t), "cn-north-1/resources with tags: The region does not take the account's credentials")
	y.Alice.Do(t, "PATCH", y.Alice.Path("/projects/"+string(y.Alice.Project)), map[string]any{"accountIds": []string{account}, "regions": []string{"eu-west-1"}}).Is(t, 200)
	require.Equal(t, map[string]bool{"eu-west-1": true}, regions())
}

func TestTheRolesActionsAreThoseThatAreUsed(t *testing.T) {
	var allowed []string
	for _, a := range connection.Actions() {
		if a.Use == connection.Resources {
			allowed = append(allowed, a.Name)
		}
	}
	require.ElementsMatch(t, allowed, inventory.Actions())
}
