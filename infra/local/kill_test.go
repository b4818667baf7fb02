package main_test

import (
	"context"
	"math/rand/v2"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/cost"
	"github.com/tenantry/tenantry/pkg/cost/document"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/bolt"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// TestKillsAtAnyMoment kills the platform again and again while it replaces a month's costs: the old total holds until the
// new one does, and in the end every stored part is one that an index points at.
func TestKillsAtAnyMoment(t *testing.T) {
	data := t.TempDir()
	p := start(t, data)
	alice := p.as(t, "alice")
	at, project := alice.project(t)
	alice.until(t, alice.upload(t, project, file(100)), "succeeded")
	total := "1"
	for round := range 3 {
		lines := 60_000 * (round + 1)
		next := map[int]string{60_000: "600", 120_000: "1200", 180_000: "1800"}[lines]
		imported := alice.upload(t, project, file(lines))
		for range 4 {
			time.Sleep(rand.N(250 * time.Millisecond))
			require.Contains(t, []any{total, next}, alice.total(t, at))
			p.kill(t)
			p = start(t, data)
			alice = p.as(t, "alice")
			require.Contains(t, []any{total, next}, alice.total(t, at))
		}
		got := alice.until(t, imported, "succeeded", "failed")
		require.Equal(t, "succeeded", got["status"], got)
		require.Equal(t, next, alice.total(t, at))
		total = next
	}
	time.Sleep(500 * time.Millisecond) // what was superseded is removed after the success
	p.kill(t)
	_, id, _ := strings.Cut(at, "/v1/tenants/")
	_, of, _ := strings.Cut(project, "/projects/")
	noOrphans(t, filepath.Join(data, "store.db"), tenant.ID(id), tenant.ProjectID(of))
}

func noOrphans(t *testing.T, path string, id tenant.ID, projects ...tenant.ProjectID) {
	engine, err := bolt.Open(path, bolt.Options{})
	require.NoError(t, err)
	defer engine.Close()
	scope, err := tenant.Work(id, "test")
	require.NoError(t, err)
	h, err := store.New(engine).Tenant(scope)
	require.NoError(t, err)
	ctx := context.Background()
	for _, p := range projects {
		stored, pointed := map[string]bool{}, map[string]bool{}
		for _, span := range store.Documents(p) {
			page, err := h.Query(ctx, span, store.List{Consistency: store.Strongly})
			require.NoError(t, err)
			for _, r := range page.Records {
				stored[r.Address.SK] = true
			}
		}
		for _, v := range document.Views {
			keys, err := cost.PartsOf(ctx, h, p, v)
			require.NoError(t, err)
			for _, k := range keys {
				pointed[k.Sort()] = true
			}
		}
		require.NotEmpty(t, stored)
		require.Equal(t, pointed, stored)
	}
}
