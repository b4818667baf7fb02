package costexplorer

import (
	"context"
	"slices"
	"time"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cost"
)

const (
	history   = cost.Promised   // months that are fetched at first, the present one among them
	sweepDays = 7               // after so many all months are asked about, final ones too
	planLife  = 6 * time.Hour   // what was fetched by an older plan is asked about again
	longRun   = 28              // days without costs that are worth a query of their own
	astride   = 7               // days that a span of two months has at most
	joined    = calendar.Day(1) // days between two changed ones that are fetched with them, rather than in a query of its own
)

// today is the first day that is not asked about: it has hardly begun, and what is known of it is little.
func (s *step) today() calendar.Day { return calendar.DayOf(s.task.Slot) }

// window is what days are asked about: from the first of the month before the last good run on, or from the first month that is
// not final; at first, and every week, all that Cost Explorer has.
func (s *step) window() (span, bool) {
	today := s.today()
	oldest := (today.Month() - history + 1).First()
	if s.book.Good == 0 || today >= s.book.Swept+sweepDays {
		return span{oldest, today}, true
	}
	from := s.book.Good.Month() - 1
	for m, known := range s.book.Months {
		if !known.Final {
			from = min(from, m)
		}
	}
	return span{max(from.First(), oldest), today}, false
}

// plan asks for the totals of days and plans to fetch those that are others than those known.
func (s *step) plan(ctx context.Context) error {
	asked, sweep := s.window()
	if asked.From >= asked.To { // the first day that there could be
		asked.From = (asked.To - 1).Month().First()
	}
	s.task.Stage("asking for daily totals")
	answers, err := s.ask(ctx, query{span: asked})
	if err != nil {
		return err
	}
	p := &plan{Slot: s.task.Slot, Made: s.collector.Clock().UTC(), Asked: asked, Days: controls{}, Flags: controls{}, Recheck: recheck{}, Sweep: sweep}
	fresh := controls{}
	for _, a := range answers {
		fresh[a.day] = Control{Sum: a.sum, Estimated: a.estimated}
	}
	var changed []calendar.Day
	idle, err := s.idle(ctx, fresh, asked)
	if err != nil {
		return err
	}
	for d := asked.From; d < asked.To; d++ {
		old, known := s.book.month(d.Month()).Days[d]
		switch now := fresh[d]; {
		case !known && idle[d]:
			p.Flags[d] = now
		case !known || !old.same(now.Sum):
			p.Days[d] = now
			changed = append(changed, d)
		case s.book.month(d.Month()).differs(d) && (old.Off < rechecks || sweep):
			p.Days[d], p.Recheck[d] = now, true
			changed = append(changed, d)
		case old.Estimated != now.Estimated:
			p.Flags[d] = now
		}
	}
	p.Left = append(ranges(changed), s.close(p, fresh)...)
	s.book.Plan = p
	return nil
}

// idle gives the days without any costs among those of which nothing is known yet: their totals are zero, and not because credits make
// up for the rest, which one more query tells of every long run of such days. Short runs are fetched with the days beside them.
func (s *step) idle(ctx context.Context, fresh controls, asked span) (map[calendar.Day]bool, error) {
	all := map[calendar.Day]bool{}
	for d := asked.From; d < asked.To; d++ {
		run := span{d, d}
		for run.To < asked.To && fresh[run.To].isZero() && !s.knows(run.To) {
			run.To++
		}
		if run.To-run.From < longRun && run != asked && !s.rests(run) {
			d = max(d, run.To-1)
			continue
		}
		answers, err := s.ask(ctx, query{span: run, groups: by("SERVICE", "RECORD_TYPE")})
		if err != nil {
			return nil, err
		}
		if !slices.ContainsFunc(answers, func(a answered) bool { return !a.sum.isZero() }) {
			for ; run.From < run.To; run.From++ {
				all[run.From] = true
			}
		}
		d = run.To - 1
	}
	return all, nil
}

func (s *step) knows(d calendar.Day) bool {
	_, known := s.book.month(d.Month()).Days[d]
	return known
}

// rests tells whether days come after one that had no costs.
func (s *step) rests(run span) bool {
	before, known := s.book.month((run.From - 1).Month()).Days[run.From-1]
	return run.From < run.To && known && before.isZero()
}

// ranges gathers days that are to be fetched into spans: of a month each, or of a few days about the end of one.
func ranges(changed []calendar.Day) (all []span) {
	for _, d := range changed {
		if n := len(all); n > 0 && d-all[n-1].To <= joined && (d.Month() == all[n-1].From.Month() || d-all[n-1].From < astride) {
			all[n-1].To = d + 1
			continue
		}
		all = append(all, span{d, d + 1})
	}
	slices.Reverse(all) // the newest first
	return all
}

// halve takes a span apart that may have been too much for one step.
func halve(s span) []span {
	if s.To-s.From < 2 {
		return []span{s}
	}
	middle := s.From + (s.To-s.From)/2
	return []span{{middle, s.To}, {s.From, middle}}
}
