package costexplorer

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/costexplorer/types"

	"github.com/tenantry/tenantry/pkg/calendar"
)

// fetch fetches the days of a span that have changed, account by account. What an account had before stays in its file until all
// of the span is there. It tells whether time has run out before the end; then the accounts that are done are known by
// their totals.
func (s *step) fetch(ctx context.Context, of span) (late bool, err error) {
	accounts, err := s.accounts(ctx, of)
	if err != nil {
		return false, err
	}
	for _, id := range slices.Sorted(maps.Keys(accounts)) {
		if s.late() {
			return true, nil
		}
		changed, err := s.fetchAccount(ctx, of, id, accounts[id])
		if err != nil {
			return false, err
		}
		if changed && len(accounts) > 1 {
			if err := s.save(ctx); err != nil {
				return false, err
			}
		}
	}
	for d := of.From; d < of.To; d++ {
		c, planned := s.book.Plan.Days[d]
		if !planned {
			continue
		}
		m := s.book.month(d.Month())
		was := m.Days[d]
		c.Read, c.Off = s.today(), was.Off
		if !was.same(c.Sum) {
			c.Off = 0
		}
		m.Days[d] = c
		if !s.book.Plan.again(d) || !was.same(c.Sum) {
			m.move(s.today())
		}
		if m.differs(d) {
			c.Off++
		} else {
			c.Off = 0
		}
		m.Days[d] = c
		delete(s.book.Plan.Days, d)
		delete(s.book.Plan.Recheck, d)
	}
	return false, nil
}

// totals are what an account's days have, and whether some of it is usage and some is not.
type totals struct {
	days        map[calendar.Day]Sum
	live        map[calendar.Day]bool // days with costs, which may come to nothing in sum
	usage, rest bool
}

func newTotals() *totals { return &totals{days: map[calendar.Day]Sum{}, live: map[calendar.Day]bool{}} }

// accounts gives the accounts of a span: the connection's own, or all that a payer has, by one query.
func (s *step) accounts(ctx context.Context, of span) (map[string]*totals, error) {
	all := map[string]*totals{}
	if !s.payer() {
		t := newTotals()
		t.usage, t.rest = true, true
		for d := of.From; d < of.To; d++ {
			c, planned := s.book.Plan.Days[d]
			if !planned {
				c = s.book.month(d.Month()).Days[d]
			}
			t.days[d], t.live[d] = c.Sum, planned
		}
		all[s.task.Connection.AccountID] = t
		return all, nil
	}
	s.task.Stage(fmt.Sprintf("asking which accounts changed, %s to %s", of.From, of.To-1))
	answers, err := s.ask(ctx, query{span: of, groups: by("LINKED_ACCOUNT", "RECORD_TYPE")})
	if err != nil {
		return nil, err
	}
	for m := of.From.Month(); m <= (of.To - 1).Month(); m++ {
		for id := range s.book.month(m).Accounts {
			all[id] = newTotals() // nothing, unless it is among the answers
		}
	}
	for _, a := range answers {
		if len(a.keys) != 2 {
			return nil, fmt.Errorf("an answer of Cost Explorer by %q, which was not asked", a.keys)
		}
		id, record := a.keys[0], a.keys[1]
		if all[id] == nil {
			all[id] = newTotals()
		}
		t := all[id]
		t.live[a.day] = t.live[a.day] || !a.sum.isZero()
		if t.days[a.day], err = t.days[a.day].add(a.sum); err != nil {
			return nil, err
		}
		usage := slices.Contains(usageLike, record)
		t.usage, t.rest = t.usage || usage, t.rest || !usage
	}
	return all, nil
}

// fetchAccount fetches an account's days of a span, those between the first and the last that have changed, and tells whether
// there were any.
func (s *step) fetchAccount(ctx context.Context, of span, id string, t *totals) (some bool, err error) {
	months := map[calendar.Month]days{}
	for m := of.From.Month(); m <= (of.To - 1).Month(); m++ {
		if months[m], err = s.readDays(ctx, s.book.month(m).Accounts[id]); err != nil {
			return false, err
		}
	}
	changed := span{}
	for d := of.From; d < of.To; d++ {
		was := months[d.Month()][d]
		if was == nil && !t.live[d] || was != nil && was.Control.same(t.days[d]) && !s.book.Plan.rereads(d, was, s.book.month(d.Month()).basis()) {
			continue
		}
		if changed.To == 0 {
			changed.From = d
		}
		changed.To = d + 1
	}
	if changed.To == 0 {
		return false, nil
	}
	s.task.Stage(fmt.Sprintf("fetching account %s, %s to %s", id, changed.From, changed.To-1))
	cells, err := s.cells(ctx, changed, id, t)
	if err != nil {
		return false, err
	}
	moved := map[calendar.Month]bool{}
	for d := changed.From; d < changed.To; d++ {
		m := d.Month()
		moved[m] = moved[m] || !s.book.Plan.again(d) || !months[m][d].has(cells[d])
		if err := s.book.month(m).recount(d, months[m][d], cells[d]); err != nil {
			return false, err
		}
		months[m][d] = &day{Control: t.days[d], Cells: cells[d]}
		if t.days[d].isZero() && len(cells[d]) == 0 {
			delete(months[m], d)
		}
	}
	for _, m := range slices.Sorted(maps.Keys(moved)) {
		if !moved[m] {
			continue
		}
		if err := s.writeDays(ctx, m, id, months[m]); err != nil {
			return false, err
		}
		if some = true; s.book.Plan.Closing[m] {
			s.book.month(m).Moving = true
		}
		if s.book.Plan.Closing[m] || s.book.Plan.Recheck.in(m) {
			s.book.month(m).move(s.today()) // now: the next step finds these cells, and no move
		}
	}
	return some, nil
}

// cells fetches what an account has on days: usage by service and region, all else by service and record type.
func (s *step) cells(ctx context.Context, of span, id string, t *totals) (map[calendar.Day][]cell, error) {
	all := map[calendar.Day][]cell{}
	usage := dimension(types.DimensionRecordType, usageLike...)
	for _, part := range []struct {
		asked  bool
		filter types.Expression
		groups []types.GroupDefinition
		cell   func(a answered) cell
	}{
		{t.usage, usage, by("SERVICE", "REGION"), func(a answered) cell { return cell{a.keys[0], a.keys[1], "Usage", a.sum} }},
		{t.rest, types.Expression{Not: &usage}, by("SERVICE", "RECORD_TYPE"), func(a answered) cell { return cell{a.keys[0], "", a.keys[1], a.sum} }},
	} {
		if !part.asked {
			continue
		}
		filter := part.filter
		if s.payer() {
			filter = types.Expression{And: []types.Expression{dimension(types.DimensionLinkedAccount, id), filter}}
		}
		answers, err := s.ask(ctx, query{span: of, groups: part.groups, filter: &filter})
		if err != nil {
			return nil, err
		}
		for _, a := range answers {
			if len(a.keys) != 2 || !of.has(a.day) {
				return nil, fmt.Errorf("an answer of Cost Explorer of %s by %q, which was not asked", a.day, a.keys)
			}
			all[a.day] = append(all[a.day], part.cell(a))
		}
	}
	return all, nil
}

func by(dimensions ...string) (all []types.GroupDefinition) {
	for _, d := range dimensions {
		all = append(all, types.GroupDefinition{Type: types.GroupDefinitionTypeDimension, Key: aws.String(d)})
	}
	return all
}

func dimension(key types.Dimension, values ...string) types.Expression {
	return types.Expression{Dimensions: &types.DimensionValues{Key: key, Values: values}}
}
