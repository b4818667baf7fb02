package apptest

import (
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
	"github.com/stretchr/testify/require"
)

// BadTokens gives tokens of a subject that do not hold, by what is wrong with them.
func (a *App) BadTokens(t testing.TB, subject string) map[string]string {
	now := a.Now()
	claims := func(change func(jwt.MapClaims)) jwt.MapClaims {
		c := jwt.MapClaims{"iss": a.Issuer.URL, "sub": subject, "client_id": "local", "token_use": "access", "iat": now.Unix(), "exp": now.Add(time.Hour).Unix()}
		change(c)
		return c
	}
	signed := func(change func(jwt.MapClaims)) string {
		s, err := a.Issuer.Sign(claims(change))
		require.NoError(t, err)
		return s
	}
	none, err := jwt.NewWithClaims(jwt.SigningMethodNone, claims(func(jwt.MapClaims) {})).SignedString(jwt.UnsafeAllowNoneSignatureType)
	require.NoError(t, err)
	part := strings.Split(signed(func(jwt.MapClaims) {}), ".")
	good := strings.Split(a.As(t, "carol").Token, ".")
	return map[string]string{
		"none":         "",
		"not a token":  "abc",
		"tampered":     good[0] + "." + part[1] + "." + good[2],
		"expired":      signed(func(c jwt.MapClaims) { c["exp"] = now.Add(-2 * time.Minute).Unix() }),
		"unsigned":     none,
		"issuer":       signed(func(c jwt.MapClaims) { c["iss"] = "https://example.com" }),
		"audience":     signed(func(c jwt.MapClaims) { c["client_id"] = "other" }),
		"for identity": signed(func(c jwt.MapClaims) { c["token_use"] = "id" }),
	}
}
