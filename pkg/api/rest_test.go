package api_test

import (
	"net/http"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/api"
	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/identity"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/storetest"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// resting are the ways in which a tenant rests: what its owner asks for it, and what its members are told of it.
var resting = map[string]struct{ method, below, told string }{
	"suspended": {"POST", "/suspend", "suspended"},
	"deleting":  {"DELETE", "?name=alice%27s", "being deleted"},
}

// stays lists what may be done in a tenant that rests although it is no GET.
var stays = []tenant.Permission{tenant.LeaveTenant, tenant.OwnTenant, tenant.ExportTenant}

// A tenant that rests is read as before and not changed: every operation that is no GET is refused, whoever asks, saying why,
// and what reaches the store is the row that tells of the refusal.
func TestATenantThatRestsIsReadAndNotChanged(t *testing.T) {
	for name, rest := range resting {
		t.Run(name, func(t *testing.T) {
			a := apptest.New(t)
			a.Alice.Do(t, rest.method, a.Alice.Path(rest.below), nil)
			admin := a.Join(t, a.Alice.Tenant, "carol", tenant.Admin)
			refused := 0
			for _, op := range api.Operations() {
				if !strings.HasPrefix(op.Path, "/v1/tenants/{tenantId}") || slices.Contains(stays, op.Permission) {
					continue
				}
				for who, c := range map[string]*apptest.Client{"owner": a.Alice.Client, "admin": admin} {
					answer, written := asks(t, a, c, op)
					reads := op.Method == http.MethodGet && (name == "suspended" || who == "owner")
					if reads {
						require.NotEqual(t, http.StatusForbidden, answer.Status, "%s by %s", op.ID, who)
						require.Empty(t, written)
						continue
					}
					answer.Fails(t, 403, "")
					require.Contains(t, string(answer.Body), rest.told, "%s by %s", op.ID, who)
					for _, at := range written {
						require.Equal(t, store.AuditTable, at.Table, "%s by %s writes %v", op.ID, who, at)
					}
					refused++
				}
			}
			require.Greater(t, refused, 20)
		})
	}
}

// asks sends an operation's example as a client and gives what is written meanwhile, books aside.
func asks(t *testing.T, a *apptest.App, c *apptest.Client, op route.Operation) (*apptest.Answer, []store.Address) {
	ids := map[string]string{"tenantId": string(a.Alice.Tenant), "projectId": string(a.Alice.Project)}
	r, err := op.NewRequest(t.Context(), a.URL, ids)
	require.NoError(t, err)
	var written []store.Address
	a.Faults.See(func(_ storetest.Method, ops []store.Op) storetest.Fault {
		for _, o := range ops {
			if !isBook(o.Address.SK) {
				written = append(written, o.Address)
			}
		}
		return storetest.None
	})
	defer a.Faults.See(nil)
	return c.Send(t, r), written
}

// Whoever served a tenant's requests before knows within a minute that it rests, however busy.
func TestThatATenantRestsIsKnownWithinAMinuteEverywhere(t *testing.T) {
	for name, rest := range resting {
		t.Run(name, func(t *testing.T) {
			a := apptest.New(t)
			other := newInstance(t, a)
			busy(t, []*instance{other}, a.Alice.Token)
			require.Less(t, a.Alice.Do(t, rest.method, a.Alice.Path(rest.below), nil).Status, 300)
			a.Alice.Do(t, "PUT", a.Alice.Path("/tag-keys"), map[string]any{"keys": []string{"a"}}).Fails(t, 403, "")
			for range int(identity.Fresh / time.Second) {
				busy(t, []*instance{other}, a.Alice.Token)
				a.Advance(time.Second)
			}
			for _, op := range api.Operations() {
				if op.Method != http.MethodGet && strings.HasPrefix(op.Path, "/v1/tenants/{tenantId}") && !slices.Contains(stays, op.Permission) {
					require.Equal(t, 403, other.ask(t, a.Alice.Token, op, nil, nil).Code, op.ID)
				}
			}
		})
	}
}
