package rollup

import (
	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/money"
)

// The slots of an entry: the line's symbols by their Dim, and behind them three more.
const (
	slotProject = int(focus.NumDims) + iota
	slotBilling
	slotDay
	numSlots
	slotTags = int(focus.Tags) // the line's tags; in a stage of the tags view, the kept values among them
)

// entry is a line that waits to be rolled up. It has no pointers.
type entry struct {
	slots   [numSlots]uint32
	nulls   uint32 // a bit for each metric
	amounts [focus.NumMetrics]money.Amount
}

func (e *entry) billing() calendar.Month { return calendar.Month(e.slots[slotBilling]) }

func (e *entry) fill(l *focus.Line, project uint32) {
	for i, s := range l.Dims {
		e.slots[i] = uint32(s)
	}
	e.slots[slotProject], e.slots[slotBilling], e.slots[slotDay] = project, uint32(l.Billing), uint32(l.Day)
	e.amounts, e.nulls = l.Amounts, 0
	for m, present := range l.Present {
		if !present {
			e.amounts[m] = money.Amount{}
			e.nulls |= 1 << m
		}
	}
}

const (
	chunk     = 4096
	lineBytes = 168 + 2*16 // an entry and two pairs
)

// batch is the lines that came since the last were rolled up. Its memory is used again and again.
type batch struct {
	chunks       []*[chunk]entry
	n            int
	days, months span // of charge days, of billing periods
}

func (b *batch) at(i uint32) *entry { return &b.chunks[i/chunk][i%chunk] }

func (b *batch) add(l *focus.Line, project uint32) {
	if b.n == len(b.chunks)*chunk {
		b.chunks = append(b.chunks, new([chunk]entry))
	}
	if b.n == 0 {
		b.days, b.months = span{uint32(l.Day), uint32(l.Day)}, span{uint32(l.Billing), uint32(l.Billing)}
	}
	b.days.include(uint32(l.Day))
	b.months.include(uint32(l.Billing))
	b.n++
	b.at(uint32(b.n-1)).fill(l, project)
}

func (b *batch) bytes() int64 { return int64(b.n) * lineBytes }

// span is the range of a slot that holds numbers and not symbols.
type span struct{ least, most uint32 }

func (s *span) include(v uint32) { s.least, s.most = min(s.least, v), max(s.most, v) }

func (s *span) size() uint32 { return s.most - s.least + 1 }

// stage holds some of the sorted lines side by side, and before them the one that precedes them. The lines of a batch lie
// apart in memory, as do the texts of their symbols. Fetched one by one, as rows are made, they would cost more time
// waiting for memory than all the rest; fetched in a tight loop, many are waited for at once.
type stage struct {
	lines   [1 + staged]entry
	texts   [staged]string
	touched byte
}

const staged = 32

// load fetches the lines of the pairs, and the texts of one of the slots.
func (s *stage) load(b *Builder, l *layout, pairs []pair, slot int) {
	for i, p := range pairs {
		s.lines[1+i] = *b.batch.at(p.of)
	}
	if l.tags {
		for i := range pairs {
			kept := &s.lines[1+i].slots[slotTags]
			*kept = b.tags.sets[*kept]
		}
	}
	for i := range pairs {
		s.texts[i] = b.keyText(slot, s.lines[1+i].slots[slot])
	}
	for _, text := range s.texts[:len(pairs)] {
		if len(text) > 0 {
			s.touched += text[0] + text[len(text)-1]
		}
	}
}
