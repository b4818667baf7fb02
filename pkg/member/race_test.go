package member_test

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/audit"
	"github.com/tenantry/tenantry/pkg/identity"
	"github.com/tenantry/tenantry/pkg/member"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/bolt"
	"github.com/tenantry/tenantry/pkg/store/dynamo/dynamolocal"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// began is real: DynamoDB Local takes away what has expired by its own clock.
var began = time.Now().UTC().Truncate(time.Second)

func clock() time.Time { return began }

// engines are the real ones.
var engines = map[string]func(testing.TB) store.Engine{
	"bolt": func(t testing.TB) store.Engine {
		e, err := bolt.Open(filepath.Join(t.TempDir(), "store"), bolt.Options{Clock: clock, NoSync: true})
		require.NoError(t, err)
		t.Cleanup(func() { require.NoError(t, e.Close()) })
		return e
	},
	"DynamoDB": func(t testing.TB) store.Engine { return dynamolocal.Open(t, clock) },
}

// house is a tenant of the plan free whose members are known by their names.
type house struct {
	http.Handler
	id    tenant.ID
	store *store.Store
}

func newHouse(t testing.TB, e store.Engine, owners ...string) *house {
	id, err := tenant.NewID(began, rand.Reader)
	require.NoError(t, err)
	h := &house{id: id, store: store.New(e)}
	scope, err := identity.Found(tenant.Principal{}, id, tenant.Free)
	require.NoError(t, err)
	items, err := h.store.Tenant(scope)
	require.NoError(t, err)
	require.NoError(t, items.Write(t.Context(), store.Change{Key: store.Meta(), Value: map[string]string{"status": "active", "plan": "free"}}))
	for _, name := range owners {
		m := identity.Member{Tenant: id, Issuer: "https://issuer", Subject: name, Role: tenant.Owner}
		require.NoError(t, h.store.Directory().Write(t.Context(), m.Changes()...))
	}
	s := &member.Service{Store: h.store, Clock: clock, Random: rand.Reader, Audit: audit.Log{Clock: clock, Random: rand.Reader}, Forget: func(tenant.Principal, tenant.ID) {}}
	h.Handler, err = route.Handler(s.Operations(), h, route.Options{Log: slog.New(slog.DiscardHandler)})
	require.NoError(t, err)
	return h
}

// Principal is whoever one says one is.
func (h *house) Principal(_ context.Context, authorization string) (tenant.Principal, error) {
	return tenant.Principal{Issuer: "https://issuer", Subject: authorization}, nil
}

// Scope is that of a member, as the directory has it now.
func (h *house) Scope(ctx context.Context, authorization, _ string, need tenant.Permission) (*tenant.Scope, error) {
	p, _ := h.Principal(ctx, authorization)
	m, err := identity.Read(ctx, h.store.Directory(), p, h.id)
	if err != nil {
		return nil, err
	}
	return tenant.Authorize(p, m, tenant.Standing{Status: tenant.Active, Plan: tenant.Free}, need)
}

// do asks for something below the tenant, or for what begins with /v1.
func (h *house) do(t testing.TB, name, method, path, body string) (int, string) {
	if !strings.HasPrefix(path, "/v1") {
		path = "/v1/tenants/" + string(h.id) + path
	}
	var sent io.Reader
	if body != "" {
		sent = strings.NewReader(body)
	}
	r := httptest.NewRequestWithContext(t.Context(), method, path, sent)
	r.Header.Set("Authorization", name)
	r.Header.Set("Content-Type", "application/json")
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w.Code, w.Body.String()
}

// counts gives how many of the calls that are made at once end with each status. Whoever meets others asks again.
func counts(calls ...func() (int, string)) map[int]int {
	var mu sync.Mutex
	all, start := map[int]int{}, make(chan struct{})
	var group sync.WaitGroup
	for _, call := range calls {
		group.Go(func() {
			<-start
			status, said := call()
			for strings.Contains(said, "by others") {
				status, said = call()
			}
			mu.Lock()
			defer mu.Unlock()
			all[status]++
		})
	}
	close(start)
	group.Wait()
	return all
}

