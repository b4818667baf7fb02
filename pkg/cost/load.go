package cost

import (
	"context"
	"maps"
	"slices"
	"time"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cost/document"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// loadBytes is about how much of parts one Load carries.
const loadBytes = 4 << 20

// manifest is what a replacement puts into one project before it counts, written first, so that whoever finds it after a
// kill knows what to take away.
type manifest struct {
	Gen     string
	Source  string
	Periods []calendar.Month
	Years   []int
	Docs    []manifestDoc
}

type manifestDoc struct {
	_      struct{} `cbor:",toarray"`
	View   string
	Period calendar.Month
	Year   int
	Of     focus.Metric
	Parts  int
}

// Load writes the documents that are new, and puts the generation into every index beside the one that counts. Nobody
// sees any of it until Commit. Settle takes it away again, also after a kill.
func (r *Replacement) Load(ctx context.Context) error {
	projects := r.projects()
	var manifests []store.Change
	for _, p := range projects {
		packed, err := pack(r.manifest(p))
		if err != nil {
			return err
		}
		manifests = append(manifests, store.Change{Key: store.Run(p, "import", string(r.Delivery)), Value: packed})
	}
	if err := r.Tenant.Load(ctx, manifests); err != nil {
		return err
	}
	if err := r.loadParts(ctx); err != nil {
		return err
	}
	for _, p := range projects {
		if err := r.stage(ctx, p); err != nil {
			return err
		}
	}
	return nil
}

// projects are all whose indexes change: the holders of every changed period and of its year.
func (r *Replacement) projects() (all []tenant.ProjectID) {
	for _, year := range r.years() {
		all = union(all, r.holders(year))
	}
	return all
}

// periods are the changed ones, ascending.
func (r *Replacement) periods() (all []calendar.Month) {
	for _, m := range slices.Sorted(maps.Keys(r.covers)) {
		if r.covers[m].changed {
			all = append(all, m)
		}
	}
	return all
}

func (r *Replacement) manifest(p tenant.ProjectID) manifest {
	m := manifest{Gen: r.Gen, Source: r.Source, Periods: r.periods(), Years: r.years()}
	for _, l := range r.load {
		if l.place.project == p {
			m.Docs = append(m.Docs, manifestDoc{View: l.place.view, Period: l.place.period, Year: l.place.year,
				Of: l.doc.Of, Parts: l.doc.Parts})
		}
	}
	return m
}

func (r *Replacement) loadParts(ctx context.Context) error {
	var batch []store.Change
	bytes, done, all := 0, 0, 0
	for _, l := range r.load {
		all += l.doc.Parts
	}
	flush := func() error {
		err := r.Tenant.Load(ctx, batch)
		done += len(batch)
		batch, bytes = batch[:0], 0
		if r.Loading != nil && err == nil {
			err = r.Loading(done, all)
		}
		return err
	}
	for _, l := range r.load {
		keys := partKeys(l.place.project, document.View(l.place.view), &Entry{Source: r.Source, Period: l.place.period, Year: l.place.year}, &l.doc.Doc)
		v := r.built[l.place]
		for n, x := range l.doc.parts {
			body, err := r.spool.read(x)
			if err != nil {
				return err
			}
			batch = append(batch, store.Change{Key: keys[n], Value: part{Body: body, AsOf: time.Unix(v.AsOf, 0).UTC(),
				Run: string(r.Delivery), Status: status(v), Estimated: v.Estimated, Lines: v.Lines, Hash: l.doc.Hash[:]}})
			if bytes += len(body); bytes >= loadBytes {
				if err := flush(); err != nil {
					return err
				}
			}
		}
	}
	return flush()
}

func status(v *Version) string {
	if v.Final {
		return "final"
	}
	return "open"
}

// stage puts the generation into all indexes and totals of one project.
func (r *Replacement) stage(ctx context.Context, p tenant.ProjectID) error {
	for _, v := range document.Views {
		err := edit(ctx, r.Tenant, store.Index(p, string(v)), func(x *Index) (bool, error) { return r.stageIndex(x, p, v) })
		if err != nil {
			return err
		}
	}
	for _, period := range r.periods() {
		if !slices.Contains(r.covers[period].next.Holders, p) {
			continue
		}
		err := edit(ctx, r.Tenant, store.Totals(p, r.Source, period), func(t *Totals) (bool, error) {
			next := TotalsVersion{Gen: r.Gen, Accounts: r.nextTotals(p, period, t)}
			t.Versions = append(slices.DeleteFunc(t.Versions, func(v TotalsVersion) bool { return v.Gen == r.Gen }), next)
			return true, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// nextTotals gives a project's control totals: those computed, or where the project is not touched those that count.
func (r *Replacement) nextTotals(p tenant.ProjectID, period calendar.Month, t *Totals) []AccountTotals {
	if next, ok := r.totalsOf[place{project: p, period: period}]; ok {
		return next
	}
	return t.at(r.head.Gen(r.Source, period))
}

func (r *Replacement) stageIndex(x *Index, p tenant.ProjectID, v document.View) (bool, error) {
	stage := func(at place, base string) error {
		next := Version{Gen: r.Gen}
		if built := r.built[at]; built != nil {
			next = *built
		} else if e := x.entry(r.Source, at.period, at.year); e != nil {
			old, torn := e.At(&r.head)
			if torn {
				return ErrOvertaken
			}
			if old != nil {
				next = *old
				next.Gen = r.Gen
			}
		}
		x.stage(r.Source, at.period, at.year, base, next)
		return nil
	}
	for _, period := range r.periods() {
		if !slices.Contains(r.covers[period].next.Holders, p) {
			continue
		}
		if err := stage(place{p, string(v), period, 0}, r.head.Gen(r.Source, period)); err != nil {
			return false, err
		}
	}
	for _, year := range r.years() {
		if !Yearly(v) || !slices.Contains(r.holders(year), p) {
			continue
		}
		if err := stage(place{p, string(v), 0, year}, r.head.YearGen(r.Source, year)); err != nil {
			return false, err
		}
	}
	return true, nil
}
