package delivery_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/delivery"
	"github.com/tenantry/tenantry/pkg/organization"
	"github.com/tenantry/tenantry/pkg/tenant"
)

const header = "BilledCost,EffectiveCost,ListCost,ContractedCost,BillingAccountId,SubAccountId,BillingCurrency,BillingPeriodStart,BillingPeriodEnd," +
	"ChargePeriodStart,ChargePeriodEnd,ChargeCategory,ServiceName,ProviderName,RegionId,Tags\n"

// line is a line of one day of February 2026, of the amount in all four metrics.
func line(account string, day int, amount, tags string) string {
	return fmt.Sprintf("%[1]s,%[1]s,%[1]s,%[1]s,pay,%[2]s,USD,2026-02-01T00:00:00Z,2026-03-01T00:00:00Z,2026-02-%02[3]dT00:00:00Z,2026-02-%02[4]dT00:00:00Z,"+
		"Usage,EC2,AWS,eu-west-1,%[5]s\n", amount, account, day, day+1, tags)
}

func lines(n int, account, amount string) string {
	var b strings.Builder
	for i := range n {
		b.WriteString(line(account, i%27+1, amount, ""))
	}
	return header + b.String()
}

// created is the answer to a creation.
type created struct {
	delivery.Delivery
	UploadURL string `json:"uploadUrl"`
}

// tester delivers as a member of a tenant.
type tester struct {
	*testing.T
	app  *apptest.App
	home *apptest.Home
}

func newTester(t *testing.T) *tester {
	app := apptest.New(t)
	return &tester{t, app, app.Alice}
}

func (t *tester) put(url, body string) {
	r, err := http.NewRequest(http.MethodPut, t.app.URL+url, strings.NewReader(body))
	require.NoError(t, err)
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	require.Less(t, answer.StatusCode, 300, "%s", b)
}

// aim delivers a file to the project and gives the delivery as it came out.
func (t *tester) aim(file string, more map[string]any) (d delivery.Delivery) {
	t.app.Advance(time.Second)
	imports := t.home.Path("/projects/" + string(t.home.Project) + "/imports")
	body := map[string]any{"format": "csv", "source": "s", "sizeBytes": len(file)}
	for k, v := range more {
		body[k] = v
	}
	if body["source"] == "" {
		delete(body, "source")
	}
	var c created
	t.home.Do(t, "POST", imports, body).Is(t, 201).Into(t, &c)
	require.Equal(t, delivery.Awaiting, c.Status)
	t.put(c.UploadURL, file)
	t.app.Work(t)
	t.home.Get(t, imports+"/"+string(c.ID)).Is(t, 200).Into(t, &d)
	return d
}

// split delivers files that rules split.
func (t *tester) split(files ...string) (d delivery.Delivery) {
	t.app.Advance(time.Second)
	var list []map[string]any
	for _, f := range files {
		list = append(list, map[string]any{"sizeBytes": len(f)})
	}
	var c created
	t.home.Do(t, "POST", t.home.Path("/imports"), map[string]any{"format": "csv", "source": "s", "files": list}).Is(t, 201).Into(t, &c)
	for i, f := range files {
		t.put(c.Files[i].UploadURL, f)
	}
	t.home.Do(t, "POST", t.home.Path("/imports/"+string(c.ID)+"/close"), nil).Is(t, 202)
	t.app.Work(t)
	t.home.Get(t, t.home.Path("/imports/"+string(c.ID))).Is(t, 200).Into(t, &d)
	return d
}

type answer struct {
	Total  string
	Groups []struct {
		Key   map[string]*string
		Total string
	}
	Shadows []struct {
		Source   string
		Accounts []string
	}
}

func (t *tester) ask(query string) (a answer) {
	t.home.Get(t, t.home.Path("/costs?"+query)).Is(t, 200).Into(t, &a)
	return a
}

const february = "start=2026-02-01&end=2026-03-01&metric=billedCost"

// by gives the totals of an answer by the one dimension grouped by.
func (a answer) by(dimension string) map[string]string {
	all := map[string]string{}
	for _, g := range a.Groups {
		key := "null"
		if v := g.Key[dimension]; v != nil {
			key = *v
		}
		all[key] = g.Total
	}
	return all
}

func zipped(s string) string {
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	w.Write([]byte(s))
	w.Close()
	return b.String()
}

