package rollup

import (
	"math/bits"

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

// entry is a line that waits to be rolled up, or several that differ in nothing but their amounts. It has no pointers.
type entry struct {
	slots   [numSlots]uint32
	nulls   uint32 // a bit for each metric, of every line
	lines   uint32
	amounts [focus.NumMetrics]money.Amount
}

func (e *entry) billing() calendar.Month { return calendar.Month(e.slots[slotBilling]) }

// fill makes e the line's, without its amounts.
func (e *entry) fill(l *focus.Line, project uint32) {
	for i, s := range l.Dims {
		e.slots[i] = uint32(s)
	}
	e.slots[slotProject], e.slots[slotBilling], e.slots[slotDay] = project, uint32(l.Billing), uint32(l.Day)
	e.nulls, e.lines, e.amounts = 0, 0, [focus.NumMetrics]money.Amount{}
	for m, present := range l.Present {
		if !present {
			e.nulls |= 1 << m
		}
	}
}

// like tells whether lines of the entries differ in nothing but their amounts.
func (e *entry) like(o *entry) bool { return e.slots == o.slots && e.nulls == o.nulls }

// hash is the same for entries that are alike.
func (e *entry) hash() uint32 {
	h := uint64(e.nulls)
	for i := 0; i+1 < len(e.slots); i += 2 {
		h = (bits.RotateLeft64(h, 29) ^ (uint64(e.slots[i])<<32 | uint64(e.slots[i+1]))) * 0x9e3779b97f4a7c15
	}
	h = (h ^ uint64(e.slots[len(e.slots)-1])) * 0x9e3779b97f4a7c15
	return uint32(h >> 32)
}

// add adds the amounts of a line that the entry is like.
func (e *entry) add(l *focus.Line) (err error) {
	for m, present := range l.Present {
		if !present {
			continue
		}
		if e.amounts[m], err = e.amounts[m].Add(l.Amounts[m]); err != nil {
			return overflow()
		}
	}
	e.lines++
	return nil
}

const (
	chunk     = 4096
	lineBytes = 176 + 2*16 // an entry and two pairs
)

// batch is the lines that came since the last were rolled up. Its memory is used again and again.
type batch struct {
	chunks       []*[chunk]entry
	n            int
	days, months span // of charge days, of billing periods
	recent       [recent]trace
}

// recent is how many entries lines are compared with. Exports have a resource's hours of a day on lines of their own, in a
// row or beside those of other resources: most meet their entry here, and need not be sorted.
const recent = 8192

// trace leads to an entry that was made of late.
type trace struct{ hash, at uint32 }

func (b *batch) at(i uint32) *entry { return &b.chunks[i/chunk][i%chunk] }

// add takes a line in: into an entry that is like it, or one of its own.
func (b *batch) add(l *focus.Line, project uint32) error {
	if b.n == len(b.chunks)*chunk {
		b.chunks = append(b.chunks, new([chunk]entry))
	}
	e := b.at(uint32(b.n))
	e.fill(l, project)
	hash := e.hash()
	t := &b.recent[hash%recent]
	if t.hash == hash && int(t.at) < b.n {
		if same := b.at(t.at); same.like(e) {
			return same.add(l)
		}
	}
	*t = trace{hash, uint32(b.n)}
	if b.n == 0 {
		b.days, b.months = span{uint32(l.Day), uint32(l.Day)}, span{uint32(l.Billing), uint32(l.Billing)}
	}
	b.days.include(uint32(l.Day))
	b.months.include(uint32(l.Billing))
	b.n++
	return e.add(l)
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
