package e2e_test

import (
	"crypto/rand"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/infra/e2e"
	"github.com/tenantry/tenantry/pkg/identity/localissuer"
)

// issuer is one that the functions can reach.
func issuer(t *testing.T) *localissuer.Issuer {
	server := httptest.NewUnstartedServer(nil)
	i, err := localissuer.Open(localissuer.Options{URL: "http://" + server.Listener.Addr().String(), KeyFile: filepath.Join(t.TempDir(), "key"),
		Clock: time.Now, Random: rand.Reader})
	require.NoError(t, err)
	server.Config.Handler = i
	server.Start()
	t.Cleanup(server.Close)
	return i
}

// beside serves the platform, and the issuer's sign-in beside it, at one address.
func beside(t *testing.T, p *e2e.Platform, i *localissuer.Issuer) string {
	target, err := url.Parse(p.URL)
	require.NoError(t, err)
	behind := httputil.NewSingleHostReverseProxy(target)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/dev/") {
			i.ServeHTTP(w, r)
			return
		}
		behind.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	return server.URL
}

// readme runs the commands that README shows, as they stand there, and gives what they print.
func readme(t *testing.T, base string) string {
	text, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	flow := ""
	for _, block := range strings.Split(string(text), "```sh\n")[1:] {
		commands, _, found := strings.Cut(block, "```")
		require.True(t, found)
		flow += commands
	}
	docs, err := filepath.Abs("../../docs")
	require.NoError(t, err)
	shell := exec.Command("bash", "-c", flow)
	shell.Dir = t.TempDir()
	require.NoError(t, os.Symlink(docs, filepath.Join(shell.Dir, "docs")))
	shell.Env = append(os.Environ(), "BASE="+base, "FILE=")
	out, err := shell.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), `"total":"2438.3670148"`)
	require.Contains(t, string(out), `"status":404`, "bob sees nothing")
	return string(out)
}

func TestAPlatformStandsUpFromItsTemplate(t *testing.T) {
	i := issuer(t)
	p := e2e.Deploy(t, e2e.NewCloud(t), small(t, i.URL), "1")
	t.Cleanup(func() {
		if t.Failed() {
			t.Logf("failures: %v\nlog:\n%s", p.Failures(), p.Log)
		}
	})
	readme(t, beside(t, p, i))
	p.Drain(t)
	require.Empty(t, p.Failures())
	require.Empty(t, p.Dead(t))
	require.Empty(t, p.Account.Denied())
	require.Positive(t, p.Tick(t, "", time.Now()))
	p.Drain(t)
	require.Empty(t, p.Failures())
	answer, err := http.Get(p.URL + "/v1/nothing")
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	require.Equal(t, 404, answer.StatusCode)
}
