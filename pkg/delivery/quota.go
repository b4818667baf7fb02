package delivery

import (
	"context"
	"fmt"
	"math/rand/v2"
	"time"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Announced is what a tenant has announced on a UTC day: deliveries and the bytes of their files.
type Announced struct {
	Imports int64 `json:"imports"`
	Bytes   int64 `json:"bytes"`
}

const day = 24 * time.Hour

// announce gives the change that counts a delivery of some files against the plan's day: a part of the Write that makes it, and
// on condition of what was read. Where the plan has no room the error is fault.Limited, or fault.Forbidden where no day has.
func announce(ctx context.Context, scope *tenant.Scope, t *store.Tenant, now time.Time, bytes int64) (store.Change, error) {
	on := calendar.DayOf(now)
	var used Announced
	version, err := t.Read(ctx, store.Announced(on), &used)
	if err != nil {
		return store.Change{}, fmt.Errorf("read what was announced: %w", err)
	}
	if err := room(scope.Standing().Plan, used, bytes, now); err != nil {
		return store.Change{}, err
	}
	used.Imports++
	used.Bytes += bytes
	return store.Change{Key: store.Announced(on), Value: used, Condition: store.VersionIs(version), ExpiresAt: on.Time().Add(3 * day)}, nil
}

// room refuses a delivery more than the plan has on a day.
func room(plan tenant.Plan, used Announced, bytes int64, now time.Time) error {
	most, reset := plan.Limits(), (calendar.DayOf(now) + 1).Time()
	switch {
	case bytes > most.ImportBytesPerDay:
		return fault.New(fault.Forbidden, "The plan %s has a limit of importBytesPerDay of %d, and the files of this delivery alone have %d. Take it "+
			"apart, or have the operator move you to a larger plan.", plan, most.ImportBytesPerDay, bytes).Of("importBytesPerDay")
	case used.Imports >= most.ImportsPerDay:
		return fault.New(fault.Limited, "The plan %s has a limit of importsPerDay of %d, of which %d are used. It is reset at %s. Deliver several files "+
			"at once, wait, or have the operator move you to a larger plan.", plan, most.ImportsPerDay, used.Imports, reset.Format(time.RFC3339)).
			Of("importsPerDay").In(reset.Sub(now))
	case bytes > most.ImportBytesPerDay-used.Bytes:
		return fault.New(fault.Limited, "The plan %s has a limit of importBytesPerDay of %d, of which %d are used, and the files of this delivery have %d. "+
			"It is reset at %s. Wait, or have the operator move you to a larger plan.", plan, most.ImportBytesPerDay, used.Bytes, bytes,
			reset.Format(time.RFC3339)).Of("importBytesPerDay").In(reset.Sub(now))
	}
	return nil
}

// breathe lets others pass who make deliveries of the tenant at the same time: longer with each attempt, and not all alike.
func breathe(ctx context.Context, attempt int) error {
	if attempt == 0 {
		return nil
	}
	timer := time.NewTimer(rand.N(10 * time.Millisecond << min(attempt, 5)))
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}

// Used gives what the scope's tenant has announced on the present day, by the names of the plan's limits.
func (s *Service) Used(ctx context.Context, scope *tenant.Scope) (map[string]int64, error) {
	t, err := s.Store.Tenant(scope)
	if err != nil {
		return nil, err
	}
	var a Announced
	if _, err := t.Read(ctx, store.Announced(calendar.DayOf(s.Clock())), &a); err != nil {
		return nil, fmt.Errorf("read what was announced: %w", err)
	}
	return map[string]int64{"importsPerDay": a.Imports, "importBytesPerDay": a.Bytes}, nil
}
