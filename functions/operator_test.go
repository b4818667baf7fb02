package functions_test

import (
	"encoding/json"
	"testing"

	"github.com/stretchr/testify/require"
)

// invokes sends what the operator invokes functions/admin with.
func invokes(t *testing.T, f *function, tenant, plan string) (answer map[string]any, err error) {
	var event map[string]any
	sample(t, "admin-set-plan", &event)
	event["tenantId"], event["plan"] = tenant, plan
	body, err := json.Marshal(event)
	require.NoError(t, err)
	out, err := f.Invoke(t.Context(), body)
	if err != nil {
		return nil, err
	}
	require.NoError(t, json.Unmarshal(out, &answer))
	return answer, nil
}

func TestTheOperatorChangesAPlan(t *testing.T) {
	e := emulated(t)
	admin := start(t, "admin", e.env("admin")...)
	token, err := e.issuer.Token("alice", "")
	require.NoError(t, err)
	alice := &caller{token: token}
	_, tenant := alice.do(t, admin, "POST", "/v1/tenants", map[string]string{"name": "ABC"})
	id := tenant["id"].(string)
	require.Equal(t, "free", tenant["plan"])

	answer, err := invokes(t, admin, id, "team")
	require.NoError(t, err)
	require.Equal(t, "team", answer["plan"])
	_, tenant = alice.do(t, start(t, "admin", e.env("admin")...), "GET", "/v1/tenants/"+id, nil)
	require.Equal(t, "team", tenant["plan"])
	require.InDelta(t, 6000, tenant["limits"].(map[string]any)["requestsPerMinute"], 0)

	_, err = invokes(t, admin, id, "gold")
	require.ErrorContains(t, err, "plans are free, team and enterprise")
	_, err = admin.Invoke(t.Context(), []byte(`{"operation":"drop"}`))
	require.ErrorContains(t, err, "must be setPlan")

	status, _ := alice.do(t, admin, "POST", "/v1/tenants", map[string]string{"operation": "setPlan", "tenantId": id, "plan": "enterprise", "by": "a", "reason": "b"})
	require.Equal(t, 422, status, "what a caller says is no invocation")
}

// What a function has metered is written when Lambda ends it.
func TestUseIsWrittenWhenAFunctionEnds(t *testing.T) {
	e := emulated(t)
	token, err := e.issuer.Token("alice", "")
	require.NoError(t, err)
	alice := &caller{token: token}
	admin := start(t, "admin", e.env("admin")...)
	_, tenant := alice.do(t, admin, "POST", "/v1/tenants", map[string]string{"name": "ABC"})
	path := "/v1/tenants/" + tenant["id"].(string)
	for range 5 {
		alice.do(t, admin, "GET", path, nil)
	}
	require.NoError(t, admin.Terminate())
	require.NotContains(t, admin.log.String(), "WARNING")
	status, usage := alice.do(t, start(t, "admin", e.env("admin")...), "GET", path+"/usage", nil)
	require.Equal(t, 200, status)
	require.InDelta(t, 5, usage["total"].(map[string]any)["requests"], 0)
}
