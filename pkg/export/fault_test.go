package export_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/export"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/job"
	"github.com/tenantry/tenantry/pkg/organization"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/storetest"
	"github.com/tenantry/tenantry/pkg/tenant"
)

const header = "BilledCost,EffectiveCost,ListCost,ContractedCost,BillingAccountId,SubAccountId,BillingCurrency,BillingPeriodStart,BillingPeriodEnd," +
	"ChargePeriodStart,ChargePeriodEnd,ChargeCategory,ServiceName,ProviderName,RegionId,Tags\n"

// line is a charge of a day of a month of 2026.
func line(month, day int, amount, service, provider, tags string) string {
	at := time.Date(2026, time.Month(month), day, 0, 0, 0, 0, time.UTC)
	first := time.Date(2026, time.Month(month), 1, 0, 0, 0, 0, time.UTC)
	return fmt.Sprintf("%[1]s,%[1]s,,%[1]s,pay,acc,USD,%[2]s,%[3]s,%[4]s,%[5]s,Usage,%[6]s,%[7]s,eu-west-1,%[8]s\n", amount, first.Format(time.RFC3339),
		first.AddDate(0, 1, 0).Format(time.RFC3339), at.Format(time.RFC3339), at.AddDate(0, 0, 1).Format(time.RFC3339), service, provider, tags)
}

// small gives the tenant three months of few costs.
func (t *tester) small() {
	t.home.Do(t, "PUT", t.home.Path("/tag-keys"), body{"keys": []string{"team"}}).Is(t, 200)
	var b strings.Builder
	b.WriteString(header)
	for month := 1; month <= 3; month++ {
		for day := 1; day <= 5; day++ {
			b.WriteString(line(month, day, fmt.Sprintf("%d.%02d", month, day), "EC2", "AWS", `"{""team"":""a""}"`))
			b.WriteString(line(month, day, "0.000000000000000001", "S3", "AWS", `"{""team"":""b""}"`))
			b.WriteString(line(month, day, "-0.5", "S3", "Reseller", ""))
		}
	}
	t.deliver(t.home, "small", b.String())
}

// troubled are files whose n-th call fails, before it is done or after.
type troubled struct {
	export.Files
	calls, fail int
	done        bool   // the failing call is done all the same
	before      func() // the failing call, which then does not fail
}

var errCut = fault.Wrap(errors.New("cut"), fault.Unavailable, "Try again.")

func (f *troubled) call(do func() error) error {
	f.calls++
	if f.calls != f.fail {
		return do()
	}
	if f.before != nil {
		f.before()
		return do()
	}
	if f.done {
		_ = do()
	}
	return errCut
}

func (f *troubled) Begin(ctx context.Context, s *tenant.Scope, name string) (w string, err error) {
	err = f.call(func() error { w, err = f.Files.Begin(ctx, s, name); return err })
	return w, err
}

func (f *troubled) Part(ctx context.Context, s *tenant.Scope, name, writing string, n int, body []byte) (tag string, err error) {
	err = f.call(func() error { tag, err = f.Files.Part(ctx, s, name, writing, n, body); return err })
	return tag, err
}

func (f *troubled) Finish(ctx context.Context, s *tenant.Scope, name, writing string, tags []string) error {
	return f.call(func() error { return f.Files.Finish(ctx, s, name, writing, tags) })
}

func (f *troubled) Drop(ctx context.Context, s *tenant.Scope, name, writing string) error {
	return f.call(func() error { return f.Files.Drop(ctx, s, name, writing) })
}

func (f *troubled) Put(ctx context.Context, s *tenant.Scope, name string, body []byte) error {
	return f.call(func() error { return f.Files.Put(ctx, s, name, body) })
}

func (f *troubled) Get(ctx context.Context, s *tenant.Scope, name string) (b []byte, err error) {
	err = f.call(func() error { b, err = f.Files.Get(ctx, s, name); return err })
	return b, err
}

func (f *troubled) Remove(ctx context.Context, s *tenant.Scope, name string) error {
	return f.call(func() error { return f.Files.Remove(ctx, s, name) })
}

// rewinder puts an export back to how it was when it was begun.
type rewinder struct {
	handle *store.Tenant
	export tenant.ExportID
	items  map[store.Key]map[string]any
}

