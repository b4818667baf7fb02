package cost

import (
	"context"
	"slices"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cost/document"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// years are the years of the changed periods, ascending.
func (r *Replacement) years() (all []int) {
	for period, h := range r.covers {
		if h.changed && !slices.Contains(all, period.Year()) {
			all = append(all, period.Year())
		}
	}
	slices.Sort(all)
	return all
}

// holders are the projects that hold anything of the source in a year, after the replacement.
func (r *Replacement) holders(year int) (all []tenant.ProjectID) {
	for m := calendar.Month(year * 12); m < calendar.Month(year*12+12); m++ {
		all = union(all, r.covers[m].next.Holders)
	}
	return all
}

func (r *Replacement) buildYears(ctx context.Context) error {
	for _, year := range r.years() {
		for _, p := range r.holders(year) {
			for _, v := range document.Views {
				if !Yearly(v) {
					continue
				}
				if err := r.buildYear(ctx, p, v, year); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

// month is what a year document is made of: one billing period as it will be.
type month struct {
	at      place
	entry   *Entry
	version *Version
	before  *Version // what counted before
}

// changed tells whether the metric's cells are others than before.
func (m *month) changed(metric focus.Metric) bool {
	hash := func(v *Version) (h [16]byte) {
		if v != nil {
			if d := v.Doc(metric); d != nil {
				h = d.Hash
			}
		}
		return h
	}
	return hash(m.version) != hash(m.before)
}

func (r *Replacement) months(ctx context.Context, p tenant.ProjectID, v document.View, year int) ([]month, error) {
	var all []month
	for period := calendar.Month(year * 12); period < calendar.Month(year*12+12); period++ {
		at := place{p, string(v), period, 0}
		entry, old, err := r.current(ctx, at)
		if err != nil {
			return nil, err
		}
		m := month{at: at, entry: entry, version: old, before: old}
		if built := r.built[at]; built != nil {
			m.version = built
		}
		if m.version != nil || m.before != nil {
			all = append(all, m)
		}
	}
	return all, nil
}

func (r *Replacement) buildYear(ctx context.Context, p tenant.ProjectID, v document.View, year int) error {
	at := place{p, string(v), 0, year}
	months, err := r.months(ctx, p, v, year)
	if err != nil {
		return err
	}
	entry, old, err := r.current(ctx, at)
	if err != nil {
		return err
	}
	keys, one := tagKeys(months)
	if !one {
		r.built[at] = summary(months, &Version{Gen: r.Gen, Missing: true})
		return nil
	}
	if old != nil && (old.Missing || !slices.Equal(old.TagKeys, keys)) {
		old = nil
	}
	e := r.encoding(v, old)
	e.dims = v.Dims()
	for range keys {
		e.dims = append(e.dims, focus.Tags)
	}
	if err := r.writeYear(ctx, at, entry, old, months, e); err != nil {
		return err
	}
	version := r.version(e, v)
	version.TagKeys = keys
	r.add(at, summary(months, version), e)
	return nil
}

// writeYear encodes the metrics that any month has changed of; the documents of the others stay. What is not of those months
// comes from the old documents where there are any.
func (r *Replacement) writeYear(ctx context.Context, at place, entry *Entry, old *Version, months []month, e *encoding) error {
	skip, metrics := map[calendar.Month]bool{}, []focus.Metric(nil)
	for _, m := range document.View(at.view).Metrics() {
		changed := false
		for i := range months {
			if months[i].changed(m) {
				changed, skip[months[i].at.period] = true, true
			}
		}
		if old == nil || changed {
			metrics = append(metrics, m)
		} else if d := old.Doc(m); d != nil {
			e.docs = append(e.docs, encoded{Doc: *d})
		}
	}
	var all []lines
	if old != nil && len(old.Docs) > 0 {
		all = append(all, monthly(r.stored(ctx, at, entry, old, metrics), func(c document.Col) bool { return skip[c.Billing] }))
	} else {
		skip = nil
	}
	for _, m := range months {
		if m.version != nil && len(m.version.Docs) > 0 && (skip == nil || skip[m.at.period]) {
			all = append(all, r.month(ctx, m, metrics))
		}
	}
	if len(metrics) == 0 || len(all) == 0 {
		return nil
	}
	return e.write(metrics, merge(all...))
}

// month gives the lines of a billing period by charge month.
func (r *Replacement) month(ctx context.Context, m month, metrics []focus.Metric) lines {
	s := r.sheets[m.at]
	if s == nil {
		return monthly(r.stored(ctx, m.at, m.entry, m.version, metrics), nil)
	}
	var documents []int
	for _, metric := range metrics {
		documents = append(documents, slices.Index(document.View(m.at.view).Metrics(), metric))
	}
	return pick(s.lines(), documents)
}

// tagKeys gives the kept tag keys that all months with documents have, and whether they have the same.
func tagKeys(months []month) (keys []string, one bool) {
	first := true
	for _, m := range months {
		if m.version == nil || len(m.version.Docs) == 0 {
			continue
		}
		if !first && !slices.Equal(keys, m.version.TagKeys) {
			return nil, false
		}
		keys, first = m.version.TagKeys, false
	}
	return keys, true
}

// summary fills a year's version with what its months have together.
func summary(months []month, y *Version) *Version {
	y.Currencies, y.Final = nil, true
	for _, m := range months {
		v := m.version
		if v == nil || len(v.Docs) == 0 {
			continue
		}
		if y.Lines == 0 && y.AsOf == 0 {
			y.First, y.Last = v.First, v.Last
		}
		y.First, y.Last, y.AsOf = min(y.First, v.First), max(y.Last, v.Last), max(y.AsOf, v.AsOf)
		y.Lines += v.Lines
		y.Currencies = union(y.Currencies, v.Currencies)
		y.Estimated, y.Final = y.Estimated || v.Estimated, y.Final && v.Final
	}
	return y
}
