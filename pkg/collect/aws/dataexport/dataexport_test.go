package dataexport_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cloud/customertest"
	"github.com/tenantry/tenantry/pkg/cloud/mototest"
	"github.com/tenantry/tenantry/pkg/collect"
	collectaws "github.com/tenantry/tenantry/pkg/collect/aws"
	"github.com/tenantry/tenantry/pkg/collect/aws/cesim"
	"github.com/tenantry/tenantry/pkg/collect/aws/costexplorer"
	"github.com/tenantry/tenantry/pkg/collect/aws/dataexport"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/delivery"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/focus/columnar"
	"github.com/tenantry/tenantry/pkg/money"
	"github.com/tenantry/tenantry/pkg/organization"
	"github.com/tenantry/tenantry/pkg/tenant"
)

const conID = tenant.ConnectionID("con_01J00000000000000000000001")

// accounts gives each test an account of its own: all share one moto.
var accounts = 444400000000

// tester has an account in moto with a bucket, a role, and a connection of alice's tenant to it.
type tester struct {
	testing.TB
	app       *apptest.App
	clouds    *customertest.Clouds
	owner     *s3.Client
	files     *interrupted
	collector *dataexport.Collector
	con       connection.Connection
	slot      time.Time
	until     time.Time // of a step; zero for no end
	said      []string
}

func newTester(t testing.TB, e connection.Export) *tester {
	accounts++
	account := fmt.Sprint(accounts)
	w := &tester{TB: t, app: apptest.New(t), clouds: customertest.Over(t, mototest.Start(t))}
	w.con = connection.Connection{ID: conID, AccountID: account, Kind: connection.Member, Partition: "aws", ExternalID: "tne_x"}
	w.con.RoleARN = w.clouds.Role(t, account, "read", customertest.Trust(customertest.Platform, w.con.ExternalID))
	w.clouds.Allow(t, account, "read", "s3:ListBucket", "s3:GetObject")
	w.owner = s3.NewFromConfig(w.clouds.Account(t, account), func(o *s3.Options) { o.UsePathStyle = true })
	e.Bucket = "exports-of-" + account
	w.con.Exports = []connection.Export{e}
	_, err := w.owner.CreateBucket(t.Context(), &s3.CreateBucketInput{Bucket: &e.Bucket})
	require.NoError(t, err)
	home := w.app.Alice
	home.Do(t, "PATCH", home.Path("/projects/"+string(home.Project)), map[string]any{"accountIds": []string{account}}).Is(t, 200)
	w.app.Work(t)
	all, err := collectaws.NewAccounts(func() (aws.Config, error) { return w.clouds.Config(), nil }, collectaws.Options{})
	require.NoError(t, err)
	w.files = &interrupted{Files: w.app.Deliveries.Files.(dataexport.Files)}
	w.collector = &dataexport.Collector{Config: all.Config, Files: w.files, Deliveries: w.app.Deliveries, Clock: w.app.Now,
		Random: w.app.Deliveries.Random, Part: 512}
	return w
}

// interrupted are files of a worker that may be killed when it writes.
type interrupted struct {
	dataexport.Files
	writes int
	before func(n int) error
}

func (f *interrupted) Part(ctx context.Context, s *tenant.Scope, name, writing string, n int, body []byte) (string, error) {
	if err := f.write(); err != nil {
		return "", err
	}
	return f.Files.Part(ctx, s, name, writing, n, body)
}

func (f *interrupted) Put(ctx context.Context, s *tenant.Scope, name string, body []byte) error {
	if len(body) == 0 {
		return f.Files.Put(ctx, s, name, body)
	}
	if err := f.write(); err != nil {
		return err
	}
	return f.Files.Put(ctx, s, name, body)
}

func (f *interrupted) write() error {
	f.writes++
	if f.before == nil {
		return nil
	}
	return f.before(f.writes)
}

