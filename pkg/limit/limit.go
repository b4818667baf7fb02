// Package limit keeps callers to what they may ask in a minute: tenants to the requests of their plan, counted for all
// processes together, and whoever belongs to no tenant to what one process lets them try.
//
// A process takes a tenant's requests out of a counter in blocks. The first Free requests of a minute it lets pass without
// asking, so that a tenant with few requests costs no write however many processes serve it, and tells the counter of them with
// its first block. From then on a block is an eighth of what the process has let pass, at least Free. Hence, of each minute:
//
//   - at most one write for Free admitted requests, and none for those that are refused;
//   - at most limit + Free x processes requests are admitted, and exactly the limit where one process has them all;
//   - what a process leases and leaves is lost to others: at most an eighth of what it let pass, or Free.
package limit

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"time"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Free is how many requests of a tenant and minute a process lets pass before it asks the counter, and the least block.
const Free = 30

const (
	window   = time.Minute
	patience = time.Second // with the counter
	kept     = time.Hour   // counters, which must outlive the minute on every clock
	taken    = "taken"     // the counter's attribute
)

// Limiter takes tenants' requests out of their plans' requests per minute. It is safe for concurrent use; nothing that a tenant
// waits for is waited for by another.
type Limiter struct {
	store *store.Store
	clock func() time.Time
	log   *slog.Logger

	mu     sync.Mutex
	minute time.Time
	shares map[tenant.ID]*share // of the minute
}

// New makes the limiter of a process.
func New(s *store.Store, clock func() time.Time, log *slog.Logger) *Limiter {
	return &Limiter{store: s, clock: clock, log: log}
}

// Admit takes one request of the scope's tenant out of its minute; fault.Limited where nothing is left. For what is kept for there is a
// tenth of the limit more, at each process: whoever uses up the rate, with a key that leaked say, cannot keep an owner from revoking
// it. It is a route's Admit.
func (l *Limiter) Admit(ctx context.Context, scope *tenant.Scope, kept bool) (route.Rate, error) {
	plan, now := scope.Standing().Plan, l.clock()
	limit := plan.Limits().RequestsPerMinute
	s := l.share(scope.Tenant(), now)
	remaining, ok, err := s.take(ctx, limit, func(n int64) (int64, error) {
		if scope.Standing().Status == tenant.Deleting {
			return 0, errEnding
		}
		return l.lease(ctx, scope, s.minute, n)
	})
	if err != nil {
		return route.Rate{}, err
	}
	rate := route.Rate{Limit: limit, Remaining: remaining, Reset: max(s.minute.Add(window).Sub(now), 0)}
	if !ok && !(kept && s.more(limit/10)) {
		return rate, fault.New(fault.Limited, "The plan %s has a limit of requestsPerMinute of %d for all of the organization, and they are used up. "+
			"Wait for as long as Retry-After says and repeat; if it happens often, spread the requests, or have the operator move you to a larger plan.",
			plan, limit).Of("requestsPerMinute").In(rate.Reset)
	}
	return rate, nil
}

// errEnding has the process go by itself: nothing is written of a tenant that is about to be erased.
var errEnding = errors.New("the tenant is being deleted")

// share is the process's share of the tenant's minute. Time does not run backwards: a minute that is over does not begin again.
func (l *Limiter) share(id tenant.ID, now time.Time) *share {
	l.mu.Lock()
	defer l.mu.Unlock()
	if minute := now.UTC().Truncate(window); minute.After(l.minute) {
		l.minute, l.shares = minute, map[tenant.ID]*share{}
	}
	s := l.shares[id]
	if s == nil {
		s = &share{minute: l.minute}
		l.shares[id] = s
	}
	return s
}

// lease takes n requests out of the counter and gives how many are taken by all processes. Where the counter cannot be reached
// the process goes by itself until the minute is over: the caller who happens to be here must not pay for it, nor end it by going.
func (l *Limiter) lease(ctx context.Context, scope *tenant.Scope, minute time.Time, n int64) (int64, error) {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), patience)
	defer cancel()
	h, err := l.store.Tenant(scope)
	if err == nil {
		var sums map[string]int64
		if sums, err = h.Add(ctx, store.Rate(minute), map[string]int64{taken: n}, minute.Add(kept)); err == nil {
			return sums[taken], nil
		}
	}
	l.log.WarnContext(ctx, "requests are limited by this process alone for a minute: their counter cannot be reached",
		"tenant", scope.Tenant(), "requestId", route.RequestOf(ctx).ID, "error", err)
	return 0, err
}
