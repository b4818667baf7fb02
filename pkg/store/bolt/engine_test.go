package bolt_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/bolt"
	"github.com/tenantry/tenantry/pkg/store/storetest"
)

func open(t testing.TB, path string, o bolt.Options) *bolt.Engine {
	t.Helper()
	e, err := bolt.Open(path, o)
	require.NoError(t, err)
	t.Cleanup(func() { e.Close() })
	return e
}

func TestSuite(t *testing.T) {
	storetest.Run(t, func(t *testing.T, clock func() time.Time) store.Engine {
		return open(t, filepath.Join(t.TempDir(), "db"), bolt.Options{Clock: clock, NoSync: true})
	})
}
