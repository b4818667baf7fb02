package costexplorer

import (
	"slices"

	"github.com/tenantry/tenantry/pkg/calendar"
)

// closing are the months that are about to be called final. Totals of days do not tell of costs that have moved between services, or
// accounts, within a day; so whatever of a month was fetched before it was over is fetched once more before that, and what was
// fetched later is not.
type closing map[calendar.Month]bool

// over is the first day on which a month can be final: after the 15th of the next.
func over(of calendar.Month) calendar.Day { return (of + 1).First() + 15 }

// over tells whether a month is not final and could be: not estimated, unchanged for 7 days and past the 15th of the next month.
func (m *month) over(of calendar.Month, today calendar.Day) bool {
	return !m.Final && !m.estimated() && today >= m.Changed+7 && today >= over(of)
}

// unread are the days of a month that were fetched before it was over alone.
func (m *month) unread(of calendar.Month) (all []calendar.Day) {
	for d, c := range m.Days {
		if c.Read < over(of) {
			all = append(all, d)
		}
	}
	slices.Sort(all)
	return all
}

// again tells whether a day is fetched though its total is the one known.
func (p *plan) again(d calendar.Day) bool { return p.Closing[d.Month()] || p.Recheck[d] }

// close plans to fetch what closing months have, after what has changed: months of which nothing else is planned, and those whose
// reading was begun and not ended.
func (s *step) close(p *plan, fresh controls) (all []span) {
	busy := map[calendar.Month]bool{}
	for _, planned := range []controls{p.Days, p.Flags} {
		for d := range planned {
			busy[d.Month()] = true
		}
	}
	p.Closing = closing{}
	var unread []calendar.Day
	for of, m := range s.book.Months {
		if !m.Moving && (busy[of] || !m.over(of, s.today())) {
			continue
		}
		for _, d := range m.unread(of) {
			p.Closing[of] = true
			if _, changed := p.Days[d]; !changed && p.Asked.has(d) {
				p.Days[d] = fresh[d]
				unread = append(unread, d)
			}
		}
	}
	slices.Sort(unread)
	return ranges(unread)
}
