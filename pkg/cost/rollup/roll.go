package rollup

import (
	"slices"

	"github.com/tenantry/tenantry/pkg/focus"
)

// roll puts the batch aside as a run of sorted rows. More than room bytes of runs are not kept in memory.
func (b *Builder) roll(room int64) error {
	if b.batch.n == 0 {
		return nil
	}
	b.run.room = room
	a := b.rank()
	for i := range b.layouts {
		if err := b.rollView(&b.layouts[i], a); err != nil {
			return err
		}
	}
	b.batch.n = 0
	return nil
}

// rank gives the axes of the batch.
func (b *Builder) rank() *axes {
	var a axes
	a.number(b.batch.days, b.batch.months)
	b.projects.rank.extend(len(b.projects.ids), func(p uint32) string { return b.projects.ids[p] }, &b.sorter)
	a.slots[slotProject] = newAxis(slotProject, 0, b.projects.rank.rank)
	b.tags.extend(b.config.Symbols)
	for i := range b.layouts {
		for _, s := range b.layouts[i].slots[keyed:] {
			b.ranks[s].extend(b.symbolCount(s), func(symbol uint32) string { return b.keyText(s, symbol) }, &b.sorter)
			a.slots[s] = newAxis(s, 0, b.ranks[s].rank)
		}
	}
	if len(b.tags.keys) > 0 {
		a.slots[slotTags].rank = b.tags.rank(b.ranks[slotTags].rank)
	}
	b.rankBytes = 0
	for i := range b.ranks {
		b.rankBytes += b.ranks[i].bytes()
	}
	return &a
}

// rollView writes the run's rows of one view.
func (b *Builder) rollView(l *layout, a *axes) error {
	widest := slices.MaxFunc(l.slots[keyed:], func(s, t int) int { return int(a.slots[s].bits) - int(a.slots[t].bits) })
	var (
		cell   *Cell
		before uint64
		first  = true
	)
	for pairs := range slices.Chunk(b.sorter.lines(&b.batch, a.of(l)), staged) {
		b.stage.lines[0] = b.stage.lines[staged]
		b.stage.load(b, l, pairs, widest)
		for i, p := range pairs {
			e := &b.stage.lines[1+i]
			if first || p.key != before {
				from := 0
				if !first {
					from = l.differ(&b.stage.lines[i], e)
				}
				if err := b.startRow(l, e, from); err != nil {
					return err
				}
				cell = b.run.cell(a.col(l, e))
			}
			if err := cell.add(e); err != nil {
				return err
			}
			first, before = false, p.key
		}
	}
	return b.run.end()
}

// startRow starts what e begins, where it differs in the slot from, and in no slot before, from the line before it: a
// group, a row, or nothing but a cell.
func (b *Builder) startRow(l *layout, e *entry, from int) error {
	if from == len(l.slots) {
		return nil
	}
	if from < keyed {
		from = keyed
		if err := b.run.begin(group{e.slots[slotProject], l.view, e.billing()}); err != nil {
			return err
		}
	}
	b.texts = b.texts[:0]
	for _, s := range l.slots[from:] {
		b.texts = append(b.texts, b.keyText(s, e.slots[s]))
	}
	return b.run.next(from-keyed, b.texts)
}

// keyText is what stands for a symbol in keys. Of tags it is the kept values, and the symbol is one of tagSets.
func (b *Builder) keyText(slot int, symbol uint32) string {
	if slot == slotTags {
		return b.tags.symbols.Text(focus.Tags, focus.Symbol(symbol))
	}
	return b.config.Symbols.Text(focus.Dim(slot), focus.Symbol(symbol))
}

// symbolCount is how many symbols a slot of a key can hold.
func (b *Builder) symbolCount(slot int) int {
	if slot == slotTags {
		return b.tags.symbols.Len(focus.Tags)
	}
	return b.config.Symbols.Len(focus.Dim(slot))
}
