package cost

import (
	"slices"
	"strings"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cost/document"
)

// A provider may give no lines, but sums by a few dimensions at a time. What it gives beside the whole is a **detail** of its source: the
// very same costs told apart otherwise, for one view, or for one tag key. It is a source of its own that counts nothing by itself: in
// its view it stands in the place of the source it is of, and in all other views it is not there.

// UsageDetail names what a source gives for the usage view.
func UsageDetail(source string) string { return source + "/usage" }

// TagDetail names what a source gives for one tag key.
func TagDetail(source, key string) string { return source + "/tag:" + key }

// DetailOf gives the source that a detail is of and the view it is for, with the tag key of one for tags; not ok for what is no detail.
func DetailOf(source string) (of string, v document.View, key string, ok bool) {
	of, rest, found := strings.Cut(source, "/")
	if !found || !strings.HasPrefix(source, "ce:") {
		return "", "", "", false
	}
	if key, ok := strings.CutPrefix(rest, "tag:"); ok {
		return of, document.Tags, key, true
	}
	return of, document.Usage, "", rest == "usage"
}

// ViewsOf gives the views that the lines of a source serve; nil for all.
func ViewsOf(source string) []document.View {
	if _, v, _, ok := DetailOf(source); ok {
		return []document.View{v}
	}
	return nil
}

// KeysOf gives which of the kept tag keys the lines of a source have. What sums are by a few dimensions of has one or none.
func KeysOf(source string, kept []string) []string {
	if !strings.HasPrefix(source, "ce:") {
		return kept
	}
	if _, _, key, ok := DetailOf(source); ok && key != "" {
		return []string{key}
	}
	return nil
}

// passed tells which entries of an index a question takes no notice of, since others tell the same costs otherwise: of a source
// and its details, in each period one counts.
func (p *plan) passed(index *Index) map[*Entry]bool {
	all := map[*Entry]bool{}
	type at struct {
		of     string
		period calendar.Month
	}
	best := map[at]*Entry{}
	for i := range index.Entries {
		e := &index.Entries[i]
		of, view, _, ok := DetailOf(e.Source)
		if !ok || e.Year != 0 {
			continue
		}
		all[e] = true
		v, _ := e.At(p.head)
		if view != p.view || v == nil || len(v.Docs) == 0 || len(p.missing(v)) > 0 || p.head.Gen(of, e.Period) == "" {
			continue
		}
		best[at{of, e.Period}] = e
	}
	for i := range index.Entries {
		e := &index.Entries[i]
		if detail := best[at{e.Source, e.Period}]; detail != nil && e.Year == 0 {
			all[e] = true
			delete(all, detail)
		}
	}
	return all
}

// aside tells whether the source counts nothing of a period, so that what it lacks is no matter.
func (h *Head) aside(source string, period calendar.Month) bool {
	i, ok := h.period(source, period)
	return ok && h.Periods[i].Aside
}

// shadeDetails has details be shadowed as the sources are that they are of.
func (c *Cover) shadeDetails(shadowed map[string][]string) {
	for _, s := range c.Sources {
		of, _, _, ok := DetailOf(s.Name)
		if !ok {
			continue
		}
		for _, unit := range s.units() {
			if _, found := slices.BinarySearch(shadowed[of], unit); found {
				shadowed[s.Name] = append(shadowed[s.Name], unit)
			}
		}
	}
}

// units are all that the source holds anything of, sorted.
func (s *CoverSource) units() (all []string) {
	for _, a := range s.Accounts {
		all = union(all, a.Units)
	}
	return all
}
