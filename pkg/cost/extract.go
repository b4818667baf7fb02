package cost

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"iter"
	"slices"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cost/document"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/generation"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Grain is what charges are told apart by in an Extract.
type Grain string

// The grains. Charges of each sum to the same totals.
const (
	ByDay      Grain = "costs"     // the day, all of the service view, and the kept tags
	BySKU      Grain = "usage"     // the day and all of the usage view, quantities with it; no tags
	ByResource Grain = "resources" // the charge month and the resource view
	ByInvoice  Grain = "invoices"  // the charge month and the invoice view
)

// Grains lists all four.
var Grains = []Grain{ByDay, BySKU, ByResource, ByInvoice}

// ErrMoved says that deliveries have superseded what an Extract reads: make another.
var ErrMoved = generation.ErrMoved

// Extract is all costs of a tenant that count, as they were at one moment. It reads documents when they are asked for, so
// that it holds little; after a while they may be gone.
type Extract struct {
	tenant  *store.Tenant
	head    Head
	view    document.View // that indexes are of, beside those of service
	indexes *indexes
}

// NewExtract reads what counts now.
func NewExtract(ctx context.Context, t *store.Tenant) (*Extract, error) {
	x := &Extract{tenant: t}
	_, err := readBlob(ctx, t, store.Head(), &x.head)
	return x, err
}

// Generation is what counts of a source and billing period.
type Generation struct {
	Source   string         `json:"source"`
	Period   calendar.Month `json:"period"`
	ID       string         `json:"generation"`
	Shadowed []string       `json:"leftOut,omitempty"` // accounts that another source counts
}

// Generations lists what counts, by source and period.
func (x *Extract) Generations() []Generation {
	all := make([]Generation, len(x.head.Periods))
	for i, p := range x.head.Periods {
		all[i] = Generation{Source: p.Source, Period: p.Period, ID: p.Gen}
		for _, u := range p.Shadowed {
			all[i].Shadowed = append(all[i].Shadowed, accountOf(u))
		}
	}
	return all
}

// accountOf is the account that a unit is about.
func accountOf(unit string) string {
	if unit != "" && unit[0] == 0 {
		return unit[1:]
	}
	return unit
}

// Periods lists the billing periods that something counts of, ascending.
func (x *Extract) Periods() []calendar.Month {
	var all []calendar.Month
	for _, p := range x.head.Periods {
		all = append(all, p.Period)
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// Digest is another one whenever anything else counts of the billing periods up to the last.
func (x *Extract) Digest(last calendar.Month) string {
	h := sha256.New()
	for _, p := range x.head.Periods {
		if p.Period <= last {
			fmt.Fprintf(h, "%q %s %q %q\n", p.Source, p.Period, p.Gen, p.Shadowed)
		}
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Charge is the sum of the lines of a source and project that a Grain does not tell apart.
type Charge struct {
	Source  string
	Record  focus.Record // what the grain has not is null
	amounts [focus.NumMetrics]document.Cell
}

// Charges gives a project's charges of a billing period; a charge holds until the next. Their order depends on what counts
// alone. The error is ErrMoved where the documents have been superseded.
func (x *Extract) Charges(ctx context.Context, g Grain, p tenant.ProjectID, period calendar.Month) iter.Seq2[*Charge, error] {
	return func(yield func(*Charge, error) bool) {
		err := x.charges(ctx, g, p, period, func(c *Charge) error {
			if !yield(c, nil) {
				return errStop
			}
			return nil
		})
		if errors.Is(err, errSuperseded) {
			err = ErrMoved
		}
		if err != nil && !errors.Is(err, errStop) {
			yield(nil, err)
		}
	}
}

var errStop = errors.New("no more are wanted")

func (x *Extract) charges(ctx context.Context, g Grain, p tenant.ProjectID, period calendar.Month, give func(*Charge) error) error {
	view := map[Grain]document.View{ByDay: document.Tags, BySKU: document.Usage, ByResource: document.Resource, ByInvoice: document.Invoice}[g]
	if x.indexes == nil || x.view != view {
		x.indexes, x.view = newIndexes(x.tenant), view
	}
	base := view
	if g == ByDay {
		base = document.Service
	}
	index, err := x.indexes.of(ctx, p, base)
	if err != nil {
		return err
	}
	for i := range index.Entries {
		e := &index.Entries[i]
		if _, _, _, detail := DetailOf(e.Source); detail || e.Year != 0 || e.Period != period {
			continue
		}
		v, torn := e.At(&x.head)
		if torn {
			return ErrMoved
		}
		if v == nil || len(v.Docs) == 0 {
			continue
		}
		s := x.source(e, p, give)
		if g == ByDay {
			err = s.daily(ctx, v)
		} else {
			if err = s.learnNames(ctx); err == nil {
				err = s.plain(ctx, view, v)
			}
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// pouring gives the charges of one source, project and billing period.
type pouring struct {
	extract  *Extract
	project  tenant.ProjectID
	entry    *Entry
	shadowed []string
	names    map[named]string
	give     func(*Charge) error
	charge   Charge
}

func (x *Extract) source(e *Entry, p tenant.ProjectID, give func(*Charge) error) *pouring {
	s := &pouring{extract: x, project: p, entry: e, names: map[named]string{}, give: give}
	if i, ok := x.head.period(e.Source, e.Period); ok {
		s.shadowed = x.head.Periods[i].Shadowed
	}
	return s
}

// lines reads documents of a version beside each other; learn may be nil.
func (s *pouring) lines(ctx context.Context, v document.View, of *Version, metrics []focus.Metric, learn func(*document.Part)) lines {
	return together(of, metrics, func(d *Doc) rows {
		return storedRows(ctx, s.extract.tenant, partKeys(s.project, v, s.entry, d), learn)
	})
}

// counts tells whether the source counts for the accounts of a key.
func (s *pouring) counts(texts []string) bool {
	return len(s.shadowed) == 0 || !contains(s.shadowed, Unit(texts[billingPlace], texts[subPlace]))
}

// plain gives a view as it is.
func (s *pouring) plain(ctx context.Context, v document.View, of *Version) error {
	var learn func(*document.Part)
	if v == document.Service {
		learn = s.learn
	}
	dims := v.Dims()
	for l, err := range s.lines(ctx, v, of, v.Metrics(), learn) {
		if err != nil {
			return err
		}
		texts := split(l.key)
		if !s.counts(texts) {
			continue
		}
		s.begin(dims, texts)
		for at, cells := range byColumn(l.cells) {
			if err := s.pour(v, at, cells); err != nil {
				return err
			}
		}
	}
	return nil
}

// learnNames reads the names of accounts and regions, which the service view alone has.
func (s *pouring) learnNames(ctx context.Context) error {
	index, err := s.extract.indexes.of(ctx, s.project, document.Service)
	if err != nil {
		return err
	}
	e := index.entry(s.entry.Source, s.entry.Period, 0)
	if e == nil {
		return nil
	}
	v, torn := e.At(&s.extract.head)
	if torn {
		return ErrMoved
	}
	if v == nil {
		return nil
	}
	for _, err := range s.lines(ctx, document.Service, v, []focus.Metric{focus.BilledCost}, s.learn) {
		if err != nil {
			return err
		}
	}
	return nil
}

// learn takes the names from a part of the service view.
func (s *pouring) learn(p *document.Part) { learnNames(s.names, p) }
