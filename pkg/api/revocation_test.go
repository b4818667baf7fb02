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

// What somebody may no longer do ends within a minute in every operation of every instance, however busy the instance was
// with that somebody's requests meanwhile.
func TestWhatIsTakenAwayEndsWithinAMinuteEverywhere(t *testing.T) {
	for name, c := range map[string]struct {
		take func(*identity.Member) store.Action // changes the membership, or asks for it to be deleted
		want func(route.Operation) int           // the status from then on; 0: any
	}{
		"a membership": {
			func(*identity.Member) store.Action { return store.Delete },
			func(route.Operation) int { return http.StatusNotFound },
		},
		"a role": {
			func(m *identity.Member) store.Action { m.Role = tenant.Viewer; return store.Put },
			func(op route.Operation) int {
				if tenant.Viewer.May(op.Permission) {
					return 0
				}
				return http.StatusForbidden
			},
		},
		"a project": {
			func(m *identity.Member) store.Action { m.Limited = true; return store.Put },
			func(op route.Operation) int {
				if strings.Contains(op.Path, "{projectId}") {
					return http.StatusNotFound
				}
				return 0
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			a := apptest.New(t)
			instances := []*instance{newInstance(t, a), newInstance(t, a)}
			token := a.Join(t, a.Alice.Tenant, "dora", tenant.Admin).Token
			busy(t, instances, token)
			m := identity.Member{Tenant: a.Alice.Tenant, Issuer: a.Issuer.URL, Subject: "dora", Role: tenant.Admin, CreatedAt: a.Now()}
			action := c.take(&m)
			changes := m.Changes()
			for i := range changes {
				changes[i].Action, changes[i].Condition = action, store.Present
			}
			require.NoError(t, a.Store.Directory().Write(t.Context(), changes...))
			for range int(identity.Fresh / time.Second) {
				busy(t, instances, token)
				a.Advance(time.Second)
			}
			for _, i := range instances {
				ends(t, i, token, c.want)
			}
		})
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

// ends asks for every operation of a tenant.
func ends(t *testing.T, i *instance, token string, want func(route.Operation) int) {
	asked := 0
	for _, op := range api.Operations() {
		if status := want(op); strings.Contains(op.Path, "{tenantId}") && status != 0 {
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
