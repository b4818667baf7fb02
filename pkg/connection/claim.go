package connection

import (
	"context"
	"fmt"
	"time"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// claim says whose an AWS account is on this platform. It is in the directory twice, found by the account and from the tenant;
// both are written in one transaction, on condition of the first. It is made after the role was verified, so that nobody keeps
// an account from its owner by naming it.
type claim struct {
	Tenant     tenant.ID           `json:"tenant"`
	Connection tenant.ConnectionID `json:"connection"`
	Account    string              `json:"account"`
	ClaimedAt  time.Time           `json:"claimedAt"`
}

// claim gives the connection's account to the scope's tenant, unless another has it: then it is fault.Conflict, and does not
// tell who. A claim of a connection of the tenant that is no more, as a crash leaves it, is taken over.
func (s *Service) claim(ctx context.Context, scope *tenant.Scope, h *store.Tenant, c Connection) error {
	d, at := s.Store.Directory(), store.Account(c.AccountID)
	for range attempts {
		var held claim
		version, err := d.Read(ctx, at, &held)
		if err != nil {
			return fmt.Errorf("read a claim on an account: %w", err)
		}
		if version > 0 && held.Tenant != scope.Tenant() {
			return fault.New(fault.Conflict, "The account %s is connected in another organization of this platform, and an account belongs to one at a "+
				"time. Have it disconnected there, by whoever in your company connected it, and verify again.", c.AccountID)
		}
		if version > 0 && held.Connection != c.ID {
			other, there, err := Read(ctx, h, held.Connection)
			if err != nil {
				return err
			}
			if there > 0 {
				return fault.New(fault.Conflict, "The account %s is connected already in this organization, as %q (%s). Change that connection, or delete "+
					"it first.", c.AccountID, other.Name, other.ID)
			}
		}
		value := claim{scope.Tenant(), c.ID, c.AccountID, s.now()}
		err = d.Write(ctx, store.DirectoryChange{Key: at, Value: value, Condition: store.VersionIs(version)},
			store.DirectoryChange{Key: store.OrgAccount(scope.Tenant(), c.AccountID), Value: value})
		if err == nil {
			return nil
		}
		if store.Conflicted(err) == nil {
			return fmt.Errorf("claim an account: %w", err)
		}
	}
	return busy()
}

// release gives up what claim there is of a connection. Where there is none nothing is written.
func (s *Service) release(ctx context.Context, scope *tenant.Scope, account string, id tenant.ConnectionID) (released bool, err error) {
	d, at := s.Store.Directory(), store.Account(account)
	for range attempts {
		var held claim
		version, err := d.Read(ctx, at, &held)
		if err != nil {
			return false, fmt.Errorf("read a claim on an account: %w", err)
		}
		if version == 0 || held.Tenant != scope.Tenant() || held.Connection != id {
			return false, nil
		}
		err = d.Write(ctx, store.DirectoryChange{Action: store.Delete, Key: at, Condition: store.VersionIs(version)},
			store.DirectoryChange{Action: store.Delete, Key: store.OrgAccount(scope.Tenant(), account)})
		if err == nil {
			return true, nil
		}
		if store.Conflicted(err) == nil {
			return false, fmt.Errorf("release an account: %w", err)
		}
	}
	return false, busy()
}

// releaseOf gives up the claim of a connection that is no more, whatever account it was of.
func (s *Service) releaseOf(ctx context.Context, scope *tenant.Scope, id tenant.ConnectionID) (released bool, err error) {
	for l := (store.List{Consistency: store.Strongly}); ; {
		page, err := s.Store.Directory().Query(ctx, store.OrgAccounts(scope.Tenant()), l)
		if err != nil {
			return released, fmt.Errorf("list claims on accounts: %w", err)
		}
		for _, r := range page.Records {
			var held claim
			if err := r.Value.Decode(&held); err != nil {
				return released, fmt.Errorf("list claims on accounts: %w", err)
			}
			if held.Connection != id {
				continue
			}
			one, err := s.release(ctx, scope, held.Account, id)
			if released = released || one; err != nil {
				return released, err
			}
		}
		if l.After = page.Next; l.After == "" {
			return released, nil
		}
	}
}
