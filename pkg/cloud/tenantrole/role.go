// Package tenantrole gives credentials that reach one tenant: sessions of the tenant-data role, which carry the tag
// tenant=<id>, by which that role's policy (pkg/cloud/policy) lets them at the tenant's items and files and at no others.
package tenantrole

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials/stscreds"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/aws/aws-sdk-go-v2/service/sts/types"
	"github.com/aws/smithy-go"
	lru "github.com/hashicorp/golang-lru/v2"

	"github.com/tenantry/tenantry/pkg/cloud/policy"
	"github.com/tenantry/tenantry/pkg/credential"
	"github.com/tenantry/tenantry/pkg/observe"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Life is how long a session lasts: the most that STS gives to a caller who is in a role already.
const Life = time.Hour

const (
	callTime = 10 * time.Second
	kept     = 1000 // tenants
)

// Options of New.
type Options struct {
	ARN   string           // of the tenant-data role
	Clock func() time.Time // nil: time.Now
	Kept  int              // tenants whose sessions are kept, those used last; 0: 1,000
}

// Role is the tenant-data role. It calls STS with the credentials that the function itself has, and never gives those away:
// what fails gives none. It is safe for concurrent use.
type Role struct {
	client   *sts.Client
	arn      string
	clock    func() time.Time
	sessions *lru.Cache[tenant.ID, *credential.Session]
}

// New makes a Role; it calls nothing.
func New(client *sts.Client, o Options) (*Role, error) {
	if o.ARN == "" {
		return nil, errors.New("no role for tenants' data is named")
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Kept == 0 {
		o.Kept = kept
	}
	sessions, err := lru.New[tenant.ID, *credential.Session](o.Kept)
	if err != nil {
		return nil, fmt.Errorf("tenant role: %w", err)
	}
	return &Role{client: client, arn: o.ARN, clock: o.Clock, sessions: sessions}, nil
}

// Of gives the tenant's credentials as the SDK takes them; they are had when a call is signed, under that call's context.
func (r *Role) Of(id tenant.ID) aws.CredentialsProvider {
	return aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) { return r.Lasting(ctx, id, 0) })
}

// Lasting gives credentials that are good for so long, which is less than Life, or for as long as can be had: until their
// Expires, which is a minute before STS ends them. They are renewed ten to five minutes before their end; where STS
// cannot be asked, those that are there are given until their end, and where it denies, none are. Calls at the same time make
// one call of STS.
func (r *Role) Lasting(ctx context.Context, id tenant.ID, least time.Duration) (aws.Credentials, error) {
	if _, err := tenant.ParseID(string(id)); err != nil {
		return aws.Credentials{}, fmt.Errorf("tenant role: no tenant: %w", err)
	}
	s, ok := r.sessions.Get(id)
	if !ok {
		s = &credential.Session{}
		if before, ok, _ := r.sessions.PeekOrAdd(id, s); ok {
			s = before
		}
	}
	return s.Lasting(ctx, least, r.clock, func(ctx context.Context) (aws.Credentials, error) { return r.assume(ctx, id) })
}

// assume begins a session, under the tenant's ID as its name too, so that the account's trail names the tenant of each call.
func (r *Role) assume(ctx context.Context, id tenant.ID) (aws.Credentials, error) {
	observe.In(ctx).STS()
	ctx, stop := context.WithTimeout(ctx, callTime)
	defer stop()
	c, err := stscreds.NewAssumeRoleProvider(r.client, r.arn, func(o *stscreds.AssumeRoleOptions) {
		o.RoleSessionName, o.Duration = string(id), Life
		o.Tags = []types.Tag{{Key: aws.String(policy.Tag), Value: aws.String(string(id))}}
	}).Retrieve(ctx)
	if err != nil {
		return aws.Credentials{}, refused(id, err)
	}
	return c, nil
}

// refused says in text alone what went wrong: the answer of STS must not be taken for one of the service that is called with
// the credentials.
func refused(id tenant.ID, err error) error {
	var api smithy.APIError
	if errors.As(err, &api) && strings.HasPrefix(api.ErrorCode(), "AccessDenied") {
		return fmt.Errorf("tenant role: STS gives no session for %s: %w: %s", id, credential.ErrDenied, api.ErrorMessage())
	}
	if api != nil {
		return fmt.Errorf("tenant role: STS gives no session for %s: %s: %s", id, api.ErrorCode(), api.ErrorMessage())
	}
	return fmt.Errorf("tenant role: STS cannot be asked for a session for %s: %v", id, err)
}