func TestDeliveryThatSucceeds(t *testing.T) {
	for name, file := range map[string]string{"csv": lines(10, "a", "0.1"), "gzip": zipped(lines(10, "a", "0.1"))} {
		t.Run(name, func(t *testing.T) {
			w := newTester(t)
			d := w.aim(file, nil)
			require.Equal(t, delivery.Succeeded, d.Status, "%s %v", d.Error, d.Problems)
			require.Equal(t, int64(10), d.Result.Lines)
			require.Equal(t, "1", d.Result.Periods[0].After.Totals[0].BilledCost)
			require.Zero(t, d.Result.Periods[0].Before.Lines)
			require.Equal(t, "1", w.ask(february).Total)
		})
	}
}

func TestDeliveryAgain(t *testing.T) {
	w := newTester(t)
	require.Positive(t, w.aim(lines(10, "a", "0.1"), nil).Result.DocumentsWritten)
	t.Run("changes nothing and writes no document", func(t *testing.T) {
		d := w.aim(lines(10, "a", "0.1"), nil)
		require.Zero(t, d.Result.DocumentsWritten)
		require.Equal(t, *d.Result.Periods[0].Before, d.Result.Periods[0].After)
		require.Equal(t, "1", w.ask(february).Total)
	})
	t.Run("under another source's name adds nothing and is a shadow", func(t *testing.T) {
		require.Equal(t, delivery.Succeeded, w.aim(lines(10, "a", "0.1"), map[string]any{"source": "other"}).Status)
		a := w.ask(february)
		require.Equal(t, "1", a.Total)
		require.Equal(t, "upload:s", a.Shadows[0].Source)
		require.Equal(t, []string{"a"}, a.Shadows[0].Accounts)
	})
	t.Run("with fewer than half of the lines is refused", func(t *testing.T) {
		d := w.aim(lines(4, "a", "0.1"), nil)
		require.Equal(t, delivery.Failed, d.Status)
		require.Contains(t, d.Error, "allowShrink")
		require.Equal(t, "4 lines would replace 10", d.Problems[0].Message)
		require.Equal(t, "1", w.ask(february).Total)
	})
	t.Run("with fewer lines where that is wished", func(t *testing.T) {
		require.Equal(t, delivery.Succeeded, w.aim(lines(4, "a", "0.1"), map[string]any{"allowShrink": true}).Status)
	})
}

func TestDeliveryThatCannotBeReadRight(t *testing.T) {
	w := newTester(t)
	w.aim(lines(3, "a", "7"), nil)
	good := lines(3, "a", "1")
	many := header + strings.Repeat(line("a", 1, "x", ""), 30)
	for name, c := range map[string]struct{ file, says, location string }{
		"truncated gzip":              {zipped(lines(100, "a", "0.123456789"))[:200], "", ""},
		"no mandatory column":         {strings.Replace(good, "BilledCost,", "Other,", 1), "", "BilledCost"},
		"NaN":                         {good + line("a", 1, "NaN", ""), "", "line 5, BilledCost"},
		"1e400":                       {good + line("a", 1, "1e400", ""), "", "line 5, BilledCost"},
		"a thousands separator":       {good + line("a", 1, `"1,234.56"`, ""), "", "line 5, BilledCost"},
		"an unknown currency":         {strings.Replace(good, "USD", "XXX", 1), "", "line 2, BillingCurrency"},
		"a charge that ends before":   {strings.Replace(good, "2026-02-02T00", "2026-01-31T00", 1), "", "line 2, ChargePeriodEnd"},
		"UTF-16":                      {"\xff\xfeB\x00i\x00l\x00", "UTF-16", ""},
		"a line without end":          {header + strings.Repeat("x", 20<<20), "", "line 2"},
		"no lines":                    {header, "no lines", ""},
		"more problems than are told": {many, "", "line 2, BilledCost"},
		"Parquet that is called CSV":  {"PAR1" + strings.Repeat("\x00", 100) + "PAR1", "", ""},
		"sums of two sub-accounts that are out of range": {header + line("a", 1, "160000000000000000000", "") + line("b", 1, "160000000000000000000", ""), "out of range", ""},
		"a sum that is out of range":                     {header + strings.Repeat(line("a", 1, "170000000000000000000", ""), 2), "out of range", ""},
		"a period that is not a month's":                 {strings.Replace(good, "2026-02-01T00:00:00Z,2026-03", "yesterday,2026-03", 1), "", "line 2, BillingPeriodStart"},
	} {
		t.Run(name, func(t *testing.T) {
			w.T = t
			d := w.aim(c.file, map[string]any{"allowShrink": true})
			require.Equal(t, delivery.Failed, d.Status)
			require.NotEmpty(t, d.Error)
			all := d.Error
			for _, p := range d.Problems {
				all += " | " + p.Location + ": " + p.Message
			}
			t.Log(all)
			require.Contains(t, all, c.says)
			require.Contains(t, all, c.location)
			require.LessOrEqual(t, len(d.Problems), 20)
			require.Equal(t, "21", w.ask(february).Total, "what was there stays")
		})
	}
}

