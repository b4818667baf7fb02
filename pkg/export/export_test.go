// Package export_test exports tenants of the real server, and reads the archives as their owners would.
package export_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/csv"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/api"
	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/audit"
	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/demo"
	"github.com/tenantry/tenantry/pkg/export"
	"github.com/tenantry/tenantry/pkg/job"
)

type body = map[string]any

// tester exports a tenant.
type tester struct {
	*testing.T
	app  *apptest.App
	home *apptest.Home
	deps api.Deps
	// worker writes archives in small steps.
	service *export.Service
	worker  *job.Worker
}

func newTester(t *testing.T) *tester {
	x := &tester{T: t, app: apptest.New(t)}
	x.home = x.app.Alice
	x.app.Another(t, func(d *api.Deps) { x.deps = *d })
	d := x.deps
	x.service = &export.Service{Store: d.Store, Files: d.Files, Jobs: d.Jobs, Clock: d.Clock, Random: d.Random,
		Audit: audit.Log{Clock: d.Clock, Random: d.Random}}
	x.worker = &job.Worker{Store: d.Store, Queue: d.Jobs, Works: x.service.Works(), Clock: d.Clock, Random: d.Random, Log: d.Log}
	return x
}

// put uploads a file to an address.
func (t *tester) put(url, file string) {
	if strings.HasPrefix(url, "/") {
		url = t.app.URL + url
	}
	r, err := http.NewRequest(http.MethodPut, url, strings.NewReader(file))
	require.NoError(t, err)
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Less(t, answer.StatusCode, 300)
}

// deliver imports files that rules split.
func (t *tester) deliver(home *apptest.Home, source string, files ...string) {
	t.app.Advance(time.Second)
	var list []body
	for _, f := range files {
		list = append(list, body{"sizeBytes": len(f)})
	}
	var c struct {
		ID    string
		Files []struct{ UploadURL string }
	}
	home.Do(t, "POST", home.Path("/imports"), body{"format": "csv", "source": source, "files": list}).Is(t, 201).Into(t, &c)
	for i, f := range files {
		t.put(c.Files[i].UploadURL, f)
	}
	home.Do(t, "POST", home.Path("/imports/"+c.ID+"/close"), nil).Is(t, 202)
	t.app.Work(t)
	var d struct{ Status, Error string }
	home.Get(t, home.Path("/imports/"+c.ID)).Is(t, 200).Into(t, &d)
	require.Equal(t, "succeeded", d.Status, d.Error)
}

// arrange gives a tenant the kept tag keys and projects of a demo's organization.
func (t *tester) arrange(home *apptest.Home, o *demo.Organization) {
	home.Do(t, "PUT", home.Path("/tag-keys"), body{"keys": o.TagKeys}).Is(t, 200)
	for _, p := range o.Projects {
		p.Name = "demo " + p.Name
		home.Do(t, "POST", home.Path("/projects"), p).Is(t, 201)
	}
}

// fill gives the tenant two months of a demo's costs.
func (t *tester) fill() *demo.Organization {
	o := demo.ABC()
	t.arrange(t.home, o)
	file, err := o.CSV(7, calendar.Date(2026, 1, 10), calendar.Date(2026, 3, 2))
	require.NoError(t, err)
	t.deliver(t.home, "bills", string(file))
	return o
}

// begin begins an export.
func (t *tester) begin() (e export.Export) {
	t.app.Advance(time.Second)
	t.home.Do(t, "POST", t.home.Path("/exports"), nil).Is(t, 202).Into(t, &e)
	return e
}

// work does all jobs as a queue would, and gives how often one was handled.
func (t *tester) work(w *job.Worker) (n int) {
	for m, ok := t.app.TakeJob(); ok; m, ok = t.app.TakeJob() {
		for err := w.Handle(t.Context(), m); err != nil; err = w.Handle(t.Context(), m) {
			n++
			require.Less(t, n, 2000, "the job is never done with: %v", err)
			t.app.Advance(3 * time.Minute) // leases end
		}
		n++
	}
	return n
}

