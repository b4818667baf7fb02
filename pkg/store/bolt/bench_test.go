package bolt_test

import (
	"fmt"
	"path/filepath"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/bolt"
)

// BenchmarkGet reads 65 items of 18 KB in one call, as a query of costs does.
func BenchmarkGet(b *testing.B) {
	e := open(b, filepath.Join(b.TempDir(), "db"), bolt.Options{NoSync: true})
	var ops []store.Op
	var asked []store.Address
	for i := range 2000 {
		a := at(fmt.Sprintf("%04d", i))
		ops = append(ops, store.Op{Address: a, Value: note{Body: make([]byte, 18<<10)}})
		if i%30 == 0 && len(asked) < 65 {
			asked = append(asked, a)
		}
	}
	require.NoError(b, e.Load(b.Context(), ops))
	for _, decode := range []bool{false, true} {
		b.Run(fmt.Sprintf("Decode=%v", decode), func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				records, err := e.Get(b.Context(), asked, store.Strongly)
				require.NoError(b, err)
				for _, r := range records {
					var n note
					if decode {
						require.NoError(b, r.Value.Decode(&n))
					}
				}
			}
		})
	}
}

// BenchmarkWrite writes one item durably.
func BenchmarkWrite(b *testing.B) {
	for _, noSync := range []bool{false, true} {
		b.Run(fmt.Sprintf("NoSync=%v", noSync), func(b *testing.B) {
			e := open(b, filepath.Join(b.TempDir(), "db"), bolt.Options{NoSync: noSync})
			for b.Loop() {
				require.NoError(b, e.Write(b.Context(), []store.Op{{Address: at("a"), Value: note{Body: make([]byte, 1000)}}}))
			}
		})
	}
}

// BenchmarkLoad loads 100 items of 18 KB durably.
func BenchmarkLoad(b *testing.B) {
	e := open(b, filepath.Join(b.TempDir(), "db"), bolt.Options{})
	var ops []store.Op
	for i := range 100 {
		ops = append(ops, store.Op{Address: at(fmt.Sprint(i)), Value: note{Body: make([]byte, 18<<10)}})
	}
	for b.Loop() {
		require.NoError(b, e.Load(b.Context(), ops))
	}
}
