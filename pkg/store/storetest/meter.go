package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/store"
)

func sized(n int) thing { return thing{Body: make([]byte, n)} }

// testMeter holds what both engines report alike. DynamoDB Local counts of the operations of a transaction on one table
// only the largest, hence the two tables.
func testMeter(t *testing.T, e *env) {
	e.write(t, put("5k", sized(5000), anyway))
	e.write(t, put("1k", sized(900), anyway))
	r := store.Range{Table: store.CoreTable, PK: partition, From: "1", To: "9"}
	get := func(c store.Consistency, sk ...string) func(context.Context) error {
		return func(ctx context.Context) error {
			var a []store.Address
			for _, sk := range sk {
				a = append(a, at(sk))
			}
			_, err := e.Get(ctx, a, c)
			return err
		}
	}
	write := func(ops ...store.Op) func(context.Context) error {
		return func(ctx context.Context) error { return e.Write(ctx, ops) }
	}
	other := put("x", sized(1100), anyway) // one in each table, see below
	other.Address.Table = store.AuditTable
	tests := []struct {
		name string
		call func(context.Context) error
		want store.Use
	}{
		{"a consistent read is a unit per 4 KB", get(store.Strongly, "5k"), store.Use{Read: 4, Calls: 1, Items: 1}},
		{"an eventual read is half of it", get(store.Eventually, "5k"), store.Use{Read: 2, Calls: 1, Items: 1}},
		{"a batch rounds each item", get(store.Strongly, "5k", "1k"), store.Use{Read: 6, Calls: 1, Items: 2}},
		{"an item twice is read once", get(store.Strongly, "1k", "1k"), store.Use{Read: 2, Calls: 1, Items: 1}},
		{"an absent item is read as the smallest", get(store.Strongly, "none"), store.Use{Read: 2, Calls: 1}},
		{"a query rounds the sum", func(ctx context.Context) error {
			_, err := e.Query(ctx, r)
			return err
		}, store.Use{Read: 2, Calls: 1, Items: 2}},
		{"a write is a unit per KB", write(put("w", sized(1100), anyway)), store.Use{Write: 4, Calls: 1}},
		{"of the larger of old and new", write(put("w", sized(0), anyway)), store.Use{Write: 4, Calls: 1}},
		{"a transaction is double", write(put("w", sized(0), anyway), other), store.Use{Write: 12, Calls: 2}},
		{"a failed condition is paid", write(put("w", sized(0), store.Absent)), store.Use{Write: 2, Calls: 1}},
		{"a failed transaction is paid", write(put("w", sized(0), store.Absent), put("x", sized(0), anyway)), store.Use{Write: 8, Calls: 1}},
		{"present is a read and a write", write(put("w", sized(0), store.Present)), store.Use{Read: 2, Write: 2, Calls: 2, Items: 1}},
		{"a delete is a write of the old", write(remove("5k", anyway)), store.Use{Write: 10, Calls: 1}},
		{"a load is single writes", func(ctx context.Context) error {
			return e.Load(ctx, []store.Op{put("w", sized(1100), anyway), remove("1k", anyway)})
		}, store.Use{Write: 6, Calls: 1}},
		{"an addition is a write", func(ctx context.Context) error {
			_, err := e.Add(ctx, at("w"), map[string]int64{"n": 1}, time.Time{})
			return err
		}, store.Use{Write: 4, Calls: 1}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ctx, meter := store.WithMeter(e.ctx)
			if err := test.call(ctx); err != nil {
				require.NotNil(t, store.Conflicted(err), "%v", err)
			}
			require.Equal(t, test.want, meter.Total())
		})
	}
}
