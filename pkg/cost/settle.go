package cost

import (
	"context"
	"slices"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cost/document"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Settle takes away what a delivery's replacement left beside what counts: after its commit the documents it
// superseded, without one what it had loaded. It may be killed and called again at any time; projects are all of the
// tenant's.
func Settle(ctx context.Context, t *store.Tenant, id tenant.DeliveryID, committed bool, projects []tenant.ProjectID) error {
	keys := make([]store.Key, len(projects))
	for i, p := range projects {
		keys[i] = store.Run(p, "import", string(id))
	}
	records, err := t.Get(ctx, store.Strongly, keys...)
	if err != nil {
		return err
	}
	for i, rec := range records {
		if rec == nil {
			continue
		}
		var packed blob
		var m manifest
		if err := rec.Value.Decode(&packed); err != nil {
			return err
		}
		if err := packed.Into(&m); err != nil {
			return err
		}
		s := settling{t, projects[i], &m, committed}
		if err := s.all(ctx); err != nil {
			return err
		}
		if err := t.Load(ctx, []store.Change{{Action: store.Delete, Key: keys[i]}}); err != nil {
			return err
		}
	}
	return nil
}

type settling struct {
	tenant    *store.Tenant
	project   tenant.ProjectID
	manifest  *manifest
	committed bool
}

func (s *settling) all(ctx context.Context) error {
	if !s.committed {
		if err := s.remove(ctx, s.manifest.keys(s.project)); err != nil {
			return err
		}
	}
	for _, v := range document.Views {
		err := edit(ctx, s.tenant, store.Index(s.project, string(v)), func(x *Index) (bool, error) {
			gone := s.drop(x, v)
			return gone != nil, s.remove(ctx, gone)
		})
		if err != nil {
			return err
		}
	}
	for _, period := range s.manifest.Periods {
		err := edit(ctx, s.tenant, store.Totals(s.project, s.manifest.Source, period), func(t *Totals) (bool, error) {
			before := len(t.Versions)
			t.Versions = dropVersions(t.Versions, func(v *TotalsVersion) bool { return v.Gen == s.manifest.Gen }, s.committed)
			return len(t.Versions) != before, nil
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// drop takes versions out of an index and gives the keys of the documents that only they had; nil for no change.
func (s *settling) drop(x *Index, v document.View) []store.Key {
	var gone []store.Key
	settle := func(period calendar.Month, year int) {
		e := x.entry(s.manifest.Source, period, year)
		if e == nil {
			return
		}
		before := slices.Clone(e.Versions)
		e.Versions = dropVersions(e.Versions, func(v *Version) bool { return v.Gen == s.manifest.Gen }, s.committed)
		if len(e.Versions) == len(before) {
			return
		}
		gone = append(gone, unreferenced(s.project, v, e, before)...)
		if gone == nil {
			gone = []store.Key{}
		}
	}
	for _, p := range s.manifest.Periods {
		settle(p, 0)
	}
	for _, y := range s.manifest.Years {
		settle(0, y)
	}
	x.Entries = slices.DeleteFunc(x.Entries, func(e Entry) bool { return len(e.Versions) == 0 })
	return gone
}

// dropVersions drops, once committed, all before the generation, else the generation itself.
func dropVersions[V any](all []V, is func(*V) bool, committed bool) []V {
	i := slices.IndexFunc(all, func(v V) bool { return is(&v) })
	switch {
	case i < 0:
		return all
	case committed:
		return all[i:]
	}
	return slices.Delete(slices.Clone(all), i, i+1)
}

// unreferenced gives the keys of documents that versions had before and none has now.
func unreferenced(p tenant.ProjectID, v document.View, e *Entry, before []Version) (keys []store.Key) {
	type name struct {
		of  focus.Metric
		gen string
	}
	seen := map[name]bool{}
	for _, version := range e.Versions {
		for _, d := range version.Docs {
			seen[name{d.Of, d.Gen}] = true
		}
	}
	for _, version := range before {
		for _, d := range version.Docs {
			if n := (name{d.Of, d.Gen}); !seen[n] {
				seen[n] = true
				keys = append(keys, partKeys(p, v, e, &d)...)
			}
		}
	}
	return keys
}

// keys of every part the manifest tells of.
func (m *manifest) keys(p tenant.ProjectID) (all []store.Key) {
	for _, d := range m.Docs {
		e := &Entry{Source: m.Source, Period: d.Period, Year: d.Year}
		all = append(all, partKeys(p, document.View(d.View), e, &Doc{Of: d.Of, Gen: m.Gen, Parts: d.Parts})...)
	}
	return all
}

func (s *settling) remove(ctx context.Context, keys []store.Key) error {
	changes := make([]store.Change, len(keys))
	for i, k := range keys {
		changes[i] = store.Change{Action: store.Delete, Key: k}
	}
	if len(changes) == 0 {
		return nil
	}
	return s.tenant.Load(ctx, changes)
}

// PartsOf lists the keys of every part that a project's index of a view points at, in all its versions.
func PartsOf(ctx context.Context, t *store.Tenant, p tenant.ProjectID, v document.View) (keys []store.Key, err error) {
	var idx Index
	if _, err := readBlob(ctx, t, store.Index(p, string(v)), &idx); err != nil {
		return nil, err
	}
	for i := range idx.Entries {
		none := idx.Entries[i]
		none.Versions = nil
		keys = append(keys, unreferenced(p, v, &none, idx.Entries[i].Versions)...)
	}
	return keys, nil
}
