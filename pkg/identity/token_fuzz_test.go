package identity_test

import (
	"context"
	"crypto"
	"crypto/hmac"
	"crypto/rand"
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// FuzzTokenParts reads tokens of any header and claims, with signatures of the issuer's key, another key, the public key
// as a secret, and none. One that is let in is signed by the issuer's key with RS256, and its claims hold.
func FuzzTokenParts(f *testing.F) {
	w := newWorld(f)
	good, err := json.Marshal(w.claims(nil))
	require.NoError(f, err)
	const header = `{"alg":"RS256","kid":"rsa","typ":"JWT"}`
	for signer := range uint8(4) {
		f.Add(header, string(good), signer)
		f.Add(`{"alg":"none"}`, string(good), signer)
		f.Add(`{"alg":"HS256","kid":"rsa"}`, string(good), signer)
		f.Add(`{"alg":"RS256","kid":"rsa","jwk":{}}`, string(good), signer)
	}
	f.Add(header, `{"iss":"x","sub":"alice","aud":["tenantry"],"exp":99999999999}`, uint8(0))
	f.Add(header, `{"sub":"alice","exp":1e400}`, uint8(0))
	f.Add(header, `{"aud":{"a":1},"exp":"never"}`, uint8(0))
	f.Fuzz(func(t *testing.T, header, claims string, signer uint8) {
		text := base64.RawURLEncoding.EncodeToString([]byte(header)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
		token := text + "." + base64.RawURLEncoding.EncodeToString(signature(t, text, signer%4))
		p, err := w.Principal(context.Background(), "Bearer "+token)
		if err != nil {
			require.Zero(t, p)
			return
		}
		require.Zero(t, signer%4, "let in with another's signature")
		var h struct{ Alg, Kid string }
		require.NoError(t, json.Unmarshal([]byte(header), &h))
		require.Equal(t, "RS256", h.Alg)
		var c struct {
			Iss, Sub string
			Exp      float64
		}
		_ = json.Unmarshal([]byte(claims), &c) // as far as it goes: an aud has two shapes
		require.Equal(t, w.issuer.URL, c.Iss)
		require.Equal(t, p.Subject, c.Sub)
		require.NotEmpty(t, c.Sub)
		require.Greater(t, c.Exp, float64(w.now.Add(-time.Minute-time.Second).Unix()))
	})
}

func signature(t testing.TB, text string, signer uint8) []byte {
	sum := sha256.Sum256([]byte(text))
	var s []byte
	var err error
	switch signer {
	case 0:
		s, err = rsa.SignPKCS1v15(rand.Reader, rsaKey, crypto.SHA256, sum[:])
	case 1:
		s, err = rsa.SignPKCS1v15(rand.Reader, otherKey, crypto.SHA256, sum[:])
	case 2:
		mac := hmac.New(sha256.New, rsaKey.N.Bytes())
		mac.Write([]byte(text))
		s = mac.Sum(nil)
	}
	require.NoError(t, err)
	return s
}
