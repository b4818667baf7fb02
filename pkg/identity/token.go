package identity

import (
	"bytes"
	"context"
	"crypto/sha256"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// MaxToken is the longest token, bytes.
const MaxToken = 8 << 10

const skew = time.Minute // between the issuers' clocks and ours

// verified is a token that held, until it must be verified again.
type verified struct {
	tenant.Principal
	until time.Time
}

type claims struct {
	jwt.RegisteredClaims
	ClientID string `json:"client_id"`
	TokenUse string `json:"token_use"`
	Email    string `json:"email"`
}

// known are the names of the claims that are read, exactly; encoding/json would take others that look alike.
var known = []string{"iss", "sub", "aud", "exp", "nbf", "iat", "jti", "client_id", "token_use", "email"}

// UnmarshalJSON reads the claims under their exact names and passes over all others. A token that has one of them
// twice could be read differently by others, and is refused.
func (c *claims) UnmarshalJSON(b []byte) error {
	d := json.NewDecoder(bytes.NewReader(b))
	if open, err := d.Token(); err != nil || open != json.Delim('{') {
		return errors.New("the claims are no object")
	}
	all := map[string]json.RawMessage{}
	for d.More() {
		name, err := d.Token()
		if err != nil {
			return err
		}
		var value json.RawMessage
		if err := d.Decode(&value); err != nil {
			return err
		}
		claim := name.(string) // as all names are
		if all[claim] != nil {
			return fmt.Errorf("the token has the claim %s twice", claim)
		}
		if slices.Contains(known, claim) {
			all[claim] = value
		}
	}
	exact, err := json.Marshal(all)
	if err != nil {
		return err
	}
	type plain claims
	return json.Unmarshal(exact, (*plain)(c))
}

// signedIn gives whom an access token speaks for.
func (a *Authorizer) signedIn(ctx context.Context, token string) (tenant.Principal, error) {
	key, now := sha256.Sum256([]byte(token)), a.clock()
	if v, ok := a.tokens.Get(key); ok && now.Before(v.until) {
		return v.Principal, nil
	}
	if len(a.issuers) == 0 {
		return tenant.Principal{}, fault.New(fault.Unavailable, "Sign-in is not set up here.")
	}
	v, err := a.verify(ctx, token)
	if fault.Is(err, fault.Unavailable) {
		return tenant.Principal{}, err
	}
	if err != nil {
		return tenant.Principal{}, fault.Wrap(err, fault.Unauthenticated, "The token is not valid, or no longer. Sign in again.")
	}
	a.tokens.Add(key, v)
	return v.Principal, nil
}

// Bearer takes the token or API key out of "Bearer <token>".
func Bearer(authorization string) (string, error) {
	scheme, token, _ := strings.Cut(authorization, " ")
	token = strings.Trim(token, " ")
	if !strings.EqualFold(scheme, "Bearer") || token == "" || len(token) > MaxToken || strings.ContainsAny(token, " ,\t") {
		return "", fault.New(fault.Unauthenticated, "Send an access token or an API key, with the header Authorization: Bearer <token>.")
	}
	return token, nil
}

// verify checks signature and claims of a token.
func (a *Authorizer) verify(ctx context.Context, token string) (verified, error) {
	var (
		c      claims
		from   *issuer
		signer publicKey
	)
	_, err := jwt.ParseWithClaims(token, &c, func(t *jwt.Token) (any, error) {
		if from = a.issuers[c.Issuer]; from == nil {
			return nil, errors.New("the issuer is not one of ours")
		}
		if _, critical := t.Header["crit"]; critical {
			return nil, errors.New("the token has critical headers")
		}
		kid, _ := t.Header["kid"].(string)
		var err error
		signer, err = from.key(ctx, kid, t.Method.Alg())
		return signer.key, err
	}, jwt.WithValidMethods([]string{"RS256", "ES256"}), jwt.WithLeeway(skew), jwt.WithIssuedAt(), jwt.WithExpirationRequired(),
		jwt.WithTimeFunc(a.clock), jwt.WithStrictDecoding())
	if err != nil {
		return verified{}, err
	}
	if err := from.accepts(c); err != nil {
		return verified{}, err
	}
	until := signer.until
	if c.ExpiresAt.Before(until) {
		until = c.ExpiresAt.Time
	}
	return verified{tenant.Principal{Issuer: c.Issuer, Subject: c.Subject, Email: c.Email}, until}, nil
}

// accepts checks whom a token was made for and about.
func (i *Issuer) accepts(c claims) error {
	if c.TokenUse != "" && c.TokenUse != "access" {
		return fmt.Errorf("the token is for use as %q and not for access", c.TokenUse)
	}
	forUs := slices.ContainsFunc(c.Audience, func(s string) bool { return slices.Contains(i.Audiences, s) })
	forClient := c.TokenUse == "access" && slices.Contains(i.ClientIDs, c.ClientID)
	if !forUs && !forClient {
		return errors.New("the token is for another audience")
	}
	if c.Subject == "" || len(c.Subject) > 255 {
		return errors.New("the token has no subject, or one over 255 bytes")
	}
	return nil
}