// raw are the files of deliveries that are not empty.
func (t *tester) raw() (all []string) {
	scope, err := tenant.Work(t.app.Alice.Tenant, "test")
	require.NoError(t, err)
	for _, key := range t.app.Files(t, "deliveries") {
		_, name, _ := strings.Cut(key, "/")
		f, err := t.app.Deliveries.Files.Open(context.Background(), scope, name)
		require.NoError(t, err)
		if f.Size() > 0 {
			all = append(all, key)
		}
		require.NoError(t, f.Close())
	}
	return all
}

func (t *tester) export() connection.Export { return t.con.Exports[0] }

func (t *tester) root() string { return t.export().Prefix + "/" + t.export().Name + "/" }

// put puts an object into the bucket as its owner.
func (t *tester) put(key string, body []byte) {
	bucket := t.export().Bucket
	_, err := t.owner.PutObject(t.Context(), &s3.PutObjectInput{Bucket: &bucket, Key: &key, Body: bytes.NewReader(body)})
	require.NoError(t, err)
}

// deliver delivers a billing period as AWS does, its lines spread over files and the manifest last; into the folder of an execution
// where there is one.
func (t *tester) deliver(month, execution, format, version string, files int, lines []focus.Record) {
	folder := "BILLING_PERIOD=" + month + "/"
	var data []string
	for i := range files {
		var own []focus.Record
		for n, line := range lines {
			if n%files == i {
				own = append(own, line)
			}
		}
		key := fmt.Sprintf("%sdata/%s%s%s-%05d.%s", t.root(), folder, execution, t.export().Name, i+1, format)
		t.put(key, encode(t, format, version, own))
		data = append(data, "s3://"+t.export().Bucket+"/"+key)
	}
	manifest, err := json.Marshal(map[string]any{"dataFiles": data, "columns": []any{}})
	require.NoError(t, err)
	t.put(t.root()+"metadata/"+folder+t.export().Name+"-Manifest.json", manifest)
	if execution != "" {
		t.put(t.root()+"metadata/"+folder+execution+t.export().Name+"-Manifest.json", manifest)
	}
}

// later lets the second pass that an object of S3 is told to be of.
func (t *tester) later() { time.Sleep(1100 * time.Millisecond) }

// encode writes lines as a file of a format and a version of FOCUS.
func encode(t testing.TB, format, version string, lines []focus.Record) []byte {
	var b bytes.Buffer
	if format == "snappy.parquet" {
		w := columnar.NewWriter(&b, version)
		for _, line := range lines {
			require.NoError(t, w.Write(line))
		}
		require.NoError(t, w.Close())
		return b.Bytes()
	}
	z := gzip.NewWriter(&b)
	w := focus.NewCSVWriter(z, version)
	for _, line := range lines {
		require.NoError(t, w.Write(line))
	}
	require.NoError(t, w.Close())
	require.NoError(t, z.Close())
	return b.Bytes()
}

// line is a charge of the account on a day.
func (t *tester) line(day, service, billed string) focus.Record {
	at, err := calendar.ParseDay(day)
	require.NoError(t, err)
	quantity := money.MustParse("1")
	return focus.Record{BillingPeriodStart: at.Month().First().Time(), BillingPeriodEnd: (at.Month() + 1).First().Time(),
		ChargePeriodStart: at.Time(), ChargePeriodEnd: (at + 1).Time(), BillingAccountID: t.con.AccountID, SubAccountID: t.con.AccountID,
		ServiceName: service, RegionID: "eu-west-1", ChargeCategory: "Usage", ProviderName: "AWS", InvoiceIssuerName: "Amazon Web Services, Inc.",
		BilledCost: money.MustParse(billed), EffectiveCost: money.MustParse(billed), BillingCurrency: "USD", PricingUnit: "Hrs", PricingQuantity: &quantity}
}

