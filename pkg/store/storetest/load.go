package storetest

import (
	"fmt"
	"math"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/store"
)

func testLoad(t *testing.T, e *env) {
	e.write(t, put("old", thing{Name: "old"}, anyway), put("kept", thing{Name: "kept"}, anyway))
	e.write(t, put("old", thing{Name: "old"}, store.Present))

	t.Run("puts and deletes", func(t *testing.T) {
		var ops []store.Op
		for i := range 120 {
			op := put(fmt.Sprintf("l%03d", i), thing{Count: int64(i)}, anyway)
			op.Address.Table = store.Tables[i%4]
			ops = append(ops, op)
		}
		ops = append(ops, put("old", thing{Name: "new"}, anyway), remove("none", anyway))
		require.NoError(t, e.Load(e.ctx, ops))
		for i, op := range ops[:120] {
			v, version := e.read(t, op.Address)
			require.Equal(t, int64(i), v.Count)
			require.Equal(t, int64(1), version)
		}
		v, version := e.read(t, at("old"))
		require.Equal(t, "new", v.Name)
		require.Equal(t, int64(1), version)
		require.NoError(t, e.Load(e.ctx, []store.Op{remove("old", anyway), remove("l000", anyway)}))
		_, version = e.read(t, at("old"))
		require.Zero(t, version)
		v, _ = e.read(t, at("kept"))
		require.Equal(t, "kept", v.Name)
	})
	t.Run("an address twice: the last wins", func(t *testing.T) {
		ops := []store.Op{put("a", thing{Name: "first"}, anyway), put("b", thing{}, anyway), remove("c", anyway),
			put("a", thing{Name: "last"}, anyway), remove("b", anyway), put("c", thing{Name: "c"}, anyway)}
		require.NoError(t, e.Load(e.ctx, ops))
		v, _ := e.read(t, at("a"))
		require.Equal(t, "last", v.Name)
		require.Equal(t, []string{"a", "c"}, e.keys(t, store.Range{Table: store.CoreTable, PK: partition, From: "a", To: "c"}))
	})
	t.Run("nothing", func(t *testing.T) { require.NoError(t, e.Load(e.ctx, nil)) })
	t.Run("more than a transaction's 4 MB", func(t *testing.T) {
		var ops []store.Op
		for i := range 20 {
			ops = append(ops, put(fmt.Sprintf("m%02d", i), thing{Body: make([]byte, 350<<10)}, anyway))
		}
		require.NoError(t, e.Load(e.ctx, ops))
		require.Len(t, e.keys(t, store.Range{Table: store.CoreTable, PK: partition, From: "m", To: "m99"}), 20)
	})
}

func testAdd(t *testing.T, e *env) {
	never := time.Time{}
	add := func(t *testing.T, sk string, by map[string]int64, expires time.Time) map[string]int64 {
		sums, err := e.Add(e.ctx, at(sk), by, expires)
		require.NoError(t, err)
		return sums
	}
	t.Run("makes item and attributes, and gives the new values", func(t *testing.T) {
		require.Equal(t, map[string]int64{"count": 3}, add(t, "new", map[string]int64{"count": 3}, never))
		require.Equal(t, map[string]int64{"count": 1, "n": 5}, add(t, "new", map[string]int64{"count": -2, "n": 5}, never))
		v, version := e.read(t, at("new"))
		require.Equal(t, int64(1), v.Count)
		require.Equal(t, int64(1), version)
		e.write(t, put("new", thing{Count: 7}, store.VersionIs(1)))
		require.Equal(t, map[string]int64{"count": 7, "n": 1}, add(t, "new", map[string]int64{"count": 0, "n": 1}, never))
	})
	t.Run("leaves version, expiry and the other attributes alone", func(t *testing.T) {
		expires := e.clock.Now().Add(time.Hour)
		op := put("old", thing{Name: "n", Count: math.MaxInt64 - 1, Body: []byte{0, 1}}, store.Absent)
		op.ExpiresAt = expires
		e.write(t, op)
		op.Condition = store.Present
		e.write(t, op)
		require.Equal(t, map[string]int64{"count": math.MaxInt64}, add(t, "old", map[string]int64{"count": 1}, never))
		v, version := e.read(t, at("old"))
		require.Equal(t, thing{Name: "n", Count: math.MaxInt64, Body: []byte{0, 1}}, v)
		require.Equal(t, int64(2), version)
		records, err := e.Get(e.ctx, []store.Address{at("old")}, store.Strongly)
		require.NoError(t, err)
		require.Equal(t, expires, records[0].ExpiresAt)
	})
	t.Run("sets expiry, and starts again where an item has expired", func(t *testing.T) {
		add(t, "soon", map[string]int64{"count": 1}, e.clock.Now().Add(time.Minute))
		require.Equal(t, map[string]int64{"count": 2}, add(t, "soon", map[string]int64{"count": 1}, e.clock.Now().Add(time.Hour)))
		e.clock.Advance(30 * time.Minute)
		require.Equal(t, map[string]int64{"count": 3}, add(t, "soon", map[string]int64{"count": 1}, never))
		e.clock.Advance(time.Hour)
		_, version := e.read(t, at("soon"))
		require.Zero(t, version)
		require.Equal(t, map[string]int64{"n": 1}, add(t, "soon", map[string]int64{"n": 1}, never))
		v, version := e.read(t, at("soon"))
		require.Equal(t, thing{}, v)
		require.Equal(t, int64(1), version)
	})
}
