package audit

import (
	"context"
	"errors"
	"log/slog"
	"math/bits"
	"sync"
	"time"

	"github.com/hashicorp/golang-lru/v2/simplelru"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Refusals records the accesses that members are refused. A member who is refused again and again does not fill the log: in a
// minute the first ten have a row each, then every one that doubles their number; each row tells how many came before it
// that have none. The counts are those of this process.
type Refusals struct {
	store   *store.Store
	rows    Log
	log     *slog.Logger
	mu      sync.Mutex
	members *simplelru.LRU[member, *tally]
}

type member struct {
	tenant          tenant.ID
	issuer, subject string
}

// tally is a member's refusals of a minute.
type tally struct {
	minute  time.Time
	n       uint64
	leftOut int64 // that no row tells of, of earlier minutes too
}

const (
	each       = 10   // refusals of a member and minute with rows of their own
	remembered = 4096 // members

	// patience is how long a refused caller may have to wait for the row: a function answers when it is done.
	patience = 2 * time.Second
)

// NewRefusals makes the record of a process.
func NewRefusals(s *store.Store, rows Log, log *slog.Logger) *Refusals {
	members, _ := simplelru.NewLRU[member, *tally](remembered, nil) // fails for no size alone
	return &Refusals{store: s, rows: rows, log: log, members: members}
}

// Record writes that the member of the scope was refused what the request of ctx asks for, and why. It changes nothing of the
// answer: where the row cannot be written, the process's log has it, and the member's next row counts it.
func (r *Refusals) Record(ctx context.Context, scope *tenant.Scope, why error) {
	p := scope.Principal()
	who := member{scope.Tenant(), p.Issuer, p.Subject}
	leftOut, due := r.count(who)
	if !due {
		return
	}
	ctx, cancel := context.WithTimeout(ctx, patience)
	defer cancel()
	if err := r.write(ctx, scope, why, leftOut); err != nil {
		r.owe(who, leftOut+1)
		r.log.ErrorContext(ctx, "refused access not recorded", "tenant", scope.Tenant(), "requestId", route.RequestOf(ctx).ID, "error", err)
	}
}

// count counts a refusal and tells whether it is due a row, and how many came before it that have none.
func (r *Refusals) count(who member) (leftOut int64, due bool) {
	r.mu.Lock()
	defer r.mu.Unlock()
	t, ok := r.members.Get(who)
	if !ok {
		t = &tally{}
		r.members.Add(who, t)
	}
	if minute := r.rows.Clock().Truncate(time.Minute); !minute.Equal(t.minute) {
		t.minute, t.n = minute, 0
	}
	t.n++
	if t.n > each && (t.n%each != 0 || bits.OnesCount64(t.n/each) != 1) {
		t.leftOut++
		return 0, false
	}
	leftOut, t.leftOut = t.leftOut, 0
	return leftOut, true
}

// owe has the member's next row count what this one would have.
func (r *Refusals) owe(who member, n int64) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if t, ok := r.members.Get(who); ok {
		t.leftOut += n
	}
}

func (r *Refusals) write(ctx context.Context, scope *tenant.Scope, why error, leftOut int64) error {
	row, err := r.rows.row(ctx, scope, Event{Target: route.RequestOf(ctx).Target, Outcome: Refused, Reason: reason(why)})
	if err != nil {
		return err
	}
	row.LeftOut = leftOut
	h, err := r.store.Tenant(scope)
	if err != nil {
		return err
	}
	return h.Write(ctx, row.change(scope))
}

// reason is what the member was told, unless that hides the reason.
func reason(why error) string {
	if errors.Is(why, tenant.ErrDenied) && fault.Is(why, fault.NotFound) {
		return "The member is limited to named projects, and this is of none of them."
	}
	if f, ok := errors.AsType[*fault.Error](why); ok {
		return f.Message
	}
	return ""
}
