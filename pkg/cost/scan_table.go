package cost

import (
	"sync/atomic"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cost/document"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/focus"
)

// maxSlots is the dimensions a question groups by, and the currency.
const maxSlots = MaxGroupBy + 1

// groupKey is a group by the numbers of its values in the slots' dictionaries.
type groupKey [maxSlots]uint32

// table is sums by group and point in time.
type table struct {
	plan   *plan
	slots  []dictionary // by GroupBy; for costs the currency comes last
	index  map[groupKey]uint32
	keys   []groupKey
	sums   [][]document.Sum // by group, then point
	points int
	room   *atomic.Int64 // sums that may still be made
	spare  []document.Sum
	asides map[aside]struct{}
}

// dictionary numbers the values of one slot; 0 is null.
type dictionary struct {
	dim   Dimension
	ids   map[string]uint32
	texts []string
	names []name
}

// name is a display name, and how young the document is that has it: the youngest counts.
type name struct {
	text string
	asOf int64
}

func newTable(p *plan, room *atomic.Int64) *table {
	t := &table{plan: p, index: map[groupKey]uint32{}, points: p.q.points(), room: room, asides: map[aside]struct{}{}}
	dims := p.q.GroupBy
	if p.q.Metric != focus.PricingQuantity { // quantities add up across currencies
		dims = append(dims[:len(dims):len(dims)], currencyDimension)
	}
	for _, d := range dims {
		t.slots = append(t.slots, dictionary{dim: d, ids: map[string]uint32{"": 0}, texts: []string{""}, names: []name{{}}})
	}
	return t
}

func (d *dictionary) id(text string, n name) uint32 {
	id, ok := d.ids[text]
	if !ok {
		id = uint32(len(d.texts))
		d.ids[text] = id
		d.texts, d.names = append(d.texts, text), append(d.names, name{})
	}
	if old := &d.names[id]; n.text != "" && (n.asOf > old.asOf || n.asOf == old.asOf && n.text > old.text) {
		*old = n
	}
	return id
}

// group gives the number of a group, making it where there is none.
func (t *table) group(k groupKey) (uint32, error) {
	g, ok := t.index[k]
	if ok {
		return g, nil
	}
	if t.room.Add(-int64(t.points)) < 0 {
		return 0, fault.New(fault.Invalid, "The answer would have more than %d amounts. Group by less, filter more, shorten the range "+
			"or ask for total.", maxSums).At("query.groupBy", "gives too many groups", "")
	}
	if len(t.spare) < t.points {
		t.spare = make([]document.Sum, t.points*min(64, len(t.keys)+1))
	}
	g = uint32(len(t.keys))
	t.index[k] = g
	t.keys = append(t.keys, k)
	t.sums = append(t.sums, t.spare[:t.points:t.points])
	t.spare = t.spare[t.points:]
	return g, nil
}

// add adds up a part of a document.
func (t *table) add(r *read, p *document.Part) error {
	to, asked := t.columns(r, p.Cols())
	m := newMatcher(t, r, p)
	if !asked || !m.some {
		return nil
	}
	shade := newShade(t, r, p, to)
	var last groupKey
	group, known := uint32(0), false
	for key := range p.Keys() {
		if !m.keeps(key) {
			continue
		}
		cols := to
		if shade != nil {
			var err error
			if cols, err = shade.columns(key); err != nil {
				return err
			}
		}
		if k := m.group(key); !known || k != last {
			var err error
			if group, err = t.group(k); err != nil {
				return err
			}
			last, known = k, true
		}
		if err := p.AddTo(key, cols, t.sums[group]); err != nil {
			return err
		}
	}
	return nil
}

// columns says which point each column belongs to, -1 for none, and whether any belongs to one.
func (t *table) columns(r *read, cols []document.Col) (to []int32, asked bool) {
	to = make([]int32, len(cols))
	for i, c := range cols {
		to[i] = t.plan.point(r, c)
		asked = asked || to[i] >= 0
	}
	return to, asked
}

// merge adds another table of the same plan.
func (t *table) merge(other *table) error {
	ids := make([][]uint32, len(t.slots))
	for s := range t.slots {
		from := &other.slots[s]
		ids[s] = make([]uint32, len(from.texts))
		for i, text := range from.texts {
			ids[s][i] = t.slots[s].id(text, from.names[i])
		}
	}
	for g, k := range other.keys {
		var own groupKey
		for s := range t.slots {
			own[s] = ids[s][k[s]]
		}
		t.room.Add(int64(t.points)) // the other's are given up
		to, err := t.group(own)
		if err != nil {
			return err
		}
		for i, s := range other.sums[g] {
			if err := addSum(&t.sums[to][i], s); err != nil {
				return err
			}
		}
	}
	for a := range other.asides {
		t.asides[a] = struct{}{}
	}
	return nil
}

func addSum(to *document.Sum, s document.Sum) (err error) {
	to.Nulls += s.Nulls
	to.Cells += s.Cells
	to.Amount, err = to.Amount.Add(s.Amount)
	return err
}

// aside is a unit of a source that does not count in a billing period, and has costs among those asked for.
type aside struct {
	source string
	period calendar.Month
	unit   string
}
