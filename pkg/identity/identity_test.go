package identity_test

import (
	"context"
	"crypto"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/rsa"
	"encoding/json"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/identity"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/bolt"
	"github.com/tenantry/tenantry/pkg/tenant"
)

const (
	home   = tenant.ID("ten_01ARZ3NDEKTSV4RRFFQ69G5FAV")
	abroad = tenant.ID("ten_01ARZ3NDEKTSV4RRFFQ69G5FAW")
)

var (
	rsaKey, _   = rsa.GenerateKey(rand.Reader, 2048)
	otherKey, _ = rsa.GenerateKey(rand.Reader, 2048)
	weakKey, _  = rsa.GenerateKey(rand.Reader, 1024)
	ecKey, _    = ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
)

// world is an issuer, a directory in which alice owns home, and a clock.
type world struct {
	*identity.Authorizer
	issuer  *httptest.Server
	keys    map[string]crypto.PublicKey // by kid
	fetches atomic.Int64
	broken  atomic.Bool
	now     time.Time
	engine  *bolt.Engine
	store   *store.Store
}

func newWorld(t testing.TB) *world {
	w := &world{now: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC), keys: map[string]crypto.PublicKey{"rsa": &rsaKey.PublicKey, "ec": &ecKey.PublicKey, "weak": &weakKey.PublicKey}}
	w.issuer = httptest.NewServer(http.HandlerFunc(w.serve))
	t.Cleanup(w.issuer.Close)
	var err error
	w.engine, err = bolt.Open(filepath.Join(t.TempDir(), "db"), bolt.Options{NoSync: true})
	require.NoError(t, err)
	t.Cleanup(func() { w.engine.Close() })
	w.store = store.New(w.engine)
	w.stands(t, tenant.Active)
	w.join(t, identity.Member{Tenant: home, Subject: "alice", Role: tenant.Owner})
	w.Authorizer, err = identity.New(identity.Config{Store: w.store, Clock: func() time.Time { return w.now },
		Issuers: []identity.Issuer{{URL: w.issuer.URL, Audiences: []string{"tenantry"}, ClientIDs: []string{"web"}}}})
	require.NoError(t, err)
	return w
}

func (w *world) join(t testing.TB, m identity.Member) {
	m.Issuer = w.issuer.URL
	require.NoError(t, w.store.Directory().Write(t.Context(), m.Changes()...))
}

// stands writes the item of home.
func (w *world) stands(t testing.TB, status tenant.Status) {
	scope, err := identity.Found(tenant.Principal{}, home, tenant.Team)
	require.NoError(t, err)
	h, err := w.store.Tenant(scope)
	require.NoError(t, err)
	require.NoError(t, h.Write(t.Context(), store.Change{Key: store.Meta(), Value: map[string]string{"status": string(status), "plan": "team"}}))
}

func (w *world) serve(rw http.ResponseWriter, r *http.Request) {
	if w.broken.Load() {
		rw.WriteHeader(http.StatusBadGateway)
		return
	}
	if r.URL.Path == "/.well-known/openid-configuration" {
		json.NewEncoder(rw).Encode(map[string]string{"issuer": w.issuer.URL, "jwks_uri": w.issuer.URL + "/keys"})
		return
	}
	w.fetches.Add(1)
	var set jwkset.JWKSMarshal
	for kid, key := range w.keys {
		k, err := jwkset.NewJWKFromKey(key, jwkset.JWKOptions{Metadata: jwkset.JWKMetadataOptions{KID: kid}})
		if err != nil {
			panic(err)
		}
		set.Keys = append(set.Keys, k.Marshal())
	}
	json.NewEncoder(rw).Encode(set)
}

// claims of a token that holds, changed.
func (w *world) claims(change jwt.MapClaims) jwt.MapClaims {
	c := jwt.MapClaims{"iss": w.issuer.URL, "sub": "alice", "client_id": "web", "token_use": "access",
		"iat": w.now.Unix(), "exp": w.now.Add(time.Hour).Unix()}
	for k, v := range change {
		if c[k] = v; v == nil {
			delete(c, k)
		}
	}
	return c
}

