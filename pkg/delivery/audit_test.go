package delivery_test

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/audit"
	"github.com/tenantry/tenantry/pkg/cost"
	"github.com/tenantry/tenantry/pkg/delivery"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/storetest"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// rows gives the rows of the audit log on a target, oldest first.
func (t *tester) rows(target string) (all []audit.Row) {
	var page route.Page[audit.Row]
	t.app.As(t, "alice").Get(t, t.home.Path("/audit?limit=200")).Is(t, 200).Into(t, &page)
	require.Empty(t, page.Next)
	for _, r := range slices.Backward(page.Items) {
		if r.Target == target {
			all = append(all, r)
		}
	}
	return all
}

// operations gives what was done; rows of one millisecond have no order, so they are sorted by themselves.
func operations(rows []audit.Row) (all []string) {
	for _, r := range rows {
		all = append(all, strings.Join([]string{string(r.Credential), r.Operation, string(r.Outcome)}, " "))
	}
	slices.Sort(all)
	return all
}

// one gives the only row of an operation.
func (t *tester) one(rows []audit.Row, operation string) audit.Row {
	rows = slices.DeleteFunc(slices.Clone(rows), func(r audit.Row) bool { return r.Operation != operation })
	require.Len(t, rows, 1, operation)
	return rows[0]
}

// told tells of a field's value after a change.
func told(r audit.Row, name string) string {
	for _, f := range r.Changes {
		if f.Name == name {
			return string(f.After)
		}
	}
	return ""
}

func TestTheLogTellsOfADeliveryFromItsCreationToItsEnd(t *testing.T) {
	w := newTester(t)
	file := lines(8, "a", "0.25")
	d := w.aim(file, nil)
	all := w.rows("import/" + string(d.ID))
	require.Equal(t, []string{"platform readImport done", "platform receiveFile done", "token createProjectImport done"}, operations(all))
	end := w.one(all, "readImport")
	require.Equal(t, audit.Actor{Subject: "ingest"}, end.Actor)
	require.Equal(t, []audit.Field{{Name: "documentsWritten", After: audit.JSON(told(end, "documentsWritten"))}, {Name: "lines", After: "8"},
		{Name: "periods", After: `["2026-02"]`}, {Name: "status", Before: `"running"`, After: `"succeeded"`}}, end.Changes)
	require.Equal(t, []audit.Field{{Name: "received", After: "1"}, {Name: "status", Before: `"awaiting"`, After: `"queued"`}},
		w.one(all, "receiveFile").Changes)

	d = w.aim("BilledCost\nx\n", nil)
	require.Equal(t, delivery.Failed, d.Status)
	all = w.rows("import/" + string(d.ID))
	require.Equal(t, []string{"platform readImport failed", "platform receiveFile done", "token createProjectImport done"}, operations(all))
	require.Equal(t, d.Error, w.one(all, "readImport").Reason)

	d = w.split(lines(8, "a", "0.25"), lines(8, "b", "0.25"))
	all = w.rows("import/" + string(d.ID))
	require.Equal(t, []string{"platform readImport done", "token closeImport done", "token createImport done"}, operations(all), "%+v", all)
}

func TestTheLogTellsOfWhatIsReadAgain(t *testing.T) {
	w := newTester(t)
	d := w.aim(lines(8, "a", "0.25"), nil)
	w.app.Advance(time.Second)
	put := func() {
		w.home.Do(t, "PUT", w.home.Path("/tag-keys"), map[string]any{"keys": []string{"team"}}).Is(t, 200)
	}
	put()
	put()
	all := w.rows("tag-keys")
	require.Len(t, all, 1)
	require.Equal(t, `["team"]`, told(all[0], "keys"))
	w.app.Advance(time.Second)
	w.app.Work(t)
	all = w.rows("import/" + string(d.ID))
	require.Len(t, all, 4)
	require.Equal(t, audit.Done, w.one(all, "rebuildImport").Outcome)
}

