package localissuer_test

import (
	"bytes"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/identity"
	"github.com/tenantry/tenantry/pkg/identity/localissuer"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/bolt"
)

func now() time.Time { return time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC) }

func open(t *testing.T, url, file string) *localissuer.Issuer {
	i, err := localissuer.Open(localissuer.Options{URL: url, KeyFile: file, Clock: now, Random: bytes.NewReader(make([]byte, 1000))})
	require.NoError(t, err)
	return i
}

func post(i http.Handler, contentType, body string) *httptest.ResponseRecorder {
	r := httptest.NewRequest("POST", "/dev/token", strings.NewReader(body))
	r.Header.Set("Content-Type", contentType)
	w := httptest.NewRecorder()
	i.ServeHTTP(w, r)
	return w
}

const form, asJSON = "application/x-www-form-urlencoded", "application/json"

func TestTokenRequests(t *testing.T) {
	i := open(t, "http://issuer", filepath.Join(t.TempDir(), "key.pem"))
	for name, c := range map[string]struct {
		contentType, body string
		status            int
		subject, email    any
	}{
		"a form":              {form, "subject=alice&email=a%40b.c", 200, "alice", "a@b.c"},
		"JSON":                {asJSON + "; charset=utf-8", `{"subject":"alice"}`, 200, "alice", nil},
		"no subject":          {form, "email=a", 400, nil, nil},
		"a long subject":      {form, "subject=" + strings.Repeat("s", 256), 400, nil, nil},
		"an unprintable one":  {form, "subject=a%00b", 400, nil, nil},
		"JSON that is none":   {asJSON, "{", 400, nil, nil},
		"a form that is none": {form, "subject=%zz", 400, nil, nil},
		"too much":            {form, "subject=" + strings.Repeat("s", 9000), 400, nil, nil},
	} {
		t.Run(name, func(t *testing.T) {
			w := post(i, c.contentType, c.body)
			require.Equal(t, c.status, w.Code, w.Body.String())
			require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
			var answer map[string]any
			require.NoError(t, json.Unmarshal(w.Body.Bytes(), &answer))
			if c.status != 200 {
				require.Equal(t, "invalid_request", answer["error"])
				return
			}
			require.Equal(t, "Bearer", answer["token_type"])
			require.Equal(t, 3600.0, answer["expires_in"])
			claims := jwt.MapClaims{}
			token, _, err := jwt.NewParser().ParseUnverified(answer["access_token"].(string), claims)
			require.NoError(t, err)
			require.Equal(t, "RS256", token.Method.Alg())
			require.NotEmpty(t, claims["jti"])
			delete(claims, "jti")
			want := jwt.MapClaims{"iss": "http://issuer", "sub": c.subject, "username": c.subject, "client_id": "local", "token_use": "access",
				"scope": "openid", "iat": float64(now().Unix()), "exp": float64(now().Add(time.Hour).Unix())}
			if c.email != nil {
				want["email"] = c.email
			}
			require.Equal(t, want, claims)
		})
	}
	r := httptest.NewRecorder()
	i.ServeHTTP(r, httptest.NewRequest("GET", "/dev/token?subject=alice", nil))
	require.Equal(t, http.StatusMethodNotAllowed, r.Code)
}

func TestTokensHoldAfterARestart(t *testing.T) {
	server := httptest.NewUnstartedServer(nil)
	url, file := "http://"+server.Listener.Addr().String(), filepath.Join(t.TempDir(), "new", "key.pem")
	token, err := open(t, url, file).Token("alice", "")
	require.NoError(t, err)
	again := open(t, url, file)
	server.Config.Handler = again
	server.Start()
	defer server.Close()
	engine, err := bolt.Open(filepath.Join(t.TempDir(), "db"), bolt.Options{NoSync: true})
	require.NoError(t, err)
	defer engine.Close()
	a, err := identity.New(identity.Config{Issuers: []identity.Issuer{again.Trust()}, Store: store.New(engine), Clock: now})
	require.NoError(t, err)
	p, err := a.Principal(t.Context(), "Bearer "+token)
	require.NoError(t, err)
	require.Equal(t, "alice", p.Subject)
	info, err := os.Stat(file)
	require.NoError(t, err)
	require.Equal(t, os.FileMode(0o600), info.Mode())
	left, err := os.ReadDir(filepath.Dir(file))
	require.NoError(t, err)
	require.Len(t, left, 1)
}

func TestKeyFiles(t *testing.T) {
	t.Run("made at once are one", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "key.pem")
		var group sync.WaitGroup
		keys := make([]string, 3)
		for n := range keys {
			group.Go(func() { keys[n] = open(t, "http://issuer", file).Key.N.String() })
		}
		group.Wait()
		require.Equal(t, keys[0], keys[1])
		require.Equal(t, keys[0], keys[2])
	})
	t.Run("that hold no key are not replaced", func(t *testing.T) {
		file := filepath.Join(t.TempDir(), "key.pem")
		require.NoError(t, os.WriteFile(file, []byte("mine"), 0o600))
		_, err := localissuer.Open(localissuer.Options{URL: "http://issuer", KeyFile: file})
		require.ErrorContains(t, err, "holds no key")
	})
}
