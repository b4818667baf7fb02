package collect_test

import (
	"bytes"
	"context"
	"crypto/rand"
	"log/slog"
	mathrand "math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/collect"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/organization"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/bolt"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// data is the folder of a worker that is a process of its own.
const data = "TENANTRY_TEST_COLLECT"

const pagesOfTheKilled = 40

// due is what the process collects.
var due = collect.Message{Kind: collect.Costs, Tenant: abc, Project: tenant.Unassigned, Slot: time.Now().UTC().Truncate(24 * time.Hour)}

const connected tenant.ConnectionID = "con_01J00000000000000000000001"

// openData opens the store in a folder, with a tenant that has a connected account.
func openData(t *testing.T, dir string) (*store.Store, *store.Tenant, func()) {
	e, err := bolt.Open(filepath.Join(dir, "store.db"), bolt.Options{})
	require.NoError(t, err)
	s := store.New(e)
	scope, err := tenant.Work(abc, "test")
	require.NoError(t, err)
	h, err := s.Tenant(scope)
	require.NoError(t, err)
	return s, h, func() { require.NoError(t, e.Close()) }
}

// TestWorkerProcess is the process that TestKills kills: it collects a slow account, as far as it comes.
func TestWorkerProcess(t *testing.T) {
	dir := os.Getenv(data)
	if dir == "" {
		t.Skip("is run by TestKills")
	}
	s, _, done := openData(t, dir)
	account := newAccount(pagesOfTheKilled)
	account.before = func(context.Context, *collect.Task, int) error {
		f, err := os.OpenFile(filepath.Join(dir, "calls"), os.O_APPEND|os.O_CREATE|os.O_WRONLY, 0o600)
		require.NoError(t, err)
		_, err = f.WriteString(".")
		require.NoError(t, err)
		time.Sleep(5 * time.Millisecond)
		return f.Close()
	}
	worker := &collect.Service{Store: s, Clock: time.Now, Random: rand.Reader, Log: slog.New(slog.DiscardHandler), Alone: rand.Text(),
		Collectors: map[collect.Kind]collect.Collector{collect.Costs: account}}
	require.NoError(t, worker.Handle(t.Context(), due))
	done()
}

// kill kills a worker at some moment after it has noted a page, unless it has ended before.
func kill(p *os.Process, dir string, ended chan struct{}) {
	calls := func() int64 {
		f, err := os.Stat(filepath.Join(dir, "calls"))
		if err != nil {
			return 0
		}
		return f.Size()
	}
	for before := calls(); calls() < before+2; {
		select {
		case <-ended:
			return
		case <-time.After(time.Millisecond):
		}
	}
	time.Sleep(time.Duration(mathrand.IntN(30)) * time.Millisecond)
	_ = p.Kill()
}

// TestKills kills -9 a worker again and again; the next delivery goes on, and in the end all is seen once.
func TestKills(t *testing.T) {
	dir := t.TempDir()
	_, h, done := openData(t, dir)
	now := time.Now()
	require.NoError(t, h.Write(t.Context(),
		store.Change{Key: store.Meta(), Value: organization.Organization{ID: abc, Name: "ABC", Status: tenant.Active, Plan: tenant.Enterprise, CreatedAt: now}},
		store.Change{Key: store.Connection(connected), Value: connection.Connection{ID: connected, AccountID: "111122223333", Kind: connection.Payer,
			Status: connection.Connected, CreatedAt: now, UpdatedAt: now}}))
	done()
	kills := 0
	for {
		cmd := exec.CommandContext(t.Context(), os.Args[0], "-test.run=^TestWorkerProcess$")
		cmd.Env = append(os.Environ(), data+"="+dir)
		var out bytes.Buffer
		cmd.Stdout, cmd.Stderr = &out, &out
		require.NoError(t, cmd.Start())
		ended := make(chan struct{})
		if kills < 10 {
			go kill(cmd.Process, dir, ended)
		}
		err := cmd.Wait()
		close(ended)
		if err == nil {
			break
		}
		require.Equal(t, -1, cmd.ProcessState.ExitCode(), "it was killed, and did not fail: %s", out.String())
		kills++
	}
	require.Positive(t, kills)
	_, h, done = openData(t, dir)
	defer done()
	var v struct{ Page int }
	version, err := h.Read(t.Context(), visible(connected, due.Slot), &v)
	require.NoError(t, err)
	require.EqualValues(t, 1, version)
	require.Equal(t, pagesOfTheKilled, v.Page)
	var run collect.Run
	_, err = h.Read(t.Context(), store.Run(due.Project, string(due.Kind), due.Slot.Format(time.RFC3339)), &run)
	require.NoError(t, err)
	require.Equal(t, collect.Succeeded, run.Status)
	require.EqualValues(t, 10*pagesOfTheKilled, run.Counts["things"])
	calls, err := os.ReadFile(filepath.Join(dir, "calls"))
	require.NoError(t, err)
	require.LessOrEqual(t, len(calls), pagesOfTheKilled+kills, "each kill costs at most the page that was being asked for")
}
