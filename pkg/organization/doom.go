package organization

import (
	"context"
	"fmt"
	"time"

	"github.com/tenantry/tenantry/pkg/audit"
	"github.com/tenantry/tenantry/pkg/queue"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Doomed is what is said of a tenant that was ended until it is erased.
type Doomed struct {
	Name    string
	AskedBy *audit.Actor // who deleted it; nil where that is not known
}

// Doom ends a tenant for everybody, for ever, if it is being deleted and the given time of its end has come: then it is as if it
// had never been, and what is left of it can be erased. Nil where it is not to end, or not at that time. *queue.Busy where
// it is being changed.
func Doom(ctx context.Context, h *store.Tenant, due, now time.Time) (*Doomed, error) {
	var t record
	version, err := h.Read(ctx, store.Meta(), &t)
	if err != nil {
		return nil, fmt.Errorf("read a tenant: %w", err)
	}
	if version == 0 || t.Status != tenant.Deleting || t.DeleteAfter == nil || !t.DeleteAfter.Equal(due) || now.Before(due) {
		return nil, nil
	}
	if t.Erasing {
		return &Doomed{t.Name, t.AskedBy}, nil
	}
	t.Erasing = true
	err = h.Write(ctx, store.Change{Key: store.Meta(), Value: t, Condition: store.VersionIs(version)})
	if store.Conflicted(err) != nil {
		return nil, &queue.Busy{Wait: time.Second}
	}
	if err != nil {
		return nil, fmt.Errorf("end a tenant: %w", err)
	}
	return &Doomed{t.Name, t.AskedBy}, nil
}
