// Package fence lets the changes of what a tenant has in the directory, members, invitations and API keys, follow each other:
// what a change counts is as it was counted when the change is made.
package fence

import (
	"context"
	"fmt"
	"time"

	"github.com/tenantry/tenantry/pkg/audit"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/identity"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Fence is the one item of each tenant that every change moves. All fields are needed.
type Fence struct {
	Store  *store.Store
	Clock  func() time.Time
	Audit  audit.Log
	Forget func(tenant.Principal, tenant.ID) // makes this process read a membership anew
}

// Plan reads what is there and says what to write and what the audit log says of it; nothing to write is no change.
type Plan func(context.Context, *store.Directory) (audit.Event, []store.DirectoryChange, error)

const attempts = 10

// Change makes a change: what the plan says, the audit row, and the tenant's fence one step further, in one transaction on
// condition that the fence is where it was before the plan read anything. So whatever a plan counts is as it counted it when
// the change is made; else the plan is asked again, and after ten times it is fault.Conflict.
func (f Fence) Change(ctx context.Context, scope *tenant.Scope, plan Plan) error {
	d, key := f.Store.Directory(), store.OrgFence(scope.Tenant())
	for range attempts {
		at := struct {
			MovedAt time.Time `json:"movedAt"`
		}{f.Clock().UTC().Truncate(time.Millisecond)}
		version, err := d.Read(ctx, key, &struct{}{})
		if err != nil {
			return fmt.Errorf("read a fence: %w", err)
		}
		event, changes, err := plan(ctx, d)
		if err != nil || len(changes) == 0 {
			return err
		}
		row, err := f.Audit.Row(ctx, scope, event)
		if err != nil {
			return err
		}
		changes = append(changes, store.DirectoryChange{Key: key, Value: at, Condition: store.VersionIs(version)})
		if err = d.WriteAudited(ctx, scope, row, changes...); err == nil {
			return nil
		}
		if store.Conflicted(err) == nil {
			return fmt.Errorf("change behind a fence: %w", err)
		}
	}
	return fault.New(fault.Conflict, "Members, invitations or API keys are being changed by others. Try again.")
}

// ChangeBy is Change by a member whose place is still the scope's when the change is made; else it is fault.NotFound or
// fault.Conflict. What a process believes of a member may be a minute old, and nobody gives away in that minute what was
// taken from them.
func (f Fence) ChangeBy(ctx context.Context, scope *tenant.Scope, plan Plan) error {
	return f.Change(ctx, scope, func(ctx context.Context, d *store.Directory) (audit.Event, []store.DirectoryChange, error) {
		m, err := identity.Read(ctx, d, scope.Principal(), scope.Tenant())
		if err == nil && !scope.Holds(m) {
			err = fault.New(fault.Conflict, "Your place in the organization was changed just now. See what you may do now, and try again.")
		}
		if err != nil {
			f.Forget(scope.Principal(), scope.Tenant())
			return audit.Event{}, nil, err
		}
		return plan(ctx, d)
	})
}

// Count goes through all items of a span of the directory and gives how many count.
func Count(ctx context.Context, d *store.Directory, span store.DirectorySpan, counts func(*store.Record) (bool, error)) (n int64, err error) {
	l := store.List{Consistency: store.Strongly}
	for {
		page, err := d.Query(ctx, span, l)
		if err != nil {
			return 0, err
		}
		for i := range page.Records {
			yes, err := counts(&page.Records[i])
			if err != nil {
				return 0, err
			}
			if yes {
				n++
			}
		}
		if l.After = page.Next; l.After == "" {
			return n, nil
		}
	}
}

// Find reads the item of the scope's tenant that a path names, with its version. What there is not, and what is no ID, is
// fault.NotFound, which says none.
func Find[T, ID any](ctx context.Context, d *store.Directory, scope *tenant.Scope, id string, parse func(string) (ID, error),
	key func(tenant.ID, ID) store.DirectoryKey, none string) (x T, version int64, err error) {
	of, err := parse(id)
	if err != nil {
		return x, 0, fault.New(fault.NotFound, "%s", none)
	}
	if version, err = d.Read(ctx, key(scope.Tenant(), of), &x); err != nil {
		return x, 0, fmt.Errorf("read what a path names: %w", err)
	}
	if version == 0 {
		return x, 0, fault.New(fault.NotFound, "%s", none)
	}
	return x, version, nil
}

// Both does the same to the items of an entity that is kept twice, which have one version.
func Both(action store.Action, changes []store.DirectoryChange, version int64) []store.DirectoryChange {
	for i := range changes {
		changes[i].Action, changes[i].Condition = action, store.VersionIs(version)
		if action == store.Delete {
			changes[i].Value = nil
		}
	}
	return changes
}
