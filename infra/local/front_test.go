package main_test

import (
	"encoding/json"
	"io"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/route"
)

// get asks without a token, as a browser, for a path at a host's name.
func (p *process) get(t *testing.T, path, host string) (answer *http.Response, body string) {
	r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.url+path, nil)
	require.NoError(t, err)
	r.Host = host
	answer, err = http.DefaultTransport.RoundTrip(r)
	require.NoError(t, err)
	defer answer.Body.Close()
	b, err := io.ReadAll(answer.Body)
	require.NoError(t, err)
	return answer, string(b)
}

func TestFront(t *testing.T) {
	p := start(t, t.TempDir(), "TENANTRY_LOG=json")
	t.Run("answers that it is well", func(t *testing.T) {
		answer, body := p.get(t, "/v1/health", "localhost:8080")
		require.Equal(t, 200, answer.StatusCode)
		require.JSONEq(t, `{"status":"ok"}`, body)
	})
	t.Run("leads to the reference", func(t *testing.T) {
		answer, _ := p.get(t, "/", "")
		require.Equal(t, "/docs", answer.Header.Get("Location"))
	})
	t.Run("shows every operation and nothing from elsewhere", func(t *testing.T) {
		answer, page := p.get(t, "/docs", "")
		require.Equal(t, "text/html; charset=utf-8", answer.Header.Get("Content-Type"))
		require.Contains(t, answer.Header.Get("Content-Security-Policy"), "default-src 'none'")
		own := "curl -s -d subject=alice " + p.url + "/dev/token"
		require.Contains(t, page, own, "it runs as it is written")
		require.NotContains(t, strings.Replace(page, own, "", 1), "http://")
		require.NotRegexp(t, `(id="|href="#)[^"]*\s[^"]*"`, page)
		require.NotContains(t, page, "https://")
		_, document := p.get(t, "/v1/openapi.json", "")
		var contract struct {
			OpenAPI string
			Paths   map[string]map[string]struct{ OperationID string }
		}
		require.NoError(t, json.Unmarshal([]byte(document), &contract))
		require.True(t, strings.HasPrefix(contract.OpenAPI, "3.1"))
		require.NotEmpty(t, contract.Paths)
		for path, methods := range contract.Paths {
			for method, operation := range methods {
				require.Contains(t, page, `id="`+operation.OperationID+`"`)
				require.Contains(t, page, strings.ToUpper(method)+" "+path)
			}
		}
	})
	t.Run("has nothing elsewhere, and redirects nobody", func(t *testing.T) {
		for _, path := range []string{"/none", "/v1//health", "/docs/", "/v1/../docs", "/debug/pprof/"} {
			answer, _ := p.get(t, path, "")
			require.Equal(t, 404, answer.StatusCode, path)
			require.Equal(t, "application/problem+json", answer.Header.Get("Content-Type"), path)
		}
	})
	t.Run("refuses names that others may have lead here", func(t *testing.T) {
		for host, want := range map[string]int{"evil.example": 403, "localhost.evil.example": 403, "localhost": 200, "127.0.0.1:1": 200, "[::1]:1": 200} {
			answer, _ := p.get(t, "/v1/health", host)
			require.Equal(t, want, answer.StatusCode, host)
		}
	})
	t.Run("logs in JSON where asked to, and no token", func(t *testing.T) {
		alice := p.as(t, "alice")
		alice.project(t)
		for line := range strings.SplitSeq(strings.TrimSpace(p.log.String()), "\n") {
			require.True(t, json.Valid([]byte(line)), line)
			require.NotContains(t, line, alice.token)
		}
	})
}

func TestFrontSaysWhichMethodsAPathTakes(t *testing.T) {
	p := start(t, t.TempDir())
	for path, allow := range map[string]string{"/docs": "GET, HEAD", "/v1/openapi.json": "GET, HEAD", "/uploads/x": "PUT", "/downloads/x": "GET, HEAD",
		"/dev/plan": "POST", "/v1/health": "GET"} {
		r, err := http.NewRequestWithContext(t.Context(), http.MethodPatch, p.url+path, nil)
		require.NoError(t, err)
		answer, err := http.DefaultClient.Do(r)
		require.NoError(t, err)
		defer answer.Body.Close()
		require.Equal(t, 405, answer.StatusCode, path)
		require.Equal(t, allow, answer.Header.Get("Allow"), path)
		require.Equal(t, "application/problem+json", answer.Header.Get("Content-Type"), path)
		var problem route.Problem
		require.NoError(t, json.NewDecoder(answer.Body).Decode(&problem), path)
		require.Equal(t, 405, problem.Status, path)
		require.Contains(t, problem.Detail, "Allow says", path)
	}
}

func TestAnAddressOfTheNetworkIsWarnedOf(t *testing.T) {
	p := start(t, t.TempDir(), "TENANTRY_ADDR=0.0.0.0:0")
	require.True(t, strings.HasPrefix(p.url, "http://127.0.0.1:"))
	require.Eventually(t, func() bool { return strings.Contains(p.said.String(), "can sign in as anybody") }, time.Second, time.Millisecond)
	answer, _ := p.get(t, "/v1/health", "name.of.this.machine")
	require.Equal(t, 200, answer.StatusCode)
	p.as(t, "alice").project(t)
}

func TestTheDemo(t *testing.T) {
	data := t.TempDir()
	p := start(t, data, "TENANTRY_DEMO=on")
	answer, _ := p.get(t, "/v1/health", "")
	require.Equal(t, 200, answer.StatusCode, "the first answer does not wait for it")
	pending := func() bool {
		_, err := os.Stat(filepath.Join(data, "demo.pending"))
		return err == nil
	}
	p.kill(t)
	require.True(t, pending())

	p = start(t, data, "TENANTRY_DEMO=on")
	require.Eventually(t, func() bool { return !pending() }, 30*time.Second, 20*time.Millisecond, "what a kill ended goes on")
	for _, owner := range []string{"alice", "bob"} {
		tenants := p.as(t, owner).do(t, 200, "GET", "/v1/tenants", nil)["items"].([]any)
		require.Len(t, tenants, 1, owner)
	}
	require.Contains(t, p.log.String(), "demo tenants are filled")

	require.NoError(t, p.Process.Signal(os.Interrupt))
	require.NoError(t, p.Wait())
	again := start(t, data, "TENANTRY_DEMO=on")
	require.NotContains(t, again.log.String(), "createTenant", "it is filled once")
}

func TestStrangersHoldNoConnections(t *testing.T) {
	t.Parallel()
	p := start(t, t.TempDir())
	for _, path := range []string{"/v1/tenants", "/dev/token", "/uploads/none", "/docs", "/none"} {
		t.Run(path, func(t *testing.T) {
			t.Parallel()
			c, err := net.Dial("tcp", strings.TrimPrefix(p.url, "http://"))
			require.NoError(t, err)
			defer c.Close()
			_, err = io.WriteString(c, "POST "+path+" HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n{")
			require.NoError(t, err)
			require.NoError(t, c.SetReadDeadline(time.Now().Add(90*time.Second)))
			_, err = io.Copy(io.Discard, c)
			require.NoError(t, err, "the server closes it")
		})
	}
}
