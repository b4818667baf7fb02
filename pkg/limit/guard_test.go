package limit_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/identity"
	"github.com/tenantry/tenantry/pkg/limit"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// door is an authorization step that knows the credentials that begin with "good", and no tenants but ours.
type door struct {
	ours  *tenant.Scope
	asked atomic.Int64
}

func (d *door) Principal(_ context.Context, authorization string) (tenant.Principal, error) {
	d.asked.Add(1)
	_, token, _ := strings.Cut(authorization, " ")
	token = strings.TrimPrefix(strings.Trim(token, " "), identity.SecretPrefix)
	person, nonce, _ := strings.Cut(token, ".") // one person has many tokens
	if !strings.HasPrefix(token, "good") {
		return tenant.Principal{}, fault.New(fault.Unauthenticated, "no %s", nonce)
	}
	return tenant.Principal{Issuer: "i", Subject: person}, nil
}

func (d *door) Scope(ctx context.Context, authorization, id string, need tenant.Permission) (*tenant.Scope, error) {
	if _, err := d.Principal(ctx, authorization); err != nil {
		return nil, err
	}
	if id != string(d.ours.Tenant()) {
		return nil, fault.New(fault.NotFound, "none")
	}
	if need != tenant.ReadTenant {
		return d.ours, fault.New(fault.Forbidden, "no")
	}
	return d.ours, nil
}

// house serves two operations behind a guard.
type house struct {
	http.Handler
	door *door
	bed  *bed
}

func newHouse(t *testing.T) *house {
	h := &house{door: &door{ours: member(t, tenant.Free)}, bed: &bed{now: noon}}
	spec := func(id, path string, p tenant.Permission) route.Spec {
		return route.Spec{ID: id, Method: "GET", Path: path, Permission: p, Function: route.API, Tag: "T", Summary: "s", Example: struct{}{}}
	}
	nothing := func() (*struct{}, error) { return &struct{}{}, nil }
	of := spec("getTenant", "/v1/tenants/{tenantId}", tenant.ReadTenant)
	of.Reach = route.Within
	var err error
	h.Handler, err = route.Handler([]route.Operation{
		route.ForTenant(of,
			func(context.Context, *tenant.Scope, *struct{}) (*struct{}, error) { return nothing() }),
		route.ForPrincipal(spec("getMe", "/v1/me", tenant.SignedIn),
			func(context.Context, tenant.Principal, *struct{}) (*struct{}, error) { return nothing() }),
	}, limit.NewGuard(h.door, h.bed.clock, limit.Bounds{Wrong: 5, Outside: 7}), route.Options{Clock: h.bed.clock})
	require.NoError(t, err)
	return h
}

func (h *house) ask(source, credential, path string) *httptest.ResponseRecorder {
	r := httptest.NewRequest(http.MethodGet, path, nil)
	r.RemoteAddr = source
	if credential != "" {
		r.Header.Set("Authorization", "Bearer "+credential)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

const me = "/v1/me"

func TestCredentialsThatDoNotHold(t *testing.T) {
	h := newHouse(t)
	require.Equal(t, 204, h.ask("192.0.2.1:80", "tnt_good-before", me).Code)
	for i := range 5 {
		require.Equal(t, 401, h.ask("192.0.2.1:80", fmt.Sprint("tnt_bad", i), me).Code)
	}
	asked := h.door.asked.Load()
	h.bed.advance(15 * time.Second)
	refused := h.ask("192.0.2.1:80", "tnt_bad5", me)
	require.Equal(t, 429, refused.Code)
	require.Equal(t, "45", refused.Header().Get("Retry-After"))
	require.Equal(t, "application/problem+json", refused.Header().Get("Content-Type"))
	require.Equal(t, 429, h.ask("192.0.2.1:80", "tnt_good-after", me).Code)
	require.Equal(t, asked, h.door.asked.Load(), "nothing is looked at")
	require.Equal(t, 204, h.ask("192.0.2.1:80", "good-token", me).Code, "a token that holds")
	require.Equal(t, 429, h.ask("192.0.2.1:80", "bad-token", me).Code)
	require.Equal(t, 401, h.ask("192.0.2.1:80", "", me).Code, "none is none")
	require.Equal(t, 204, h.ask("192.0.2.1:80", "tnt_good-before", me).Code, "what held before is let in")
	require.Equal(t, 401, h.ask("192.0.2.2:80", "bad", me).Code, "another address")
	h.bed.advance(time.Minute)
	require.Equal(t, 204, h.ask("192.0.2.1:80", "tnt_good-after", me).Code)
}

func TestAnAddressOfIPv6IsItsNetwork(t *testing.T) {
	h := newHouse(t)
	for i := range 5 {
		require.Equal(t, 401, h.ask(fmt.Sprintf("[2001:db8::%d]:80", i), "bad", me).Code)
	}
	require.Equal(t, 429, h.ask("[2001:db8::ffff]:80", "bad", me).Code)
	require.Equal(t, 401, h.ask("[2001:db8:0:1::1]:80", "bad", me).Code)
}

func TestRequestsOutsideOfOnesTenants(t *testing.T) {
	h := newHouse(t)
	ours := "/v1/tenants/" + string(h.door.ours.Tenant())
	for i := range 7 {
		require.Equal(t, 404, h.ask("192.0.2.1:80", fmt.Sprint("good-a.", h.door.asked.Load()), fmt.Sprintf("/v1/tenants/other%d", i)).Code)
	}
	require.Equal(t, 429, h.ask("192.0.2.1:80", fmt.Sprint("good-a.", h.door.asked.Load()), me).Code)
	require.Equal(t, 204, h.ask("192.0.2.1:80", "good-b", me).Code, "another credential")
	for range 20 {
		require.Equal(t, 204, h.ask("192.0.2.1:80", "good-c", ours).Code, "one's own tenant has a limit of its own")
	}
	h.bed.advance(time.Minute)
	require.Equal(t, 404, h.ask("192.0.2.1:80", fmt.Sprint("good-a.", h.door.asked.Load()), "/v1/tenants/other").Code)
}

func TestSpellingsOfACredentialAreOne(t *testing.T) {
	h := newHouse(t)
	for i := range 7 {
		require.Equal(t, 204, h.ask("192.0.2.1:80", strings.Repeat(" ", i)+"good-a"+strings.Repeat(" ", i), me).Code)
	}
	require.Equal(t, 429, h.ask("192.0.2.1:80", "          good-a", me).Code)
}

func TestWrongCredentialsAtOnceAreCounted(t *testing.T) {
	h := newHouse(t)
	var mu sync.Mutex
	var group sync.WaitGroup
	codes := map[int]int{}
	for i := range 200 {
		group.Go(func() {
			code := h.ask("192.0.2.1:80", fmt.Sprintf("tnt_bad%d", i), me).Code
			mu.Lock()
			defer mu.Unlock()
			codes[code]++
		})
	}
	group.Wait()
	require.Equal(t, map[int]int{401: 5, 429: 195}, codes)
}
