package rollup_test

import (
	"runtime"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/cost/rollup"
	"github.com/tenantry/tenantry/pkg/focus"
)

var distinct = 2_000_000

// Resources with tags of their own, as many as would take some 2 GB.
func TestMemoryIsBounded(t *testing.T) {
	const memory, most = 32 << 20, 128 << 20
	s := newSource(0)
	b := rollup.New(rollup.Config{Dir: t.TempDir(), Memory: memory, Symbols: s.symbols, TagKeys: tagKeys, Assign: assign})
	var l focus.Line
	for i := range distinct {
		s.next(&l)
		require.NoError(t, b.Add(&l))
		if i%50_000 == 0 {
			require.Less(t, heap(), uint64(most))
		}
	}
	r, err := b.Finish()
	require.NoError(t, err)
	require.Greater(t, countRows(t, r), 2*distinct)
	require.Less(t, heap(), uint64(most))
	require.NoError(t, b.Close())
}

func heap() uint64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapInuse
}