func sign(t testing.TB, method jwt.SigningMethod, key any, header map[string]any, c jwt.MapClaims) string {
	token := jwt.NewWithClaims(method, c)
	for k, v := range header {
		token.Header[k] = v
	}
	s, err := token.SignedString(key)
	require.NoError(t, err)
	return s
}

func (w *world) token(t testing.TB, change jwt.MapClaims) string {
	return sign(t, jwt.SigningMethodRS256, rsaKey, map[string]any{"kid": "rsa"}, w.claims(change))
}

func TestTokens(t *testing.T) {
	w := newWorld(t)
	rs, kid := jwt.SigningMethodRS256, map[string]any{"kid": "rsa"}
	for name, c := range map[string]struct {
		header string
		holds  bool
	}{
		"of a client":                 {"Bearer " + w.token(t, nil), true},
		"of an audience":              {"Bearer " + w.token(t, jwt.MapClaims{"aud": []string{"x", "tenantry"}, "client_id": nil, "token_use": nil}), true},
		"of an elliptic curve":        {"Bearer " + sign(t, jwt.SigningMethodES256, ecKey, map[string]any{"kid": "ec"}, w.claims(nil)), true},
		"of a scheme in small":        {"bearer  " + w.token(t, nil), true},
		"just expired":                {"Bearer " + w.token(t, jwt.MapClaims{"exp": w.now.Add(-59 * time.Second).Unix()}), true},
		"just not valid yet":          {"Bearer " + w.token(t, jwt.MapClaims{"nbf": w.now.Add(59 * time.Second).Unix()}), true},
		"no header":                   {"", false},
		"another scheme":              {"Basic YTpi", false},
		"no token":                    {"Bearer ", false},
		"two tokens":                  {"Bearer " + w.token(t, nil) + "," + w.token(t, nil), false},
		"no JWT":                      {"Bearer abc", false},
		"over 8 KB":                   {"Bearer " + w.token(t, jwt.MapClaims{"x": strings.Repeat("x", 8<<10)}), false},
		"expired":                     {"Bearer " + w.token(t, jwt.MapClaims{"exp": w.now.Add(-61 * time.Second).Unix()}), false},
		"without an end":              {"Bearer " + w.token(t, jwt.MapClaims{"exp": nil}), false},
		"not valid yet":               {"Bearer " + w.token(t, jwt.MapClaims{"nbf": w.now.Add(61 * time.Second).Unix()}), false},
		"issued in the future":        {"Bearer " + w.token(t, jwt.MapClaims{"iat": w.now.Add(61 * time.Second).Unix()}), false},
		"of another issuer":           {"Bearer " + w.token(t, jwt.MapClaims{"iss": w.issuer.URL + "/"}), false},
		"without an issuer":           {"Bearer " + w.token(t, jwt.MapClaims{"iss": nil}), false},
		"of another client":           {"Bearer " + w.token(t, jwt.MapClaims{"client_id": "other"}), false},
		"of another audience":         {"Bearer " + w.token(t, jwt.MapClaims{"aud": "other", "client_id": nil, "token_use": nil}), false},
		"of a client without use":     {"Bearer " + w.token(t, jwt.MapClaims{"token_use": nil}), false},
		"an ID token":                 {"Bearer " + w.token(t, jwt.MapClaims{"token_use": "id", "aud": "tenantry"}), false},
		"without a subject":           {"Bearer " + w.token(t, jwt.MapClaims{"sub": nil}), false},
		"with a long subject":         {"Bearer " + w.token(t, jwt.MapClaims{"sub": strings.Repeat("s", 256)}), false},
		"of another key":              {"Bearer " + sign(t, rs, otherKey, kid, w.claims(nil)), false},
		"of an unknown key":           {"Bearer " + sign(t, rs, rsaKey, map[string]any{"kid": "?"}, w.claims(nil)), false},
		"of no key":                   {"Bearer " + sign(t, rs, rsaKey, nil, w.claims(nil)), false},
		"of a short key":              {"Bearer " + sign(t, rs, weakKey, map[string]any{"kid": "weak"}, w.claims(nil)), false},
		"of a key of another kind":    {"Bearer " + sign(t, jwt.SigningMethodES256, ecKey, kid, w.claims(nil)), false},
		"of another algorithm":        {"Bearer " + sign(t, jwt.SigningMethodRS512, rsaKey, kid, w.claims(nil)), false},
		"of the public key as secret": {"Bearer " + sign(t, jwt.SigningMethodHS256, rsaKey.N.Bytes(), kid, w.claims(nil)), false},
		"of no algorithm":             {"Bearer " + sign(t, jwt.SigningMethodNone, jwt.UnsafeAllowNoneSignatureType, kid, w.claims(nil)), false},
		"with critical headers":       {"Bearer " + sign(t, rs, rsaKey, map[string]any{"kid": "rsa", "crit": []string{"b64"}}, w.claims(nil)), false},
		"tampered with":               {"Bearer " + strings.Replace(w.token(t, nil), ".", ".e", 1), false},
		"with its end cut":            {"Bearer " + w.token(t, nil)[:300], false},
	} {
		t.Run(name, func(t *testing.T) {
			for range 2 {
				p, err := w.Principal(t.Context(), c.header)
				if c.holds {
					require.NoError(t, err)
					require.Equal(t, tenant.Principal{Issuer: w.issuer.URL, Subject: "alice"}, p)
				} else {
					require.True(t, fault.Is(err, fault.Unauthenticated), "%v", err)
					require.Zero(t, p)
				}
			}
		})
	}
}

