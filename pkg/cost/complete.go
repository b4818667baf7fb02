package cost

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// maxGaps is how many gaps an answer lists at most.
const maxGaps = 1000

// Gap is a month of a project of which an answer does not hold all costs.
type Gap struct {
	Project tenant.ProjectID `json:"project" doc:"The project's ID."`
	Period  calendar.Month   `json:"period" doc:"The month, yyyy-mm."`
	Reason  string           `json:"reason" doc:"What is missing and what to do."`
}

// monthOf is a month of a project.
type monthOf struct {
	subject int
	month   calendar.Month
}

// gaps lists what is missing or known to be wrong: months whose lines are not the provider's own total, months whose deliveries do not reach to the month's end, the end of the range or yesterday, and
// periods left out because of what they lack. By project, then month.
func (p *plan) gaps(now time.Time) []Gap {
	reasons := map[monthOf]string{}
	for _, l := range p.lacking {
		reasons[monthOf{l.subject, l.period}] = fmt.Sprintf("left out: of %s there is the view tags, %s", l.source, l)
	}
	for at, all := range p.differs {
		var why []string
		for _, d := range all {
			if p.limited {
				why = insert(why, d.hint())
			} else {
				why = append(why, d.String())
			}
		}
		reasons[at] = strings.Join(why, "; ")
	}
	reach := p.reach()
	for n := range p.subjects {
		for m := p.q.Start.Month(); m <= p.q.last().Month(); m++ {
			at := monthOf{n, m}
			reason := p.missed(at, now, reach)
			switch {
			case reasons[at] == "" && reason != "":
				reasons[at] = reason
			case len(p.differs[at]) > 0 && reason != "":
				reasons[at] += "; and " + reason
			}
		}
	}
	order := slices.SortedFunc(maps.Keys(reasons), func(a, b monthOf) int {
		return cmp.Or(cmp.Compare(a.subject, b.subject), cmp.Compare(a.month, b.month))
	})
	all := make([]Gap, 0, min(len(order), maxGaps))
	for _, at := range order[:min(len(order), maxGaps)] {
		all = append(all, Gap{p.subjects[at.subject].id, at.month, reasons[at]})
	}
	return all
}

// missed says what is missing of a project's month; "" for nothing.
func (p *plan) missed(at monthOf, now time.Time, reach map[monthOf]calendar.Day) string {
	first, need := at.month.First(), min(at.month.Last(), calendar.DayOf(now)-1)
	if !p.q.Billing {
		first, need = max(first, p.q.Start), min(need, p.q.last())
	}
	s := &p.subjects[at.subject]
	if s.of.Archived { // at UpdatedAt at the latest
		need = min(need, calendar.DayOf(s.of.UpdatedAt)-1)
	}
	if need < first {
		return ""
	}
	last, held := reach[at]
	switch {
	case held && last >= need:
		return ""
	case held:
		return fmt.Sprintf("costs end on %s: deliver the days up to %s", last, need)
	case s.id != tenant.Unassigned && p.asides(at) != "":
		return "all that was delivered, by " + p.asides(at) + ", is kept aside: other sources deliver the same accounts, and their costs may count in projects " +
			"that this answer leaves out. Ask about all projects, or ask somebody who sees them all"
	}
	promised := p.promised(at, now)
	switch {
	case promised != "":
		return promised
	case s.id == tenant.Unassigned, at.month < calendar.MonthOf(s.of.CreatedAt): // what there is of earlier months counts, and no more is expected
		return ""
	case s.of.Archived:
		return "no costs delivered of the time before the project was archived: PATCH it with `archived: false`, then import this month"
	}
	return "no costs delivered: import this month"
}

// reach gives the last charge day that was delivered of what each project holds, by billing period. What is kept aside counts where all
// projects are asked about, since the answer has the costs of its accounts from another source.
func (p *plan) reach() map[monthOf]calendar.Day {
	reach := map[monthOf]calendar.Day{}
	for _, h := range p.held {
		if h.aside != "" && p.part {
			continue
		}
		at := monthOf{h.subject, h.period}
		reach[at] = max(reach[at], h.through)
	}
	return reach
}

// asides names the sources that a project's month has costs of and that count nothing of it, in one text; "" for none.
func (p *plan) asides(at monthOf) string {
	var all []string
	for _, h := range p.held {
		if h.aside != "" && h.subject == at.subject && h.period == at.month {
			all = insert(all, h.aside)
		}
	}
	return strings.Join(all, ", ")
}
