package identity_test

import (
	"encoding/base64"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// written signs claims as they are written, which encoding/json would not write.
func (w *world) written(t testing.TB, claims string) string {
	text := base64.RawURLEncoding.EncodeToString([]byte(`{"alg":"RS256","kid":"rsa"}`)) + "." + base64.RawURLEncoding.EncodeToString([]byte(claims))
	return "Bearer " + text + "." + base64.RawURLEncoding.EncodeToString(signature(t, text, 0))
}

func TestClaimsHaveTheirExactNames(t *testing.T) {
	w := newWorld(t)
	good := `{"iss":"` + w.issuer.URL + `","sub":"mallory","client_id":"web","token_use":"access","iat":1,"exp":99999999999}`
	with := func(old, new string) string { return strings.Replace(good, old, new, 1) }
	for name, test := range map[string]struct {
		claims string
		in     bool
	}{
		"as they are":                       {good, true},
		"others beside them":                {with("{", `{"scope":"x","scope":"y","nested":{"sub":"alice"},`), true},
		"a subject that looks alike, after": {with(`"mallory"`, `"mallory","ſub":"alice"`), true},
		"a subject in capitals, after":      {with(`"mallory"`, `"mallory","SUB":"alice"`), true},
		"a subject twice":                   {with(`"mallory"`, `"mallory","sub":"alice"`), false},
		"a subject twice, by an escape":     {with(`"mallory"`, `"mallory","\u0073ub":"alice"`), false},
		"a subject in capitals alone":       {with(`"sub"`, `"SUB"`), false},
		"a subject that looks alike, alone": {with(`"sub"`, `"ſub"`), false},
		"a client in capitals":              {with(`"client_id"`, `"Client_Id"`), false},
		"an end twice":                      {with(`"exp":9`, `"exp":1,"exp":9`), false},
		"an end in capitals":                {with(`"exp"`, `"EXP"`), false},
		"no object":                         {"[]", false},
		"nothing":                           {"null", false},
	} {
		t.Run(name, func(t *testing.T) {
			p, err := w.Principal(t.Context(), w.written(t, test.claims))
			if !test.in {
				require.Error(t, err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, "mallory", p.Subject)
		})
	}
}