func TestKeys(t *testing.T) {
	fresh := func(w *world, t *testing.T, kid string, key *rsa.PrivateKey) error {
		_, err := w.Principal(t.Context(), "Bearer "+sign(t, jwt.SigningMethodRS256, key, map[string]any{"kid": kid},
			w.claims(jwt.MapClaims{"jti": time.Now().String()})))
		return err
	}
	t.Run("are fetched on first use and for a minute", func(t *testing.T) {
		w := newWorld(t)
		require.Zero(t, w.fetches.Load())
		for range 3 {
			require.NoError(t, fresh(w, t, "rsa", rsaKey))
		}
		require.EqualValues(t, 1, w.fetches.Load())
		w.now = w.now.Add(time.Minute)
		require.NoError(t, fresh(w, t, "rsa", rsaKey))
		require.EqualValues(t, 2, w.fetches.Load())
	})
	t.Run("that are new are found at once, unknown ones once a minute", func(t *testing.T) {
		w := newWorld(t)
		require.NoError(t, fresh(w, t, "rsa", rsaKey))
		w.keys["new"] = &otherKey.PublicKey
		require.NoError(t, fresh(w, t, "new", otherKey))
		require.EqualValues(t, 2, w.fetches.Load())
		for range 5 {
			require.Error(t, fresh(w, t, "unknown", otherKey))
		}
		require.EqualValues(t, 2, w.fetches.Load())
	})
	t.Run("that are withdrawn end with the minute, for known tokens too", func(t *testing.T) {
		w := newWorld(t)
		known := "Bearer " + w.token(t, nil)
		_, err := w.Principal(t.Context(), known)
		require.NoError(t, err)
		delete(w.keys, "rsa")
		w.now = w.now.Add(59 * time.Second)
		_, err = w.Principal(t.Context(), known)
		require.NoError(t, err)
		w.now = w.now.Add(time.Second)
		_, err = w.Principal(t.Context(), known)
		require.True(t, fault.Is(err, fault.Unauthenticated))
	})
	t.Run("of an issuer that fails are unavailable, and asked for again", func(t *testing.T) {
		w := newWorld(t)
		w.broken.Store(true)
		require.True(t, fault.Is(fresh(w, t, "rsa", rsaKey), fault.Unavailable))
		w.broken.Store(false)
		require.True(t, fault.Is(fresh(w, t, "rsa", rsaKey), fault.Unavailable))
		w.now = w.now.Add(time.Second)
		require.NoError(t, fresh(w, t, "rsa", rsaKey))
	})
	t.Run("of another issuer's discovery are not taken", func(t *testing.T) {
		w := newWorld(t)
		liar := httptest.NewServer(http.HandlerFunc(w.serve)) // names w's issuer
		defer liar.Close()
		a, err := identity.New(identity.Config{Store: w.store, Clock: func() time.Time { return w.now },
			Issuers: []identity.Issuer{{URL: liar.URL, ClientIDs: []string{"web"}}}})
		require.NoError(t, err)
		_, err = a.Principal(t.Context(), "Bearer "+w.token(t, jwt.MapClaims{"iss": liar.URL}))
		require.True(t, fault.Is(err, fault.Unavailable))
	})
	t.Run("are not believed past the token's end", func(t *testing.T) {
		w := newWorld(t)
		token := "Bearer " + w.token(t, jwt.MapClaims{"exp": w.now.Add(-50 * time.Second).Unix()})
		_, err := w.Principal(t.Context(), token)
		require.NoError(t, err)
		w.now = w.now.Add(11 * time.Second)
		_, err = w.Principal(t.Context(), token)
		require.True(t, fault.Is(err, fault.Unauthenticated))
	})
}

