package cost

import (
	"context"
	"fmt"
	"iter"
	"slices"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cost/document"
	"github.com/tenantry/tenantry/pkg/cost/rollup"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// docKey names a document that is in the spool.
type docKey struct {
	place place
	of    focus.Metric
	gen   string
}

// buildPeriods encodes the period documents of every project that gets lines or loses some.
func (r *Replacement) buildPeriods(ctx context.Context) error {
	err := r.Lines.Each(func(g rollup.Group, lines iter.Seq2[rollup.Row, error]) error {
		return r.buildPeriod(ctx, tenant.ProjectID(g.Project), g.View, g.Billing, lines)
	})
	if err != nil {
		return err
	}
	for period, h := range r.covers {
		if !h.changed || h.old == nil {
			continue
		}
		for _, a := range h.old.Accounts {
			if !h.replaced[a.BillingAccount] && !slices.Contains(r.Stays, Holding{a.BillingAccount, period}) {
				continue
			}
			for _, p := range a.Projects {
				if err := r.buildRest(ctx, p, period); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// buildRest encodes what a project keeps that loses lines and gets none.
func (r *Replacement) buildRest(ctx context.Context, p tenant.ProjectID, period calendar.Month) error {
	for _, v := range document.Views {
		if _, done := r.built[place{p, string(v), period, 0}]; done {
			continue
		}
		if err := r.buildPeriod(ctx, p, v, period, func(func(rollup.Row, error) bool) {}); err != nil {
			return err
		}
	}
	return nil
}

func (r *Replacement) buildPeriod(ctx context.Context, p tenant.ProjectID, v document.View, period calendar.Month,
	in iter.Seq2[rollup.Row, error]) error {
	at := place{p, string(v), period, 0}
	entry, old, err := r.current(ctx, at)
	if err != nil {
		return err
	}
	h := r.covers[period]
	retag := v == document.Tags && old != nil && !slices.Equal(old.TagKeys, r.TagKeys)
	if retag && h.keeps(p) && len(r.Stays) == 0 {
		return fmt.Errorf("what stays of %s has other tag keys", period)
	}
	e, all := r.encoding(v, old), rolled(in, v.Metrics())
	if old != nil && h.keeps(p) {
		kept := keep(r.stored(ctx, at, entry, old, v.Metrics()), h.replaced)
		if retag {
			kept = retagged(kept, len(v.Dims()), old.TagKeys, r.TagKeys)
		}
		all = merge(all, kept)
	}
	if Yearly(v) {
		s := &sheet{spool: r.spool, documents: len(v.Metrics())}
		r.sheets[at] = s
		all = s.through(all)
	}
	if err := e.write(v.Metrics(), all); err != nil {
		return err
	}
	version := r.version(e, v)
	if v == document.Service {
		version.First, version.Last = e.days[0], e.days[1]
	} else if s := r.built[place{p, string(document.Service), period, 0}]; s != nil {
		version.First, version.Last = s.First, s.Last
	}
	if version.Lines, err = r.lines(ctx, p, period); err != nil {
		return err
	}
	h.describe(p, version)
	if ViewsOf(r.Source) != nil { // there is no service view to tell the days
		version.First, version.Last = h.days(p)
	}
	r.add(at, version, e)
	return nil
}

// encoding prepares the writing of one view's documents at one place.
func (r *Replacement) encoding(v document.View, old *Version) *encoding {
	e := &encoding{spool: r.spool, dims: v.Dims(), gen: r.Gen, old: old}
	if v == document.Service {
		e.names = r.name
	}
	if v == document.Tags {
		for range r.TagKeys {
			e.dims = append(e.dims, focus.Tags)
		}
		if old != nil && !slices.Equal(old.TagKeys, r.TagKeys) {
			e.old = nil
		}
	}
	return e
}

func (r *Replacement) version(e *encoding, v document.View) *Version {
	version := &Version{Gen: r.Gen, Currencies: e.currencies}
	if v == document.Tags {
		version.TagKeys = r.TagKeys
	}
	for _, d := range e.docs {
		version.Docs = append(version.Docs, d.Doc)
	}
	return version
}

// add remembers a version and what of it is to be loaded.
func (r *Replacement) add(at place, v *Version, e *encoding) {
	r.built[at] = v
	for _, d := range e.docs {
		if d.parts == nil {
			continue
		}
		r.load = append(r.load, loading{at, d})
		r.spooled[docKey{at, d.Of, d.Gen}] = d.parts
	}
}

// current gives the entry at a place and the version of it that Head counts; nil where there is none.
func (r *Replacement) current(ctx context.Context, at place) (*Entry, *Version, error) {
	idx, err := r.indexes.of(ctx, at.project, document.View(at.view))
	if err != nil {
		return nil, nil, err
	}
	e := idx.entry(r.Source, at.period, at.year)
	if e == nil {
		return nil, nil, nil
	}
	v, torn := e.At(&r.head)
	if torn {
		return nil, nil, ErrOvertaken
	}
	return e, v, nil
}

// rows reads a document at a place, from the spool or the store.
func (r *Replacement) rows(ctx context.Context, at place, e *Entry, d *Doc) rows {
	if parts, ok := r.spooled[docKey{at, d.Of, d.Gen}]; ok {
		return spooledRows(r.spool, parts, r.learn(at))
	}
	if e == nil {
		e = &Entry{Source: r.Source, Period: at.period, Year: at.year}
	}
	return storedRows(ctx, r.Tenant, partKeys(at.project, document.View(at.view), e, d), r.learn(at))
}

// stored reads the documents of some metrics of a version, each document once.
func (r *Replacement) stored(ctx context.Context, at place, e *Entry, v *Version, metrics []focus.Metric) lines {
	return together(v, metrics, func(d *Doc) rows { return r.rows(ctx, at, e, d) })
}

// name gives the display name of an account or region: as the lines have it, else as documents that stay have it.
func (r *Replacement) name(dim focus.Dim, id string) string {
	if name := r.Lines.Name(dim, id); name != "" {
		return name
	}
	return r.names[named{dim, id}]
}

type named struct {
	dim focus.Dim
	id  string
}

// learn takes the names from parts that are read.
func (r *Replacement) learn(at place) func(*document.Part) {
	if document.View(at.view) != document.Service {
		return nil
	}
	return func(p *document.Part) { learnNames(r.names, p) }
}

func learnNames(into map[named]string, p *document.Part) {
	for i, dim := range document.Service.Dims() {
		for n, id := range p.Dict(i) {
			if name := p.Name(i, n); name != "" {
				into[named{dim, id}] = name
			}
		}
	}
}

// keeps tells whether the project has lines of billing accounts that are not replaced.
func (h *holding) keeps(p tenant.ProjectID) bool {
	if h.old == nil {
		return false
	}
	return slices.ContainsFunc(h.old.Accounts, func(a CoverAccount) bool {
		return !h.replaced[a.BillingAccount] && slices.Contains(a.Projects, p)
	})
}

// days are the first and last charge day of a project's lines.
func (h *holding) days(p tenant.ProjectID) (first, last calendar.Day) {
	for _, a := range h.next.Accounts {
		if slices.Contains(a.Projects, p) {
			if last == 0 {
				first, last = a.First, a.Last
			}
			first, last = min(first, a.First), max(last, a.Last)
		}
	}
	return first, last
}

// describe says of a project's version what the deliveries that its lines are from say together.
func (h *holding) describe(p tenant.ProjectID, v *Version) {
	v.Final = true
	for _, a := range h.next.Accounts {
		if !slices.Contains(a.Projects, p) {
			continue
		}
		v.Through, v.Estimated = max(v.Through, a.Last, a.Through), v.Estimated || a.Estimated
		v.AsOf, v.Final = max(v.AsOf, a.Delivered/1000), v.Final && a.Final
	}
}
