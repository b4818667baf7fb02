package costexplorer_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/ratelimit"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/collect"
	"github.com/tenantry/tenantry/pkg/collect/aws/cesim"
	"github.com/tenantry/tenantry/pkg/collect/aws/costexplorer"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/money"
	"github.com/tenantry/tenantry/pkg/organization"
	"github.com/tenantry/tenantry/pkg/tenant"
)

const (
	payer, one, two = "999999999999", "111111111111", "222222222222"
	conID           = tenant.ConnectionID("con_01J00000000000000000000001")
)

// tester collects a simulated account's costs into the real server of alice's tenant.
type tester struct {
	testing.TB
	app       *apptest.App
	sim       *cesim.Sim
	collector *costexplorer.Collector
	con       connection.Connection
	key       string // access key of the present session
	sessions  int
	slot      time.Time
}

// newTester begins at noon of 2 March 2026.
func newTester(t testing.TB, kind connection.Kind, o cesim.Options) *tester {
	w := &tester{TB: t, app: apptest.New(t)}
	o.Clock = w.app.Now
	w.sim = cesim.New(t, o)
	w.con = connection.Connection{ID: conID, AccountID: one, Kind: kind, Partition: "aws"}
	if kind == connection.Payer {
		w.con.AccountID = payer
		w.sim.Organize(payer, one, two)
	}
	home := w.app.Alice
	home.Do(t, "PATCH", home.Path("/projects/"+string(home.Project)), map[string]any{"accountIds": []string{payer, one, two}}).Is(t, 200)
	w.app.Work(t)
	w.renew()
	w.collector = w.newCollector()
	return w
}

func (t *tester) newCollector() *costexplorer.Collector {
	return &costexplorer.Collector{Config: t.config, Files: t.app.Deliveries.Files.(costexplorer.Files), Deliveries: t.app.Deliveries, Clock: t.app.Now,
		Retryer: func() aws.Retryer {
			return retry.NewStandard(func(o *retry.StandardOptions) {
				o.MaxAttempts, o.RateLimiter = 3, ratelimit.None
				o.Backoff = retry.BackoffDelayerFunc(func(int, error) (time.Duration, error) { return 0, nil })
			})
		}}
}

// renew begins another session.
func (t *tester) renew() {
	t.sessions++
	t.key = fmt.Sprintf("ASIA%d", t.sessions)
	t.sim.Know(t.key, t.con.AccountID)
}

func (t *tester) config(_ context.Context, _ *tenant.Scope, c connection.Connection) (aws.Config, error) {
	if c.ID != conID {
		return aws.Config{}, errors.New("another connection")
	}
	return aws.Config{Region: "eu-west-1", BaseEndpoint: &t.sim.URL, Credentials: credentials.NewStaticCredentialsProvider(t.key, "secret", "token")}, nil
}

// task is a new step of the present slot, as the worker makes it: it reads that the tenant is active.
func (t *tester) task() *collect.Task {
	scope, err := organization.Work(context.Background(), t.app.Store, t.app.Alice.Tenant, "collect")
	require.NoError(t, err)
	h, err := t.app.Store.Tenant(scope)
	require.NoError(t, err)
	return &collect.Task{Scope: scope, Tenant: h, Connection: t.con, Kind: collect.Costs, Slot: t.slot}
}

// step does one step of the present slot.
func (t *tester) step() (more bool, pages int64, err error) {
	task := t.task()
	more, err = t.collector.Collect(context.Background(), task)
	return more, task.Spent().Pages, err
}

// collect collects a new slot whole, has what was delivered read, and gives the pages it took.
func (t *tester) collect() (pages int) {
	t.due()
	t.sim.Forget()
	t.finish()
	return t.sim.Pages()
}

// due begins the slot of the present time.
func (t *tester) due() { t.slot = t.app.Now().UTC() }

// finish does the present slot to its end.
func (t *tester) finish() {
	for range 100 {
		more, _, err := t.step()
		require.NoError(t, err)
		if !more {
			t.app.Work(t)
			return
		}
	}
	require.Fail(t, "the slot has no end")
}

// tomorrow moves on to the next day.
func (t *tester) tomorrow() {
	t.app.Advance(24 * time.Hour)
	t.app.Alice.Client = t.app.As(t, "alice") // tokens end
}