func TestTenantsThatRest(t *testing.T) {
	for status, told := range map[tenant.Status]string{tenant.Suspended: "is suspended", tenant.Deleting: "is being deleted"} {
		w := newWorld(t)
		ask := func(need tenant.Permission) (*tenant.Scope, error) {
			return w.Scope(t.Context(), "Bearer "+w.token(t, nil), string(home), need)
		}
		s, err := ask(tenant.WriteProject)
		require.NoError(t, err)
		require.Equal(t, tenant.Standing{Status: tenant.Active, Plan: tenant.Team}, s.Standing())
		w.stands(t, status)
		w.now = w.now.Add(identity.Fresh)
		s, err = ask(tenant.WriteProject)
		require.True(t, fault.Is(err, fault.Forbidden))
		require.ErrorContains(t, err, told)
		require.NotNil(t, s, "in which the refusal is recorded")
		_, err = ask(tenant.ReadCost)
		require.NoError(t, err)
		_, err = ask(tenant.OwnTenant)
		require.NoError(t, err)
	}
}

func TestScope(t *testing.T) {
	w := newWorld(t)
	w.join(t, identity.Member{Tenant: home, Subject: "vic", Role: tenant.Viewer, Limited: true, Projects: []tenant.ProjectID{"prj_01ARZ3NDEKTSV4RRFFQ69G5FAV"}})
	w.join(t, identity.Member{Tenant: home, Subject: "nil", Role: tenant.Viewer, Limited: true})
	for name, c := range map[string]struct {
		subject, id string
		need        tenant.Permission
		kind        fault.Kind
	}{
		"an owner may":                 {"alice", string(home), tenant.WriteTenant, -1},
		"a viewer may read":            {"vic", string(home), tenant.ReadCost, -1},
		"a viewer may not write":       {"vic", string(home), tenant.WriteProject, fault.Forbidden},
		"a stranger finds nothing":     {"bob", string(home), tenant.ReadCost, fault.NotFound},
		"an owner finds nothing else":  {"alice", string(abroad), tenant.ReadCost, fault.NotFound},
		"no ID is no tenant":           {"alice", "", tenant.ReadCost, fault.NotFound},
		"a bad ID is no tenant":        {"alice", "ten_01arz3ndektsv4rrffq69g5fav", tenant.ReadCost, fault.NotFound},
		"an ID with more is no tenant": {"alice", string(home) + "#P#x", tenant.ReadCost, fault.NotFound},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := w.Scope(t.Context(), "Bearer "+w.token(t, jwt.MapClaims{"sub": c.subject}), c.id, c.need)
			if c.kind < 0 {
				require.NoError(t, err)
				require.Equal(t, home, s.Tenant())
				require.Equal(t, c.subject, s.Principal().Subject)
				return
			}
			require.Equal(t, c.kind == fault.Forbidden, s != nil, "a member's refusal is recorded in a scope, a stranger's nowhere")
			require.True(t, fault.Is(err, c.kind), "%v", err)
			if c.kind == fault.NotFound {
				require.EqualError(t, err, identity.NoTenant().Error())
			}
		})
	}
	_, err := w.Scope(t.Context(), "", string(home), tenant.ReadCost)
	require.True(t, fault.Is(err, fault.Unauthenticated))
	for subject, sees := range map[string]bool{"alice": true, "vic": false, "nil": false} {
		s, err := w.Scope(t.Context(), "Bearer "+w.token(t, jwt.MapClaims{"sub": subject}), string(home), tenant.ReadCost)
		require.NoError(t, err)
		require.Equal(t, sees, s.Sees("prj_01ARZ3NDEKTSV4RRFFQ69G5FAW"), subject)
		require.Equal(t, subject != "nil", s.Sees("prj_01ARZ3NDEKTSV4RRFFQ69G5FAV"), subject)
	}
}

