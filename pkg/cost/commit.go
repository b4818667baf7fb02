package cost

import (
	"cmp"
	"context"
	"maps"
	"slices"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/store"
)

// Commit makes the loaded generation count, in one transaction with the caller's own changes: whole, in every project
// and view, or not at all. It returns ErrOvertaken where the source was changed by somebody else since Prepare, or where
// a condition of the caller's changes does not hold.
func (r *Replacement) Commit(ctx context.Context, own ...store.Change) error {
	for range maxEdits {
		changes, err := r.commitChanges()
		if err != nil {
			return err
		}
		err = r.Tenant.Write(ctx, append(slices.Clone(own), changes...)...)
		conflict := store.Conflicted(err)
		if conflict == nil {
			return err
		}
		if len(conflict.Failed) > 0 && conflict.Failed[0] < len(own) {
			return ErrOvertaken
		}
		if err := r.again(ctx); err != nil {
			return err
		}
	}
	return ErrOvertaken
}

// again reads what others have committed meanwhile. That is no matter unless it is of the same source and periods.
func (r *Replacement) again(ctx context.Context) error {
	fresh := *r
	fresh.head, fresh.covers = Head{}, nil
	if err := fresh.read(ctx); err != nil {
		return err
	}
	for m, h := range r.covers {
		if r.head.Gen(r.Source, m) != fresh.head.Gen(r.Source, m) {
			return ErrOvertaken
		}
		if h.changed && r.head.YearGen(r.Source, m.Year()) != fresh.head.YearGen(r.Source, m.Year()) {
			return ErrOvertaken
		}
	}
	if err := fresh.checkWithin(); err != nil {
		return err
	}
	r.head, r.headVersion, r.covers = fresh.head, fresh.headVersion, fresh.covers
	return nil
}

func (r *Replacement) commitChanges() ([]store.Change, error) {
	next := r.head
	next.Periods, next.Years, next.Differ = slices.Clone(next.Periods), slices.Clone(next.Years), slices.Clone(next.Differ)
	var changes []store.Change
	for _, period := range r.periods() {
		h := r.covers[period]
		cover := Cover{Sources: slices.Clone(h.cover.Sources)}
		cover.set(h.next)
		next.move(r.Source, period, r.Gen)
		next.shadow(period, &cover)
		if err := next.differ(period, &h.next); err != nil {
			return nil, err
		}
		packed, err := pack(cover)
		if err != nil {
			return nil, err
		}
		changes = append(changes, store.Change{Key: store.Cover(period), Value: packed, Condition: store.VersionIs(h.version)})
	}
	for _, year := range r.years() {
		next.moveYear(r.Source, year, r.Gen)
	}
	packed, err := pack(next)
	if err != nil {
		return nil, err
	}
	return append(changes, store.Change{Key: store.Head(), Value: packed, Condition: store.VersionIs(r.headVersion)}), nil
}

func (h *Head) move(source string, period calendar.Month, gen string) {
	i, found := h.period(source, period)
	if !found {
		h.Periods = slices.Insert(h.Periods, i, HeadPeriod{Source: source, Period: period})
	}
	h.Periods[i].Gen = gen
}

func (h *Head) moveYear(source string, year int, gen string) {
	i, found := h.year(source, year)
	if !found {
		h.Years = slices.Insert(h.Years, i, HeadYear{Source: source, Year: year})
	}
	h.Years[i].Gen = gen
}

// shadow sets, for all sources of a period, the units that another one counts.
func (h *Head) shadow(period calendar.Month, c *Cover) {
	shadowed := c.Shadowed()
	for i := range h.Periods {
		at := &h.Periods[i]
		if at.Period != period {
			continue
		}
		at.Shadowed, at.Aside = shadowed[at.Source], false
		if s := c.source(at.Source); s != nil && len(at.Shadowed) > 0 {
			at.Aside = len(at.Shadowed) == len(s.units())
		}
	}
}

// Holding is one billing account and period that a delivery still holds of its source.
type Holding struct {
	BillingAccount string
	Period         calendar.Month
}

// Holdings lists what of a source's periods each delivery still holds; periods nil asks for all that Head knows of.
func Holdings(ctx context.Context, t *store.Tenant, source string, periods []calendar.Month) (map[Holding]CoverAccount, error) {
	if periods == nil {
		var head Head
		if _, err := readBlob(ctx, t, store.Head(), &head); err != nil {
			return nil, err
		}
		for _, p := range head.Periods {
			if p.Source == source {
				periods = append(periods, p.Period)
			}
		}
	}
	r := &Replacement{Tenant: t, Source: source, covers: map[calendar.Month]*holding{}}
	for _, p := range periods {
		r.covers[p] = &holding{}
	}
	if err := r.readCovers(ctx); err != nil {
		return nil, err
	}
	all := map[Holding]CoverAccount{}
	for period, h := range r.covers {
		if h.old == nil {
			continue
		}
		for _, a := range h.old.Accounts {
			all[Holding{a.BillingAccount, period}] = a
		}
	}
	return all, nil
}

// Sources lists the sources that hold anything.
func Sources(ctx context.Context, t *store.Tenant) ([]string, error) {
	var head Head
	if _, err := readBlob(ctx, t, store.Head(), &head); err != nil {
		return nil, err
	}
	set := map[string]bool{}
	for _, p := range head.Periods {
		set[p.Source] = true
	}
	return slices.SortedFunc(maps.Keys(set), cmp.Compare), nil
}