// TestAFileAnnouncedTwiceHasOneRow has the news of an upload come twice, as S3's may.
func TestAFileAnnouncedTwiceHasOneRow(t *testing.T) {
	w := newTester(t)
	var c created
	w.home.Do(t, "POST", w.home.Path("/imports"), map[string]any{"format": "csv", "files": []map[string]any{{"sizeBytes": 3}, {"sizeBytes": 3}}}).
		Is(t, 201).Into(t, &c)
	m := delivery.Message{Kind: delivery.Uploaded, Tenant: w.home.Tenant, Delivery: c.ID, File: 1, Size: 3}
	for range 2 {
		require.NoError(t, w.app.Deliveries.Handle(context.Background(), m))
	}
	require.Equal(t, []string{"platform receiveFile done", "token createImport done"}, operations(w.rows("import/"+string(c.ID))))
}

// TestNoDeliveryEndsWithoutItsRow has every write that has a row fail: the delivery stays as it was.
func TestNoDeliveryEndsWithoutItsRow(t *testing.T) {
	for name, file := range map[string]string{"well": lines(8, "a", "0.25"), "badly": "BilledCost\nx\n"} {
		t.Run(name, func(t *testing.T) {
			w := newTester(t)
			m := w.closed(file)
			w.app.Faults.See(func(_ storetest.Method, ops []store.Op) storetest.Fault {
				if slices.ContainsFunc(ops, func(op store.Op) bool { return op.Address.Table == store.AuditTable }) {
					return storetest.NotWritten
				}
				return storetest.None
			})
			require.Error(t, w.app.Deliveries.Handle(context.Background(), m))
			w.app.Faults.See(nil)
			require.Equal(t, delivery.Running, w.status(m).Status)
			require.Len(t, w.rows("import/"+string(m.Delivery)), 2)
			w.app.Advance(2 * time.Minute)
			w.home.Client = w.app.As(t, "alice")
			w.handle(m)
			w.handle(m)
			require.Len(t, w.rows("import/"+string(m.Delivery)), 3, "one end, one row")
			w.noOrphans()
		})
	}
}

// TestTheMostPeriodsFitOneTransaction delivers as many billing periods as one delivery may have: with the row of its end they are one Write.
func TestTheMostPeriodsFitOneTransaction(t *testing.T) {
	w := newTester(t)
	file := func(periods int) string {
		var b strings.Builder
		b.WriteString(header)
		for m := range periods {
			first := time.Date(2018, time.Month(1+m), 1, 0, 0, 0, 0, time.UTC)
			b.WriteString(strings.NewReplacer("2026-02-01T", first.Format("2006-01-02T"), "2026-03-01T", first.AddDate(0, 1, 0).Format("2006-01-02T"),
				"2026-02-02T", first.AddDate(0, 0, 1).Format("2006-01-02T")).Replace(line("a", 1, "1", "")))
		}
		return b.String()
	}
	most := 0
	w.app.Faults.See(func(_ storetest.Method, ops []store.Op) storetest.Fault {
		most = max(most, len(ops))
		return storetest.None
	})
	d := w.aim(file(cost.MaxPeriods), nil)
	w.app.Faults.See(nil)
	require.Equal(t, delivery.Succeeded, d.Status, d.Error)
	require.GreaterOrEqual(t, most, cost.MaxPeriods+3)
	d = w.aim(file(cost.MaxPeriods+1), nil)
	require.Equal(t, delivery.Failed, d.Status)
	require.Contains(t, d.Error, "at most 96")
}

// TestAProjectsMemberIsRefused shows that who is limited to a project and asks for another's delivery is in the log.
func TestAProjectsMemberIsRefused(t *testing.T) {
	w := newTester(t)
	m := w.closed(lines(8, "a", "0.25"))
	lim := w.app.Join(t, w.home.Tenant, "lim", tenant.Editor, w.home.Project)
	lim.Get(t, w.home.Path("/imports/"+string(m.Delivery))).Fails(t, http.StatusNotFound, "no such delivery")
	all := w.rows("import/" + string(m.Delivery))
	require.Equal(t, audit.Refused, w.one(all, "getImport").Outcome)
}

func TestTheLogTellsWhatADeliveryTookFromOthers(t *testing.T) {
	w := newTester(t)
	w.aim(lines(8, "a", "0.25"), map[string]any{"source": "one"})
	d := w.aim(lines(8, "a", "0.5"), map[string]any{"source": "two"})
	require.Equal(t, delivery.Succeeded, d.Status, d.Error)
	require.Equal(t, `["upload:one"]`, told(w.one(w.rows("import/"+string(d.ID)), "readImport"), "shadows"))
}