func TestMembershipsAreBelievedForAMinute(t *testing.T) {
	w := newWorld(t)
	ask := func(subject string) error {
		_, err := w.Scope(t.Context(), "Bearer "+w.token(t, jwt.MapClaims{"sub": subject}), string(home), tenant.ReadCost)
		return err
	}
	require.Error(t, ask("bob"))
	bob := identity.Member{Tenant: home, Subject: "bob", Role: tenant.Viewer}
	w.join(t, bob)
	require.NoError(t, ask("bob"), "that there was none is not remembered")
	leave := func() {
		bob.Issuer = w.issuer.URL
		for _, c := range bob.Changes() {
			c.Action, c.Condition = store.Delete, store.Present
			require.NoError(t, w.store.Directory().Write(t.Context(), c))
		}
	}
	leave()
	w.now = w.now.Add(59 * time.Second)
	require.NoError(t, ask("bob"))
	w.now = w.now.Add(time.Second)
	require.True(t, fault.Is(ask("bob"), fault.NotFound))
	w.join(t, bob)
	require.NoError(t, ask("bob"))
	leave()
	w.Forget(tenant.Principal{Issuer: w.issuer.URL, Subject: "bob"}, home)
	require.True(t, fault.Is(ask("bob"), fault.NotFound))
}

func TestStoreThatFailsIsNotForeign(t *testing.T) {
	w := newWorld(t)
	ctx, cancel := context.WithCancel(t.Context())
	token := "Bearer " + w.token(t, nil)
	_, err := w.Principal(ctx, token)
	require.NoError(t, err)
	cancel()
	_, err = w.Scope(ctx, token, string(home), tenant.ReadCost)
	require.Error(t, err)
	require.False(t, fault.Is(err, fault.NotFound))
}

func TestNew(t *testing.T) {
	w := newWorld(t)
	for name, issuers := range map[string][]identity.Issuer{
		"no audience":  {{URL: "https://a"}},
		"no URL":       {{ClientIDs: []string{"a"}}},
		"the same URL": {{URL: "https://a", ClientIDs: []string{"a"}}, {URL: "https://a", ClientIDs: []string{"b"}}},
	} {
		t.Run("refuses "+name, func(t *testing.T) {
			_, err := identity.New(identity.Config{Store: w.store, Issuers: issuers})
			require.Error(t, err)
		})
	}
	_, err := identity.New(identity.Config{})
	require.Error(t, err)
	none, err := identity.New(identity.Config{Store: w.store})
	require.NoError(t, err)
	_, err = none.Principal(t.Context(), "Bearer x")
	require.True(t, fault.Is(err, fault.Unavailable))
}

func FuzzToken(f *testing.F) {
	w := newWorld(f)
	good := "Bearer " + w.token(f, nil)
	f.Add(good)
	f.Add("")
	f.Add("Bearer e30.e30.e30")
	f.Add("Bearer " + secretOf(f, make([]byte, 20)).Text())
	f.Add("Bearer tnt_")
	f.Add("Bearer eyJhbGciOiJub25lIn0.eyJzdWIiOiJhbGljZSJ9.")
	f.Fuzz(func(t *testing.T, header string) {
		p, err := w.Principal(context.Background(), header)
		if err != nil {
			require.Zero(t, p)
			return
		}
		require.Equal(t, strings.Fields(good)[1], strings.Fields(header)[1])
	})
}

func BenchmarkWarmAuthorization(b *testing.B) {
	w := newWorld(b)
	token := "Bearer " + w.token(b, nil)
	_, err := w.Scope(b.Context(), token, string(home), tenant.ReadCost)
	require.NoError(b, err)
	w.issuer.Close() // no call goes out
	for b.Loop() {
		if _, err := w.Scope(b.Context(), token, string(home), tenant.ReadCost); err != nil {
			b.Fatal(err)
		}
	}
}
