package rollup

import "github.com/tenantry/tenantry/pkg/focus"

// tagSets interns the values of the kept tag keys, joined as they end the keys of the tags view.
type tagSets struct {
	keys    []string
	symbols *focus.Symbols // of the joined values, as texts of Tags
	sets    []uint32       // by the line's symbol of Tags
	ranks   []uint32       // likewise
	values  []string
	joined  []byte
}

// extend takes in the symbols of Tags that it does not know yet.
func (t *tagSets) extend(lines *focus.Symbols) {
	for len(t.sets) < lines.Len(focus.Tags) {
		t.sets = append(t.sets, t.intern(lines.Text(focus.Tags, focus.Symbol(len(t.sets)))))
	}
}

func (t *tagSets) intern(tags string) uint32 {
	t.values = focus.TagValues(tags, t.keys, t.values[:0])
	t.joined = t.joined[:0]
	for i, v := range t.values {
		if i > 0 {
			t.joined = append(t.joined, 0)
		}
		t.joined = append(t.joined, v...)
	}
	return uint32(t.symbols.Intern(focus.Tags, t.joined))
}

// rank gives the ranks of the line's symbols, where the argument has those of the joined values.
func (t *tagSets) rank(joined []uint32) []uint32 {
	t.ranks = grow(t.ranks, len(t.sets))
	for i, s := range t.sets {
		t.ranks[i] = joined[s]
	}
	return t.ranks
}

func (t *tagSets) bytes() int64 {
	return int64(t.symbols.Bytes()) + 4*int64(cap(t.sets)+cap(t.ranks))
}
