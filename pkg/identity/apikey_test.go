package identity_test

import (
	"context"
	"crypto/rand"
	"runtime"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/identity"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// watched is an engine that counts reads of API keys, and may be told of each when it has been made.
type watched struct {
	store.Engine
	reads int
	after func()
}

func (e *watched) Get(ctx context.Context, at []store.Address, c store.Consistency) ([]*store.Record, error) {
	r, err := e.Engine.Get(ctx, at, c)
	if len(at) > 0 && at[0].SK == "KEY" {
		if e.reads++; e.after != nil {
			e.after()
		}
	}
	return r, err
}

// ring is a world of API keys of home, without any issuer.
type ring struct {
	*world
	engine *watched
}

func newRing(t testing.TB) *ring {
	r := &ring{world: newWorld(t)}
	r.engine = &watched{Engine: r.world.engine}
	var err error
	r.Authorizer, err = identity.New(identity.Config{Store: store.New(r.engine), Clock: func() time.Time { return r.now }})
	require.NoError(t, err)
	return r
}

// key puts a key into the directory as it says, or takes it away, and gives its secret.
func (r *ring) key(t testing.TB, k identity.APIKey) (header string, change func(store.Action, identity.APIKey)) {
	secret, err := identity.NewSecret(rand.Reader)
	require.NoError(t, err)
	k.Tenant = home
	k.ID, err = tenant.NewKeyID(r.now, rand.Reader)
	require.NoError(t, err)
	change = func(action store.Action, is identity.APIKey) {
		is.ID, is.Tenant = k.ID, home
		c := store.DirectoryChange{Action: action, Key: store.APIKey(secret.Sum())}
		if action == store.Put {
			c.Value = is
		}
		require.NoError(t, r.store.Directory().Write(t.Context(), c))
	}
	change(store.Put, k)
	return "Bearer " + secret.Text(), change
}

func (r *ring) ask(t testing.TB, header string, id tenant.ID, need tenant.Permission) (*tenant.Scope, error) {
	return r.Scope(t.Context(), header, string(id), need)
}

func TestAPIKeys(t *testing.T) {
	t.Run("have role and projects in their tenant alone", func(t *testing.T) {
		r := newRing(t)
		header, _ := r.key(t, identity.APIKey{Role: tenant.Editor, Limited: true, Projects: []tenant.ProjectID{"prj_01ARZ3NDEKTSV4RRFFQ69G5FAV"}})
		p, err := r.Principal(t.Context(), header)
		require.NoError(t, err)
		require.Equal(t, tenant.APIKey, p.Credential())
		require.Equal(t, home, p.Tenant)
		s, err := r.ask(t, header, home, tenant.WriteProject)
		require.NoError(t, err)
		require.Equal(t, p, s.Principal())
		require.True(t, s.Sees("prj_01ARZ3NDEKTSV4RRFFQ69G5FAV"))
		require.False(t, s.Sees("prj_01ARZ3NDEKTSV4RRFFQ69G5FAW"))
		_, err = r.ask(t, header, abroad, tenant.ReadCost)
		require.EqualError(t, err, identity.NoTenant().Error())
		s, err = r.ask(t, header, home, tenant.WriteTenant)
		require.True(t, fault.Is(err, fault.Forbidden))
		require.NotNil(t, s, "in which the refusal is recorded")
	})
	t.Run("do what people alone may with no role", func(t *testing.T) {
		r := newRing(t)
		header, _ := r.key(t, identity.APIKey{Role: tenant.Owner}) // which none is given
		for _, need := range tenant.Owner.Permissions() {
			_, err := r.ask(t, header, home, need)
			require.Equal(t, need.Personal(), err != nil, need)
			if need.Personal() {
				require.True(t, fault.Is(err, fault.Forbidden))
				require.ErrorContains(t, err, string(need))
			}
		}
	})
	t.Run("do in a tenant that rests what others may", func(t *testing.T) {
		r := newRing(t)
		header, _ := r.key(t, identity.APIKey{Role: tenant.Admin})
		r.stands(t, tenant.Suspended)
		_, err := r.ask(t, header, home, tenant.ReadCost)
		require.NoError(t, err)
		_, err = r.ask(t, header, home, tenant.WriteProject)
		require.ErrorContains(t, err, "suspended")
	})
}

func TestAPIKeysAreBelievedForAMinute(t *testing.T) {
	t.Run("and read once in it", func(t *testing.T) {
		r := newRing(t)
		header, _ := r.key(t, identity.APIKey{Role: tenant.Viewer})
		for range 60 {
			_, err := r.ask(t, header, home, tenant.ReadCost)
			require.NoError(t, err)
			r.now = r.now.Add(time.Second)
		}
		require.Equal(t, 1, r.engine.reads)
		_, err := r.ask(t, header, home, tenant.ReadCost)
		require.NoError(t, err)
		require.Equal(t, 2, r.engine.reads)
	})
	t.Run("and not past their end", func(t *testing.T) {
		r := newRing(t)
		end := r.now.Add(30 * time.Second)
		header, _ := r.key(t, identity.APIKey{Role: tenant.Viewer, ValidUntil: &end})
		_, err := r.Principal(t.Context(), header)
		require.NoError(t, err)
		r.now = end.Add(-time.Nanosecond)
		_, err = r.Principal(t.Context(), header)
		require.NoError(t, err)
		r.now = end
		_, err = r.Principal(t.Context(), header)
		require.True(t, fault.Is(err, fault.Unauthenticated))
	})
	t.Run("unless they are forgotten while they are read", func(t *testing.T) {
		r := newRing(t)
		header, change := r.key(t, identity.APIKey{Role: tenant.Viewer})
		p, err := r.Principal(t.Context(), header)
		require.NoError(t, err)
		r.Forget(p, home)
		r.engine.after = func() {
			r.engine.after = nil
			change(store.Delete, identity.APIKey{})
			r.Forget(p, home)
		}
		_, err = r.Principal(t.Context(), header)
		require.NoError(t, err, "it was read before")
		_, err = r.Principal(t.Context(), header)
		require.True(t, fault.Is(err, fault.Unauthenticated))
	})
}

func TestChangesOfAPIKeysHoldAfterAMinute(t *testing.T) {
	for name, c := range map[string]struct {
		action store.Action
		is     identity.APIKey
		kind   fault.Kind
	}{
		"when they are revoked":         {store.Delete, identity.APIKey{}, fault.Unauthenticated},
		"when their role is less":       {store.Put, identity.APIKey{Role: tenant.Viewer}, fault.Forbidden},
		"and forgotten here when asked": {store.Delete, identity.APIKey{}, fault.Unauthenticated},
		"when their role is no more":    {store.Put, identity.APIKey{}, fault.Forbidden},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRing(t)
			header, change := r.key(t, identity.APIKey{Role: tenant.Editor})
			p, err := r.Principal(t.Context(), header)
			require.NoError(t, err)
			change(c.action, c.is)
			r.now = r.now.Add(identity.Fresh - time.Nanosecond)
			_, err = r.ask(t, header, home, tenant.WriteProject)
			require.NoError(t, err)
			if name == "and forgotten here when asked" {
				r.Forget(p, home)
			} else {
				r.now = r.now.Add(time.Nanosecond)
			}
			_, err = r.ask(t, header, home, tenant.WriteProject)
			require.True(t, fault.Is(err, c.kind), "%v", err)
		})
	}
}

