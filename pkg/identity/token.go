package identity

import (
	"context"
	"crypto/sha256"
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

// bearer takes the token or API key out of "Bearer <token>".
func bearer(authorization string) (string, error) {
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
