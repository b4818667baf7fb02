package store_test

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

const (
	abc     tenant.ID         = "ten_01J00000000000000000000ABC"
	xyz     tenant.ID         = "ten_01J00000000000000000000XYZ"
	web     tenant.ProjectID  = "prj_01J00000000000000000000WEB"
	imports tenant.DeliveryID = "imp_01J00000000000000000000000"
)

var september = calendar.Date(2024, 9, 1).Month()

// addresses gives what the handle of a tenant makes of keys.
func addresses(t require.TestingT, id tenant.ID, keys ...store.Key) []store.Address {
	r := &recorder{}
	_, err := handle(t, r, id).Get(context.Background(), store.Strongly, keys...)
	require.NoError(t, err)
	return r.asked
}

func handle(t require.TestingT, e store.Engine, id tenant.ID) *store.Tenant {
	scope, err := tenant.Work(id, "test")
	require.NoError(t, err)
	h, err := store.New(e).Tenant(scope)
	require.NoError(t, err)
	return h
}

func TestKeys(t *testing.T) {
	const core, cost = "T#" + string(abc), "T#" + string(abc) + "#P#" + string(web)
	digest := "2c70e12b7a0646f92279f427c7b38e73" // of "key"
	tests := []struct {
		key   store.Key
		table store.Table
		pk    string
		sk    string
	}{
		{store.Meta(), store.CoreTable, core, "META"},
		{store.Roster(), store.CoreTable, core, "ROSTER"},
		{store.Head(), store.CoreTable, core, "HEAD"},
		{store.TagKeys(), store.CoreTable, core, "TAGKEYS"},
		{store.Project(web), store.CoreTable, core, "PROJECT#" + string(web)},
		{store.Delivery(imports), store.CoreTable, core, "DELIVERY#" + string(imports)},
		{store.Cover(september), store.CoreTable, core, "COVER#2024-09"},
		{store.Usage(calendar.Date(2024, 9, 30)), store.CoreTable, core, "USAGE#2024-09-30"},
		{store.Announced(calendar.Date(2024, 9, 30)), store.CoreTable, core, "ANNOUNCED#2024-09-30"},
		{store.Idempotency("create-project", "key"), store.CoreTable, core, "IDEM#create-project#" + digest},
		{store.Rate(time.Date(2024, 9, 30, 23, 59, 59, 0, time.UTC)), store.CoreTable, core, "RATE#2024-09-30T23:59"},
		{store.KeyUse("key_1"), store.CoreTable, core, "KEYUSE#key_1"},
		{store.Job("export", "exp_1"), store.CoreTable, core, "JOB#export#exp_1"},
		{store.Connection("con_1"), store.CoreTable, core, "CONNECTION#con_1"},
		{store.Invoice(september, "key"), store.CoreTable, core, "INVOICE#2024-09#" + digest},
		{store.ExportBook(), store.CoreTable, core, "EXPORTBOOK"},
		{store.Export("exp_1"), store.CoreTable, core, "EXPORT#exp_1"},
		{store.Schedule(web, "costs"), store.CoreTable, core, "SCHEDULE#" + string(web) + "#costs"},
		{store.Fetch("con_1", "costs"), store.CoreTable, core, "FETCH#con_1#costs"},
		{store.CostBook("con_1"), store.CoreTable, core, "COSTBOOK#con_1"},
		{store.DataExports("con_1"), store.CoreTable, core, "DATAEXPORTS#con_1"},
		{store.Collected(september), store.CoreTable, core, "COLLECTED#2024-09"},
		{store.Inventory(), store.CoreTable, core, "INVENTORY"},
		{store.Inventoried("1#1", "v7"), store.CoreTable, core, "INVENTORY#1%231#v7"},
		{store.Resources(web, "1#1", "v7", 3), store.CostTable, cost, "RES#1%231#v7#00003"},
		{store.Sighting("1#1", "v7"), store.CostTable, "T#" + string(abc) + "#P#unassigned", "RESEEN#1%231#v7"},
		{store.Measured(september, "1#1"), store.CoreTable, core, "MEASURED#2024-09#1%231"},
		{store.MeasureBook("1#1"), store.CoreTable, core, "MEASUREBOOK#1%231"},
		{store.Measuring("1#1", "v7"), store.CoreTable, core, "MEASURING#1%231#v7"},
		{store.Metrics(web, "ec2:instance", september, "1#1", "v7", 3), store.CostTable, cost, "MET#ec2%3Ainstance#2024-09#1%231#v7#00003"},
		{store.Reading("1#1", "v7"), store.CostTable, "T#" + string(abc) + "#P#unassigned", "METREAD#1%231#v7"},
		{store.AuditRow(ulid.MustParse("01J90000000000000000000000")), store.AuditTable, core + "#A#2024-09", "01J90000000000000000000000"},
		{store.Index(web, "service"), store.CostTable, cost, "INDEX#service"},
		{store.Totals(web, "upload:a", september), store.CostTable, cost, "TOTALS#upload:a#2024-09"},
		{store.Run(web, "import", "slot"), store.CostTable, cost, "RUN#import#slot"},
		{store.Document(web, "upload:a", "tags", september, "billedCost", "v7", 3), store.CostTable, cost,
			"C#upload:a#tags#2024-09#billedCost#v7#00003"},
		{store.YearDocument(web, "upload:a", "tags", 2024, "billedCost", "v7", 3), store.CostTable, cost,
			"Y#upload:a#tags#2024#billedCost#v7#00003"},
	}
	for _, test := range tests {
		require.Equal(t, []store.Address{{Table: test.table, PK: test.pk, SK: test.sk}}, addresses(t, abc, test.key))
		require.Equal(t, test.sk, test.key.Sort())
	}
	everything := store.Everything([]tenant.ProjectID{web, tenant.Unassigned}, september, september)
	for _, test := range tests {
		require.True(t, slices.ContainsFunc(everything, func(span store.Span) bool {
			r := &recorder{}
			_, err := handle(t, r, abc).Query(t.Context(), span, store.List{})
			require.NoError(t, err)
			from, to := r.asked[0], r.asked[1]
			return from.Table == test.table && from.PK == test.pk && from.SK <= test.sk && test.sk <= to.SK
		}), "%s is in no partition that is erased", test.sk)
	}
	require.Equal(t, keysOfTenants(t), len(tests), "a Key that is made by a function of the package is not in this test")
}