func (h *house) members(t testing.TB, roles ...tenant.Role) (n int) {
	page, err := h.store.Directory().Query(t.Context(), store.OrgMembers(h.id), store.List{Consistency: store.Strongly})
	require.NoError(t, err)
	for _, r := range page.Records {
		var m identity.Member
		require.NoError(t, r.Value.Decode(&m))
		for _, role := range roles {
			if m.Role == role {
				n++
			}
		}
	}
	return n
}

func TestAnOwnerIsLeftWhateverHappensAtOnce(t *testing.T) {
	for engine, open := range engines {
		t.Run(engine, func(t *testing.T) {
			e := open(t)
			id := func(h *house, name string) string {
				return "/members/" + string(tenant.MemberIDOf(h.id, "https://issuer", name))
			}
			for name, ways := range map[string][2]func(h *house, by string) (int, string){
				"both leave": {
					func(h *house, by string) (int, string) { return h.do(t, by, "POST", "/leave", "") },
					func(h *house, by string) (int, string) { return h.do(t, by, "POST", "/leave", "") },
				},
				"both become less": {
					func(h *house, by string) (int, string) { return h.do(t, by, "PATCH", id(h, by), `{"role":"viewer"}`) },
					func(h *house, by string) (int, string) { return h.do(t, by, "PATCH", id(h, by), `{"role":"admin"}`) },
				},
				"one leaves and removes the other": {
					func(h *house, by string) (int, string) { return h.do(t, by, "POST", "/leave", "") },
					func(h *house, _ string) (int, string) { return h.do(t, "ann", "DELETE", id(h, "bea"), "") },
				},
			} {
				t.Run(name, func(t *testing.T) {
					for range 10 {
						h := newHouse(t, e, "ann", "bea")
						got := counts(func() (int, string) { return ways[0](h, "ann") }, func() (int, string) { return ways[1](h, "bea") })
						require.Equal(t, 1, got[200]+got[204], got)
						require.Equal(t, 1, h.members(t, tenant.Owner))
					}
				})
			}
		})
	}
}

// Eight invitations of a plan of five members, two of whom are there, and all are accepted at once; each by two people.
func TestPlansAndTokensHoldWhateverHappensAtOnce(t *testing.T) {
	for engine, open := range engines {
		t.Run(engine, func(t *testing.T) {
			h := newHouse(t, open(t), "ann", "bea")
			invite := func() (int, string) { return h.do(t, "ann", "POST", "/invitations", `{"role":"viewer"}`) }
			var tokens []string
			var mu sync.Mutex
			kept := func() (int, string) {
				status, said := invite()
				var i member.Issued
				if status == 201 && json.Unmarshal([]byte(said), &i) == nil {
					mu.Lock()
					defer mu.Unlock()
					tokens = append(tokens, i.Token)
				}
				return status, said
			}
			got := counts(kept, kept, kept, kept, kept, kept, kept, kept)
			require.Equal(t, map[int]int{201: 5, 403: 3}, got)
			var calls []func() (int, string)
			for i, token := range tokens {
				for j := range 2 {
					calls = append(calls, func() (int, string) {
						return h.do(t, fmt.Sprint("guest", i, j), "POST", "/v1/invitations/accept", fmt.Sprintf(`{"token":%q}`, token))
					})
				}
			}
			got = counts(calls...)
			require.Equal(t, 3, got[201], got)
			require.Equal(t, 7, got[403]+got[404], got)
			require.Equal(t, 3, h.members(t, tenant.Viewer))
		})
	}
}

// One person with two invitations becomes one member.
func TestOnePersonJoinsOnce(t *testing.T) {
	for engine, open := range engines {
		t.Run(engine, func(t *testing.T) {
			h := newHouse(t, open(t), "ann")
			var calls []func() (int, string)
			for _, role := range []tenant.Role{tenant.Viewer, tenant.Editor} {
				var i member.Issued
				_, said := h.do(t, "ann", "POST", "/invitations", fmt.Sprintf(`{"role":%q}`, role))
				require.NoError(t, json.Unmarshal([]byte(said), &i))
				calls = append(calls, func() (int, string) {
					return h.do(t, "guest", "POST", "/v1/invitations/accept", fmt.Sprintf(`{"token":%q}`, i.Token))
				})
			}
			require.Equal(t, map[int]int{201: 1, 409: 1}, counts(calls...))
			require.Equal(t, 1, h.members(t, tenant.Viewer, tenant.Editor))
		})
	}
}
