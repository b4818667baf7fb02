package cost

import (
	"cmp"
	"slices"

	"github.com/tenantry/tenantry/pkg/cost/document"
)

// tallied is a group with its texts and total.
type tallied struct {
	values []string // by GroupBy
	sums   []document.Sum
	total  document.Sum
	other  bool
}

// groups gives the groups that have costs, the largest first, then by key.
func (t *table) groups() ([]tallied, error) {
	n := len(t.plan.q.GroupBy)
	all := make([]tallied, 0, len(t.keys))
	for g, k := range t.keys {
		if !hasCells(t.sums[g]) {
			continue
		}
		one := tallied{values: make([]string, n), sums: t.sums[g]}
		for s := range n {
			one.values[s] = t.slots[s].texts[k[s]]
		}
		for _, s := range one.sums {
			if err := addSum(&one.total, s); err != nil {
				return nil, tooMuch(err)
			}
		}
		all = append(all, one)
	}
	slices.SortFunc(all, func(a, b tallied) int {
		return cmp.Or(compareNull(b.total, a.total), b.total.Amount.Cmp(a.total.Amount), slices.Compare(a.values, b.values))
	})
	return all, nil
}

// compareNull puts sums that have no amount before those that have one.
func compareNull(a, b document.Sum) int {
	return cmp.Compare(min(a.Cells, 1), min(b.Cells, 1))
}

// cut makes one group of all after the first n.
func cut(groups []tallied, n int) ([]tallied, error) {
	rest := tallied{other: true, sums: make([]document.Sum, len(groups[0].sums))}
	for _, g := range groups[n:] {
		for i, s := range g.sums {
			if err := addSum(&rest.sums[i], s); err != nil {
				return nil, tooMuch(err)
			}
		}
		if err := addSum(&rest.total, g.total); err != nil {
			return nil, tooMuch(err)
		}
	}
	return append(groups[:n:n], rest), nil
}

// otherKey is the value of each dimension in the group of what top left out. Group.Other tells it from a value of that text.
var otherKey = "Other"

// group writes a group as the answer has it.
func (g *tallied) group(q *Question) Group {
	out := Group{Key: map[string]*string{}, Other: g.other, Total: amountOf(g.total), Absent: g.total.Nulls}
	for i, v := range g.values {
		out.Key[string(q.GroupBy[i])] = nil
		if v != "" {
			out.Key[string(q.GroupBy[i])] = &v
		}
	}
	for _, d := range q.GroupBy {
		if g.other {
			out.Key[string(d)] = &otherKey
		}
	}
	if q.Granularity == Total {
		return out
	}
	for i, s := range g.sums {
		if s.Cells+s.Nulls > 0 {
			out.Points = append(out.Points, Point{q.date(i), amountOf(s)})
		}
	}
	return out
}

// names gives the display names of the values of the groups, by dimension.
func (t *table) names(groups []Group) map[string]map[string]string {
	all := map[string]map[string]string{}
	for s, d := range t.plan.q.GroupBy {
		if !d.Named() {
			continue
		}
		slot, named := &t.slots[s], map[string]string{}
		for i := range groups {
			if value := groups[i].Key[string(d)]; value != nil {
				if name := slot.names[slot.ids[*value]].text; name != "" {
					named[*value] = name
				}
			}
		}
		if len(named) > 0 {
			all[string(d)] = named
		}
	}
	return all
}
