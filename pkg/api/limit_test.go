package api_test

import (
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/api"
	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/limit"
	"github.com/tenantry/tenantry/pkg/store/storetest"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// small is a server on an app's store whose new tenants have the smallest plan.
type small struct {
	http.Handler
	app    *apptest.App
	token  string
	tenant string
	key    string // Idempotency-Key
}

func newSmall(t *testing.T, a *apptest.App) *small {
	s := &small{app: a, token: a.As(t, "erin").Token}
	s.Handler = a.Another(t, func(d *api.Deps) { d.Plan, d.Strangers = tenant.Free, limit.Bounds{} })
	var made struct{ ID string }
	w := s.ask(t, "POST", "/v1/tenants", `{"name":"Small"}`)
	require.Equal(t, 201, w.Code)
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &made))
	s.tenant = "/v1/tenants/" + made.ID
	return s
}

func (s *small) ask(t *testing.T, method, path, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequestWithContext(t.Context(), method, path, strings.NewReader(body))
	r.Header.Set("Authorization", "Bearer "+s.token)
	r.Header.Set("Content-Type", "application/json")
	if s.key != "" {
		r.Header.Set("Idempotency-Key", s.key)
	}
	w := httptest.NewRecorder()
	s.ServeHTTP(w, r)
	return w
}

func TestATenantIsLimitedToItsPlansRequests(t *testing.T) {
	a := apptest.New(t)
	s := newSmall(t, a)
	a.Advance(10 * time.Second)
	a.Faults.Plan(nil)
	for n := range 600 {
		path := s.tenant
		if n%2 == 0 {
			path += "/projects/" + apptest.Never("projectId") // what fails is a request too
		}
		w := s.ask(t, "GET", path, "")
		require.Contains(t, []int{200, 404}, w.Code)
		require.Equal(t, `"requests";q=600;w=60`, w.Header().Get("RateLimit-Policy"))
		require.NotEmpty(t, w.Header().Get("RateLimit"))
	}
	require.LessOrEqual(t, a.Faults.Calls(storetest.Add)*20, 600)
	reads, adds := a.Faults.Calls(storetest.Get), a.Faults.Calls(storetest.Add)
	for range 3 {
		w := s.ask(t, "POST", s.tenant+"/projects", `{"name":"web","environment":"production"}`)
		require.Equal(t, 429, w.Code)
		require.Equal(t, "50", w.Header().Get("Retry-After"))
		require.Equal(t, `"requests";r=0;t=50`, w.Header().Get("RateLimit"))
		require.Contains(t, w.Body.String(), "requestsPerMinute")
	}
	require.Equal(t, []int{reads, adds}, []int{a.Faults.Calls(storetest.Get), a.Faults.Calls(storetest.Add)}, "a refusal asks nobody")
	require.Zero(t, a.Faults.Calls(storetest.Write))
	a.Alice.Get(t, a.Alice.Path("")).Is(t, 200)
	a.Advance(50 * time.Second)
	require.Equal(t, 200, s.ask(t, "GET", s.tenant, "").Code)
}

// Who hammers with what does not hold is refused before anything is looked up.
func TestStrangersAreLimited(t *testing.T) {
	a := apptest.New(t)
	s := newSmall(t, a)
	s.token = "tnt_not"
	for range 100 {
		require.Equal(t, 401, s.ask(t, "GET", s.tenant, "").Code)
	}
	require.Equal(t, 429, s.ask(t, "GET", s.tenant, "").Code)
	s.token = a.As(t, "stranger").Token
	a.Advance(time.Minute)
	for range 300 {
		require.Equal(t, 404, s.ask(t, "GET", s.tenant, "").Code)
	}
	reads := a.Faults.Calls(storetest.Get)
	require.Equal(t, 429, s.ask(t, "GET", s.tenant, "").Code)
	require.Equal(t, reads, a.Faults.Calls(storetest.Get))
}

// Somebody has a key that leaked, and uses up the tenant's requests with it; a viewer helps.
func TestAnOwnerCanAlwaysRevokeAKey(t *testing.T) {
	a := apptest.New(t)
	s := newSmall(t, a)
	owner := s.token
	var leaked struct{ ID, Key string }
	w := s.ask(t, "POST", s.tenant+"/api-keys", `{"name":"leaky","role":"viewer"}`)
	require.Equal(t, 201, w.Code)
	require.NoError(t, json.Unmarshal(w.Body.Bytes(), &leaked))
	viewer := a.Join(t, tenant.ID(strings.TrimPrefix(s.tenant, "/v1/tenants/")), "vic", tenant.Viewer).Token
	revoke := s.tenant + "/api-keys/" + leaked.ID
	s.token = leaked.Key
	for n := 0; s.ask(t, "GET", s.tenant, "").Code != 429; n++ {
		require.Less(t, n, 700)
	}
	for _, token := range []string{leaked.Key, viewer} {
		s.token = token
		for range 100 {
			require.Equal(t, 429, s.ask(t, "DELETE", revoke, "").Code, "who may not has nothing kept")
		}
	}
	s.token = owner
	require.Equal(t, 429, s.ask(t, "GET", s.tenant, "").Code)
	require.Equal(t, 204, s.ask(t, "DELETE", revoke, "").Code)
	for range 59 {
		require.NotEqual(t, 429, s.ask(t, "DELETE", revoke, "").Code)
	}
	require.Equal(t, 429, s.ask(t, "DELETE", revoke, "").Code, "a tenth of the limit and no more")
}