func (t *tester) get(e export.Export) (got export.Export) {
	t.home.Get(t, t.home.Path("/exports/"+string(e.ID))).Is(t, 200).Into(t, &got)
	return got
}

func (t *tester) download(e export.Export) []byte {
	require.Equal(t, export.Succeeded, e.Status, e.Error)
	answer, err := http.Get(t.app.URL + e.DownloadURL)
	require.NoError(t, err)
	defer answer.Body.Close()
	require.Equal(t, 200, answer.StatusCode)
	require.Contains(t, answer.Header.Get("Content-Disposition"), e.Archive.Name)
	b, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return b
}

// whole exports everything and gives the export and its archive.
func (t *tester) whole() (export.Export, []byte) {
	e := t.begin()
	t.work(t.worker)
	e = t.get(e)
	return e, t.download(e)
}

// unpack reads an archive as any reader of zips does, and holds it to what is said of it.
func (t *tester) unpack(e export.Export, archive []byte) map[string]string {
	sum := sha256.Sum256(archive)
	require.Equal(t, e.Archive.SHA256, hex.EncodeToString(sum[:]))
	require.EqualValues(t, e.Archive.SizeBytes, len(archive))
	r, err := zip.NewReader(bytes.NewReader(archive), int64(len(archive)))
	require.NoError(t, err)
	files := map[string]string{}
	var said []export.File
	for _, f := range r.File {
		in, err := f.Open()
		require.NoError(t, err)
		b, err := io.ReadAll(in)
		require.NoError(t, err, f.Name)
		require.WithinDuration(t, e.CreatedAt, f.Modified, 2*time.Second)
		files[f.Name] = string(b)
		sum := sha256.Sum256(b)
		one := export.File{Name: f.Name, SizeBytes: int64(len(b)), SHA256: hex.EncodeToString(sum[:])}
		switch {
		case strings.HasSuffix(f.Name, ".jsonl"):
			one.Lines = int64(strings.Count(string(b), "\n"))
		case strings.HasSuffix(f.Name, ".csv"):
			rows, err := csv.NewReader(bytes.NewReader(b)).ReadAll()
			require.NoError(t, err)
			one.Lines = int64(len(rows) - 1)
		}
		said = append(said, one)
	}
	require.Equal(t, said, e.Archive.Files)
	return files
}

// folder gives the files of a folder, by name.
func folder(files map[string]string, name string) (all []string) {
	var names []string
	for f := range files {
		if strings.HasPrefix(f, name+"/") {
			names = append(names, f)
		}
	}
	slices.Sort(names)
	for _, f := range names {
		all = append(all, files[f])
	}
	return all
}

// questions are what is asked of both tenants: everything that charges with tags are told apart by.
func questions() (all []string) {
	for _, metric := range []string{"billedCost", "effectiveCost", "listCost", "contractedCost"} {
		for _, by := range []string{"", "serviceName", "regionId", "subAccountId", "billingAccountId", "chargeCategory", "chargeClass", "providerName",
			"tag:environment", "tag:team", "tag:environment,tag:team,serviceName,regionId,chargeCategory", "environment", "label:team"} {
			for _, more := range []string{"granularity=daily", "granularity=monthly", "granularity=monthly&period=billing"} {
				all = append(all, fmt.Sprintf("start=2026-01-01&end=2026-04-01&metric=%s&groupBy=%s&%s", metric, by, more))
			}
		}
	}
	return all
}

// ask gives an answer without what it says of deliveries.
func (t *tester) ask(home *apptest.Home, query string) map[string]any {
	var a map[string]any
	home.Get(t, home.Path("/costs?"+query)).Is(t, 200).Into(t, &a)
	for _, name := range []string{"asOf", "absent", "complete", "final", "incomplete", "shadows"} {
		delete(a, name)
	}
	for _, g := range a["groups"].([]any) {
		delete(g.(map[string]any), "absent")
	}
	return a
}

