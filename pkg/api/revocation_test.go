package api_test

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/api"
	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/identity"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// loses has somebody who may all that an admin may lose something: it gives what they call with, and what takes it away.
type loses func(*testing.T, *apptest.App) (token string, take func())

// member loses what the change of their membership takes away, or the membership.
func member(change func(*identity.Member) store.Action) loses {
	return func(t *testing.T, a *apptest.App) (string, func()) {
		token := a.Join(t, a.Alice.Tenant, "dora", tenant.Admin).Token
		return token, func() {
			m := identity.Member{Tenant: a.Alice.Tenant, Issuer: a.Issuer.URL, Subject: "dora", Role: tenant.Admin, CreatedAt: a.Now()}
			action := change(&m)
			changes := m.Changes()
			for i := range changes {
				changes[i].Action, changes[i].Condition = action, store.Present
			}
			require.NoError(t, a.Store.Directory().Write(t.Context(), changes...))
		}
	}
}

// key loses what the change of an API key takes away, or the key.
func key(change func(*identity.APIKey) store.Action) loses {
	return func(t *testing.T, a *apptest.App) (string, func()) {
		c, id := a.Alice.Key(t, tenant.Admin)
		secret, err := identity.ParseSecret(c.Token)
		require.NoError(t, err)
		return c.Token, func() {
			k := identity.APIKey{ID: id, Tenant: a.Alice.Tenant, Role: tenant.Admin}
			d := store.DirectoryChange{Action: change(&k), Key: store.APIKey(secret.Sum()), Condition: store.Present}
			if d.Action == store.Put {
				d.Value = k
			}
			require.NoError(t, a.Store.Directory().Write(t.Context(), d))
		}
	}
}

// What somebody may no longer do ends within a minute in every operation of every instance, however busy the instance was
// with that somebody's requests meanwhile.
func TestWhatIsTakenAwayEndsWithinAMinuteEverywhere(t *testing.T) {
	above := func(personal bool) func(route.Operation) int {
		return func(op route.Operation) int {
			if !ofTenant(op) || tenant.Viewer.May(op.Permission) && !(personal && op.Permission.Personal()) {
				return 0
			}
			return http.StatusForbidden
		}
	}
	hidden := func(op route.Operation) int {
		if strings.Contains(op.Path, "{projectId}") {
			return http.StatusNotFound
		}
		return 0
	}
	gone := func(op route.Operation) int {
		if op.Permission == tenant.Public {
			return 0
		}
		return http.StatusUnauthorized
	}
	for name, c := range map[string]struct {
		loses
		want func(route.Operation) int // the status from then on; 0: any
	}{
		"a membership": {
			member(func(*identity.Member) store.Action { return store.Delete }),
			func(op route.Operation) int {
				if ofTenant(op) {
					return http.StatusNotFound
				}
				return 0
			},
		},
		"a role":          {member(func(m *identity.Member) store.Action { m.Role = tenant.Viewer; return store.Put }), above(false)},
		"a project":       {member(func(m *identity.Member) store.Action { m.Limited = true; return store.Put }), hidden},
		"a key":           {key(func(*identity.APIKey) store.Action { return store.Delete }), gone},
		"a key's role":    {key(func(k *identity.APIKey) store.Action { k.Role = tenant.Viewer; return store.Put }), above(true)},
		"a key's project": {key(func(k *identity.APIKey) store.Action { k.Limited = true; return store.Put }), hidden},
	} {
		t.Run(name, func(t *testing.T) { losesEverywhere(t, c.loses, c.want) })
	}
	t.Run("a key's time", func(t *testing.T) {
		losesEverywhere(t, func(t *testing.T, a *apptest.App) (string, func()) {
			end := a.Now().Add(identity.Fresh)
			token, change := key(func(k *identity.APIKey) store.Action { k.ValidUntil = &end; return store.Put })(t, a)
			change()
			return token, func() {}
		}, gone)
	})
}

func ofTenant(op route.Operation) bool { return strings.Contains(op.Path, "{tenantId}") }

func losesEverywhere(t *testing.T, loses loses, want func(route.Operation) int) {
	a := apptest.New(t)
	instances := []*instance{newInstance(t, a), newInstance(t, a)}
	token, take := loses(t, a)
	busy(t, instances, token)
	take()
	for range int(identity.Fresh / time.Second) {
		busy(t, instances, token)
		a.Advance(time.Second)
	}
	for _, i := range instances {
		ends(t, i, token, want)
	}
}

// busy has every instance believe what it can.
func busy(t *testing.T, instances []*instance, token string) {
	for _, i := range instances {
		for _, op := range api.Operations() {
			if op.ID == "getTenant" || op.ID == "getProject" {
				require.NotEqual(t, http.StatusUnauthorized, i.ask(t, token, op, nil, nil).Code)
			}
		}
	}
}

// ends asks for every operation that something is wanted of.
func ends(t *testing.T, i *instance, token string, want func(route.Operation) int) {
	asked := 0
	for _, op := range api.Operations() {
		if status := want(op); status != 0 {
			got := i.ask(t, token, op, nil, nil)
			require.Equal(t, status, got.Code, "%s: %s", op.ID, got.Body)
			asked++
		}
	}
	require.Positive(t, asked)
}

// An instance that still believes somebody to be an admin lets nothing be given away that outlasts the minute.
func TestNothingIsGivenAwayInTheMinuteThatIsLeft(t *testing.T) {
	for name, c := range map[string]struct {
		take func(*identity.Member) store.Action
		want int
	}{
		"who was removed is no member":      {func(*identity.Member) store.Action { return store.Delete }, http.StatusNotFound},
		"who was made less has to ask anew": {func(m *identity.Member) store.Action { m.Role = tenant.Viewer; return store.Put }, http.StatusConflict},
		"who was limited has to ask anew":   {func(m *identity.Member) store.Action { m.Limited = true; return store.Put }, http.StatusConflict},
	} {
		t.Run(name, func(t *testing.T) {
			for _, op := range api.Operations() {
				if op.ID != "createInvitation" && op.ID != "createApiKey" {
					continue
				}
				a := apptest.New(t)
				late := newInstance(t, a)
				token := a.Join(t, a.Alice.Tenant, "dora", tenant.Admin).Token
				busy(t, []*instance{late}, token)
				m := identity.Member{Tenant: a.Alice.Tenant, Issuer: a.Issuer.URL, Subject: "dora", Role: tenant.Admin, CreatedAt: a.Now()}
				action := c.take(&m)
				changes := m.Changes()
				for i := range changes {
					changes[i].Action, changes[i].Condition = action, store.Present
				}
				require.NoError(t, a.Store.Directory().Write(t.Context(), changes...))
				got := late.ask(t, token, op, nil, nil)
				require.Equal(t, c.want, got.Code, "%s: %s", op.ID, got.Body)
				require.NotContains(t, []int{http.StatusOK, http.StatusCreated}, late.ask(t, token, op, nil, nil).Code, "the next is known at once")
			}
		})
	}
}
