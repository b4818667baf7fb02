package bolt_test

import (
	"context"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/bolt"
	"github.com/tenantry/tenantry/pkg/store/storetest"
)

type note struct {
	N    int64  `json:"n"`
	Body []byte `json:"body,omitempty"`
}

func open(t testing.TB, path string, o bolt.Options) *bolt.Engine {
	t.Helper()
	e, err := bolt.Open(path, o)
	require.NoError(t, err)
	t.Cleanup(func() { e.Close() })
	return e
}

func at(sk string) store.Address { return store.Address{Table: store.CoreTable, PK: "p", SK: sk} }

func TestSuite(t *testing.T) {
	storetest.Run(t, func(t *testing.T, clock func() time.Time) store.Engine {
		return open(t, filepath.Join(t.TempDir(), "db"), bolt.Options{Clock: clock, NoSync: true})
	})
}

func TestOpen(t *testing.T) {
	t.Run("what was written is there again", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "db")
		e := open(t, path, bolt.Options{})
		require.NoError(t, e.Write(t.Context(), []store.Op{{Address: at("a"), Value: note{N: 7}, ExpiresAt: time.Now().Add(time.Hour)}}))
		before, err := e.Get(t.Context(), []store.Address{at("a")}, store.Strongly)
		require.NoError(t, err)
		require.NoError(t, e.Close())
		after, err := open(t, path, bolt.Options{}).Get(t.Context(), []store.Address{at("a")}, store.Strongly)
		require.NoError(t, err)
		require.Equal(t, before, after)
	})
	t.Run("a file that is open says so", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "db")
		open(t, path, bolt.Options{})
		_, err := bolt.Open(path, bolt.Options{})
		require.EqualError(t, err, "open "+path+": another process has it open")
	})
	t.Run("no such folder", func(t *testing.T) {
		_, err := bolt.Open(filepath.Join(t.TempDir(), "none", "db"), bolt.Options{})
		require.ErrorIs(t, err, os.ErrNotExist)
	})
	t.Run("another kind of file", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "db")
		require.NoError(t, os.WriteFile(path, make([]byte, 1<<16), 0o600))
		_, err := bolt.Open(path, bolt.Options{})
		require.ErrorContains(t, err, path)
	})
	t.Run("closed, it is unavailable", func(t *testing.T) {
		e := open(t, filepath.Join(t.TempDir(), "db"), bolt.Options{})
		require.NoError(t, e.Close())
		require.ErrorIs(t, e.Write(t.Context(), []store.Op{{Address: at("a"), Value: note{}}}), store.ErrUnavailable)
		_, err := e.Get(t.Context(), []store.Address{at("a")}, store.Strongly)
		require.ErrorIs(t, err, store.ErrUnavailable)
	})
}

// What has expired leaves the file beside later writes, and nothing else does: not what was written again without expiry or
// with a later one.
func TestExpiredIsRemoved(t *testing.T) {
	path, clock := filepath.Join(t.TempDir(), "db"), storetest.NewClock()
	e := open(t, path, bolt.Options{Clock: clock.Now, NoSync: true})
	soon := clock.Now().Add(time.Minute)
	var ops []store.Op
	for _, sk := range []string{"a", "b", "c", "d", "e", "f", "g", "h", "i", "lifted", "later", "deleted", "counted"} {
		ops = append(ops, store.Op{Address: at(sk), Value: note{}, ExpiresAt: soon})
	}
	require.NoError(t, e.Write(t.Context(), ops))
	require.NoError(t, e.Write(t.Context(), []store.Op{{Address: at("lifted"), Value: note{}},
		{Address: at("later"), Value: note{}, ExpiresAt: soon.Add(time.Hour)}, {Action: store.Delete, Address: at("deleted")}}))
	_, err := e.Add(t.Context(), at("counted"), map[string]int64{"n": 1}, soon.Add(time.Hour))
	require.NoError(t, err)
	clock.Advance(time.Minute)
	for range 2 {
		require.NoError(t, e.Write(t.Context(), []store.Op{{Address: at("z"), Value: note{}}}))
	}
	require.NoError(t, e.Close())
	db, err := bbolt.Open(path, 0o600, nil)
	require.NoError(t, err)
	defer db.Close()
	require.NoError(t, db.View(func(tx *bbolt.Tx) error {
		require.Equal(t, 4, tx.Bucket([]byte(store.CoreTable)).Stats().KeyN)
		require.Equal(t, 2, tx.Bucket([]byte("expiry")).Stats().KeyN)
		return nil
	}))
}

// DynamoDB charges, as its pages say, what DynamoDB Local does not: so these are not in the suite.
func TestCharges(t *testing.T) {
	e := open(t, filepath.Join(t.TempDir(), "db"), bolt.Options{NoSync: true})
	large := store.Op{Address: at("large"), Value: note{Body: make([]byte, 2500)}}
	require.NoError(t, e.Write(t.Context(), []store.Op{large}))
	check := store.Op{Action: store.Check, Address: at("large"), Condition: store.Present}
	small := store.Op{Address: at("small"), Value: note{}}
	tests := []struct {
		name string
		call func(context.Context) error
		want store.Use
	}{
		{"absent items of a batch are read as the smallest", func(ctx context.Context) error {
			_, err := e.Get(ctx, []store.Address{at("none"), at("large"), at("no")}, store.Strongly)
			return err
		}, store.Use{Read: 6, Calls: 1, Items: 1}},
		{"a query that finds nothing reads the smallest", func(ctx context.Context) error {
			_, err := e.Query(ctx, store.Range{Table: store.CoreTable, PK: "none", From: "a", To: "z"})
			return err
		}, store.Use{Read: 1, Calls: 1}},
		{"a check alone is a transaction of its item's size", func(ctx context.Context) error {
			return e.Write(ctx, []store.Op{check})
		}, store.Use{Write: 12, Calls: 1}},
		{"a transaction is the sum of its operations", func(ctx context.Context) error {
			return e.Write(ctx, []store.Op{check, small, {Action: store.Delete, Address: at("none")}})
		}, store.Use{Write: 20, Calls: 1}},
		{"a failed put is paid by the larger item", func(ctx context.Context) error {
			small := small
			small.Address, small.Condition = large.Address, store.Absent
			require.NotNil(t, store.Conflicted(e.Write(ctx, []store.Op{small})))
			return nil
		}, store.Use{Write: 6, Calls: 1}},
	}
	for _, test := range tests {
		t.Run(test.name, func(t *testing.T) {
			ctx, meter := store.WithMeter(t.Context())
			require.NoError(t, test.call(ctx))
			require.Equal(t, test.want, meter.Total())
		})
	}
}
