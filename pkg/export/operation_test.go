package export_test

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/audit"
	"github.com/tenantry/tenantry/pkg/export"
	"github.com/tenantry/tenantry/pkg/job"
	"github.com/tenantry/tenantry/pkg/resource"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store/dynamo"
	"github.com/tenantry/tenantry/pkg/store/dynamo/dynamolocal"
	"github.com/tenantry/tenantry/pkg/tenant"
)

func TestWhoMayExport(t *testing.T) {
	x := newTester(t)
	e, _ := x.whole()
	key, _ := x.home.Key(t, tenant.Admin)
	low, _ := x.home.Key(t, tenant.Editor)
	for who, c := range map[string]struct {
		*apptest.Client
		status int
	}{
		"a viewer":                     {x.app.Join(t, x.home.Tenant, "v", tenant.Viewer), 403},
		"an editor":                    {x.app.Join(t, x.home.Tenant, "e", tenant.Editor), 403},
		"an admin":                     {x.app.Join(t, x.home.Tenant, "a", tenant.Admin), 200},
		"an admin limited to projects": {x.app.Join(t, x.home.Tenant, "l", tenant.Admin, x.home.Project), 403},
		"an owner":                     {x.app.Join(t, x.home.Tenant, "o", tenant.Owner), 200},
		"an API key of an admin":       {key, 200},
		"an API key of an editor":      {low, 403},
		"somebody else":                {x.app.Bob.Client, 404},
	} {
		t.Run(who, func(t *testing.T) {
			c.Get(t, x.home.Path("/exports")).Is(t, c.status)
			c.Get(t, x.home.Path("/exports/"+string(e.ID))).Is(t, c.status)
			if c.status != 200 {
				c.Do(t, "POST", x.home.Path("/exports"), nil).Is(t, c.status)
			}
		})
	}
	t.Run("another's export is as one that never was", func(t *testing.T) {
		theirs := x.app.Bob.Get(t, x.app.Bob.Path("/exports/"+string(e.ID))).Is(t, 404)
		none := x.app.Bob.Get(t, x.app.Bob.Path("/exports/exp_7ZZZZZZZZZZZZZZZZZZZZZZZZZ")).Is(t, 404)
		require.Equal(t, string(none.Body), string(theirs.Body))
	})
}

func TestExportsOfATenantThatRests(t *testing.T) {
	x := newTester(t)
	x.small()
	admin := x.app.Join(t, x.home.Tenant, "a", tenant.Admin)
	x.home.Do(t, "POST", x.home.Path("/suspend"), nil).Is(t, 200)
	e, archive := x.whole()
	require.Contains(t, x.unpack(e, archive)["entities/tenant.jsonl"], `"status":"suspended"`)

	x.home.Do(t, "DELETE", x.home.Path("?name=alice%27s"), nil)
	x.app.Advance(time.Minute)
	var o struct{ Status string }
	x.home.Get(t, x.home.Path("")).Is(t, 200).Into(t, &o)
	require.Equal(t, "deleting", o.Status)
	admin.Do(t, "POST", x.home.Path("/exports"), nil).Fails(t, 403, "owners alone")
	admin.Get(t, x.home.Path("/exports/"+string(e.ID))).Fails(t, 403, "owners alone")
	e = x.begin()
	for m, ok := x.app.TakeJob(); ok; m, ok = x.app.TakeJob() {
		if m.Kind == export.Kind {
			require.NoError(t, x.worker.Handle(t.Context(), m))
		}
	}
	e = x.get(e)
	x.unpack(e, x.download(e))
}

