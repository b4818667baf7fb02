package identity

import (
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rsa"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"time"

	"github.com/MicahParks/jwkset"

	"github.com/tenantry/tenantry/pkg/fault"
)

// issuer is an Issuer with the keys it was last seen to have.
type issuer struct {
	Issuer
	client *http.Client
	clock  func() time.Time

	mu      sync.Mutex
	keys    map[string]publicKey // by kid
	fetched time.Time
	forced  time.Time // last time that an unknown kid made us fetch
	failed  time.Time
	failure error
	running *fetching // nil where nobody fetches

	jwksURI string // of whoever fetches
}

// fetching is one fetch of an issuer's keys, for all who need them meanwhile.
type fetching struct {
	done chan struct{}
	err  error // once done
}

// publicKey is an RSA key of at least 2048 bits for RS256 or a P-256 key for ES256.
type publicKey struct {
	key   any
	alg   string
	until time.Time // the set was fetched a minute before
}

const (
	again    = time.Second     // between attempts at an issuer that fails
	patience = 5 * time.Second // with the issuer, for all that a fetch asks
	maxBytes = 1 << 20         // of what an issuer answers
)

// key gives the key of a kid. A set is used for a minute; an unknown kid makes it be fetched before, once a minute at most,
// so that nobody can have us ask the issuer again and again.
func (i *issuer) key(ctx context.Context, kid, alg string) (publicKey, error) {
	k, f, err := i.known(ctx, kid)
	if f != nil {
		select {
		case <-f.done:
			err = f.err
		case <-ctx.Done():
			err = silent(ctx.Err())
		}
		k = i.now(kid)
	}
	if err == nil && (k.key == nil || k.alg != alg) {
		err = errors.New("the issuer has no such key")
	}
	if err != nil {
		return publicKey{}, err
	}
	return k, nil
}

func (i *issuer) now(kid string) publicKey {
	i.mu.Lock()
	defer i.mu.Unlock()
	return i.keys[kid]
}

// known gives the key of a kid, if any, or the fetch to wait for.
func (i *issuer) known(ctx context.Context, kid string) (publicKey, *fetching, error) {
	i.mu.Lock()
	defer i.mu.Unlock()
	now := i.clock()
	k := i.keys[kid]
	fresh := i.keys != nil && now.Sub(i.fetched) < Fresh && !now.Before(i.fetched)
	switch {
	case fresh && k.key != nil, kid == "":
		return k, nil, nil
	case i.running != nil:
		return k, i.running, nil
	case fresh && now.Sub(i.forced) < time.Minute:
		return k, nil, nil
	case i.failure != nil && now.Sub(i.failed) < again && !now.Before(i.failed):
		return k, nil, i.failure
	}
	if fresh {
		i.forced = now
	}
	i.running = &fetching{done: make(chan struct{})}
	go i.refresh(context.WithoutCancel(ctx), now, i.running) // a caller who goes does not take it from those who wait
	return k, i.running, nil
}

// refresh fetches the keys; asked is the time from which on they are believed.
func (i *issuer) refresh(ctx context.Context, asked time.Time, f *fetching) {
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	keys, err := i.fetch(ctx, asked.Add(Fresh))
	i.mu.Lock()
	defer i.mu.Unlock()
	if i.running = nil; err != nil {
		f.err = silent(err)
		i.failed, i.failure = i.clock(), f.err
	} else {
		i.keys, i.fetched, i.failure = keys, asked, nil
	}
	close(f.done)
}

func silent(err error) error {
	return fault.Wrap(err, fault.Unavailable, "The sign-in service does not answer. Try again in a moment.")
}

// fetch reads the issuer's keys, of whose address it asks the discovery document first. What a token says of where keys are
// (jku, x5u, jwk) is never looked at.
func (i *issuer) fetch(ctx context.Context, until time.Time) (keys map[string]publicKey, err error) {
	defer func() {
		if p := recover(); p != nil { // nobody above would
			err = fmt.Errorf("the issuer's keys cannot be read: %v", p)
		}
	}()
	if i.jwksURI == "" {
		var d struct {
			Issuer  string `json:"issuer"`
			JWKSURI string `json:"jwks_uri"`
		}
		if err := i.get(ctx, strings.TrimSuffix(i.URL, "/")+"/.well-known/openid-configuration", &d); err != nil {
			return nil, err
		}
		if err := i.trust(d.Issuer, d.JWKSURI); err != nil {
			return nil, err
		}
		i.jwksURI = d.JWKSURI
	}
	var set jwkset.JWKSMarshal
	if err := i.get(ctx, i.jwksURI, &set); err != nil {
		i.jwksURI = ""
		return nil, err
	}
	keys = map[string]publicKey{}
	for _, m := range set.Keys {
		if k, err := parseKey(m); err == nil {
			k.until = until
			keys[m.KID] = k
		}
	}
	return keys, nil
}

// trust refuses a discovery document of another issuer, and keys over a plain connection where the issuer's is not.
func (i *issuer) trust(name, jwksURI string) error {
	u, err := url.Parse(jwksURI)
	if err != nil || name != i.URL || u.Host == "" || (u.Scheme != "https" && !strings.HasPrefix(i.URL, "http://")) {
		return fmt.Errorf("the discovery document of %s names issuer %q and keys %q", i.URL, name, jwksURI)
	}
	return nil
}

func (i *issuer) get(ctx context.Context, from string, into any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return err
	}
	answer, err := i.client.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s answers %s", from, answer.Status)
	}
	return json.NewDecoder(io.LimitReader(answer.Body, maxBytes)).Decode(into)
}

// parseKey takes what verifies RS256 and ES256 and refuses the rest.
func parseKey(m jwkset.JWKMarshal) (publicKey, error) {
	if m.KID == "" || (m.USE != "" && m.USE != jwkset.UseSig) {
		return publicKey{}, errors.New("not a key for signatures")
	}
	jwk, err := jwkset.NewJWKFromMarshal(m, jwkset.JWKMarshalOptions{}, jwkset.JWKValidateOptions{})
	if err != nil {
		return publicKey{}, err
	}
	k := publicKey{key: jwk.Key()}
	switch key := k.key.(type) {
	case *rsa.PublicKey:
		if key.N.BitLen() >= 2048 {
			k.alg = "RS256"
		}
	case *ecdsa.PublicKey:
		if key.Curve == elliptic.P256() {
			k.alg = "ES256"
		}
	}
	if k.alg == "" || (m.ALG != "" && m.ALG.String() != k.alg) {
		return publicKey{}, errors.New("not a key of ours")
	}
	return k, nil
}
