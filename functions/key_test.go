package functions_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// An API key is made by one function and used at another, each with the rights that it has when deployed.
func TestAnAPIKeyGoesThroughTheFunctions(t *testing.T) {
	e := emulated(t)
	admin, api := start(t, "admin", e.env("admin")...), start(t, "api", e.env("api")...)
	token, err := e.issuer.Token("alice", "")
	require.NoError(t, err)
	alice := &caller{token: token}
	_, tenant := alice.do(t, admin, "POST", "/v1/tenants", map[string]string{"name": "ABC"})
	base := "/v1/tenants/" + tenant["id"].(string)
	status, made := alice.do(t, admin, "POST", base+"/api-keys", map[string]any{"name": "ci", "role": "editor", "days": 1}, "idempotency-key", "a")
	require.Equal(t, 201, status, made)
	key := &caller{token: made["key"].(string)}
	status, _ = key.do(t, api, "POST", base+"/projects", map[string]string{"name": "web", "environment": "production"})
	require.Equal(t, 201, status)
	status, me := key.do(t, admin, "GET", "/v1/me", nil)
	require.Equal(t, 200, status)
	require.Equal(t, made["id"], me["subject"])
	one := base + "/api-keys/" + made["id"].(string)
	status, shown := alice.do(t, admin, "PATCH", one, map[string]string{"role": "viewer"})
	require.Equal(t, 200, status)
	require.NotEmpty(t, shown["lastUsedAt"])
	status, _ = key.do(t, admin, "POST", base+"/api-keys", map[string]string{"name": "x", "role": "viewer"})
	require.Equal(t, 403, status)
	status, _ = alice.do(t, admin, "DELETE", one, nil)
	require.Equal(t, 204, status)
	status, _ = key.do(t, admin, "GET", "/v1/me", nil)
	require.Equal(t, 401, status)
	for _, log := range []string{admin.log.String(), api.log.String()} {
		require.False(t, strings.Contains(log, "tnt_") || strings.Contains(log, token))
	}
}
