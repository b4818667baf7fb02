package collect

import (
	"context"
	"fmt"
	"time"

	"github.com/tenantry/tenantry/pkg/audit"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/store"
)

const (
	// retried is how long a connection that was denied access is left alone: a day, less what a schedule's window may move it.
	retried = 20 * time.Hour
	// patience is how long access is denied until the connection is paused.
	patience = 7 * 24 * time.Hour
)

// broken notes that a connection was denied access, and pauses it where that has been so for too long. It gives the reason as it
// was noted.
func (r *running) broken(ctx context.Context, c connection.Connection, reason string) (string, error) {
	now := r.service.now()
	return reason, r.mark(ctx, c, "breakConnection", reason, func(c *connection.Connection) bool {
		if c.Status == connection.Paused {
			return false
		}
		was := c.Status
		if c.BrokenSince == nil || was != connection.Broken {
			c.BrokenSince = &now
		}
		c.Status = connection.Broken
		if now.Sub(*c.BrokenSince) >= patience {
			c.Status = connection.Paused
			reason = "Access has been denied for 7 days, so it was paused: " + reason + " When that is mended, verify the connection again."
		}
		changed := c.Status != was || c.Reason != reason
		c.Reason = reason
		return changed
	})
}

// mended notes that a broken connection works again, unless it is still denied what another kind needs.
func (r *running) mended(ctx context.Context, c connection.Connection) error {
	if c.Status != connection.Broken {
		return nil
	}
	page, err := r.tenant.Query(ctx, store.Fetches(c.ID), store.List{Consistency: store.Strongly})
	if err != nil {
		return fmt.Errorf("read what was fetched: %w", err)
	}
	for _, record := range page.Records {
		var f fetch
		if err := record.Value.Decode(&f); err != nil {
			return fmt.Errorf("read what was fetched: %w", err)
		}
		if own := store.Fetch(c.ID, string(r.message.Kind)); record.Address.SK != own.Sort() && !f.Denied.IsZero() {
			return nil
		}
	}
	return r.mark(ctx, c, "mendConnection", "", func(c *connection.Connection) bool {
		if c.Status != connection.Broken {
			return false
		}
		c.Status, c.Reason, c.BrokenSince = connection.Connected, "", nil
		return true
	})
}

// mark changes a connection on condition of what is stored, with a row of the audit log; change tells whether there is one.
func (r *running) mark(ctx context.Context, c connection.Connection, operation, reason string, change func(*connection.Connection) bool) error {
	for range attempts {
		c, version, err := connection.Read(ctx, r.tenant, c.ID)
		if err != nil || version == 0 {
			return err
		}
		before := told{Status: string(c.Status), Reason: c.Reason}
		if !change(&c) {
			return nil
		}
		c.UpdatedAt = r.service.now()
		row, err := r.service.Audit.Row(ctx, r.scope, audit.Event{Target: "connection/" + string(c.ID), Operation: operation, Reason: reason,
			Before: before, After: told{Status: string(c.Status), Reason: c.Reason}})
		if err != nil {
			return err
		}
		err = r.tenant.Write(ctx, store.Change{Key: store.Connection(c.ID), Value: c, Condition: store.VersionIs(version)}, row)
		if err == nil && c.Status == connection.Paused && r.service.Paused != nil {
			r.service.Paused(ctx, r.scope)
		}
		if store.Conflicted(err) == nil {
			return err
		}
	}
	return fault.New(fault.Unavailable, "The connection is being changed by others.")
}

// told is what rows of the audit log say of a run or a connection.
type told struct {
	Status string `json:"status,omitempty"`
	Reason string `json:"reason,omitempty"`
	Kind   Kind   `json:"kind,omitempty"`
}

const attempts = 5