func TestHowManyExports(t *testing.T) {
	x := newTester(t)
	first := x.begin()
	for range 50 {
		x.home.Do(t, "POST", x.home.Path("/exports"), nil).Fails(t, 409, string(first.ID))
	}
	require.Len(t, x.app.PendingJobs(), 1, "asking again and again sends nothing at once")
	x.app.Advance(2 * time.Second)
	x.home.Do(t, "POST", x.home.Path("/exports"), nil).Fails(t, 409, string(first.ID))
	require.Len(t, x.app.PendingJobs(), 2, "asking again sends the job's message again: the first may have been lost")
	x.work(x.worker)
	var e export.Export
	x.app.Advance(time.Second)
	for range 2 {
		x.home.Do(t, "POST", x.home.Path("/exports"), nil, "Idempotency-Key: k").Is(t, 202).Into(t, &e)
	}
	require.NotEqual(t, first.ID, e.ID)
	x.work(x.worker)
	var again export.Export
	x.home.Do(t, "POST", x.home.Path("/exports"), nil, "Idempotency-Key: k").Is(t, 202).Into(t, &again)
	require.Equal(t, e.ID, again.ID)
	require.Empty(t, x.app.PendingJobs())
	for range 3 {
		x.begin()
		x.work(x.worker)
	}
	refused := x.home.Do(t, "POST", x.home.Path("/exports"), nil)
	require.Equal(t, "exportsPerDay", refused.Fails(t, 429, "exportsPerDay of 5").Limit)
	tomorrow := x.app.Now().Truncate(24 * time.Hour).Add(24 * time.Hour)
	require.Equal(t, fmt.Sprint(int64(tomorrow.Sub(x.app.Now()).Seconds())), refused.Header.Get("Retry-After"), "until the day is over")
	var used struct {
		Limits []struct {
			Name        string
			Limit, Used int64
			ResetsAt    time.Time
		}
	}
	x.home.Get(t, x.home.Path("/usage")).Is(t, 200).Into(t, &used)
	at := slices.IndexFunc(used.Limits, func(l struct {
		Name        string
		Limit, Used int64
		ResetsAt    time.Time
	}) bool {
		return l.Name == "exportsPerDay"
	})
	require.EqualValues(t, []int64{5, 5}, []int64{used.Limits[at].Limit, used.Limits[at].Used})
	require.Equal(t, tomorrow, used.Limits[at].ResetsAt)
	x.app.Advance(24 * time.Hour)
	x.home.Client = x.app.As(t, "alice")
	x.begin()

	var page route.Page[export.Export]
	x.home.Get(t, x.home.Path("/exports?limit=4")).Is(t, 200).Into(t, &page)
	require.Len(t, page.Items, 4)
	require.Equal(t, export.Queued, page.Items[0].Status)
	require.Equal(t, export.Succeeded, page.Items[1].Status)
	require.Empty(t, page.Items[1].DownloadURL)
	require.Empty(t, page.Items[1].Archive.Files)
	x.home.Get(t, x.home.Path("/exports?limit=4&cursor="+page.Next)).Is(t, 200).Into(t, &page)
	require.Equal(t, first.ID, page.Items[len(page.Items)-1].ID)
}

func TestAnArchiveEnds(t *testing.T) {
	x := newTester(t)
	x.small()
	e, _ := x.whole()
	end := func() { require.NoError(t, x.worker.Handle(t.Context(), job.Message{Kind: export.Ending})) }
	status := func(url string) int {
		answer, err := http.Get(x.app.URL + url)
		require.NoError(t, err)
		require.NoError(t, answer.Body.Close())
		return answer.StatusCode
	}
	x.app.Advance(14 * time.Minute)
	require.Equal(t, 200, status(e.DownloadURL))
	x.app.Advance(time.Minute)
	require.Equal(t, 403, status(e.DownloadURL))

	x.app.Advance(7*24*time.Hour - 20*time.Minute)
	end()
	x.home.Client = x.app.As(t, "alice")
	late := x.get(e)
	require.Equal(t, 200, status(late.DownloadURL))
	x.app.Advance(5 * time.Minute)
	gone := x.get(e)
	require.Equal(t, export.Expired, gone.Status)
	require.Empty(t, gone.DownloadURL)
	require.Equal(t, 403, status(late.DownloadURL), "no address is good for longer than the archive")
	require.NotEmpty(t, x.app.Files(t, "exports/"))
	end()
	require.Empty(t, x.app.Files(t, "exports/"))
	end()
}

// What is done with exports is in the audit log, with no address.
func TestTheLogOfAnExport(t *testing.T) {
	x := newTester(t)
	e, _ := x.whole()
	answer := x.home.Get(t, x.home.Path("/audit?limit=3")).Is(t, 200)
	var page route.Page[audit.Row]
	answer.Into(t, &page)
	var operations []string
	for _, row := range page.Items {
		require.Equal(t, "export/"+string(e.ID), row.Target)
		operations = append(operations, row.Operation)
	}
	require.ElementsMatch(t, []string{"createExport", "writeExport", "getExport"}, operations)
	require.NotContains(t, string(answer.Body), "/downloads/")
}

// populate gives the tenant some of all that an export has, and tells the runs as the API shows them and the secret of an API key.
func (x *tester) populate() (runs []any, token string) {
	x.small()
	x.app.Join(x, x.home.Tenant, "vera", tenant.Viewer)
	x.home.Do(x, "POST", x.home.Path("/invitations"), body{"role": "viewer", "name": "Max"}).Is(x, 201)
	x.home.Do(x, "POST", x.home.Path("/connections"), body{"name": "payer", "accountId": "111122223333"}).Is(x, 201)
	key, _ := x.home.Key(x, tenant.Viewer)
	for range 450 { // more than two pages of the log
		x.home.Do(x, "POST", x.home.Path("/projects/"+string(x.home.Project)+"/archive"), nil)
		x.home.Do(x, "PATCH", x.home.Path("/projects/"+string(x.home.Project)), body{"archived": false})
	}
	x.app.Sight(x, x.home.Tenant, "111122223333", resource.Sighting{ARN: "arn:aws:s3:::a", Region: "eu-west-1", Tags: map[string]string{"team": "web"}},
		resource.Sighting{ARN: "arn:aws:sqs:eu-west-1:111122223333:b"})
	x.app.Connect(x, x.home.Tenant)
	for _, of := range []string{"unassigned", string(x.home.Project)} {
		at := x.home.Path("/projects/" + of + "/runs")
		for _, kind := range []string{"costs", "costs", "metrics"} {
			var run struct{ ID string }
			x.home.Do(x, "POST", at, body{"kind": kind}).Is(x, 202).Into(x, &run)
			require.NoError(x, x.app.WorkRuns(x))
			var shown any
			x.home.Get(x, at+"/"+run.ID).Is(x, 200).Into(x, &shown)
			runs = append(runs, shown)
		}
	}
	return runs, key.Token
}