// lines are n charges in a month, of an amount each.
func (t *tester) lines(month, amount string, n int) (all []focus.Record) {
	for i := range n {
		all = append(all, t.line(fmt.Sprintf("%s-%02d", month, i%28+1), fmt.Sprint("Service ", i%5), amount))
	}
	return all
}

// step does one step of the present slot.
func (t *tester) step() (bool, error) {
	scope, err := organization.Work(context.Background(), t.app.Store, t.app.Alice.Tenant, "collect")
	require.NoError(t, err)
	h, err := t.app.Store.Tenant(scope)
	require.NoError(t, err)
	task := &collect.Task{Scope: scope, Tenant: h, Connection: t.con, Kind: collect.Costs, Slot: t.slot, Until: t.until}
	more, err := t.collector.Collect(context.Background(), task)
	t.said = append(t.said, task.Asides()...)
	return more, err
}

// collect collects a new slot whole, has what was delivered read, and gives what was called in the account.
func (t *tester) collect() (calls map[string]int) {
	t.app.Advance(15 * time.Minute)
	t.slot, t.said = t.app.Now().UTC(), nil
	before := len(t.clouds.Calls())
	for range 50 {
		more, err := t.step()
		require.NoError(t, err)
		if !more {
			break
		}
	}
	t.app.Work(t)
	calls = map[string]int{}
	for _, c := range t.clouds.Calls()[before:] {
		require.Equal(t, []string{t.con.AccountID, t.con.RoleARN, "tenantry-" + string(t.app.Alice.Tenant)}, []string{c.Account, c.Role, c.Session})
		calls[c.Action]++
	}
	return calls
}

type answer struct {
	Total   string
	Groups  []struct{ Total string }
	Shadows []struct{ Source string }
}

func (t *tester) ask(home *apptest.Home, query string) (a answer) {
	home.Get(t, home.Path("/costs?start=2025-03-01&end=2026-05-01&metric=billedCost"+query)).Is(t, 200).Into(t, &a)
	return a
}

func (t *tester) total() string { return t.ask(t.app.Alice, "").Total }

type delivered struct {
	ID, Source, Status, Error string
	Files                     []struct{ Name string }
	Result                    *struct {
		Lines   int64
		Periods []struct {
			Period string
			After  delivery.Totals
		}
	}
}

// deliveries are those of the export, oldest first.
func (t *tester) deliveries() (all []delivered) {
	var page struct{ Items any }
	page.Items = &all
	t.app.Alice.Get(t, t.app.Alice.Path("/imports")).Is(t, 200).Into(t, &page)
	slices.Reverse(all)
	return slices.DeleteFunc(all, func(d delivered) bool { return d.Source != "export:"+string(conID)+"/"+t.export().Name })
}

func daily() connection.Export { return connection.Export{Name: "daily", Prefix: "focus/payer"} }

func TestAnExportIsTakenAndCorrected(t *testing.T) {
	for _, format := range []string{"csv.gz", "snappy.parquet"} {
		for _, version := range []string{"1.0", "1.2"} {
			for _, executions := range [][]string{{"", ""}, {"20260301-a/", "20260302-b/"}} {
				t.Run(fmt.Sprint(format, version, executions), func(t *testing.T) {
					w := newTester(t, daily())
					w.deliver("2026-01", executions[0], format, version, 1, w.lines("2026-01", "0.1", 10))
					w.deliver("2026-02", executions[0], format, version, 3, w.lines("2026-02", "1.000000000000000001", 28))
					calls := w.collect()
					require.Empty(t, w.said)
					require.Equal(t, "29.000000000000000028", w.total())
					require.Equal(t, "0", w.ask(w.app.Bob, "").Total, "the other tenant sees nothing")
					first := w.deliveries()
					require.Len(t, first, 1, "one delivery of all months")
					require.Equal(t, "succeeded", first[0].Status, first[0].Error)
					require.Len(t, first[0].Files, 4)
					require.EqualValues(t, 38, first[0].Result.Lines)
					require.Equal(t, "28.000000000000000028", first[0].Result.Periods[1].After.Totals[0].BilledCost)
					require.Positive(t, calls["s3:GetObject"])

					calls = w.collect()
					require.Zero(t, calls["s3:GetObject"], "no manifest is another")
					require.Equal(t, 1, calls["s3:ListBucket"])
					require.Equal(t, first, w.deliveries())

					w.deliver("2026-02", executions[1], format, version, 2, w.lines("2026-02", "2.5", 5))
					w.collect()
					require.Empty(t, w.said)
					require.Equal(t, "13.5", w.total(), "10 x 0.1 and 5 x 2.5: files of the delivery before count no more")
					second := w.deliveries()
					require.Len(t, second, 2)
					require.Len(t, second[1].Result.Periods, 1, "January is as it was, and not taken again")
					require.Len(t, second[1].Files, 2)
					require.Empty(t, w.clouds.Refused())
				})
			}
		}
	}
}