func TestTwoProjectsThatNameNoSource(t *testing.T) {
	w := newTester(t)
	w.aim(header+line("a", 1, "1", ""), map[string]any{"source": ""})
	var p struct{ ID tenant.ProjectID }
	w.home.Do(t, "POST", w.home.Path("/projects"), map[string]any{"name": "api", "environment": "test"}).Is(t, 201).Into(t, &p)
	web := w.home.Project
	w.home.Project = p.ID
	t.Run("have sources of their own", func(t *testing.T) {
		w.T = t
		require.Equal(t, delivery.Succeeded, w.aim(header+line("b", 1, "2", ""), map[string]any{"source": ""}).Status)
		require.Equal(t, map[string]string{string(web): "1", string(p.ID): "2"}, w.ask(february+"&groupBy=project").by("project"))
	})
	t.Run("and name the same accounts: the newer counts and says whom it shadows", func(t *testing.T) {
		w.T = t
		d := w.aim(header+line("a", 1, "4", "")+line("b", 1, "2", ""), map[string]any{"source": ""})
		require.Equal(t, []string{"upload:" + string(web)}, d.Result.Periods[0].Shadows)
		require.Equal(t, "6", w.ask(february).Total)
	})
	t.Run("and one source: the later takes, and says from whom", func(t *testing.T) {
		w.T = t
		w.home.Project = web
		d := w.aim(header+line("a", 1, "4", "")+line("b", 1, "2", ""), map[string]any{"source": string(p.ID)})
		require.Equal(t, []tenant.ProjectID{p.ID}, d.Result.Periods[0].TakenFrom)
	})
}

func TestAFinalMonthIsComplete(t *testing.T) {
	w := newTester(t)
	var a struct{ Complete, Final bool }
	for _, final := range []bool{false, true} {
		w.aim(header+line("a", 19, "1", ""), map[string]any{"final": final})
		w.home.Get(t, w.home.Path("/costs?"+february)).Is(t, 200).Into(t, &a)
		require.Equal(t, final, a.Complete)
		require.Equal(t, final, a.Final)
	}
}

func TestSplitByRules(t *testing.T) {
	w := newTester(t)
	file := header + line("a", 1, "1.25", "") + line("b", 2, "2.5", `"{""team"":""x""}"`) + line("b", 3, "4", `"{""team"":""y""}"`) + line("c", 4, "8", "")
	var p struct{ ID string }
	add := func(body map[string]any) string {
		w.home.Do(t, "POST", w.home.Path("/projects"), body).Is(t, 201).Into(t, &p)
		return p.ID
	}
	one := add(map[string]any{"name": "one", "environment": "production", "accountIds": []string{"a"}})
	require.Equal(t, delivery.Succeeded, w.split(header+line("zz", 1, "1", "")).Status)
	two := add(map[string]any{"name": "two", "environment": "staging", "accountIds": []string{"b"}, "tagSelector": map[string]string{"team": "x"}})
	cut := strings.Index(file, "2.5,2.5")
	d := w.split(file[:cut], header+file[cut:])
	require.Equal(t, delivery.Succeeded, d.Status, d.Error)
	t.Run("projects and what is unassigned sum to the delivery", func(t *testing.T) {
		a := w.ask(february + "&groupBy=project")
		require.Equal(t, "15.75", a.Total)
		require.Equal(t, map[string]string{one: "1.25", two: "2.5", "unassigned": "12"}, a.by("project"))
	})
	t.Run("a new rule splits what was delivered anew", func(t *testing.T) {
		three := add(map[string]any{"name": "three", "environment": "test", "accountIds": []string{"c"}})
		w.app.Work(t)
		require.Equal(t, map[string]string{one: "1.25", two: "2.5", three: "8", "unassigned": "4"}, w.ask(february+"&groupBy=project").by("project"))
	})
	t.Run("a new tag key is kept of what was delivered", func(t *testing.T) {
		w.home.Do(t, "PUT", w.home.Path("/tag-keys"), map[string]any{"keys": []string{"team"}}).Is(t, 200)
		w.app.Work(t)
		require.Equal(t, map[string]string{"x": "2.5", "y": "4", "null": "9.25"}, w.ask(february+"&groupBy=tag:team").by("tag:team"))
		var keys struct{ Rebuilding int }
		w.home.Get(t, w.home.Path("/tag-keys")).Is(t, 200).Into(t, &keys)
		require.Zero(t, keys.Rebuilding)
	})
}

