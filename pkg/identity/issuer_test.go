package identity_test

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

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/identity"
)

// issuing puts a handler before the world's issuer and makes an authorizer that trusts it; the clock is ahead by what ahead says.
func issuing(t *testing.T, before func(w *world, rw http.ResponseWriter, r *http.Request) (done bool)) (w *world, ahead *atomic.Int64) {
	w, ahead = newWorld(t), &atomic.Int64{}
	w.issuer.Config.Handler = http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
		if !before(w, rw, r) {
			w.serve(rw, r)
		}
	})
	var err error
	w.Authorizer, err = identity.New(identity.Config{Store: w.store, Clock: func() time.Time { return w.now.Add(time.Duration(ahead.Load())) },
		Issuers: []identity.Issuer{{URL: w.issuer.URL, ClientIDs: []string{"web"}}}})
	require.NoError(t, err)
	return w, ahead
}

func passes(*world, http.ResponseWriter, *http.Request) bool { return false }

// ask asks with a token of its own.
func (w *world) ask(ctx context.Context, t *testing.T, n int, header map[string]any) error {
	_, err := w.Principal(ctx, "Bearer "+sign(t, jwt.SigningMethodRS256, rsaKey, header, w.claims(jwt.MapClaims{"jti": fmt.Sprint(n)})))
	return err
}

var kid = map[string]any{"kid": "rsa"}

func TestManyWhoComeAtOnceMakeOneFetch(t *testing.T) {
	release, arrived := make(chan struct{}), make(chan struct{}, 1)
	w, _ := issuing(t, func(_ *world, _ http.ResponseWriter, r *http.Request) bool {
		if r.URL.Path == "/keys" {
			arrived <- struct{}{}
			<-release
		}
		return false
	})
	hurried, gone := context.WithCancel(t.Context())
	left := make(chan error)
	go func() { left <- w.ask(hurried, t, -1, kid) }()
	<-arrived
	gone()
	require.True(t, fault.Is(<-left, fault.Unavailable), "who goes does not wait")
	var group sync.WaitGroup
	errs := make([]error, 20)
	for i := range errs {
		group.Go(func() { errs[i] = w.ask(t.Context(), t, i, kid) })
	}
	close(release)
	group.Wait()
	for _, err := range errs {
		require.NoError(t, err)
	}
	require.EqualValues(t, 1, w.fetches.Load())
}

func TestAnIssuerThatAnswersLateAndBadlyIsAskedOnceASecond(t *testing.T) {
	var ahead *atomic.Int64
	var asked atomic.Int64
	w, ahead := issuing(t, func(_ *world, rw http.ResponseWriter, _ *http.Request) bool {
		asked.Add(1)
		ahead.Add(int64(10 * time.Second))
		rw.WriteHeader(http.StatusGatewayTimeout)
		return true
	})
	for i := range 5 {
		require.True(t, fault.Is(w.ask(t.Context(), t, i, kid), fault.Unavailable))
	}
	require.EqualValues(t, 1, asked.Load(), "the second begins when the answer has come")
	ahead.Add(int64(time.Second))
	require.Error(t, w.ask(t.Context(), t, 5, kid))
	require.EqualValues(t, 2, asked.Load())
}

func TestKeysOfNobodyDoNotHammerTheIssuer(t *testing.T) {
	w, ahead := issuing(t, passes)
	for i := range 200 {
		require.True(t, fault.Is(w.ask(t.Context(), t, i, map[string]any{"kid": fmt.Sprint(i)}), fault.Unauthenticated))
		require.True(t, fault.Is(w.ask(t.Context(), t, i, nil), fault.Unauthenticated), "without a kid")
	}
	require.LessOrEqual(t, w.fetches.Load(), int64(2))
	for i := range 60 {
		ahead.Add(int64(time.Second))
		require.Error(t, w.ask(t.Context(), t, i, map[string]any{"kid": fmt.Sprint(i)}))
	}
	require.LessOrEqual(t, w.fetches.Load(), int64(4), "twice a minute")
}

func TestWhatATokenSaysOfKeysIsNotLookedAt(t *testing.T) {
	visits := atomic.Int64{}
	theirs := httptest.NewServer(http.HandlerFunc(func(http.ResponseWriter, *http.Request) { visits.Add(1) }))
	defer theirs.Close()
	w, _ := issuing(t, passes)
	for _, header := range []string{"jku", "x5u"} {
		h := map[string]any{"kid": "rsa", header: theirs.URL}
		require.NoError(t, w.ask(t.Context(), t, 0, h), "the issuer's own key holds all the same")
		h["kid"] = "theirs"
		require.True(t, fault.Is(w.ask(t.Context(), t, 0, h), fault.Unauthenticated))
	}
	require.Zero(t, visits.Load())
}

func TestAnIssuerWhoseAnswersCannotBeTaken(t *testing.T) {
	for name, before := range map[string]func(*world, http.ResponseWriter, *http.Request) bool{
		"over 1 MB": func(_ *world, rw http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/keys" {
				fmt.Fprintf(rw, `{"x":%q,"keys":[]}`, strings.Repeat("x", 1<<20))
			}
			return r.URL.Path == "/keys"
		},
		"redirected": func(w *world, rw http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path == "/keys" {
				http.Redirect(rw, r, w.issuer.URL+"/others", http.StatusFound)
			}
			return r.URL.Path == "/keys"
		},
		"no JSON": func(_ *world, rw http.ResponseWriter, _ *http.Request) bool { fmt.Fprint(rw, "<html>"); return true },
		"without an address": func(w *world, rw http.ResponseWriter, _ *http.Request) bool {
			fmt.Fprintf(rw, `{"issuer":%q}`, w.issuer.URL)
			return true
		},
		"keys at no web address": func(w *world, rw http.ResponseWriter, _ *http.Request) bool {
			fmt.Fprintf(rw, `{"issuer":%q,"jwks_uri":"file:///etc/passwd"}`, w.issuer.URL)
			return true
		},
	} {
		t.Run(name, func(t *testing.T) {
			w, _ := issuing(t, before)
			require.True(t, fault.Is(w.ask(t.Context(), t, 0, kid), fault.Unavailable))
		})
	}
	t.Run("with odd keys beside good ones", func(t *testing.T) {
		w, _ := issuing(t, func(w *world, rw http.ResponseWriter, r *http.Request) bool {
			if r.URL.Path != "/keys" {
				return false
			}
			good := httptest.NewRecorder()
			w.serve(good, r)
			fmt.Fprint(rw, strings.Replace(good.Body.String(), `"keys":[`, `"keys":[{},{"kty":"oct","kid":"a","k":"AA"},{"kty":"RSA","kid":"b","n":"","e":""},`+
				`{"kty":"EC","crv":"P-256","kid":"c","x":"AA","y":"AA"},{"kty":"?","kid":"d"},`, 1))
			return true
		})
		require.NoError(t, w.ask(t.Context(), t, 0, kid))
		for _, odd := range []string{"a", "b", "c", "d"} {
			require.True(t, fault.Is(w.ask(t.Context(), t, 0, map[string]any{"kid": odd}), fault.Unauthenticated))
		}
	})
}

func TestAnIssuerThatIsSilentIsGivenUp(t *testing.T) {
	release := make(chan struct{})
	w, _ := issuing(t, func(_ *world, _ http.ResponseWriter, r *http.Request) bool {
		select {
		case <-release:
		case <-r.Context().Done():
		}
		return true
	})
	defer close(release)
	began := time.Now()
	require.True(t, fault.Is(w.ask(t.Context(), t, 0, kid), fault.Unavailable))
	require.Less(t, time.Since(began), 20*time.Second)
}
