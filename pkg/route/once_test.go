package route_test

import (
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/bolt"
	"github.com/tenantry/tenantry/pkg/tenant"
)

func TestOnce(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	engine, err := bolt.Open(filepath.Join(t.TempDir(), "db"), bolt.Options{Clock: func() time.Time { return now }, NoSync: true})
	require.NoError(t, err)
	defer engine.Close()
	st := store.New(engine)
	scope, err := tenant.Work(home, "test")
	require.NoError(t, err)
	h, err := st.Tenant(scope)
	require.NoError(t, err)
	alice, bob := tenant.Principal{Issuer: "i", Subject: "alice"}, tenant.Principal{Issuer: "i", Subject: "bob"}
	once := func(p tenant.Principal, key, operation string, says ...any) route.Once {
		o, err := route.IdempotencyKey{IdempotencyKey: key}.Once(p, operation, says...)
		require.NoError(t, err)
		return o
	}
	first := once(alice, "k", "op", "body")
	id, err := first.Done(t.Context(), h)
	require.NoError(t, err)
	require.Empty(t, id)
	require.NoError(t, h.Write(t.Context(), first.Changes("1", now)...))
	require.NotNil(t, store.Conflicted(h.Write(t.Context(), once(alice, "k", "op", "body").Changes("2", now)...)))
	require.NoError(t, st.Directory().Write(t.Context(), first.ChangesOutside("3", now)...))

	for name, c := range map[string]struct {
		of          route.Once
		id, outside string
		kind        fault.Kind
	}{
		"again":                    {once(alice, "k", "op", "body"), "1", "3", -1},
		"with another body":        {once(alice, "k", "op", "bodies"), "", "", fault.Invalid},
		"with more":                {once(alice, "k", "op", "body", "more"), "", "", fault.Invalid},
		"with another key":         {once(alice, "l", "op", "body"), "", "", -1},
		"with another operation":   {once(alice, "k", "po", "body"), "", "", -1},
		"of somebody else":         {once(bob, "k", "op", "body"), "", "", -1},
		"without a key":            {once(alice, "", "op", "body"), "", "", -1},
		"the zero value":           {route.Once{}, "", "", -1},
		"of a name with separator": {once(tenant.Principal{Issuer: "i", Subject: "alice\x00"}, "k", "op", "body"), "", "", -1},
	} {
		t.Run(name, func(t *testing.T) {
			id, err := c.of.Done(t.Context(), h)
			outside, err2 := c.of.DoneOutside(t.Context(), st.Directory())
			if c.kind >= 0 {
				require.True(t, fault.Is(err, c.kind) && fault.Is(err2, c.kind))
			} else {
				require.NoError(t, err)
				require.NoError(t, err2)
			}
			require.Equal(t, c.id, id)
			require.Equal(t, c.outside, outside)
		})
	}
	require.Empty(t, once(alice, "", "op").Changes("1", now))
	require.Empty(t, once(alice, "", "op").ChangesOutside("1", now))
	now = now.Add(24*time.Hour + time.Second)
	id, err = first.Done(t.Context(), h)
	require.NoError(t, err)
	require.Empty(t, id, "after a day it is forgotten")
}