type answer struct {
	Total      string
	Estimated  bool
	Complete   bool
	Incomplete []struct{ Period, Reason string }
	Groups     []struct {
		Key    map[string]*string
		Total  string
		Points []struct{ Date, Amount string }
	}
	Shadows []struct {
		Source   string
		Accounts []string
	}
}

func (t *tester) ask(query string) (a answer) {
	t.app.Alice.Get(t, t.app.Alice.Path("/costs?"+query)).Is(t, 200).Into(t, &a)
	return a
}

const year = "start=2025-03-01&end=2026-05-01"

// by gives the totals by the dimensions grouped by.
func (a answer) by() map[string]string {
	all := map[string]string{}
	for _, g := range a.Groups {
		var keys []string
		for _, name := range []string{"subAccountId", "serviceName", "regionId", "chargeCategory", "chargeClass"} {
			if v, ok := g.Key[name]; ok && v != nil {
				keys = append(keys, *v)
			} else if ok {
				keys = append(keys, "-")
			}
		}
		all[strings.Join(keys, "/")] = g.Total
	}
	return all
}

type delivered struct {
	ID, Source, Status, Error string
	Result                    *struct {
		Lines            int64
		DocumentsWritten int
		Periods          []struct{ Period string }
	}
}

// deliveries lists those of the connection's own source, oldest first; details those of its further views.
func (t *tester) deliveries() (all []delivered) {
	return slices.DeleteFunc(t.everything(), func(d delivered) bool { return d.Source != "ce:"+string(conID) })
}

func (t *tester) details() (all []delivered) {
	return slices.DeleteFunc(t.everything(), func(d delivered) bool { return !strings.HasPrefix(d.Source, "ce:"+string(conID)+"/") })
}

func (t *tester) everything() (all []delivered) {
	var page struct{ Items any }
	page.Items = &all
	t.app.Alice.Get(t, t.app.Alice.Path("/imports")).Is(t, 200).Into(t, &page)
	for i, j := 0, len(all)-1; i < j; i, j = i+1, j-1 {
		all[i], all[j] = all[j], all[i]
	}
	return all
}

// charge is a line of the ledger of a day.
func charge(account, day, service, region, record, billed, effective string) cesim.Charge {
	at, err := calendar.ParseDay(day)
	if err != nil {
		panic(err)
	}
	quantity := money.MustParse("1")
	category, class := "Usage", ""
	switch record {
	case "Tax", "Credit":
		category = record
	case "Refund":
		category, class = "Adjustment", "Correction"
	case "RIFee", "SavingsPlanRecurringFee", "Fee":
		category = "Purchase"
	}
	return cesim.Charge{RecordType: record, Record: focus.Record{
		BillingPeriodStart: at.Month().First().Time(), BillingPeriodEnd: (at.Month() + 1).First().Time(),
		ChargePeriodStart: at.Time(), ChargePeriodEnd: (at + 1).Time(), BillingAccountID: payer, SubAccountID: account, ServiceName: service, RegionID: region,
		ChargeCategory: category, ChargeClass: class, ProviderName: "AWS", InvoiceIssuerName: "Amazon Web Services, Inc.",
		BilledCost: money.MustParse(billed), EffectiveCost: money.MustParse(effective), BillingCurrency: "USD", PricingUnit: "Hrs", PricingQuantity: &quantity}}
}

// upload imports the ledger as a file of another source.
func (t *tester) upload(ledger []cesim.Charge) {
	var file bytes.Buffer
	w := focus.NewCSVWriter(&file, "1.2")
	for _, c := range ledger {
		require.NoError(t, w.Write(c.Record))
	}
	require.NoError(t, w.Close())
	var made struct {
		ID    string
		Files []struct{ UploadURL string }
	}
	home := t.app.Alice
	home.Do(t, "POST", home.Path("/imports"), map[string]any{"format": "csv", "source": "file", "files": []map[string]any{{"sizeBytes": file.Len()}}}).
		Is(t, 201).Into(t, &made)
	put, err := http.NewRequest(http.MethodPut, t.app.URL+made.Files[0].UploadURL, &file)
	require.NoError(t, err)
	put.ContentLength = int64(file.Len())
	require.Equal(t, 200, t.app.With("").Send(t, put).Status/100*100)
	home.Do(t, "POST", home.Path("/imports/"+made.ID+"/close"), nil).Is(t, 202)
	t.app.Work(t)
}
