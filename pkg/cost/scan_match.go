package cost

import (
	"math"
	"slices"

	"github.com/tenantry/tenantry/pkg/cost/document"
)

// matcher tells of the keys of one part whether the question's filters keep them, and their groups.
type matcher struct {
	filters []condition
	some    bool // a key may be kept
	slots   []slotOf
	fixed   groupKey // what the project decides
}

// condition is a filter on one dimension of a part.
type condition struct {
	index []uint32 // by key
	keep  []bool   // by place in the dictionary
}

// slotOf numbers the values of one dimension of a part as the table does, when they are first met.
type slotOf struct {
	slot  int
	dict  *dictionary
	index []uint32
	ids   []uint32
	id    func(at uint32) uint32
}

const unmet = math.MaxUint32

func newMatcher(t *table, r *read, p *document.Part) *matcher {
	m := &matcher{some: true}
	place := func(d Dimension) int { return d.at(t.plan.view, r.version.TagKeys) }
	for _, f := range t.plan.filters() {
		at := place(f.Dimension)
		keep, some := f.KeepsEach(p.Dict(at))
		m.some = m.some && some
		if slices.Contains(keep, false) {
			m.filters = append(m.filters, condition{p.Index(at), keep})
		}
	}
	if !m.some {
		return m
	}
	subject := &t.plan.subjects[r.subject]
	for s := range t.slots {
		dict := &t.slots[s]
		if dict.dim.OfProject() {
			m.fixed[s] = dict.id(subject.value(dict.dim), subject.name(dict.dim))
			continue
		}
		at := place(dict.dim)
		texts := p.Dict(at)
		ids := make([]uint32, len(texts))
		for i := range ids {
			ids[i] = unmet
		}
		m.slots = append(m.slots, slotOf{s, dict, p.Index(at), ids, func(i uint32) uint32 {
			return dict.id(texts[i], name{p.Name(at, int(i)), r.version.AsOf})
		}})
	}
	return m
}

// filters are those that documents have to be asked: not those that the projects answer, but the currency.
func (p *plan) filters() (all []Filter) {
	for _, f := range p.q.Filters {
		if !f.Dimension.OfProject() {
			all = append(all, f)
		}
	}
	if p.q.Currency != "" {
		all = append(all, Filter{Dimension: currencyDimension, Values: []string{string(p.q.Currency)}})
	}
	return all
}

func (m *matcher) keeps(key int) bool {
	for i := range m.filters {
		if f := &m.filters[i]; !f.keep[f.index[key]] {
			return false
		}
	}
	return true
}

func (m *matcher) group(key int) groupKey {
	k := m.fixed
	for i := range m.slots {
		s := &m.slots[i]
		at := s.index[key]
		if s.ids[at] == unmet {
			s.ids[at] = s.id(at)
		}
		k[s.slot] = s.ids[at]
	}
	return k
}

// name is the display name of a project's value.
func (s *subject) name(d Dimension) name {
	if d == ByProject {
		return name{text: s.of.Name}
	}
	return name{}
}
