package main_test

import (
	"net/http"
	"net/url"
	"os"
	"path"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

func (p *process) plan(t *testing.T, tenant, plan, origin string) int {
	form := url.Values{"tenantId": {path.Base(tenant)}, "plan": {plan}}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.url+"/dev/plan", strings.NewReader(form.Encode()))
	require.NoError(t, err)
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	if origin != "" {
		r.Header.Set("Origin", origin)
	}
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	return answer.StatusCode
}

func TestTheOperatorOfOneMachine(t *testing.T) {
	p := start(t, t.TempDir())
	alice := p.as(t, "alice")
	tenant, _ := alice.project(t)
	require.Equal(t, 200, p.plan(t, tenant, "team", ""))
	require.Equal(t, "team", alice.do(t, 200, "GET", tenant, nil)["plan"])
	require.Equal(t, 422, p.plan(t, tenant, "gold", ""))
	require.Equal(t, 404, p.plan(t, "none", "free", ""))
	nobodys, err := http.PostForm(p.url+"/dev/plan", url.Values{"plan": {"free"}})
	require.NoError(t, err)
	require.NoError(t, nobodys.Body.Close())
	require.Equal(t, 422, nobodys.StatusCode, "whose plan is not said")
	require.Equal(t, 403, p.plan(t, tenant, "free", "https://evil.example"))
	answer, _ := p.get(t, "/dev/plan", "")
	require.Equal(t, 405, answer.StatusCode)
}

// What was used is still known when the process was told to end and begins anew.
func TestUseOutlivesTheProcess(t *testing.T) {
	data := t.TempDir()
	p := start(t, data)
	alice := p.as(t, "alice")
	tenant, _ := alice.project(t)
	for range 3 {
		alice.do(t, 200, "GET", tenant, nil)
	}
	used := func(by *person) any {
		return by.do(t, 200, "GET", tenant+"/usage", nil)["total"].(map[string]any)["requests"]
	}
	require.InDelta(t, 4, used(alice), 0)
	require.NoError(t, p.Process.Signal(os.Interrupt))
	require.NoError(t, p.Wait())
	require.InDelta(t, 5, used(start(t, data).as(t, "alice")), 0, "with the question itself")
}