func TestWhatIsNoAPIKeyCostsLittle(t *testing.T) {
	r := newRing(t)
	unknown := secretOf(t, make([]byte, 20)).Text()
	garbage := unknown[:len(unknown)-1] + "a"
	want := map[string]bool{}
	for range 10 {
		for _, text := range []string{unknown, garbage, "tnt_", unknown + "a"} {
			_, err := r.Principal(t.Context(), "Bearer "+text)
			require.True(t, fault.Is(err, fault.Unauthenticated))
			want[err.Error()] = true
		}
	}
	require.Len(t, want, 1, "all are answered alike")
	require.Equal(t, 1, r.engine.reads, "what never was is looked for once a minute, what is none never")
	r.now = r.now.Add(identity.Fresh)
	_, err := r.Principal(t.Context(), "Bearer "+unknown)
	require.Error(t, err)
	require.Equal(t, 2, r.engine.reads)

	held, _ := r.key(t, identity.APIKey{Role: tenant.Viewer})
	_, err = r.Principal(t.Context(), held)
	require.NoError(t, err)
	guess := func(n int) {
		for range n {
			s, err := identity.NewSecret(rand.Reader)
			require.NoError(t, err)
			_, err = r.Principal(t.Context(), "Bearer "+s.Text())
			require.Error(t, err)
		}
	}
	guess(5_000)
	before := heap()
	guess(20_000)
	require.Less(t, heap(), before+1<<20, "guesses are not kept without bound")
	reads := r.engine.reads
	_, err = r.Principal(t.Context(), held)
	require.NoError(t, err)
	require.Equal(t, reads, r.engine.reads, "guesses drive nothing out that holds")
}

func heap() uint64 {
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return m.HeapAlloc
}

func BenchmarkWarmAuthorizationByAPIKey(b *testing.B) {
	r := newRing(b)
	header, _ := r.key(b, identity.APIKey{Role: tenant.Viewer})
	for b.Loop() {
		if _, err := r.Scope(b.Context(), header, string(home), tenant.ReadCost); err != nil {
			b.Fatal(err)
		}
	}
	require.Equal(b, 1, r.engine.reads)
}
