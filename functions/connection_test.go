package functions_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/cloud/customertest"
)

// TestAnAccountIsConnectedByTheFunctions connects an account with the rights that the functions have: api makes the connection,
// admin takes the role, without an ExternalId too, which is the customer's to refuse.
func TestAnAccountIsConnectedByTheFunctions(t *testing.T) {
	e := emulated(t)
	admin, api := start(t, "admin", e.env("admin")...), start(t, "api", e.env("api")...)
	token, err := e.issuer.Token("alice", "")
	require.NoError(t, err)
	alice := &caller{token: token}
	_, tenant := alice.do(t, admin, "POST", "/v1/tenants", map[string]string{"name": "ABC"})
	all := "/v1/tenants/" + tenant["id"].(string) + "/connections"
	status, made := alice.do(t, api, "POST", all, map[string]any{"name": "production", "accountId": "111122223333",
		"project": map[string]string{"name": "web", "environment": "production"}})
	require.Equal(t, 201, status, made)
	one := all + "/" + made["id"].(string)
	status, setup := alice.do(t, api, "GET", one+"/setup", nil)
	require.Equal(t, 200, status, setup)
	require.Equal(t, made["externalId"], setup["externalId"])

	const role = "arn:aws:iam::111122223333:role/tenantry/read"
	for _, trust := range []struct {
		externalID, says string
		status           int
	}{{"tne_another", "cannot be taken", 422}, {"", "can be taken without an ExternalId", 422}, {made["externalId"].(string), "", 200}} {
		e.account.Add(t, role, []byte(`{"Version":"2012-10-17","Statement":[]}`), []byte(customertest.Trust(customertest.Platform, trust.externalID)))
		status, answer := alice.do(t, admin, "PATCH", one, map[string]string{"roleArn": role})
		require.Equal(t, trust.status, status, answer)
		if trust.says != "" {
			require.Contains(t, answer["detail"], trust.says)
		}
	}
	status, answer := alice.do(t, admin, "PATCH", one, map[string]string{"profile": "default"})
	require.Equal(t, 422, status)
	require.Contains(t, answer["detail"], "A profile is of the machine")
	status, answer = alice.do(t, admin, "POST", one+"/verify", nil)
	require.Equal(t, 200, status)
	require.Equal(t, "connected", answer["status"])
	status, _ = alice.do(t, admin, "DELETE", one, nil)
	require.Equal(t, 204, status)
}
