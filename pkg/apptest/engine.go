package apptest

import (
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/bolt"
	"github.com/tenantry/tenantry/pkg/store/dynamo"
	"github.com/tenantry/tenantry/pkg/store/dynamo/dynamolocal"
)

// Engine is an engine whose whole content can be seen.
type Engine struct {
	store.Engine
	Items func(testing.TB) map[string]string // every item there is, byte for byte, by table and keys
}

// Bolt opens the embedded engine, which ends with the test.
func Bolt(t testing.TB, clock func() time.Time) Engine {
	path := filepath.Join(t.TempDir(), "store")
	e, err := bolt.Open(path, bolt.Options{Clock: clock, NoSync: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Close()) })
	return Engine{e, func(t testing.TB) map[string]string { return boltItems(t, path) }}
}

// DynamoDB opens tables on DynamoDB Local, which keep what has expired.
func DynamoDB(t testing.TB, clock func() time.Time) Engine {
	client := dynamolocal.Start(t)
	names := dynamolocal.Tables(t, client)
	dynamolocal.Keep(t, client, names)
	return Engine{dynamo.New(client, dynamo.Options{Names: names, Clock: clock}),
		func(t testing.TB) map[string]string { return dynamolocal.Items(t, client, names) }}
}

// boltItems reads a copy of the file: its own is locked.
func boltItems(t testing.TB, path string) map[string]string {
	b, err := os.ReadFile(path)
	require.NoError(t, err)
	path = filepath.Join(t.TempDir(), "copy")
	require.NoError(t, os.WriteFile(path, b, 0o600))
	db, err := bbolt.Open(path, 0o600, &bbolt.Options{ReadOnly: true})
	require.NoError(t, err)
	defer os.Remove(path)
	defer db.Close()
	all := map[string]string{}
	require.NoError(t, db.View(func(tx *bbolt.Tx) error {
		for _, table := range store.Tables {
			if err := tx.Bucket([]byte(table)).ForEach(func(k, v []byte) error {
				all[fmt.Sprintf("%s/%s", table, k)] = string(v)
				return nil
			}); err != nil {
				return err
			}
		}
		return nil
	}))
	return all
}

// Holdings is all that the platform holds, items and files, by names that begin with their kind. Of a file it is the digest.
func (a *App) Holdings(t testing.TB) map[string]string {
	all := a.engine.Items(t)
	if a.remote != nil {
		maps.Copy(all, a.remote.Files(t))
		return all
	}
	require.NoError(t, filepath.WalkDir(a.files, func(path string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		b, err := os.ReadFile(path)
		sum := sha256.Sum256(b)
		all["file/"+strings.TrimPrefix(path, a.files)] = hex.EncodeToString(sum[:])
		return err
	}))
	return all
}

// Files lists the files of tenants whose names, below a tenant's folder, begin with a text; the folder comes first in each.
func (a *App) Files(t testing.TB, prefix string) (all []string) {
	tenants := filepath.Join(a.files, "tenants")
	require.NoError(t, filepath.WalkDir(tenants, func(path string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil
		}
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		below, err := filepath.Rel(tenants, path)
		if _, rest, _ := strings.Cut(filepath.ToSlash(below), "/"); strings.HasPrefix(rest, prefix) {
			all = append(all, filepath.ToSlash(below))
		}
		return err
	}))
	return all
}