// keysOfTenants counts the exported functions of the package that give a Key.
func keysOfTenants(t *testing.T) (n int) {
	files, err := filepath.Glob("*.go")
	require.NoError(t, err)
	for _, f := range files {
		b, err := os.ReadFile(f)
		require.NoError(t, err)
		n += len(regexp.MustCompile(`(?m)^func [A-Z]\w*\([^)]*\) Key `).FindAll(b, -1))
	}
	return n
}

// Two keys are one only if all they are made of is.
func TestKeysDoNotCollide(t *testing.T) {
	type parts struct {
		source, view, metric, version string
		period, part                  int
	}
	source := rapid.StringMatching(`(upload|export):[a-z#0-9-]{1,4}`)
	word := rapid.StringMatching(`[a-c0-9]{1,2}`)
	drawn := rapid.Custom(func(t *rapid.T) parts {
		return parts{source.Draw(t, "source"), word.Draw(t, "view"), word.Draw(t, "metric"), word.Draw(t, "version"),
			rapid.IntRange(1995, 2030).Draw(t, "period"), rapid.IntRange(0, 99999).Draw(t, "part")}
	})
	keysOf := func(p parts) []store.Key {
		month := calendar.Month(p.period * 12)
		return []store.Key{
			store.Document(web, p.source, p.view, month, p.metric, p.version, p.part),
			store.YearDocument(web, p.source, p.view, p.period, p.metric, p.version, p.part),
			store.Totals(web, p.source, month),
			store.Idempotency(p.view, p.source),
			store.Run(web, p.view, p.source),
			store.Index(web, p.view),
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		a, b := drawn.Draw(t, "a"), drawn.Draw(t, "b")
		keysA, keysB := addresses(t, abc, keysOf(a)...), addresses(t, abc, keysOf(b)...)
		require.Equal(t, a == b, keysA[0] == keysB[0])
		require.Equal(t, a == b, keysA[1] == keysB[1])
		for i, key := range keysA {
			for j, other := range keysB {
				require.False(t, i != j && key == other, "%v is two entities", key)
			}
		}
		for i, key := range addresses(t, xyz, keysOf(a)...) {
			require.NotEqual(t, keysA[i].PK, key.PK)
		}
	})
}

// No tenant's partition begins with another tenant's, nor a project's with another project's.
func TestPartitionsDoNotCollide(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := tenants().Draw(t, "a"), tenants().Draw(t, "b")
		if a == b {
			return
		}
		one := addresses(t, a, store.Meta(), store.Index(web, "v"), store.Index(tenant.Unassigned, "v"))
		two := addresses(t, b, store.Meta(), store.Index(web, "v"), store.Index(tenant.Unassigned, "v"))
		for _, x := range one {
			for _, y := range two {
				require.False(t, strings.HasPrefix(x.PK, y.PK) || strings.HasPrefix(y.PK, x.PK))
			}
		}
		require.False(t, strings.HasPrefix(one[1].PK, one[2].PK) || strings.HasPrefix(one[2].PK, one[1].PK))
	})
}

func TestSpansHoldTheirEntitiesOnly(t *testing.T) {
	documents := store.Documents(web)
	all := []store.Key{store.Meta(), store.Roster(), store.Head(), store.TagKeys(), store.Project(web), store.Delivery(imports),
		store.Cover(september), store.Idempotency("o", "k"), store.Usage(calendar.Date(2024, 9, 1)), store.Export("exp_1"), store.KeyUse("key_1"), store.Fetch("con_1", "costs"), store.CostBook("con_1"), store.DataExports("con_1"), store.Collected(september), store.Invoice(september, "key"), store.Index(web, "v"), store.Totals(web, "C#", september),
		store.Run(web, "import", "s"), store.Document(web, "s", "v", september, "m", "g", 0), store.YearDocument(web, "s", "v", 2024, "m", "g", 0)}
	tests := []struct {
		span store.Span
		of   string
	}{
		{store.Projects(), "PROJECT#"}, {store.Deliveries(), "DELIVERY#"}, {documents[0], "C#"}, {documents[1], "Y#"},
		{store.Fetches("con_1"), "FETCH#con_1#"}, {store.Runs(web, "import", ""), "RUN#import#"}, {store.Runs(web, "import", "s"), "RUN#import#"},
		{store.Exports(), "EXPORT#"}, {store.Invoices(), "INVOICE#"}, {store.InvoicesOf(september), "INVOICE#2024-09#"}, {store.Usages(calendar.Date(2024, 8, 1), calendar.Date(2024, 9, 1)), "USAGE#"},
	}
	for _, test := range tests {
		r := &recorder{}
		_, err := handle(t, r, abc).Query(t.Context(), test.span, store.List{})
		require.NoError(t, err)
		from, to := r.asked[0], r.asked[1]
		held := 0
		for _, a := range addresses(t, abc, all...) {
			if a.Table == from.Table && a.PK == from.PK && from.SK <= a.SK && a.SK <= to.SK {
				require.True(t, strings.HasPrefix(a.SK, test.of), fmt.Sprint(a))
				held++
			}
		}
		require.Equal(t, 1, held, test.of)
	}
}
