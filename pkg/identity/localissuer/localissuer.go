// Package localissuer is an OpenID Connect issuer for development and tests. It gives a token to whoever asks, and so is
// wired by infra/local and pkg/apptest alone.
package localissuer

import (
	"crypto/rsa"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"mime"
	"net/http"
	"strings"
	"time"
	"unicode"

	"github.com/MicahParks/jwkset"
	"github.com/golang-jwt/jwt/v5"
	"github.com/oklog/ulid/v2"

	"github.com/tenantry/tenantry/pkg/identity"
)

// ClientID is the client that all tokens are for.
const ClientID = "local"

const lifetime = time.Hour

// Options are what an Issuer takes from its surroundings.
type Options struct {
	URL     string          // what tokens name as their issuer, and where the Issuer is served: "http://127.0.0.1:8080"
	KeyFile string          // PEM; made where there is none, readable by its owner alone
	Key     *rsa.PrivateKey // instead of a KeyFile, where tokens need not outlive the process
	Clock   func() time.Time
	Random  io.Reader // of token IDs
}

// Issuer serves /.well-known/openid-configuration, /.well-known/jwks.json and POST /dev/token below its URL.
type Issuer struct {
	Options
	kid string
	mux *http.ServeMux
}

// Open makes an Issuer that signs with the Key or that in the file.
func Open(o Options) (*Issuer, error) {
	if o.Key == nil {
		var err error
		if o.Key, err = loadKey(o.KeyFile); err != nil {
			return nil, fmt.Errorf("local issuer: %w", err)
		}
	}
	sum := sha256.Sum256(o.Key.N.Bytes())
	i := &Issuer{Options: o, kid: base64.RawURLEncoding.EncodeToString(sum[:12]), mux: http.NewServeMux()}
	i.mux.HandleFunc("GET /.well-known/openid-configuration", i.discovery)
	i.mux.HandleFunc("GET /.well-known/jwks.json", i.keys)
	i.mux.HandleFunc("POST /dev/token", i.token)
	return i, nil
}

// ServeHTTP answers at the three paths.
func (i *Issuer) ServeHTTP(w http.ResponseWriter, r *http.Request) { i.mux.ServeHTTP(w, r) }

// Trust is what makes identity take the issuer's tokens.
func (i *Issuer) Trust() identity.Issuer {
	return identity.Issuer{URL: i.URL, ClientIDs: []string{ClientID}}
}

// Token mints an access token in the shape that Cognito mints; email may be "".
func (i *Issuer) Token(subject, email string) (string, error) {
	now := i.Clock()
	id, err := ulid.New(ulid.Timestamp(now), i.Random)
	if err != nil {
		return "", fmt.Errorf("make a token: %w", err)
	}
	claims := jwt.MapClaims{
		"iss": i.URL, "sub": subject, "username": subject, "client_id": ClientID, "token_use": "access", "scope": "openid",
		"iat": now.Unix(), "exp": now.Add(lifetime).Unix(), "jti": id.String(),
	}
	if email != "" {
		claims["email"] = email
	}
	return i.Sign(claims)
}

// Sign makes a token of any claims, for tests of what is refused.
func (i *Issuer) Sign(claims jwt.MapClaims) (string, error) {
	t := jwt.NewWithClaims(jwt.SigningMethodRS256, claims)
	t.Header["kid"] = i.kid
	return t.SignedString(i.Key)
}

func (i *Issuer) discovery(w http.ResponseWriter, _ *http.Request) {
	write(w, http.StatusOK, map[string]any{
		"issuer":                                i.URL,
		"jwks_uri":                              i.URL + "/.well-known/jwks.json",
		"token_endpoint":                        i.URL + "/dev/token",
		"response_types_supported":              []string{"token"},
		"subject_types_supported":               []string{"public"},
		"id_token_signing_alg_values_supported": []string{"RS256"},
	})
}

func (i *Issuer) keys(w http.ResponseWriter, _ *http.Request) {
	k, err := jwkset.NewJWKFromKey(&i.Key.PublicKey, jwkset.JWKOptions{
		Metadata: jwkset.JWKMetadataOptions{ALG: jwkset.AlgRS256, KID: i.kid, USE: jwkset.UseSig}})
	if err != nil {
		refuse(w, http.StatusInternalServerError, "server_error", "the key cannot be written")
		return
	}
	write(w, http.StatusOK, jwkset.JWKSMarshal{Keys: []jwkset.JWKMarshal{k.Marshal()}})
}

type request struct {
	Subject string `json:"subject"`
	Email   string `json:"email"`
}

func (i *Issuer) token(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, 8<<10)
	in, err := read(r)
	if err != nil {
		refuse(w, http.StatusBadRequest, "invalid_request", "send a form or JSON with a subject, and an email if you like")
		return
	}
	if s := in.Subject; s == "" || len(s) > 255 || len(in.Email) > 255 || strings.ContainsFunc(s+in.Email, unprintable) {
		refuse(w, http.StatusBadRequest, "invalid_request", "the subject has 1 to 255 printable characters, the email at most 255")
		return
	}
	token, err := i.Token(in.Subject, in.Email)
	if err != nil {
		refuse(w, http.StatusInternalServerError, "server_error", "no token could be made")
		return
	}
	write(w, http.StatusOK, map[string]any{"access_token": token, "token_type": "Bearer", "expires_in": int(lifetime.Seconds())})
}

func unprintable(c rune) bool { return !unicode.IsPrint(c) }

func read(r *http.Request) (in request, err error) {
	if t, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); t == "application/json" {
		err = json.NewDecoder(r.Body).Decode(&in)
		return in, err
	}
	err = r.ParseForm()
	return request{Subject: r.PostForm.Get("subject"), Email: r.PostForm.Get("email")}, err
}

func refuse(w http.ResponseWriter, status int, code, description string) {
	write(w, status, map[string]string{"error": code, "error_description": description})
}

func write(w http.ResponseWriter, status int, v any) {
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("Cache-Control", "no-store")
	w.WriteHeader(status)
	json.NewEncoder(w).Encode(v)
}
