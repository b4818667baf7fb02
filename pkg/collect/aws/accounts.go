// Package aws reaches customers' AWS accounts: each by the role of a connection, which is taken with the connection's ExternalId
// for one tenant, and by no other credentials.
package aws

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"slices"
	"time"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/arn"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/smithy-go/middleware"
	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/tenantry/tenantry/pkg/collect/aws/call"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/credential"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/observe"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Life is how long a session in an account lasts: the most that STS gives to a caller who is in a role already.
const Life = time.Hour

const (
	callTime = 10 * time.Second
	kept     = 1000 // connections
)

// Options of NewAccounts.
type Options struct {
	Clock func() time.Time // nil: time.Now
	Kept  int              // connections whose sessions are kept, those used last; 0: 1,000
}

// Accounts are the accounts of all connections. It calls STS with the platform's own credentials and never gives those away:
// what fails gives none. It is safe for concurrent use.
type Accounts struct {
	base     func() (sdk.Config, error)
	clock    func() time.Time
	sessions *lru.Cache[key, *credential.Session]
}

// key is all that a session was begun by: with a connection's new role it is another.
type key struct {
	tenant                tenant.ID
	connection            tenant.ConnectionID
	account, role, secret string
}

// NewAccounts makes Accounts on the platform's own configuration, which is asked for with each call; it calls nothing.
func NewAccounts(base func() (sdk.Config, error), o Options) (*Accounts, error) {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Kept == 0 {
		o.Kept = kept
	}
	sessions, err := lru.New[key, *credential.Session](o.Kept)
	if err != nil {
		return nil, fmt.Errorf("accounts: %w", err)
	}
	return &Accounts{base, o.Clock, sessions}, nil
}

// Config gives the configuration by which the account of a connection is called for the scope's tenant, of the connection's
// first region or else the platform's. Its credentials are renewed early while calls go on, and none are given after their
// end; a call whose session AWS has ended before its time is made once more, in another one. It is a *connection.Refusal where the role cannot be taken, or is of another account than the connection's; calls with
// the configuration fail with one too where that is so later. Otherwise it is fault.Unavailable.
func (a *Accounts) Config(ctx context.Context, s *tenant.Scope, c connection.Connection) (sdk.Config, error) {
	if err := usable(s, c); err != nil {
		return sdk.Config{}, err
	}
	base, err := a.base()
	if err != nil {
		return sdk.Config{}, err
	}
	k := key{s.Tenant(), c.ID, c.AccountID, c.RoleARN, c.ExternalID}
	session, ok := a.sessions.Get(k)
	if !ok {
		session = &credential.Session{}
		if before, ok, _ := a.sessions.PeekOrAdd(k, session); ok {
			session = before
		}
	}
	provider := sdk.CredentialsProviderFunc(func(ctx context.Context) (sdk.Credentials, error) {
		return session.Lasting(ctx, 0, a.clock, func(ctx context.Context) (sdk.Credentials, error) {
			return take(ctx, base, s, c, c.ExternalID)
		})
	})
	if _, err := provider.Retrieve(ctx); err != nil {
		return sdk.Config{}, err
	}
	out := of(base, c, provider)
	out.APIOptions = append(slices.Clone(out.APIOptions), renewed(provider, session))
	return out, nil
}

// renewed has a call whose session AWS has ended before its time be made once more, in another session.
func renewed(provider sdk.CredentialsProvider, session *credential.Session) func(*middleware.Stack) error {
	again := middleware.InitializeMiddlewareFunc("RenewSession", func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
		middleware.InitializeOutput, middleware.Metadata, error) {
		used, err := provider.Retrieve(ctx)
		if err != nil {
			return middleware.InitializeOutput{}, middleware.Metadata{}, err
		}
		out, metadata, err := next.HandleInitialize(ctx, in)
		if !call.Expired(err) {
			return out, metadata, err
		}
		session.Drop(used.AccessKeyID)
		return next.HandleInitialize(ctx, in)
	})
	return func(stack *middleware.Stack) error { return stack.Initialize.Add(again, middleware.After) }
}

// of is the configuration of an account: what the platform's has, and none of its credentials.
func of(base sdk.Config, c connection.Connection, p sdk.CredentialsProvider) sdk.Config {
	out := base.Copy()
	out.Credentials = p
	if len(c.Regions) > 0 {
		out.Region = c.Regions[0]
	}
	return out
}

