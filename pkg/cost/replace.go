package cost

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cost/rollup"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// MaxPeriods is the most billing periods that one delivery may bring: what moves with it in one transaction, beside HEAD, the
// delivery itself and its row of the audit log.
const MaxPeriods = 96

// ErrOvertaken says that another delivery of the same source was quicker, or that documents which were being read were
// superseded: nothing was changed, and doing all of it again is right.
var ErrOvertaken = errors.New("overtaken by another delivery")

var errSuperseded = fmt.Errorf("a document is gone: %w", ErrOvertaken)

// Origin is the delivery that brings, or brought, a billing account's lines of a period.
type Origin struct {
	Delivery  tenant.DeliveryID
	Delivered time.Time    // when it closed: of two uploads the newer counts
	Rules     int64        // Roster.Rules it is split by, or Aimed
	Final     bool         // the caller says that nothing more will come
	Estimated bool         // the provider calls some of it an estimate
	Through   calendar.Day // the last day that is accounted for, also where it has no line; 0 for that of the last line
	Provided  Provided
}

// Provided are a provider's own totals of a billing account and period, exact decimals, which the sums of the lines can be held
// against. The Currency is "" where it gives none.
type Provided struct {
	Currency                  string
	BilledCost, EffectiveCost string
}

// Replacement puts lines in the place of what their source held of their billing accounts and billing periods.
type Replacement struct {
	Tenant      *store.Tenant
	Delivery    tenant.DeliveryID // whose work this is, for its manifests
	Gen         string            // a ULID never used before; newer generations sort after older ones
	Source      string
	TagKeys     []string // kept tag keys, sorted
	AllowShrink bool
	// Stays are older lines of the source that cannot be read again. They stay as they are, and count as split by today's Rules and as
	// having today's TagKeys: those of them that are new are null there.
	Stays []Holding
	Rules int64
	Sees  func(tenant.ProjectID) bool // whether who delivers may replace what a project has; nil: all may be
	Dir   string                      // for the spool
	Lines *rollup.Result
	// Origin of a billing account and period among the lines.
	Origin func(billingAccount string, period calendar.Month) Origin
	// Loading is told how many parts of how many are loaded; its error ends the load. May be nil.
	Loading func(done, all int) error

	head        Head
	headVersion int64
	covers      map[calendar.Month]*holding // of all months of all years that the lines' periods lie in
	indexes     *indexes
	spool       *spool
	built       map[place]*Version
	load        []loading
	spooled     map[docKey][]extent
	sheets      map[place]*sheet // of the built periods
	names       map[named]string
	totalsOf    map[place][]AccountTotals // by project and period
}

// holding is a Cover as it was read, and what the source holds before and after.
type holding struct {
	cover    Cover
	version  int64
	changed  bool // the lines have this period
	old      *CoverSource
	next     CoverSource
	replaced map[string]bool // billing accounts whose old lines go
}

// place is where documents belong: period documents where year is 0, year documents else.
type place struct {
	project tenant.ProjectID
	view    string
	period  calendar.Month
	year    int
}

type loading struct {
	place place
	doc   encoded
}

// Change is what a replacement does to one billing account and billing period.
type Change struct {
	BillingAccountID string             `json:"billingAccountId"`
	Period           calendar.Month     `json:"period"`
	Before           Control            `json:"before"`
	After            Control            `json:"after"`
	TakenFrom        []tenant.ProjectID `json:"takenFrom"` // projects that held lines of the account and hold none now
	Shadows          []string           `json:"shadows"`   // other sources that count less of the account's units than before
	Concerns         []tenant.ProjectID `json:"concerns"`  // projects that held what Before and Shadows tell of
}

// Control is the control totals of lines: how many, and their sums by currency and charge category.
type Control struct {
	Lines int64 `json:"lines"`
	Sums  []Sum `json:"sums,omitempty"`
}

// Prepare encodes all documents that the lines make, and says what would change. Nothing is written yet. It refuses, as
// fault.Invalid, a replacement that loses more than half of the lines of a billing account and period, or that replaces what is not
// for who delivers it to replace: that first and in words that tell nothing else.
func (r *Replacement) Prepare(ctx context.Context) ([]Change, error) {
	if err := r.read(ctx); err != nil {
		return nil, err
	}
	if err := r.checkWithin(); err != nil {
		return nil, err
	}
	changes := r.changes()
	if err := r.checkNewer(); err != nil {
		return changes, err
	}
	if err := r.checkShrink(changes); err != nil {
		return changes, err
	}
	var err error
	if r.spool, err = newSpool(r.Dir); err != nil {
		return changes, err
	}
	r.indexes = newIndexes(r.Tenant)
	r.built, r.spooled, r.names = map[place]*Version{}, map[docKey][]extent{}, map[named]string{}
	r.sheets = map[place]*sheet{}
	r.totalsOf = map[place][]AccountTotals{}
	if err := r.buildPeriods(ctx); err != nil {
		return changes, err
	}
	return changes, r.buildYears(ctx)
}

// Close frees what Prepare made.
func (r *Replacement) Close() {
	if r.spool != nil {
		r.spool.close()
		r.spool = nil
	}
}

// Documents is how many documents would be written; the others are there already.
func (r *Replacement) Documents() int { return len(r.load) }

