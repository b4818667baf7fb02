package cost

import (
	"context"
	"fmt"
	"slices"
	"time"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/project"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Promised is how many months a connection brings at first, the present one among them.
const Promised = 13

// Brought is what the book of a connection's costs says to whoever looks at completeness.
type Brought struct {
	Whole bool `json:"whole"` // all months that the connection promised were brought once
	Some  bool `json:"some"`  // and there was something to deliver
}

// link is a connection, and whether it has brought what it promised.
type link struct {
	connection.Connection
	whole bool
}

// link reads the connections where a question asks for months that projects hold nothing of: what is missing then, and what to do, depends
// on them. Other questions read nothing.
func (p *plan) link(ctx context.Context, t *store.Tenant, now time.Time) error {
	if !p.unheld(now) {
		return nil
	}
	all, err := connection.List(ctx, t)
	if err != nil || len(all) == 0 {
		return err
	}
	keys := make([]store.Key, len(all))
	for i, c := range all {
		keys[i] = store.CostBook(c.ID)
	}
	books, err := t.Get(ctx, store.Strongly, keys...)
	if err != nil {
		return err
	}
	for i, c := range all {
		var b Brought
		if books[i] != nil {
			if err := books[i].Value.Decode(&b); err != nil {
				return fmt.Errorf("read what a connection has brought: %w", err)
			}
		}
		seen := slices.ContainsFunc(p.head.Periods, func(h HeadPeriod) bool { return h.Source == "ce:"+string(c.ID) })
		p.links = append(p.links, link{c, b.Whole && (seen || !b.Some)}) // what was delivered and is not read yet is not here
	}
	return nil
}

// unheld tells whether some project holds nothing of some month that is asked for and has begun.
func (p *plan) unheld(now time.Time) bool {
	reach := p.reach()
	for n := range p.subjects {
		for m := p.q.Start.Month(); m <= min(p.q.last().Month(), calendar.MonthOf(now)); m++ {
			if _, held := reach[monthOf{n, m}]; !held {
				return true
			}
		}
	}
	return false
}

// linked is the connection that a project's costs come by, the one first whose promise is open; nil where there is none. A payer's costs may
// be of every project that names accounts; what no project names is of the project unassigned.
func (p *plan) linked(s *subject) (found *link) {
	for i := range p.links {
		l := &p.links[i]
		payer := l.Kind == connection.Payer && l.Status != connection.Pending
		its := slices.Contains(s.of.AccountIDs, l.AccountID) || payer && len(s.of.AccountIDs) > 0 || l.ProjectID != "" && l.ProjectID == s.id
		if s.id == tenant.Unassigned {
			its = payer || l.Status != connection.Pending && !slices.ContainsFunc(p.roster, func(o project.Project) bool { return slices.Contains(o.AccountIDs, l.AccountID) })
		}
		if its && (found == nil || found.whole && !l.whole) {
			found = l
		}
	}
	return found
}

// promised says of a month that nothing is held of what its connection has still to bring, and what to do; "" where none has promised it.
func (p *plan) promised(at monthOf, now time.Time) string {
	s := &p.subjects[at.subject]
	l := p.linked(s)
	expected := s.id != tenant.Unassigned && at.month >= calendar.MonthOf(s.of.CreatedAt)
	switch {
	case l == nil, s.of.Archived, l.Status == connection.Pending && !expected:
		return ""
	case at.month <= calendar.MonthOf(now)-Promised || l.whole:
		if !expected {
			return ""
		}
		return "no costs collected by the connection of its account: see its runs, and start one (POST runs with kind costs)"
	case l.Status == connection.Pending:
		return "no costs yet: the connection of its account is pending; verify it, then start a run"
	case l.Status == connection.Paused:
		return "no costs yet: the connection of its account is paused before all its months were brought; resume it"
	case l.Status == connection.Broken:
		return "no costs yet: the connection of its account is broken before all its months were brought; see its reason, mend it and verify it"
	}
	return "not collected yet: the first collection of the connection of its account has still to bring it. See its runs: one is running, waits for the plan's " +
		"pages of Cost Explorer, or is to be started (POST runs with kind costs)"
}