// usable refuses connections that no role can be taken of.
func usable(s *tenant.Scope, c connection.Connection) error {
	switch {
	case s.Tenant() == "":
		return fault.New(fault.Forbidden, "an account is called for a tenant, and none was opened")
	case c.Profile != "":
		return c.NoProfilesHere()
	case c.RoleARN == "" || c.ExternalID == "":
		return c.NoRole()
	}
	return nil
}

// Verify is the connection.Verifier of roles.
func (a *Accounts) Verify(ctx context.Context, s *tenant.Scope, c connection.Connection) error {
	if err := usable(s, c); err != nil {
		return err
	}
	base, err := a.base()
	if err != nil {
		return err
	}
	session, err := take(ctx, base, s, c, c.ExternalID)
	if err != nil {
		return err
	}
	own := base.Copy() // in the platform's region: the connection's may be none, or disabled
	own.Credentials = static(session)
	found, err := caller(ctx, own)
	if err != nil {
		return fault.Wrap(errors.New(err.Error()), fault.Unavailable, "AWS does not say now whose the role is. Try again in a minute.")
	}
	if found.AccountID != c.AccountID {
		return c.AnotherAccount(found.AccountID)
	}
	another, err := connection.NewExternalID(rand.Reader)
	if err != nil {
		return err
	}
	for _, wrong := range []struct {
		externalID string
		refusal    *connection.Refusal
	}{{"", c.Unconditional()}, {another, c.AnyExternalID()}} {
		_, err := take(ctx, base, s, c, wrong.externalID)
		if err == nil {
			return wrong.refusal
		}
		if _, denied := errors.AsType[*connection.Refusal](err); !denied {
			return err
		}
	}
	return nil
}

// take begins a session in the role with an ExternalId, "" for none, under a name that tells the account's own trail which
// tenant it is for.
func take(ctx context.Context, base sdk.Config, s *tenant.Scope, c connection.Connection, externalID string) (sdk.Credentials, error) {
	ctx, stop := context.WithTimeout(ctx, callTime)
	defer stop()
	in := &sts.AssumeRoleInput{RoleArn: &c.RoleARN, RoleSessionName: sdk.String("tenantry-" + string(s.Tenant())),
		DurationSeconds: sdk.Int32(int32(Life / time.Second))}
	if externalID != "" {
		in.ExternalId = &externalID
	}
	observe.In(ctx).STS()
	out, err := sts.NewFromConfig(base).AssumeRole(ctx, in)
	if err != nil {
		return sdk.Credentials{}, failed(err, c.NotTaken())
	}
	if out.Credentials == nil || out.AssumedRoleUser == nil {
		return sdk.Credentials{}, fault.New(fault.Unavailable, "AWS has answered with no session.")
	}
	is, err := arn.Parse(sdk.ToString(out.AssumedRoleUser.Arn))
	if err != nil || is.AccountID != c.AccountID {
		return sdk.Credentials{}, denial{c.AnotherAccount(is.AccountID)}
	}
	return sdk.Credentials{AccessKeyID: sdk.ToString(out.Credentials.AccessKeyId), SecretAccessKey: sdk.ToString(out.Credentials.SecretAccessKey),
		SessionToken: sdk.ToString(out.Credentials.SessionToken), Expires: sdk.ToTime(out.Credentials.Expiration), CanExpire: true,
		AccountID: is.AccountID, Source: "connection"}, nil
}

// denial is a refusal after which no credentials are given, those that there are included.
type denial struct{ *connection.Refusal }

// Unwrap gives the refusal, and what sessions know it by.
func (d denial) Unwrap() []error { return []error{d.Refusal, credential.ErrDenied} }

// failed tells what AWS denies, which is the refusal, from what cannot be told now. The answer of STS is no cause of it: it must
// not be taken for one of the service that is called with the credentials.
func failed(err error, refusal *connection.Refusal) error {
	if call.Of(err) == call.Denied {
		return denial{refusal}
	}
	return fault.Wrap(errors.New(err.Error()), fault.Unavailable, "AWS does not say now whether the role can be taken. Try again in a minute.")
}

// caller is who a configuration calls as.
func caller(ctx context.Context, c sdk.Config) (arn.ARN, error) {
	ctx, stop := context.WithTimeout(ctx, callTime)
	defer stop()
	out, err := sts.NewFromConfig(c).GetCallerIdentity(ctx, &sts.GetCallerIdentityInput{})
	if err != nil {
		return arn.ARN{}, err
	}
	return arn.Parse(sdk.ToString(out.Arn))
}

// static are credentials as they are.
func static(c sdk.Credentials) sdk.CredentialsProvider {
	return sdk.CredentialsProviderFunc(func(context.Context) (sdk.Credentials, error) { return c, nil })
}
