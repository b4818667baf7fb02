package storetest

import (
	"errors"
	"fmt"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/store"
)

// testFaults shows what a caller may rely on when calls fail, and what it may not.
func testFaults(t *testing.T, e *env) {
	f := NewFaulty(e.Engine, nil)
	e = &env{Engine: f, clock: e.clock, ctx: e.ctx}
	t.Run("failed and not written: it may be repeated as it is", func(t *testing.T) {
		for _, fault := range []Fault{NotWritten, Throttled, Partly} {
			sk := fmt.Sprint("not", fault)
			f.Plan(At(Write, 1, fault))
			op := put(sk, thing{Name: "n"}, store.Absent)
			requireFault(t, e.Write(e.ctx, []store.Op{op}), fault)
			_, version := e.read(t, at(sk))
			require.Zero(t, version)
			e.write(t, op)
		}
	})
	t.Run("failed but written: repeated, its own condition fails, and the item tells why", func(t *testing.T) {
		f.Plan(At(Write, 1, Written))
		op := put("but", thing{Name: "mine"}, store.Absent)
		requireFault(t, e.Write(e.ctx, []store.Op{op}), Written)
		requireFailed(t, e.Write(e.ctx, []store.Op{op}), 0)
		v, version := e.read(t, at("but"))
		require.Equal(t, "mine", v.Name)
		require.Equal(t, int64(1), version)
	})
	t.Run("a condition that does not hold is never hidden by a fault", func(t *testing.T) {
		f.Plan(Every(Write, Written))
		requireFailed(t, e.Write(e.ctx, []store.Op{put("but", thing{}, store.Absent)}), 0)
	})
	t.Run("a load that failed is right when all of it is done again", func(t *testing.T) {
		for _, fault := range []Fault{NotWritten, Written, Throttled, Partly} {
			testLoadFault(t, e, f, fault)
		}
	})
	t.Run("an addition that failed may have counted", func(t *testing.T) {
		for fault, want := range map[Fault]int64{NotWritten: 1, Throttled: 1, Written: 2} {
			f.Plan(At(Add, 1, fault))
			sk := fmt.Sprint("add", fault)
			_, err := e.Add(e.ctx, at(sk), map[string]int64{"count": 1}, time.Time{})
			requireFault(t, err, fault)
			sums, err := e.Add(e.ctx, at(sk), map[string]int64{"count": 1}, time.Time{})
			require.NoError(t, err)
			require.Equal(t, want, sums["count"])
		}
	})
	t.Run("reads fail without a record", func(t *testing.T) {
		f.Plan(func(Method, int) Fault { return Throttled })
		records, err := e.Get(e.ctx, []store.Address{at("but")}, store.Strongly)
		requireFault(t, err, Throttled)
		require.Nil(t, records)
		page, err := e.Query(e.ctx, store.Range{Table: store.CoreTable, PK: partition, To: "z"})
		requireFault(t, err, Throttled)
		require.Zero(t, page)
		require.Equal(t, 1, f.Calls(Get))
	})
	t.Run("a change that names itself happens once under any faults", func(t *testing.T) { testOnce(t, e, f) })
}

func testLoadFault(t *testing.T, e *env, f *Faulty, fault Fault) {
	var ops []store.Op
	for i := range 60 {
		ops = append(ops, put(fmt.Sprintf("load%d-%02d", fault, i), thing{Count: int64(i)}, anyway))
	}
	all := store.Range{Table: store.CoreTable, PK: partition, From: fmt.Sprintf("load%d-", fault), To: fmt.Sprintf("load%d-z", fault)}
	f.Plan(At(Load, 1, fault))
	requireFault(t, e.Load(e.ctx, ops), fault)
	require.Len(t, e.keys(t, all), map[Fault]int{Written: 60, Partly: 30}[fault])
	require.NoError(t, e.Load(e.ctx, ops))
	require.Len(t, e.keys(t, all), 60)
}

// testOnce counts up by changes that leave their name in the item: one that failed is looked for before it is repeated.
func testOnce(t *testing.T, e *env, f *Faulty) {
	rapid.Check(t, func(t *rapid.T) {
		faults := rapid.SliceOfN(rapid.SampledFrom([]Fault{None, NotWritten, Written, Throttled}), 1, 10).Draw(t, "faults")
		f.Plan(nil)
		e.write(t, put("once", thing{}, anyway))
		f.Plan(func(m Method, n int) Fault {
			if m != Write || n > len(faults) {
				return None
			}
			return faults[n-1]
		})
		const changes = 5
		for i := range changes {
			name := fmt.Sprint("change ", i)
			for {
				v, version := e.read(t, at("once"))
				if v.Name == name {
					break
				}
				err := e.Write(e.ctx, []store.Op{put("once", thing{Name: name, Count: v.Count + 1}, store.VersionIs(version))})
				require.True(t, err == nil || errors.Is(err, store.ErrUnavailable) || errors.Is(err, store.ErrThrottled))
			}
		}
		v, version := e.read(t, at("once"))
		require.Equal(t, int64(changes), v.Count)
		require.Equal(t, int64(changes+1), version)
	})
}

func requireFault(t *testing.T, err error, f Fault) {
	t.Helper()
	want := store.ErrUnavailable
	if f == Throttled {
		want = store.ErrThrottled
	}
	require.ErrorIs(t, err, want)
}