func TestClosing(t *testing.T) {
	w := newTester(t)
	var c created
	w.home.Do(t, "POST", w.home.Path("/imports"), map[string]any{"format": "csv", "files": []map[string]any{{"sizeBytes": 10}, {"sizeBytes": 20}}}).Is(t, 201).Into(t, &c)
	t.Run("without all files says which are missing", func(t *testing.T) {
		p := w.home.Do(t, "POST", w.home.Path("/imports/"+string(c.ID)+"/close"), nil).Fails(t, 409, "Files are missing")
		require.Len(t, p.Errors, 2)
	})
	t.Run("is not found below a project", func(t *testing.T) {
		w.home.Get(t, w.home.Path("/projects/"+string(w.home.Project)+"/imports/"+string(c.ID))).Fails(t, 404, "no such delivery")
	})
	t.Run("lists it", func(t *testing.T) {
		var list struct{ Items []delivery.Delivery }
		w.home.Get(t, w.home.Path("/imports")).Is(t, 200).Into(t, &list)
		require.Equal(t, c.ID, list.Items[0].ID)
		require.Empty(t, list.Items[0].Files[0].UploadURL, "an upload address is given once")
	})
}

func TestTheSampleOfTheFinOpsFoundation(t *testing.T) {
	file, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "data", "focus_sample.csv"))
	if os.IsNotExist(err) {
		t.Skip("the sample is not at ../shared/data beside the repository")
	}
	require.NoError(t, err)
	w := newTester(t)
	w.home.Do(t, "PUT", w.home.Path("/tag-keys"), map[string]any{"keys": []string{"environment"}}).Is(t, 200)
	require.Equal(t, delivery.Succeeded, w.aim(string(file), nil).Status)
	const september = "start=2024-09-01&end=2024-10-01"
	for query, total := range map[string]string{
		"&metric=billedCost":     "20.52022672899",
		"":                       "14.97651418586",
		"&metric=listCost":       "20.39090575119",
		"&metric=contractedCost": "14.97626039326",
		"&metric=billedCost&filter=!chargeCategory:Credit":        "23.13392672899",
		"&metric=billedCost&filter=regionId:":                     "0.53707392473",
		"&metric=billedCost&filter=!regionId:us-west-2":           "18.68597396619",
		"&metric=billedCost&filter=subAccountId:11353890204":      "13.6164825497",
		"&metric=billedCost&filter=environment:staging":           "0",
		"&metric=billedCost&granularity=daily":                    "20.52022672899",
		"&metric=billedCost&filter=providerName:AWS":              "18.0066386184",
		"&metric=billedCost&granularity=total&groupBy=resourceId": "20.52022672899",
	} {
		require.Equal(t, total, w.ask(september+query).Total, query)
	}
	require.Equal(t, map[string]string{"Usage": "22.86192672899", "Adjustment": "0.272", "Credit": "-2.6137"},
		w.ask(september+"&metric=billedCost&groupBy=chargeCategory").by("chargeCategory"))
	require.Equal(t, map[string]string{"dev": "18.20324140013", "prod": "2.0428208422", "null": "0.27416448666"},
		w.ask(september+"&metric=billedCost&groupBy=tag:environment").by("tag:environment"))
	require.Equal(t, "16.0416930505", w.ask(september + "&metric=billedCost&groupBy=serviceName").by("serviceName")["Amazon Elastic Compute Cloud"])
	require.Equal(t, "20.28022672899", w.ask(september+"&metric=billedCost&period=billing").Total)
	require.Equal(t, "0.24", w.ask("start=2024-10-01&end=2024-11-01&metric=billedCost&period=billing").Total)
}

