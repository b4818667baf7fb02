package storetest

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/store"
)

func testExpiry(t *testing.T, e *env) {
	expires := e.clock.Now().Add(time.Minute)
	for _, sk := range []string{"absent", "present", "version", "any", "check", "delete", "stays"} {
		op := put(sk, thing{Name: sk}, anyway)
		op.ExpiresAt = expires.Add(time.Second / 2) // whole seconds count
		e.write(t, op)
	}
	e.write(t, put("never", thing{}, anyway))
	all := store.Range{Table: store.CoreTable, PK: partition, To: "z", Consistency: store.Strongly}

	records, err := e.Get(e.ctx, []store.Address{at("any"), at("never")}, store.Strongly)
	require.NoError(t, err)
	require.Equal(t, expires, records[0].ExpiresAt)
	require.Zero(t, records[1].ExpiresAt)
	e.clock.Advance(time.Minute - time.Second)
	require.Len(t, e.keys(t, all), 8)

	e.clock.Advance(time.Second)
	require.Equal(t, []string{"never"}, e.keys(t, all))
	all.Limit = 1
	require.Equal(t, []string{"never"}, e.keys(t, all))
	_, version := e.read(t, at("stays"))
	require.Zero(t, version)
	requireFailed(t, e.Write(e.ctx, []store.Op{put("present", thing{}, store.Present)}), 0)
	requireFailed(t, e.Write(e.ctx, []store.Op{put("version", thing{}, store.VersionIs(1))}), 0)
	requireFailed(t, e.Write(e.ctx, []store.Op{remove("delete", store.Present)}), 0)
	requireFailed(t, e.Write(e.ctx, []store.Op{check("check", store.Present), check("never", store.Absent)}), 0, 1)
	e.write(t, check("check", store.Absent))
	e.write(t, put("absent", thing{}, store.Absent), put("any", thing{}, anyway))
	_, version = e.read(t, at("absent"))
	require.Equal(t, int64(1), version)
	testExpired(t, e, all)
	e.clock.Advance(time.Hour)
	require.Equal(t, []string{"absent", "any", "never"}, e.keys(t, all), "a put without expiry lifts the old one")
}

// testExpired shows that what has expired, where an engine still has it, is given to who asks for it, and can be taken away.
func testExpired(t *testing.T, e *env, all store.Range) {
	all.Limit = 0
	live := e.keys(t, all)
	all.Expired = true
	page, err := e.Query(e.ctx, all)
	require.NoError(t, err)
	var ops []store.Op
	for _, r := range page.Records {
		if r.ExpiresAt.IsZero() || e.clock.Now().Before(r.ExpiresAt) {
			continue
		}
		require.NotContains(t, live, r.Address.SK)
		ops = append(ops, store.Op{Action: store.Delete, Address: r.Address})
	}
	require.Len(t, page.Records, len(live)+len(ops))
	require.NoError(t, e.Load(e.ctx, ops))
	require.Equal(t, live, e.keys(t, all))
}

func testContext(t *testing.T, e *env) {
	ctx, cancel := context.WithCancel(e.ctx)
	cancel()
	_, err := e.Get(ctx, []store.Address{at("a")}, store.Strongly)
	require.ErrorIs(t, err, context.Canceled)
	_, err = e.Get(ctx, []store.Address{at("a"), at("b")}, store.Strongly)
	require.ErrorIs(t, err, context.Canceled)
	_, err = e.Query(ctx, store.Range{Table: store.CoreTable, PK: partition, From: "a", To: "b"})
	require.ErrorIs(t, err, context.Canceled)
	require.ErrorIs(t, e.Write(ctx, []store.Op{put("a", thing{}, anyway)}), context.Canceled)
	require.ErrorIs(t, e.Write(ctx, []store.Op{put("a", thing{}, anyway), put("b", thing{}, anyway)}), context.Canceled)
	require.ErrorIs(t, e.Load(ctx, []store.Op{put("a", thing{}, anyway)}), context.Canceled)
	_, err = e.Add(ctx, at("a"), map[string]int64{"n": 1}, time.Time{})
	require.ErrorIs(t, err, context.Canceled)
	require.Empty(t, e.keys(t, store.Range{Table: store.CoreTable, PK: partition, To: "z"}))
	ctx, cancel = context.WithDeadline(e.ctx, time.Unix(0, 0))
	defer cancel()
	require.ErrorIs(t, e.Write(ctx, []store.Op{put("a", thing{}, anyway)}), context.DeadlineExceeded)
}