// list gives all that a list of the API has.
func (x *tester) list(path string) (all []any) {
	for cursor := ""; ; {
		var page route.Page[any]
		x.home.Get(x, x.home.Path(path+"?limit=200&cursor="+cursor)).Is(x, 200).Into(x, &page)
		if all = append(all, page.Items...); page.Next == "" {
			return all
		}
		cursor = page.Next
	}
}

// lines gives what a file of an export has of a kind of entity.
func (x *tester) lines(files map[string]string, name string) (all []any) {
	for line := range strings.Lines(files["entities/"+name+".jsonl"]) {
		var v any
		require.NoError(x, json.Unmarshal([]byte(line), &v))
		all = append(all, v)
	}
	return all
}

// Each line is what the API shows.
func TestEntitiesAreAsTheAPIShowsThem(t *testing.T) {
	x := newTester(t)
	runs, token := x.populate()
	e, archive := x.whole()
	files := x.unpack(e, archive)
	for _, name := range []string{"projects", "members", "invitations", "api-keys", "connections", "imports", "resources"} {
		want := x.list("/" + name)
		require.NotEmpty(t, want)
		for _, item := range want {
			delete(item.(map[string]any), "externalId")
		}
		require.ElementsMatch(t, want, x.lines(files, name), name)
	}
	require.Equal(t, runs, x.lines(files, "runs"))
	rows, log := x.lines(files, "audit"), x.list("/audit")
	require.Greater(t, len(rows), 900)
	byID, last := map[any]any{}, ""
	for _, row := range log {
		byID[row.(map[string]any)["id"]] = row
	}
	for _, row := range rows {
		id := row.(map[string]any)["id"].(string)
		require.Greater(t, id, last)
		last = id
		require.Equal(t, byID[id], row)
		delete(byID, id)
	}
	for _, row := range byID { // are of the export itself, and of its moment
		require.Contains(t, row.(map[string]any)["target"], e.ID)
	}
	var keys struct{ Keys []string }
	require.NoError(t, json.Unmarshal([]byte(files["entities/tag-keys.jsonl"]), &keys))
	require.Equal(t, []string{"team"}, keys.Keys)
	for name, text := range files {
		for _, secret := range []string{"tni_", "tnt_", "tne_", token, `"digest"`, "/uploads/", x.home.Token} {
			require.NotContains(t, text, secret, name)
		}
	}
}

// Nothing of one tenant is in what another exports, on both engines.
func TestAnExportHoldsNothingOfOthers(t *testing.T) {
	for name, open := range map[string]func(testing.TB, func() time.Time) apptest.Engine{
		"on bolt": apptest.Bolt,
		"on DynamoDB": func(t testing.TB, clock func() time.Time) apptest.Engine {
			client := dynamolocal.Start(t)
			names := dynamolocal.Tables(t, client)
			return apptest.Engine{Engine: dynamo.New(client, dynamo.Options{Names: names, Clock: clock}), Items: nil}
		},
	} {
		t.Run(name, func(t *testing.T) {
			x := newTesterOn(t, apptest.On(t, open))
			mine := map[string]string{}
			for home, mark := range map[*apptest.Home]string{x.app.Alice: "zqalice", x.app.Bob: "zqbob"} {
				home.Do(t, "PATCH", home.Path(""), body{"name": mark}).Is(t, 200)
				home.Do(t, "POST", home.Path("/projects"), body{"name": mark, "environment": "test", "labels": body{mark: mark}}).Is(t, 201)
				home.Do(t, "PUT", home.Path("/tag-keys"), body{"keys": []string{mark}}).Is(t, 200)
				home.Do(t, "POST", home.Path("/invitations"), body{"role": "viewer", "name": mark}).Is(t, 201)
				x.app.Join(t, home.Tenant, mark, tenant.Viewer)
				file := header + line(1, 2, "1", mark, mark+"-provider", `"{""`+mark+`"":""`+mark+`""}"`)
				x.deliver(home, mark, strings.ReplaceAll(strings.ReplaceAll(file, ",acc,", ","+mark+","), ",pay,", ","+mark+"-pay,"))
				mine[mark] = string(home.Tenant)
			}
			for home, marks := range map[*apptest.Home][2]string{x.app.Alice: {"zqalice", "zqbob"}, x.app.Bob: {"zqbob", "zqalice"}} {
				x.home = home
				e, archive := x.whole()
				own := 0
				for name, text := range x.unpack(e, archive) {
					require.NotContains(t, text, marks[1], name)
					require.NotContains(t, text, mine[marks[1]], name)
					own += strings.Count(text, marks[0])
				}
				require.Greater(t, own, 20)
			}
		})
	}
}