func TestAFileThatIsReplacedAfterItWasReadIsNotReadAgain(t *testing.T) {
	w := newTester(t)
	file := lines(10, "a", "0.1")
	var c created
	w.home.Do(t, "POST", w.home.Path("/imports"), map[string]any{"format": "csv", "files": []map[string]any{{"sizeBytes": len(file)}}}).Is(t, 201).Into(t, &c)
	w.put(c.Files[0].UploadURL, file)
	w.home.Do(t, "POST", w.home.Path("/imports/"+string(c.ID)+"/close"), nil).Is(t, 202)
	w.app.Work(t)
	require.Equal(t, "1", w.ask(february).Total)
	r, err := http.NewRequest(http.MethodPut, w.app.URL+c.Files[0].UploadURL, strings.NewReader(lines(10, "a", "0.9")))
	require.NoError(t, err)
	w.app.With("").Send(t, r).Fails(t, 403, "has its files")
	w.replace(c.ID, lines(10, "a", "0.9"))
	w.home.Do(t, "PUT", w.home.Path("/tag-keys"), map[string]any{"keys": []string{"team"}}).Is(t, 200)
	w.app.Work(t)
	require.Equal(t, "1", w.ask(february).Total, "what was delivered counts")
	require.Contains(t, w.app.Log.String(), "was replaced after it was read")
}

// replace puts other bytes in the place of a delivery's first file, behind the platform's back; "" takes it away.
func (t *tester) replace(id tenant.DeliveryID, file string) {
	scope, err := organization.Work(t.Context(), t.app.Store, t.home.Tenant, "test")
	require.NoError(t, err)
	if file == "" {
		require.NoError(t, t.app.Deliveries.Files.Remove(t.Context(), scope, delivery.Name(id, 0)))
		return
	}
	require.NoError(t, t.app.Deliveries.Files.Put(t.Context(), scope, delivery.Name(id, 0), []byte(file)))
}

// A file that is gone, or another one, holds up neither what is read again nor what others deliver: what it brought stays as it is, and
// the delivery says so.
func TestWhatCannotBeReadAgainHoldsNothingUp(t *testing.T) {
	for name, now := range map[string]string{"replaced": lines(10, "a", "0.9"), "gone": ""} {
		t.Run(name, func(t *testing.T) {
			w := newTester(t)
			w.home.Do(t, "PUT", w.home.Path("/tag-keys"), map[string]any{"keys": []string{"team"}}).Is(t, 200)
			first := w.aim(header+line("a", 1, "1", `"{""team"":""x""}"`)+line("b", 1, "2", `"{""team"":""y"",""env"":""p""}"`), nil)
			w.replace(first.ID, now)
			state := func() (rebuilding int, unreadable string) {
				var keys struct{ Rebuilding int }
				w.home.Get(t, w.home.Path("/tag-keys")).Is(t, 200).Into(t, &keys)
				var d delivery.Delivery
				w.home.Get(t, w.home.Path("/imports/"+string(first.ID))).Is(t, 200).Into(t, &d)
				return keys.Rebuilding, d.Unreadable
			}
			_, why := state()
			require.Empty(t, why)
			w.home.Do(t, "PUT", w.home.Path("/tag-keys"), map[string]any{"keys": []string{"env", "team"}}).Is(t, 200)
			second := w.aim(strings.ReplaceAll(header+line("c", 1, "4", `"{""team"":""x"",""env"":""q""}"`), ",pay,", ",other,"), nil)
			require.Equal(t, delivery.Succeeded, second.Status, second.Error)
			w.app.Work(t)
			left, why := state()
			require.Zero(t, left)
			require.NotEmpty(t, why)
			require.Equal(t, map[string]string{"x": "5", "y": "2"}, w.ask(february+"&groupBy=tag:team").by("tag:team"))
			require.Equal(t, map[string]string{"q": "4", "null": "3"}, w.ask(february+"&groupBy=tag:env").by("tag:env"), "what is not known is null")
			w.home.Do(t, "PUT", w.home.Path("/tag-keys"), map[string]any{"keys": []string{"env"}}).Is(t, 200)
			w.app.Work(t)
			left, _ = state()
			require.Zero(t, left)
			require.Equal(t, map[string]string{"q": "4", "null": "3"}, w.ask(february+"&groupBy=tag:env").by("tag:env"))
			require.Equal(t, "7", w.ask(february).Total)
			w.aim(header+line("a", 1, "1", `"{""env"":""p""}"`)+line("b", 1, "2", `"{""env"":""p""}"`), nil)
			require.Equal(t, map[string]string{"q": "4", "p": "3"}, w.ask(february+"&groupBy=tag:env").by("tag:env"), "delivered again, it is known")
		})
	}
}
