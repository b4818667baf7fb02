package focus

import (
	"cmp"
	"slices"

	"github.com/tenantry/tenantry/pkg/calendar"
)

// batchLines are read at once, column by column, so that what a column needs of memory is near.
const batchLines = 64

// What stands in a batch for a value that is not null and was refused.
const (
	noSymbol  = ^Symbol(0)
	noInstant = instant(-1)
)

// batch is what the Readers have in common: lines that are read and not yet given, and what is wrong with them.
type batch struct {
	report
	layout
	file    file
	symbols *Symbols
	texts   *texts // of symbols, when the lines were read
	records int64

	size, next int
	lines      [batchLines]Line
	bounds     [numBounds][batchLines]instant // 0 is null
	bad        [batchLines]bool
	found      []Problem // in the batch

	start instant // the billing start last seen
	month calendar.Month
}

// file is what the Readers differ in.
type file interface {
	load()   // sets size and reads lines and bounds; size 0 is the end
	forget() // the symbols kept
}

func newBatch(f file, o Options) batch {
	return batch{report: report{max: o.MaxProblems}, file: f, symbols: o.Symbols, texts: o.Symbols.texts}
}

// Version is the FOCUS version the header shows.
func (b *batch) Version() string { return b.version }

// Lines is the number of records read so far, good or bad.
func (b *batch) Lines() int64 { return b.records }

// Next fills l with the next line that has no problems.
func (b *batch) Next(l *Line) bool {
	for {
		for b.next < b.size {
			i := b.next
			b.next++
			b.records++
			if b.bad[i] {
				continue
			}
			if *l = b.lines[i]; b.texts != b.symbols.texts {
				b.translate(l)
			}
			return true
		}
		if b.done {
			return false
		}
		b.fill()
	}
}

// translate gives l the symbols of now: the table was Reset since it was read.
func (b *batch) translate(l *Line) {
	for d, y := range l.Dims {
		l.Dims[d] = b.symbols.Intern(Dim(d), []byte(b.texts.text(Dim(d), y)))
	}
}

func (b *batch) fill() {
	if b.texts != b.symbols.texts {
		b.texts = b.symbols.texts
		b.file.forget()
	}
	b.size, b.next = 0, 0
	b.file.load()
	b.done = b.done || b.size == 0 && len(b.found) == 0
	for i := range b.size {
		b.settle(i)
	}
	slices.SortStableFunc(b.found, func(p, q Problem) int { return cmp.Compare(p.Line, q.Line) })
	for _, p := range b.found {
		b.add(p)
	}
	b.found = b.found[:0]
}

// begin makes room for line i.
func (b *batch) begin(i int, number int64) {
	b.lines[i], b.bad[i] = Line{Number: number}, false
	for k := range b.bounds {
		b.bounds[k][i] = 0
	}
}

// wrong notes a problem of line i.
func (b *batch) wrong(i int, column string, value []byte, reason string) {
	b.bad[i] = true
	b.found = append(b.found, Problem{b.lines[i].Number, column, clip(value), reason})
}

// settle does for line i what takes more than one column.
func (b *batch) settle(i int) {
	line := &b.lines[i]
	for _, s := range mandatorySlots {
		if b.isNull(i, s) {
			b.wrong(i, b.name(s), nil, "null in a mandatory column")
		}
	}
	if b.bad[i] {
		return
	}
	billed, from := b.bounds[billingStart-boundSlots][i], b.bounds[chargeStart-boundSlots][i]
	if to := b.bounds[billingEnd-boundSlots][i]; to != 0 && to <= billed {
		b.wrong(i, slotNames[billingEnd], []byte(to.String()), "the billing period ends before it has begun, at "+billed.String())
	}
	if to := b.bounds[chargeEnd-boundSlots][i]; to <= from {
		b.wrong(i, slotNames[chargeEnd], []byte(to.String()), "the charge ends before it has begun, at "+from.String())
	}
	if billed != b.start {
		b.start, b.month = billed, billed.month()
	}
	line.Billing, line.Day = b.month, from.day()
}

func (b *batch) isNull(i int, s slot) bool {
	switch {
	case s < metricSlots:
		return b.lines[i].Dims[s] == 0
	case s < boundSlots:
		return !b.lines[i].Present[s-metricSlots]
	}
	return b.bounds[s-boundSlots][i] == 0
}
