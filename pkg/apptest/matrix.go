package apptest

import (
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// never are IDs that are well-formed and nobody's, by the names of path parameters.
var never = map[string]string{
	"tenantId": "ten_7ZZZZZZZZZZZZZZZZZZZZZZZZZ", "projectId": "prj_7ZZZZZZZZZZZZZZZZZZZZZZZZZ", "importId": "imp_7ZZZZZZZZZZZZZZZZZZZZZZZZZ",
	"memberId": "mem_7ZZZZZZZZZZZZZZZZZZZZZZZZZ", "invitationId": "inv_7ZZZZZZZZZZZZZZZZZZZZZZZZZ",
}

// Matrix checks of every operation that nobody gets through who should not. bobs are IDs of Bob's, by the names of path
// parameters, beside those of his tenant and project.
func (a *App) Matrix(t *testing.T, ops []route.Operation, bobs map[string]string) {
	for _, op := range ops {
		t.Run(op.ID, func(t *testing.T) {
			if op.Permission == tenant.Public {
				a.call(t, op, a.With(""), nil).Is(t, http.StatusOK)
				return
			}
			t.Run("asks for an identity", func(t *testing.T) { a.Unauthenticated(t, op) })
			if op.Permission == tenant.SignedIn || op.Permission == tenant.Person {
				return
			}
			t.Run("shows strangers nothing", func(t *testing.T) { a.ForeignTenant(t, op) })
			t.Run("asks for the permission", func(t *testing.T) { a.PermissionMissing(t, op) })
			t.Run("finds nothing of other tenants", func(t *testing.T) { a.ForeignIDs(t, op, bobs) })
		})
	}
}

// call makes the request of an operation's example, in Alice's tenant and project where path does not say otherwise.
func (a *App) call(t *testing.T, op route.Operation, c *Client, path map[string]string) *Answer {
	values := map[string]string{"tenantId": string(a.Alice.Tenant), "projectId": string(a.Alice.Project)}
	for name, id := range path {
		values[name] = id
	}
	r, err := op.NewRequest(t.Context(), a.URL, values)
	require.NoError(t, err)
	return c.Send(t, r)
}

// Unauthenticated checks that no token, and none that does not hold, is let in.
func (a *App) Unauthenticated(t *testing.T, op route.Operation) {
	for name, token := range a.BadTokens(t) {
		answer := a.call(t, op, a.With(token), nil)
		answer.Fails(t, http.StatusUnauthorized, "")
		require.Contains(t, answer.Header.Get("WWW-Authenticate"), "Bearer", name)
	}
}

// BadTokens gives tokens of Alice that do not hold, by what is wrong with them.
func (a *App) BadTokens(t *testing.T) map[string]string {
	now := a.Now()
	claims := func(change func(jwt.MapClaims)) jwt.MapClaims {
		c := jwt.MapClaims{"iss": a.URL, "sub": "alice", "client_id": "local", "token_use": "access", "iat": now.Unix(), "exp": now.Add(time.Hour).Unix()}
		change(c)
		return c
	}
	signed := func(change func(jwt.MapClaims)) string {
		s, err := a.Issuer.Sign(claims(change))
		require.NoError(t, err)
		return s
	}
	none, err := jwt.NewWithClaims(jwt.SigningMethodNone, claims(func(jwt.MapClaims) {})).SignedString(jwt.UnsafeAllowNoneSignatureType)
	require.NoError(t, err)
	part := strings.Split(signed(func(c jwt.MapClaims) { c["sub"] = "bob" }), ".")
	good := strings.Split(a.Alice.Token, ".")
	return map[string]string{
		"none":         "",
		"not a token":  "abc",
		"tampered":     good[0] + "." + part[1] + "." + good[2],
		"expired":      signed(func(c jwt.MapClaims) { c["exp"] = now.Add(-2 * time.Minute).Unix() }),
		"unsigned":     none,
		"issuer":       signed(func(c jwt.MapClaims) { c["iss"] = "https://example.com" }),
		"audience":     signed(func(c jwt.MapClaims) { c["client_id"] = "other" }),
		"for identity": signed(func(c jwt.MapClaims) { c["token_use"] = "id" }),
	}
}

// ForeignTenant checks that an existing tenant looks to strangers as one that never was, byte for byte.
func (a *App) ForeignTenant(t *testing.T, op route.Operation) {
	for _, stranger := range []*Client{a.Bob.Client, a.As(t, "carol")} {
		want := a.call(t, op, stranger, map[string]string{"tenantId": never["tenantId"]})
		want.Fails(t, http.StatusNotFound, "")
		for _, id := range []string{string(a.Alice.Tenant), "x", string(a.Alice.Tenant) + "x", strings.ToLower(string(a.Alice.Tenant))} {
			same(t, want, a.call(t, op, stranger, map[string]string{"tenantId": id}))
		}
	}
}

// PermissionMissing checks that roles without the permission are refused and those with it are not.
func (a *App) PermissionMissing(t *testing.T, op route.Operation) {
	for _, role := range []tenant.Role{tenant.Viewer, tenant.Editor, tenant.Admin, tenant.Owner} {
		member := a.Join(t, a.Alice.Tenant, op.ID+string(role), role)
		answer := a.call(t, op, member, nobodys(op))
		if role.May(op.Permission) {
			require.NotContains(t, []int{http.StatusUnauthorized, http.StatusForbidden}, answer.Status, role)
		} else {
			answer.Fails(t, http.StatusForbidden, string(op.Permission))
		}
	}
}

// nobodys leaves the tenant as it is and lets the rest of the path be nobody's, so that the call changes little.
func nobodys(op route.Operation) map[string]string {
	ids := map[string]string{}
	for name, id := range never {
		if name != "tenantId" && strings.Contains(op.Path, "{"+name+"}") {
			ids[name] = id
		}
	}
	return ids
}

// ForeignIDs checks that an ID of Bob's in a path of Alice's looks as one that never was, byte for byte.
func (a *App) ForeignIDs(t *testing.T, op route.Operation, bobs map[string]string) {
	ids := map[string]string{"projectId": string(a.Bob.Project)}
	for name, id := range bobs {
		ids[name] = id
	}
	for _, p := range strings.Split(op.Path, "/") {
		name := strings.Trim(p, "{}")
		if name == p || name == "tenantId" || !strings.HasSuffix(name, "Id") {
			continue
		}
		require.NotEmpty(t, never[name], "pkg/apptest does not know what the path parameter %s names", name)
		require.NotEmpty(t, ids[name], "the test has no ID of Bob's for the path parameter %s", name)
		want := a.call(t, op, a.Alice.Client, map[string]string{name: never[name]})
		want.Fails(t, http.StatusNotFound, "")
		same(t, want, a.call(t, op, a.Alice.Client, map[string]string{name: ids[name]}))
		same(t, want, a.call(t, op, a.Alice.Client, map[string]string{name: "x"}))
	}
}

func same(t *testing.T, want, got *Answer) {
	t.Helper()
	require.Equal(t, want.Status, got.Status)
	require.Equal(t, string(want.Body), string(got.Body))
	for _, h := range []http.Header{want.Header, got.Header} {
		h.Del("X-Request-Id")
		h.Del("Date")
	}
	require.Equal(t, want.Header, got.Header)
}
