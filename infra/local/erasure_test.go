package main_test

import (
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"go.etcd.io/bbolt"

	"github.com/tenantry/tenantry/pkg/store"
)

// items is all that the data folder's store has, by table and key.
func items(t *testing.T, data string) map[string]string {
	db, err := bbolt.Open(filepath.Join(data, "store.db"), 0o600, &bbolt.Options{ReadOnly: true, Timeout: time.Second})
	require.NoError(t, err)
	defer db.Close()
	all := map[string]string{}
	require.NoError(t, db.View(func(tx *bbolt.Tx) error {
		for _, table := range store.Tables {
			if err := tx.Bucket([]byte(table)).ForEach(func(k, v []byte) error { all[string(table)+"/"+string(k)] = string(v); return nil }); err != nil {
				return err
			}
		}
		return nil
	}))
	return all
}

// TestKillsWhileATenantIsErased deletes a tenant whose costs are just being imported, and kills the platform again and again
// until the proof is there: nothing is left but that, and the other tenant has what it had.
func TestKillsWhileATenantIsErased(t *testing.T) {
	data := t.TempDir()
	grace := "TENANTRY_GRACE=1s"
	p := start(t, data, grace)
	bob := p.as(t, "bob")
	other, project := bob.project(t)
	bob.until(t, bob.upload(t, project, file(100)), "succeeded")
	alice := p.as(t, "alice")
	at, project := alice.project(t)
	alice.until(t, alice.upload(t, project, file(100)), "succeeded")
	p.kill(t)
	_, id, _ := strings.Cut(at, "/v1/tenants/")
	before := map[string]string{}
	for name, bytes := range items(t, data) {
		if !strings.Contains(name+bytes, id) {
			before[name] = bytes
		}
	}

	p = start(t, data, grace)
	alice = p.as(t, "alice")
	alice.until(t, alice.upload(t, project, file(200_000)), "running")
	alice.do(t, 202, "DELETE", at+"?name=ABC", nil)
	kills := 0
	for end := time.Now().Add(90 * time.Second); ; kills++ {
		require.True(t, time.Now().Before(end), "the erasure never comes to its end")
		time.Sleep(rand.N(2500 * time.Millisecond))
		if proofs := alice.do(t, 200, "GET", "/v1/me/erasures", nil)["items"].([]any); len(proofs) > 0 && proofs[0].(map[string]any)["status"] == "erased" {
			break
		}
		p.kill(t)
		p = start(t, data, grace)
		alice = p.as(t, "alice")
	}
	require.Greater(t, kills, 3)
	alice.do(t, 404, "GET", at, nil)
	require.Equal(t, "1", p.as(t, "bob").total(t, other))
	time.Sleep(3 * time.Second) // whoever would still write
	p.kill(t)

	for name, bytes := range items(t, data) {
		if strings.Contains(name+bytes, id) {
			require.True(t, strings.Contains(name, "ERASED#"+id) || strings.HasPrefix(name, "directory/ERASURE"), name)
		}
	}
	after := items(t, data)
	for name, bytes := range before {
		if !strings.Contains(name, "USAGE#") && !strings.HasPrefix(name, "directory/RECONCILIATION") { // bob has just asked; each start reconciles
			require.Equal(t, bytes, after[name], name)
		}
	}
	require.NoError(t, filepath.WalkDir(filepath.Join(data, "files"), func(path string, _ fs.DirEntry, err error) error {
		require.NotContains(t, path, id)
		return err
	}))
	_, err := os.Stat(filepath.Join(data, "files", "tenants"))
	require.NoError(t, err, "bob's are there")
}
