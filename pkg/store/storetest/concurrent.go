package storetest

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/store"
)

const (
	writers = 6
	rounds  = 8
)

func testConcurrent(t *testing.T, e *env) {
	t.Run("versions let no change be lost", func(t *testing.T) {
		for _, condition := range []string{"version", "present"} {
			e.write(t, put(condition, thing{}, anyway))
		}
		together(func(int) {
			for range rounds {
				change(t, e, func() error {
					v, version := e.read(t, at("version"))
					return e.Write(e.ctx, []store.Op{put("version", thing{Count: v.Count + 1}, store.VersionIs(version))})
				})
				change(t, e, func() error {
					return e.Write(e.ctx, []store.Op{put("present", thing{}, store.Present)})
				})
			}
		})
		v, version := e.read(t, at("version"))
		require.Equal(t, int64(writers*rounds), v.Count)
		require.Equal(t, int64(writers*rounds+1), version)
		_, version = e.read(t, at("present"))
		require.Equal(t, int64(writers*rounds+1), version)
	})
	t.Run("of many that need it absent one makes it", func(t *testing.T) {
		var mu sync.Mutex
		made := 0
		together(func(i int) {
			err := e.Write(e.ctx, []store.Op{put("one", thing{Count: int64(i)}, store.Absent)})
			mu.Lock()
			defer mu.Unlock()
			if err == nil {
				made++
				return
			}
			requireFailed(t, err, 0)
		})
		require.Equal(t, 1, made)
	})
	t.Run("additions all count", func(t *testing.T) {
		together(func(int) {
			for range rounds {
				_, err := e.Add(e.ctx, at("sum"), map[string]int64{"count": 2}, time.Time{})
				require.NoError(t, err)
			}
		})
		v, _ := e.read(t, at("sum"))
		require.Equal(t, int64(2*writers*rounds), v.Count)
	})
	t.Run("transactions keep a sum", func(t *testing.T) { testTransfers(t, e) })
}

// testTransfers moves amounts between accounts; what is taken from one must arrive at another.
func testTransfers(t *testing.T, e *env) {
	account := func(i int) string { return fmt.Sprintf("account%d", i%3) }
	for i := range 3 {
		e.write(t, put(account(i), thing{Count: 100}, anyway))
	}
	together(func(i int) {
		for n := range rounds {
			change(t, e, func() error {
				from, fromVersion := e.read(t, at(account(i)))
				to, toVersion := e.read(t, at(account(i+n%2+1)))
				return e.Write(e.ctx, []store.Op{
					put(account(i), thing{Count: from.Count - 1}, store.VersionIs(fromVersion)),
					put(account(i+n%2+1), thing{Count: to.Count + 1}, store.VersionIs(toVersion)),
				})
			})
		}
	})
	var sum, versions int64
	for i := range 3 {
		v, version := e.read(t, at(account(i)))
		sum, versions = sum+v.Count, versions+version-1
	}
	require.Equal(t, int64(300), sum)
	require.Equal(t, int64(2*writers*rounds), versions)
}

func together(do func(i int)) {
	var wg sync.WaitGroup
	for i := range writers {
		wg.Go(func() { do(i) })
	}
	wg.Wait()
}

// change repeats a write until its conditions hold.
func change(t *testing.T, e *env, write func() error) {
	for {
		err := write()
		if err == nil {
			return
		}
		if !assertConflict(t, err) || e.ctx.Err() != nil {
			return
		}
	}
}

func assertConflict(t *testing.T, err error) bool {
	if store.Conflicted(err) == nil {
		t.Errorf("not a conflict: %v", err)
		return false
	}
	return true
}
