// Package demo makes the costs of organizations that do not exist: FOCUS lines that are the same for the same seed and
// days, whose totals are added up apart from all that reads costs, in whole units of 1e-10. It also fills a local platform
// with them, the way its users would.
package demo

import (
	"hash/fnv"
	"math/rand/v2"
	"time"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/focus"
)

// Version is the FOCUS version that the lines are of.
const Version = "1.2"

// Window is what the lines of a demo cover at a time: thirteen months up to yesterday, to exclusive. From is the first
// day of a month.
func Window(now time.Time) (from, to calendar.Day) {
	to = calendar.DayOf(now)
	return ((to - 1).Month() - 12).First(), to
}

// Lines gives each the costs of the organization from a first day of a month on, to exclusive, in ascending order of
// their billing periods, and then their totals. A line's amounts do not change when to moves on; taxes, refunds and
// invoice numbers come when a month is over. each may keep nothing of the record.
func (o *Organization) Lines(seed uint64, from, to calendar.Day, each func(*focus.Record) error) (Totals, error) {
	g := &generator{seed: seed, from: from, to: to, each: each, totals: Totals{}}
	for m := from.Month(); m.First() < to; m++ {
		for i := range o.payers {
			if err := g.month(&o.payers[i], m); err != nil {
				return nil, err
			}
		}
	}
	return g.totals, nil
}

// generator makes the lines of one organization.
type generator struct {
	seed     uint64
	from, to calendar.Day
	each     func(*focus.Record) error
	totals   Totals
	billed   int64 // of the payer's month, for its taxes
}

// month makes all that one payer is billed for in a month: last month's corrections, each day's charges, and the month's
// own.
func (g *generator) month(p *payer, m calendar.Month) error {
	g.billed = 0
	if m > g.from.Month() {
		if err := g.corrections(p, m); err != nil {
			return err
		}
	}
	for d := m.First(); d <= m.Last() && d < g.to; d++ {
		if err := g.day(p, d); err != nil {
			return err
		}
	}
	return g.monthly(p, m)
}

// over tells whether a month's last day is made.
func (g *generator) over(m calendar.Month) bool { return m.Last() < g.to }

// dice gives a number from 0 to n-1 that depends on the seed, what it is thrown for and the day alone.
func (g *generator) dice(what string, d calendar.Day, n int64) int64 {
	h := fnv.New64a()
	h.Write([]byte(what))
	return rand.New(rand.NewPCG(g.seed^h.Sum64(), uint64(d))).Int64N(n)
}
