package collect

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tenantry/tenantry/pkg/audit"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/job"
	"github.com/tenantry/tenantry/pkg/queue"
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
func (f *fetching) broken(ctx context.Context, reason string) (string, error) {
	now := f.service.now()
	err := f.mark(ctx, "breakConnection", reason, func(c *connection.Connection) bool {
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
	return reason, err
}

// mended notes that a broken connection works again, unless it is still denied what another kind needs.
func (f *fetching) mended(ctx context.Context) error {
	c := f.connection
	if c.Status != connection.Broken {
		return nil
	}
	page, err := f.tenant.Query(ctx, store.Fetches(c.ID), store.List{Consistency: store.Strongly})
	if err != nil {
		return fmt.Errorf("read what was fetched: %w", err)
	}
	for _, record := range page.Records {
		var other fetch
		if err := record.Value.Decode(&other); err != nil {
			return fmt.Errorf("read what was fetched: %w", err)
		}
		if own := store.Fetch(c.ID, string(f.message.Kind)); record.Address.SK != own.Sort() && !other.Denied.IsZero() {
			return nil
		}
	}
	return f.mark(ctx, "mendConnection", "", func(c *connection.Connection) bool {
		if c.Status != connection.Broken {
			return false
		}
		c.Status, c.Reason, c.BrokenSince = connection.Connected, "", nil
		return true
	})
}

// errChanged says that the connection is gone, or has been given another role or verified since it was read.
var errChanged = errors.New("the connection has changed")

// same tells whether the connection is still the one that this step has read, whatever else was changed of it: errChanged where not.
func (f *fetching) same(ctx context.Context) error {
	_, err := f.again(ctx)
	return err
}

// again reads the connection as it is by now.
func (f *fetching) again(ctx context.Context) (connection.Connection, error) {
	c, version, err := connection.Read(ctx, f.tenant, f.connection.ID)
	if err != nil {
		return c, passing(err)
	}
	was := f.connection
	if version == 0 || c.RoleARN != was.RoleARN || c.Profile != was.Profile || !at(c.VerifiedAt).Equal(at(was.VerifiedAt)) {
		return c, errChanged
	}
	f.book.known = version
	return c, nil
}

func at(t *time.Time) (at time.Time) {
	if t != nil {
		at = *t
	}
	return at
}

// unmarked says what becomes of a step that has found the connection changed: it is done again as the connection is by now.
func (f *fetching) unmarked(ctx context.Context, err error) error {
	switch {
	case errors.Is(err, errChanged):
		return f.note(ctx, func(rec *job.Record) { rec.Attempts = 0 })
	case store.Conflicted(err) != nil:
		return &queue.Busy{Wait: time.Second}
	}
	return passing(err)
}

// mark changes the connection on condition of what is stored and of this worker's hold on the fetch, with a row of the audit log; change
// tells whether there is one.
func (f *fetching) mark(ctx context.Context, operation, reason string, change func(*connection.Connection) bool) error {
	for range attempts {
		c, err := f.again(ctx)
		if err != nil {
			return err
		}
		before := told{Status: string(c.Status), Reason: c.Reason}
		if !change(&c) {
			return nil
		}
		c.UpdatedAt = f.service.now()
		row, err := f.service.Audit.Row(ctx, f.scope, audit.Event{Target: "connection/" + string(c.ID), Operation: operation, Reason: reason,
			Before: before, After: told{Status: string(c.Status), Reason: c.Reason}})
		if err != nil {
			return err
		}
		changes := append(f.book.hold(), store.Change{Key: store.Connection(c.ID), Value: c, Condition: store.VersionIs(f.book.known)}, row)
		err = f.tenant.Write(ctx, changes...)
		if err == nil {
			f.book.known++
			if c.Status == connection.Paused && f.service.Paused != nil {
				f.service.Paused(ctx, f.scope)
			}
			return nil
		}
		conflict := store.Conflicted(err)
		if conflict == nil || !conflict.Contended && conflict.Failed[0] < len(f.book.hold()) {
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
