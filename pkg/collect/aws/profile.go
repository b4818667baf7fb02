package aws

import (
	"context"
	"errors"

	sdk "github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/smithy-go"

	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Machine is Accounts on one machine, whose own AWS profiles can be connections too: a person can try the platform on an
// account without making a role. It must not be given to a platform that others reach.
type Machine struct {
	*Accounts
	Region string // of profiles that name none
	// Profile reads the machine's configuration of a profile.
	Profile func(ctx context.Context, name string) (sdk.Config, error)
}

// Config is that of Accounts, or of the connection's profile: it is a *connection.Refusal where the profile gives no access.
func (m Machine) Config(ctx context.Context, s *tenant.Scope, c connection.Connection) (sdk.Config, error) {
	if c.Profile == "" {
		return m.Accounts.Config(ctx, s, c)
	}
	out, err := m.profile(ctx, s, c)
	if err != nil {
		return sdk.Config{}, err
	}
	return out, nil
}

// Verify is the connection.Verifier of one machine.
func (m Machine) Verify(ctx context.Context, s *tenant.Scope, c connection.Connection) error {
	if c.Profile == "" {
		return m.Accounts.Verify(ctx, s, c)
	}
	_, err := m.profile(ctx, s, c)
	return err
}

// profile reads the machine's configuration, and asks AWS whose it is: the profile may be another's tomorrow.
func (m Machine) profile(ctx context.Context, s *tenant.Scope, c connection.Connection) (sdk.Config, error) {
	if s.Tenant() == "" {
		return sdk.Config{}, fault.New(fault.Forbidden, "an account is called for a tenant, and none was opened")
	}
	out, err := m.Profile(ctx, c.Profile)
	if err != nil {
		return out, c.NoProfile()
	}
	if out.Region == "" {
		out.Region = m.Region
	}
	out = of(out, c, out.Credentials)
	timed, stop := context.WithTimeout(ctx, callTime)
	defer stop()
	if _, err := out.Credentials.Retrieve(timed); err != nil {
		return sdk.Config{}, c.NoProfile()
	}
	found, err := caller(ctx, out)
	if _, answered := errors.AsType[smithy.APIError](err); answered {
		return sdk.Config{}, c.NoProfile()
	}
	if err != nil {
		return sdk.Config{}, fault.Wrap(err, fault.Unavailable, "AWS cannot be asked now whose the profile is. Try again in a minute.")
	}
	if found.AccountID != c.AccountID {
		return sdk.Config{}, c.AnotherAccount(found.AccountID)
	}
	if found.Partition != c.Partition {
		return sdk.Config{}, c.AnotherPartition(found.Partition)
	}
	return out, nil
}
