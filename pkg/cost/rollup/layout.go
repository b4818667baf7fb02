package rollup

import (
	"math/bits"
	"slices"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cost/document"
)

// layout is what the rows of a view are sorted by and made of.
type layout struct {
	view  int   // in document.Views
	slots []int // project, billing period, then those of the key
	tags  bool  // the key has the kept tag values
	daily bool
}

// keyed is where the slots of the key begin.
const keyed = 2

var (
	serviceView = slices.Index(document.Views, document.Service)
	usageView   = slices.Index(document.Views, document.Usage)
)

// layouts are those of all views but the service view, whose keys are the beginnings of the usage view's keys: its rows
// are made of the usage view's at last.
func layouts(tags bool, wanted []document.View) []layout {
	var all []layout
	for i, v := range document.Views {
		if i == serviceView || wanted != nil && !slices.Contains(wanted, v) {
			continue
		}
		l := layout{view: i, slots: []int{slotProject, slotBilling}, daily: v.Daily()}
		for _, d := range v.Dims() {
			l.slots = append(l.slots, int(d))
		}
		if v == document.Tags && tags {
			l.slots, l.tags = append(l.slots, slotTags), true
		}
		all = append(all, l)
	}
	return all
}

// differ gives the first of the layout's slots in which the entries differ, or their number.
func (l *layout) differ(a, b *entry) int {
	for i, s := range l.slots {
		if a.slots[s] != b.slots[s] {
			return i
		}
	}
	return len(l.slots)
}

// axis is one of the things lines are sorted by: the rank of what a slot holds.
type axis struct {
	slot int
	base uint32   // the least value in the slot
	rank []uint32 // by value - base
	bits uint     // of the greatest rank
}

func newAxis(slot int, base uint32, rank []uint32) axis {
	return axis{slot: slot, base: base, rank: rank, bits: uint(bits.Len(uint(slices.Max(rank))))}
}

// axes are those of all slots, and that of the charge months, which have no slot of their own.
type axes struct {
	slots  [numSlots]axis
	month  axis
	firsts []calendar.Day // the first day of its month for each day from the least on
}

// of lists a layout's axes, the most significant first.
func (a *axes) of(l *layout) []axis {
	var all []axis
	for _, s := range l.slots {
		all = append(all, a.slots[s])
	}
	if l.daily {
		return append(all, a.slots[slotDay])
	}
	return append(all, a.month)
}

func (a *axes) col(l *layout, e *entry) document.Col {
	day := calendar.Day(e.slots[slotDay])
	if !l.daily {
		day = a.firsts[e.slots[slotDay]-a.month.base]
	}
	return document.Col{Billing: e.billing(), Day: day}
}

// number sets the axes of the slots that hold numbers.
func (a *axes) number(days, months span) {
	for slot, s := range map[int]span{slotBilling: months, slotDay: days} {
		rank := make([]uint32, s.size())
		for i := range rank {
			rank[i] = uint32(i)
		}
		a.slots[slot] = newAxis(slot, s.least, rank)
	}
	a.firsts = make([]calendar.Day, days.size())
	rank := make([]uint32, days.size())
	for i := range a.firsts {
		day := calendar.Day(days.least + uint32(i))
		a.firsts[i] = day.Month().First()
		rank[i] = uint32(day.Month() - calendar.Day(days.least).Month())
	}
	a.month = newAxis(slotDay, days.least, rank)
}