func TestTheSameDeliveredAnewIsNotTakenAgain(t *testing.T) {
	w := newTester(t, daily())
	w.deliver("2026-02", "", "csv.gz", "1.2", 2, w.lines("2026-02", "1", 4))
	w.collect()
	w.later()
	w.deliver("2026-02", "", "csv.gz", "1.2", 2, w.lines("2026-02", "1", 4))
	require.Equal(t, 1, w.collect()["s3:GetObject"], "of the manifest alone")
	require.Len(t, w.deliveries(), 1)
	require.Zero(t, w.collect()["s3:GetObject"])
}

// TestAnExportCountsBeforeCostExplorer has the same ledger both ways.
func TestAnExportCountsBeforeCostExplorer(t *testing.T) {
	w := newTester(t, daily())
	sim := cesim.New(t, cesim.Options{Clock: w.app.Now})
	sim.Know("ASIACE", w.con.AccountID)
	w.collector.Then = &costexplorer.Collector{Files: w.app.Deliveries.Files.(costexplorer.Files), Deliveries: w.app.Deliveries, Clock: w.app.Now,
		Config: func(context.Context, *tenant.Scope, connection.Connection) (aws.Config, error) {
			return aws.Config{Region: "us-east-1", BaseEndpoint: &sim.URL, Credentials: credentials.NewStaticCredentialsProvider("ASIACE", "secret", "")}, nil
		}}
	ledger := slices.Concat(w.lines("2026-01", "0.3", 20), w.lines("2026-02", "1.7", 20))
	var charges []cesim.Charge
	for _, line := range ledger {
		charges = append(charges, cesim.Charge{RecordType: "Usage", Record: line})
	}
	sim.Set(charges)
	w.collect()
	require.Contains(t, strings.Join(w.said, " "), "has not been delivered yet", "and Cost Explorer goes on")
	require.Empty(t, w.deliveries())
	groups := "&groupBy=serviceName,regionId"
	before := w.ask(w.app.Alice, groups)
	require.Equal(t, "40", before.Total)
	require.Empty(t, before.Shadows)

	w.deliver("2026-01", "", "csv.gz", "1.0", 2, ledger[:20])
	w.deliver("2026-02", "", "csv.gz", "1.0", 2, ledger[20:])
	w.collect()
	after := w.ask(w.app.Alice, groups)
	require.Equal(t, "40", after.Total, "once")
	require.Equal(t, before.Groups, after.Groups)
	require.Equal(t, "ce:"+string(conID), after.Shadows[0].Source, "kept aside as the control")

	pages := sim.Pages()
	w.later()
	w.deliver("2026-02", "", "csv.gz", "1.0", 2, w.lines("2026-02", "1", 20))
	w.collect()
	require.Equal(t, "26", w.total(), "the export counts")
	require.Equal(t, pages+1, sim.Pages(), "Cost Explorer is asked as always; an export takes no page")
}
