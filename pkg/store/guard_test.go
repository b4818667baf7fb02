package store_test

import (
	"context"
	"strings"
	"testing"
	"time"

	"github.com/oklog/ulid/v2"
	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// recorder is an engine that holds nothing and keeps the addresses it was asked for.
type recorder struct{ asked []store.Address }

func (r *recorder) Get(_ context.Context, at []store.Address, _ store.Consistency) ([]*store.Record, error) {
	r.asked = append(r.asked, at...)
	return make([]*store.Record, len(at)), nil
}

func (r *recorder) Query(_ context.Context, q store.Range) (store.Page, error) {
	r.asked = append(r.asked, store.Address{Table: q.Table, PK: q.PK, SK: q.From}, store.Address{Table: q.Table, PK: q.PK, SK: q.To})
	return store.Page{}, nil
}

func (r *recorder) Write(_ context.Context, ops []store.Op) error {
	for _, op := range ops {
		r.asked = append(r.asked, op.Address)
	}
	return nil
}

func (r *recorder) Load(ctx context.Context, ops []store.Op) error { return r.Write(ctx, ops) }

func (r *recorder) Add(_ context.Context, at store.Address, _ map[string]int64, _ time.Time) (map[string]int64, error) {
	r.asked = append(r.asked, at)
	return nil, nil
}

// calls are one call of each method on an address, alone and among the tenant's own.
func calls(e store.Engine, own, a store.Address) map[string]func(context.Context) error {
	among := func(ctx context.Context, do func(context.Context, []store.Op) error) error {
		return do(ctx, []store.Op{{Address: own}, {Action: store.Check, Address: a}, {Address: own}})
	}
	return map[string]func(context.Context) error{
		"get": func(ctx context.Context) error {
			_, err := e.Get(ctx, []store.Address{a}, store.Strongly)
			return err
		},
		"get among": func(ctx context.Context) error {
			_, err := e.Get(ctx, []store.Address{own, a}, store.Eventually)
			return err
		},
		"query": func(ctx context.Context) error {
			_, err := e.Query(ctx, store.Range{Table: a.Table, PK: a.PK, From: a.SK, To: a.SK})
			return err
		},
		"write":       func(ctx context.Context) error { return e.Write(ctx, []store.Op{{Action: store.Delete, Address: a}}) },
		"write among": func(ctx context.Context) error { return among(ctx, e.Write) },
		"load":        func(ctx context.Context) error { return e.Load(ctx, []store.Op{{Address: a}}) },
		"load among":  func(ctx context.Context) error { return among(ctx, e.Load) },
		"add": func(ctx context.Context) error {
			_, err := e.Add(ctx, a, map[string]int64{"n": 1}, time.Time{})
			return err
		},
	}
}

func tenants() *rapid.Generator[tenant.ID] {
	return rapid.Custom(func(t *rapid.T) tenant.ID {
		var u ulid.ULID
		copy(u[:], rapid.SliceOfN(rapid.Byte(), len(u), len(u)).Draw(t, "ulid"))
		return tenant.ID("ten_" + u.String())
	})
}

func tables() *rapid.Generator[store.Table] {
	return rapid.SampledFrom([]store.Table{store.CoreTable, store.CostTable, store.AuditTable})
}

func TestGuardLetsTheTenantsKeysThrough(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := tenants().Draw(t, "tenant")
		rest := rapid.OneOf(rapid.Just(""), rapid.Map(rapid.String(), func(s string) string { return "#" + s })).Draw(t, "rest")
		a := store.Address{Table: tables().Draw(t, "table"), PK: "T#" + string(id) + rest, SK: rapid.String().Draw(t, "sk")}
		for name := range calls(nil, a, a) {
			r := &recorder{}
			require.NoError(t, calls(store.Guard(r, id), a, a)[name](context.Background()), name)
			require.Contains(t, r.asked, a)
		}
	})
}

func TestGuardRefusesForeignKeys(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		id := tenants().Draw(t, "tenant")
		own := store.Address{Table: store.CoreTable, PK: "T#" + string(id), SK: "META"}
		a := store.Address{Table: tables().Draw(t, "table"), PK: foreign(id).Draw(t, "pk"), SK: rapid.String().Draw(t, "sk")}
		if rapid.Bool().Draw(t, "directory") {
			a.Table, a.PK = store.DirectoryTable, rapid.OneOf(rapid.Just(own.PK), foreign(id)).Draw(t, "directory pk")
		}
		for name := range calls(nil, own, a) {
			r := &recorder{}
			require.ErrorIs(t, calls(store.Guard(r, id), own, a)[name](context.Background()), store.ErrDenied, name)
			require.Empty(t, r.asked, "the engine was called")
		}
	})
}

// foreign draws partition keys that are not the tenant's, most of them nearly.
func foreign(id tenant.ID) *rapid.Generator[string] {
	own := "T#" + string(id)
	near := rapid.Custom(func(t *rapid.T) string {
		at, c := rapid.IntRange(0, len(own)-1).Draw(t, "at"), rapid.StringMatching(`[A-Z0-9#_]?`).Draw(t, "c")
		return rapid.SampledFrom([]string{own[:at] + c + own[at+1:], own[:at], own[at+1:], own + c, c + own,
			strings.ToLower(own), own + "\x00#", " " + own}).Draw(t, "near")
	})
	other := rapid.Map(tenants(), func(other tenant.ID) string { return "T#" + string(other) + "#P#x" })
	return rapid.OneOf(near, other, rapid.String()).Filter(func(pk string) bool { return pk != own && !strings.HasPrefix(pk, own+"#") })
}

func TestGuardOfNoTenantRefusesAll(t *testing.T) {
	for _, pk := range []string{"", "T#", "T##P#x", "#"} {
		a := store.Address{Table: store.CoreTable, PK: pk, SK: "META"}
		for name, call := range calls(store.Guard(&recorder{}, ""), a, a) {
			require.ErrorIs(t, call(t.Context()), store.ErrDenied, name)
		}
	}
}