// What a tenant has comes out, goes into another, and is the same.
func TestWhatIsExportedIsImportedTheSame(t *testing.T) {
	x := newTester(t)
	o := x.fill()
	e, archive := x.whole()
	files := x.unpack(e, archive)
	require.Len(t, folder(files, "costs"), 3)

	c := x.another("carol")
	x.arrange(c, o)
	x.deliver(c, "again", folder(files, "costs")...)
	some := 0
	for _, q := range questions() {
		want := x.ask(x.home, q)
		require.Equal(t, want, x.ask(c, q), q)
		some += len(want["groups"].([]any))
	}
	require.Greater(t, some, 900)

	t.Run("once more out of there it is the same to the last charge", func(t *testing.T) {
		y := *x
		y.home = c
		again, archive := y.whole()
		files2 := y.unpack(again, archive)
		for i, f := range folder(files2, "costs") {
			require.Equal(t, charges(t, folder(files, "costs")[i]), charges(t, f))
		}
		for i := range again.Archive.Costs {
			require.Equal(t, e.Archive.Costs[i], again.Archive.Costs[i])
		}
	})
	t.Run("by SKU it can be imported too", func(t *testing.T) {
		d := x.another("dave")
		x.arrange(d, o)
		x.deliver(d, "again", folder(files, "usage")...)
		for _, by := range []string{"skuId", "providerName,serviceName,regionId", "chargeCategory,pricingCategory"} {
			q := "start=2026-01-01&end=2026-04-01&metric=effectiveCost&granularity=daily&groupBy=" + by
			require.Equal(t, x.ask(x.home, q), x.ask(d, q), q)
		}
		q := "start=2026-01-01&end=2026-04-01&metric=pricingQuantity&granularity=daily&groupBy=pricingUnit"
		require.Equal(t, x.ask(x.home, q), x.ask(d, q))
	})
}

// charges are the lines of a CSV without the columns that name project and source.
func charges(t *testing.T, file string) (all []string) {
	rows, err := csv.NewReader(strings.NewReader(file)).ReadAll()
	require.NoError(t, err)
	for _, row := range rows {
		all = append(all, strings.Join(row[:len(row)-3], "\x00"))
	}
	slices.Sort(all)
	return all
}

// another makes a tenant of somebody else.
func (t *tester) another(subject string) *apptest.Home {
	h := &apptest.Home{Client: t.app.As(t, subject)}
	h.Do(t, "POST", "/v1/tenants", body{"name": subject + "'s"}).Is(t, 201).Into(t, &struct{ ID any }{&h.Tenant})
	return h
}

// The totals that an export tells are those that the API answers.
func TestTotalsAreThoseOfTheAPI(t *testing.T) {
	x := newTester(t)
	x.fill()
	e, archive := x.whole()
	files := x.unpack(e, archive)
	var manifest struct {
		Totals map[string][]map[string]any
		Files  []struct{ Name, Holds, SHA256 string }
	}
	require.NoError(t, json.Unmarshal([]byte(files["manifest.json"]), &manifest))
	require.NotEmpty(t, e.Archive.Costs)
	for _, costs := range e.Archive.Costs {
		for metric, got := range map[string]string{"billedCost": costs.BilledCost.String(), "effectiveCost": costs.EffectiveCost.String(),
			"listCost": costs.ListCost.String(), "contractedCost": costs.ContractedCost.String()} {
			a := x.ask(x.home, "start=2025-01-01&end=2027-01-01&granularity=total&metric="+metric+"&currency="+costs.Currency)
			require.Equal(t, a["total"], got)
			for _, folder := range []string{"costs", "usage", "resources", "invoices"} {
				i := slices.IndexFunc(manifest.Totals[folder], func(m map[string]any) bool { return m["currency"] == costs.Currency })
				require.Equal(t, got, manifest.Totals[folder][i][metric], folder)
			}
		}
	}
	for _, f := range manifest.Files {
		require.NotEmpty(t, f.Holds, f.Name)
		require.Contains(t, files, f.Name)
	}
	require.Len(t, manifest.Files, len(files)-1, "all but the manifest itself")
	require.Contains(t, files["README.md"], "costs/")
}
