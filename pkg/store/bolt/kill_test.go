package bolt_test

import (
	"bufio"
	"context"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/bolt"
)

// childFile is the environment of a child process: the file that it writes until it is killed.
const childFile = "BOLT_TEST_CHILD_FILE"

func TestMain(m *testing.M) {
	if path := os.Getenv(childFile); path != "" {
		fmt.Fprintln(os.Stderr, writeForever(context.Background(), path))
		os.Exit(1)
	}
	os.Exit(m.Run())
}

// writeForever counts from what the file holds. Each transaction puts the count into two items and an entry of its own;
// then come a load and an addition. It prints each count when all that is acknowledged.
func writeForever(ctx context.Context, path string) error {
	e, err := bolt.Open(path, bolt.Options{})
	if err != nil {
		return err
	}
	var last note
	records, err := e.Get(ctx, []store.Address{at("left")}, store.Strongly)
	if err != nil {
		return err
	}
	if records[0] != nil {
		if err := records[0].Value.Decode(&last); err != nil {
			return err
		}
	}
	for n := last.N + 1; ; n++ {
		value := note{N: n, Body: make([]byte, 3000)}
		if err := e.Write(ctx, []store.Op{
			{Address: at("left"), Value: value, Condition: store.VersionIs(n - 1)},
			{Address: at("right"), Value: value, Condition: store.VersionIs(n - 1)},
			{Address: at(entry(n)), Value: value, Condition: store.Absent},
		}); err != nil {
			return err
		}
		var load []store.Op
		for i := range 5 {
			load = append(load, store.Op{Address: at(fmt.Sprint("load", i)), Value: value})
		}
		if err := e.Load(ctx, load); err != nil {
			return err
		}
		if _, err := e.Add(ctx, at("sum"), map[string]int64{"n": 1}, time.Time{}); err != nil {
			return err
		}
		fmt.Println(n)
	}
}

func entry(n int64) string { return fmt.Sprintf("entry%08d", n) }

func TestKill(t *testing.T) {
	path := filepath.Join(t.TempDir(), "db")
	var acknowledged int64
	for range 12 {
		acknowledged = max(acknowledged, killed(t, path, rand.N(60*time.Millisecond)))
		e, err := bolt.Open(path, bolt.Options{})
		require.NoError(t, err)
		last := inspect(t, e, acknowledged)
		require.NoError(t, e.Close())
		acknowledged = last
	}
	require.Greater(t, acknowledged, int64(20))
}

// killed runs a child, kills it some time after its first acknowledgement and gives its last.
func killed(t *testing.T, path string, after time.Duration) (last int64) {
	exe, err := os.Executable()
	require.NoError(t, err)
	child := exec.Command(exe)
	child.Env = append(os.Environ(), childFile+"="+path)
	child.Stderr = os.Stderr
	out, err := child.StdoutPipe()
	require.NoError(t, err)
	require.NoError(t, child.Start())
	lines := bufio.NewScanner(out)
	for lines.Scan() {
		n, err := strconv.ParseInt(lines.Text(), 10, 64)
		require.NoError(t, err)
		if last == 0 {
			time.AfterFunc(after, func() { child.Process.Kill() })
		}
		last = n
	}
	require.Error(t, child.Wait(), "it only ends by being killed")
	require.NotZero(t, last)
	return last
}

// inspect holds that all that was acknowledged is there and nothing half, and gives the last count there is.
func inspect(t *testing.T, e *bolt.Engine, acknowledged int64) int64 {
	ctx := t.Context()
	value := func(sk string) (n note) {
		records, err := e.Get(ctx, []store.Address{at(sk)}, store.Strongly)
		require.NoError(t, err)
		if records[0] != nil {
			require.NoError(t, records[0].Value.Decode(&n))
		}
		return n
	}
	last := value("left").N
	require.Contains(t, []int64{acknowledged, acknowledged + 1}, last)
	require.Equal(t, value("left"), value("right"))
	for i := range 5 {
		require.Contains(t, []int64{last - 1, last}, value(fmt.Sprint("load", i)).N)
		require.GreaterOrEqual(t, value(fmt.Sprint("load", i)).N, acknowledged)
	}
	entries := int64(0)
	r := store.Range{Table: store.CoreTable, PK: "p", From: "entry", To: "entry~", Consistency: store.Strongly}
	for more := true; more; more = r.After != "" {
		page, err := e.Query(ctx, r)
		require.NoError(t, err)
		for _, record := range page.Records {
			entries++
			require.Equal(t, entry(entries), record.Address.SK)
			require.Equal(t, int64(1), record.Version)
			var n note
			require.NoError(t, record.Value.Decode(&n))
			require.Equal(t, note{N: entries, Body: make([]byte, 3000)}, n)
		}
		r.After = page.Next
	}
	require.Equal(t, last, entries)
	return last
}