// read reads Head and the covers, and derives what the source will hold.
func (r *Replacement) read(ctx context.Context) error {
	var packed blob
	version, err := r.Tenant.Read(ctx, store.Head(), &packed)
	if err != nil {
		return err
	}
	if r.headVersion = version; version > 0 {
		if err := packed.Into(&r.head); err != nil {
			return err
		}
	}
	r.covers = map[calendar.Month]*holding{}
	for _, t := range r.Lines.Tallies() {
		r.covers[t.Billing] = &holding{changed: true}
	}
	for _, s := range r.Stays {
		r.covers[s.Period] = &holding{changed: true}
	}
	if len(r.covers) > MaxPeriods {
		return fault.New(fault.Invalid, "The delivery has %d billing periods; one may have at most %d. Split it by billing period.",
			len(r.covers), MaxPeriods)
	}
	for month := range maps.Clone(r.covers) {
		for m := month - month%12; m < month-month%12+12; m++ {
			if r.covers[m] == nil {
				r.covers[m] = &holding{}
			}
		}
	}
	if err := r.readCovers(ctx); err != nil {
		return err
	}
	return r.hold()
}

func (r *Replacement) readCovers(ctx context.Context) error {
	months := slices.Sorted(maps.Keys(r.covers))
	keys := make([]store.Key, len(months))
	for i, m := range months {
		keys[i] = store.Cover(m)
	}
	records, err := r.Tenant.Get(ctx, store.Strongly, keys...)
	if err != nil {
		return err
	}
	for i, rec := range records {
		h := r.covers[months[i]]
		if rec != nil {
			var packed blob
			if err := rec.Value.Decode(&packed); err != nil {
				return err
			}
			if err := packed.Into(&h.cover); err != nil {
				return err
			}
			h.version = rec.Version
		}
		h.old = h.cover.source(r.Source)
	}
	return nil
}

// hold computes what the source holds after the replacement: the accounts of the lines, and the others as they were.
func (r *Replacement) hold() error {
	accounts, err := r.accounts()
	if err != nil {
		return err
	}
	for period, h := range r.covers {
		h.next = CoverSource{Name: r.Source}
		if h.old != nil {
			h.next.Holders = h.old.Holders
		}
		if !h.changed {
			if h.old != nil {
				h.next.Accounts = h.old.Accounts
			}
			continue
		}
		h.replaced = map[string]bool{}
		for _, a := range accounts[period] {
			h.replaced[a.BillingAccount] = true
			h.next.Accounts = append(h.next.Accounts, a)
			h.next.Holders = union(h.next.Holders, a.Projects)
		}
		if h.old != nil {
			for _, a := range h.old.Accounts {
				if !h.replaced[a.BillingAccount] {
					h.next.Accounts = append(h.next.Accounts, r.staying(a, period))
				}
			}
		}
		slices.SortFunc(h.next.Accounts, func(a, b CoverAccount) int { return cmp.Compare(a.BillingAccount, b.BillingAccount) })
	}
	return nil
}

// staying is an account whose lines are not replaced.
func (r *Replacement) staying(a CoverAccount, period calendar.Month) CoverAccount {
	if slices.Contains(r.Stays, Holding{a.BillingAccount, period}) {
		if a.TagKeys = r.TagKeys; a.Rules != Aimed {
			a.Rules = r.Rules
		}
	}
	return a
}

// changes lists what the replacement does, by billing account and period of the delivery's lines: not of those that are read again with
// them.
func (r *Replacement) changes() (all []Change) {
	for _, period := range slices.Sorted(maps.Keys(r.covers)) {
		h := r.covers[period]
		for i := range h.next.Accounts {
			a := &h.next.Accounts[i]
			if !h.replaced[a.BillingAccount] || a.Delivery != r.Delivery {
				continue
			}
			c := Change{BillingAccountID: a.BillingAccount, Period: period, After: Control{a.Lines, a.Sums}}
			if old := h.old.account(a.BillingAccount); old != nil {
				c.Before = Control{old.Lines, old.Sums}
				c.TakenFrom = slices.DeleteFunc(slices.Clone(old.Projects), func(p tenant.ProjectID) bool { return slices.Contains(a.Projects, p) })
			}
			taken := h.taken(r.Source, a)
			c.Shadows, c.Concerns = slices.Sorted(maps.Keys(taken)), h.concerns(a, taken)
			all = append(all, c)
		}
	}
	return all
}

// checkNewer refuses lines of a billing account and period of which the source holds a delivery that closed later: the
// workers may have come to that one first.
func (r *Replacement) checkNewer() error {
	for _, period := range slices.Sorted(maps.Keys(r.covers)) {
		h := r.covers[period]
		for i := range h.next.Accounts {
			a := &h.next.Accounts[i]
			if old := h.old.account(a.BillingAccount); h.replaced[a.BillingAccount] && old != nil && old.Delivered > a.Delivered {
				return fault.New(fault.Invalid, "Delivery %s of the same source closed later and counts already for billing account %s and billing "+
					"period %s. Nothing was changed. Deliver the file again if it is the right one.", old.Delivery, a.BillingAccount, period)
			}
		}
	}
	return nil
}

func (r *Replacement) checkShrink(changes []Change) error {
	if r.AllowShrink {
		return nil
	}
	var refused *fault.Error
	for _, c := range changes {
		if c.After.Lines*2 >= c.Before.Lines {
			continue
		}
		if refused == nil {
			refused = fault.New(fault.Invalid, "The delivery would lose more than half of the lines that its source holds. "+
				"Nothing was changed. Deliver whole billing periods, or say allowShrink if fewer lines are right.")
		}
		refused.At(fmt.Sprintf("billing account %s, billing period %s", c.BillingAccountID, c.Period),
			fmt.Sprintf("%d lines would replace %d", c.After.Lines, c.Before.Lines), "")
	}
	if refused == nil {
		return nil
	}
	return refused
}

func union[T cmp.Ordered](a, b []T) []T {
	all := append(slices.Clone(a), b...)
	slices.Sort(all)
	return slices.Compact(all)
}