func (t *tester) rewinder(e export.Export) *rewinder {
	scope, err := organization.See(t.Context(), t.app.Store, t.home.Tenant, "test")
	require.NoError(t, err)
	handle, err := t.app.Store.Tenant(scope)
	require.NoError(t, err)
	r := &rewinder{handle, e.ID, map[store.Key]map[string]any{}}
	for _, key := range []store.Key{store.Export(e.ID), store.ExportBook(), store.Job(string(export.Kind), string(e.ID))} {
		var item map[string]any
		_, err := handle.Read(t.Context(), key, &item)
		require.NoError(t, err)
		r.items[key] = item
	}
	return r
}

// run writes the export again from its beginning, with faults, and gives the archive that came out.
func (t *tester) run(r *rewinder, files *troubled, plan storetest.Plan) []byte {
	ctx := context.Background()
	for key, item := range r.items {
		require.NoError(t, r.handle.Write(ctx, store.Change{Key: key, Value: item}))
	}
	scope, err := organization.See(ctx, t.app.Store, t.home.Tenant, "test")
	require.NoError(t, err)
	t.service.Files = files
	m := job.Message{Kind: export.Kind, Tenant: t.home.Tenant, ID: string(r.export)}
	require.NoError(t, t.deps.Jobs.Send(ctx, m))
	t.app.Faults.Plan(plan)
	t.work(t.worker)
	t.app.Faults.Plan(nil)
	var e struct {
		export.Export
		Attempt int `json:"attempt"`
	}
	_, err = r.handle.Read(ctx, store.Export(r.export), &e)
	require.NoError(t, err)
	require.Equal(t, export.Succeeded, e.Status, e.Error)
	name := fmt.Sprintf("exports/%s/%d.zip", r.export, e.Attempt)
	archive, err := files.Files.Get(ctx, scope, name)
	require.NoError(t, err)
	require.NoError(t, files.Files.Remove(ctx, scope, name))
	require.Empty(t, t.app.Files(t, "exports/"), "nothing is left beside the archive")
	t.unpack(e.Export, archive)
	return archive
}

// Whatever call of the store or the files fails, before it is done or after, the archive is the same bytes.
func TestAnExportThatIsCutOffEndsWithTheSameBytes(t *testing.T) {
	x := newTester(t)
	x.small()
	x.service.Part, x.service.Rests = 3000, 2
	e := x.begin()
	r := x.rewinder(e)
	x.app.Advance(time.Second) // what the log has of the runs is after the export
	_, taken := x.app.TakeJob()
	require.True(t, taken)

	whole := &troubled{Files: x.deps.Files}
	calls := map[storetest.Method]int{}
	want := x.run(r, whole, func(m storetest.Method, n int) storetest.Fault { calls[m] = n; return storetest.None })
	require.Greater(t, whole.calls, 20)
	require.Greater(t, len(want), 2*x.service.Part)
	runs := 0
	for _, done := range []bool{false, true} {
		for n := 1; n <= whole.calls; n++ {
			got := x.run(r, &troubled{Files: x.deps.Files, fail: n, done: done}, nil)
			require.True(t, bytes.Equal(want, got), "call %d of the files, done %v", n, done)
			runs++
		}
	}
	for m, all := range calls {
		for _, f := range []storetest.Fault{storetest.NotWritten, storetest.Written} {
			if f == storetest.Written && (m == storetest.Get || m == storetest.Query) {
				continue
			}
			for n := 1; n <= all; n++ {
				got := x.run(r, &troubled{Files: x.deps.Files}, storetest.At(m, n, f))
				require.True(t, bytes.Equal(want, got), "%s %d, fault %d", m, n, f)
				runs++
			}
		}
	}
	t.Logf("%d runs of %d calls of files and %v of the store", runs, whole.calls, calls)
}

// stepwise has the worker do the least it can for each message.
func (t *tester) stepwise() {
	t.service.Rests = 1
	t.worker.Turn = time.Nanosecond
	t.worker.Clock = func() time.Time {
		t.app.Advance(time.Millisecond)
		return t.app.Now()
	}
}

