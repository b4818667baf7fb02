package costexplorer

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cost"
	"github.com/tenantry/tenantry/pkg/delivery"
	"github.com/tenantry/tenantry/pkg/money"
)

// The cells of a day are held against the day's own total, which is asked for without groups and filters. Where they differ the day is
// fetched again, and asked for its total again, within the same run: costs may have moved between two questions. What differs still is
// delivered, and the run says so; the day is fetched again by each of the next runs until it was fetched this often in a row, and
// afterwards with each sweep alone.
const rechecks = 4

// recheck is the days that are fetched again, since their cells were not their total.
type recheck map[calendar.Day]bool

func (r recheck) in(m calendar.Month) bool {
	for d := range r {
		if d.Month() == m {
			return true
		}
	}
	return false
}

// cellSums is what the cells of days come to, over all accounts.
type cellSums map[calendar.Day]cellSum

type cellSum struct {
	Costs [4]money.Amount `json:"c"`
	Cells int             `json:"n"`
}

// recount takes the cells of one account and day out of the sum and puts others into their place.
func (m *month) recount(d calendar.Day, before *day, cells []cell) error {
	sum := m.Cells[d]
	if before != nil {
		for i := range before.Cells {
			if err := sum.add(&before.Cells[i], money.Amount.Sub); err != nil {
				return err
			}
		}
		sum.Cells -= len(before.Cells)
	}
	for i := range cells {
		if err := sum.add(&cells[i], money.Amount.Add); err != nil {
			return err
		}
	}
	if sum.Cells += len(cells); m.Cells == nil {
		m.Cells = cellSums{}
	}
	m.Cells[d] = sum
	return nil
}

func (s *cellSum) add(c *cell, op func(a, b money.Amount) (money.Amount, error)) (err error) {
	for i := range s.Costs {
		if s.Costs[i], err = op(s.Costs[i], c.Costs[i]); err != nil {
			return err
		}
	}
	return nil
}

// basis is which of Sum.Costs count: from 0 on, or from 2 on, those net of private discounts, where the month has any.
func (m *month) basis() int {
	net, some := false, false
	for _, a := range m.Accounts {
		net = net || a.Net
	}
	for _, c := range m.Days {
		some = some || !c.Costs[2].IsZero() || !c.Costs[3].IsZero()
	}
	if net && some { // where there are none, Cost Explorer may give no net amounts at all
		return 2
	}
	return 0
}

// agrees tells whether cells are a total in sum, but for rounding.
func (s cellSum) agrees(total Sum, basis int) bool {
	return cost.Agrees(s.Costs[basis], total.Costs[basis], int64(s.Cells)) && cost.Agrees(s.Costs[basis+1], total.Costs[basis+1], int64(s.Cells))
}

// differs tells whether the cells of a day are not its total.
func (m *month) differs(d calendar.Day) bool {
	c, known := m.Days[d]
	return known && !m.Cells[d].agrees(c.Sum, m.basis())
}

// differing are the days of a month that do, in order.
func (m *month) differing() (all []calendar.Day) {
	for d := range m.Days {
		if m.differs(d) {
			all = append(all, d)
		}
	}
	slices.Sort(all)
	return all
}

// rereads tells whether an account's day is fetched though its total is the one known: what differs is fetched of the accounts that do.
func (p *plan) rereads(d calendar.Day, was *day, basis int) bool {
	if !p.Recheck[d] {
		return p.Closing[d.Month()]
	}
	sum := cellSum{Cells: len(was.Cells)}
	for i := range was.Cells {
		if err := sum.add(&was.Cells[i], money.Amount.Add); err != nil {
			return true
		}
	}
	return p.Closing[d.Month()] || !sum.agrees(was.Control, basis)
}

// recheck plans to fetch again, once in a plan, what was fetched and differs from its total, by what that total is by now.
func (s *step) recheck(ctx context.Context) error {
	p := s.book.Plan
	p.Rechecked, p.Recheck = true, recheck{}
	var all []calendar.Day
	for _, of := range slices.Sorted(maps.Keys(s.book.Months)) {
		m := s.book.Months[of]
		for _, d := range m.differing() {
			if m.Days[d].Off == 1 && p.Asked.has(d) {
				all = append(all, d)
			}
		}
	}
	if len(all) == 0 {
		return nil
	}
	s.task.Stage("asking again for daily totals")
	answers, err := s.ask(ctx, query{span: span{all[0], all[len(all)-1] + 1}})
	if err != nil {
		return err
	}
	for _, d := range all {
		p.Recheck[d], p.Days[d] = true, Control{}
	}
	for _, a := range answers {
		if p.Recheck[a.day] {
			p.Days[a.day] = Control{Sum: a.sum, Estimated: a.estimated}
		}
	}
	p.Left = ranges(all)
	return s.save(ctx)
}

// tell says of which months what was collected is not what Cost Explorer says that it is in sum.
func (s *step) tell(waiting map[calendar.Month]bool) error {
	for _, of := range slices.Sorted(maps.Keys(s.book.Months)) {
		m := s.book.Months[of]
		all := m.differing()
		if waiting[of] || len(all) == 0 {
			continue
		}
		basis, currency := m.basis(), "USD"
		var parts []string
		for i, name := range []string{"billedCost", "effectiveCost"} {
			var rest money.Amount
			for _, d := range all {
				off, err := m.Cells[d].Costs[basis+i].Sub(m.Days[d].Costs[basis+i])
				if err == nil {
					rest, err = rest.Add(off)
				}
				if err != nil {
					return err
				}
				currency = cmp.Or(m.Days[d].Currency, currency)
			}
			parts = append(parts, name+" "+cost.Apart(rest, currency))
		}
		s.task.Aside(fmt.Sprintf("%s: the collected costs are not Cost Explorer's own total of the month: %s, on %d days from %s on. These days were fetched "+
			"more than once, and the next runs fetch them again. If it stays so, hold the month against your bill and tell the operator.",
			of, strings.Join(parts, ", "), len(all), all[0]))
	}
	return nil
}

// over is by how much what is billed by the lines is more than the provider says.
func (w *lines) over(own *delivery.Provided) money.Amount {
	rest, err := w.billed.Sub(own.BilledCost)
	w.fail(err)
	return rest
}