// A worker that was thought dead goes on when another has brought the export to its end: that stays as it is.
func TestAWorkerThatIsNotDead(t *testing.T) {
	x := newTester(t)
	x.small()
	x.service.Part = 3000
	x.service.Rests = 2
	e := x.begin()
	r := x.rewinder(e)
	x.app.Advance(time.Second)
	_, taken := x.app.TakeJob()
	require.True(t, taken)
	whole := &troubled{Files: x.deps.Files}
	want := x.run(r, whole, nil)
	for n := 1; n <= whole.calls; n++ {
		files := &troubled{Files: x.deps.Files, fail: n}
		other := *x.service
		other.Files = x.deps.Files
		worker := *x.worker
		worker.Works = other.Works()
		files.before = func() {
			x.app.Advance(3 * time.Minute) // the lease ends
			require.NoError(t, worker.Handle(t.Context(), job.Message{Kind: export.Kind, Tenant: x.home.Tenant, ID: string(e.ID)}))
		}
		require.True(t, bytes.Equal(want, x.run(r, files, nil)), "before call %d", n)
	}
}

// What is delivered while an export runs is in it whole or not at all.
func TestDeliveriesThatComeMeanwhile(t *testing.T) {
	again := func(month int, amount string) string { return header + line(month, 9, amount, "EC2", "AWS", "") }
	total := func(x *tester) string {
		return x.ask(x.home, "start=2026-01-01&end=2027-01-01&granularity=total&metric=billedCost")["total"].(string)
	}
	for name, c := range map[string]struct {
		months   []int // delivered after that many steps
		restarts bool
	}{
		"to a month not written yet it is taken as it is": {months: []int{12}},
		"to a month that is written it is begun anew":     {months: []int{1}, restarts: true},
	} {
		t.Run(name, func(t *testing.T) {
			x := newTester(t)
			x.small()
			x.stepwise()
			e := x.begin()
			late := false
			for m, ok := x.app.TakeJob(); ok; m, ok = x.app.TakeJob() {
				require.NoError(t, x.worker.Handle(t.Context(), m))
				if p := x.get(e).Progress; p != nil && p.Period != nil && p.Stage == "costs" && p.Period.String() == "2026-02" && !late {
					late = true
					x.shrink(c.months[0], again(c.months[0], "1000"))
				}
				if p := x.get(e).Progress; p != nil && late && !c.restarts {
					require.Zero(t, p.Restarts)
				}
			}
			require.True(t, late)
			got := x.get(e)
			x.unpack(got, x.download(got))
			require.Equal(t, total(x), got.Archive.Costs[0].BilledCost.String())
		})
	}
	t.Run("again and again it fails and says why", func(t *testing.T) {
		x := newTester(t)
		x.small()
		x.stepwise()
		e := x.begin()
		n := 0
		for m, ok := x.app.TakeJob(); ok; m, ok = x.app.TakeJob() {
			require.NoError(t, x.worker.Handle(t.Context(), m))
			if p := x.get(e).Progress; p != nil && p.Period != nil {
				n++
				x.shrink(1, again(1, fmt.Sprint(n)))
			}
		}
		got := x.get(e)
		require.Equal(t, export.Failed, got.Status)
		require.Contains(t, got.Error, "again and again")
		require.Empty(t, got.DownloadURL)
		require.Empty(t, slices.DeleteFunc(x.app.Files(t, ""), func(f string) bool { return !strings.Contains(f, "/exports/") }))
		x.begin() // another may be begun
	})
}

// shrink delivers a month's costs of the same source again, fewer than there were.
func (t *tester) shrink(month int, file string) {
	t.app.Advance(time.Second)
	var c struct {
		ID    string
		Files []struct{ UploadURL string }
	}
	t.home.Do(t, "POST", t.home.Path("/imports"), body{"format": "csv", "source": "small", "allowShrink": true, "files": []body{{"sizeBytes": len(file)}}}).
		Is(t, 201).Into(t, &c)
	t.put(c.Files[0].UploadURL, file)
	t.home.Do(t, "POST", t.home.Path("/imports/"+c.ID+"/close"), nil).Is(t, 202)
	t.app.Work(t)
}

func TestAnExportThatThePlatformCannotWriteIsNotCounted(t *testing.T) {
	x := newTester(t)
	for i := range x.worker.Works {
		if w := &x.worker.Works[i]; w.Kind == export.Kind {
			w.Step = func(context.Context, *job.Run) (bool, error) { return false, errors.New("broken") }
		}
	}
	for range 7 { // two more than the plan has
		e := x.begin()
		m, ok := x.app.TakeJob()
		require.True(t, ok)
		for x.get(e).Status != export.Failed {
			_ = x.worker.Handle(t.Context(), m)
		}
		x.app.Advance(time.Second)
	}
}
