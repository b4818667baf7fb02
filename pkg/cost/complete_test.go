package cost_test

import (
	"context"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cost"
	"github.com/tenantry/tenantry/pkg/project"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// until is a charge of the last day of a billing period that has been delivered.
func until(p tenant.ProjectID, source string, day calendar.Day) charge {
	c := usage(p, "EC2", "1")
	c.source, c.billing, c.day = source, day.Month(), day
	return c
}

// completeness is whether an answer of 10 March 2026 is complete, and what it misses where it is not.
type completeness struct {
	question string
	charges  []charge
	change   func(*ledger)
	missing  []string
}

func (c completeness) check(t *testing.T) {
	s, scope, l := newStore(t), newScope(t), shop(c.charges...)
	if c.change != nil {
		c.change(l)
	}
	l.write(t, s, scope)
	service := &cost.Service{Store: s, Clock: func() time.Time { return march26 }}
	a, err := service.Ask(context.Background(), scope, questionOf(t, c.question))
	require.NoError(t, err)
	var missing []string
	for _, g := range a.Incomplete {
		missing = append(missing, g.String())
	}
	require.Equal(t, c.missing, missing)
	require.Equal(t, len(missing) == 0, a.Complete)
}

// of2026 is a day of that year.
func of2026(month time.Month, d int) calendar.Day { return calendar.Date(2026, month, d) }

func TestAnswerIsComplete(t *testing.T) {
	january, february, march := of2026(1, 31), of2026(2, 28), of2026(3, 9)
	late := until(api, "upload:aws", of2026(3, 31))
	late.billing = of2026(2, 1).Month()
	for name, c := range map[string]completeness{
		"to the end of the month":      {"2026-01-01 2026-02-01 monthly", []charge{until(web, "u", january), until(api, "u", january)}, nil, nil},
		"of all months":                {"2026-01-01 2026-03-01 monthly", []charge{until(web, "u", january), until(web, "u", february), until(api, "u", january), until(api, "u", february)}, nil, nil},
		"to yesterday":                 {"2026-03-01 2026-04-01 monthly project:web", []charge{until(web, "u", march)}, nil, nil},
		"to the end of the range":      {"2026-01-05 2026-01-11 daily project:web", []charge{until(web, "u", of2026(1, 10))}, nil, nil},
		"of a range in the future":     {"2026-05-01 2026-06-01 monthly", nil, nil, nil},
		"of a range that begins today": {"2026-03-10 2026-04-01 monthly", nil, nil, nil},
		"by the source that has most":  {"2026-01-01 2026-02-01 monthly project:web", []charge{until(web, "u", of2026(1, 3)), until(web, "v", january)}, nil, nil},
		"not a day before":             {"2026-01-01 2026-02-01 monthly project:web", []charge{until(web, "u", january-1)}, nil, []string{string(web) + " 2026-01: costs end on 2026-01-30: deliver the days up to 2026-01-31"}},
		"not to the day before yesterday": {"2026-03-01 2026-04-01 monthly project:web", []charge{until(web, "u", march-1)}, nil,
			[]string{string(web) + " 2026-03: costs end on 2026-03-08: deliver the days up to 2026-03-09"}},
		"not without a month": {"2026-01-01 2026-04-01 monthly project:web", []charge{until(web, "u", january), until(web, "u", march)}, nil,
			[]string{string(web) + " 2026-02: no costs delivered: import this month"}},
		"not by a correction of another period": {"2026-03-01 2026-04-01 monthly project:api", []charge{late}, nil,
			[]string{string(api) + " 2026-03: no costs delivered: import this month"}},
		"not without a project": {"2026-01-01 2026-02-01 monthly", []charge{until(web, "u", january)}, nil,
			[]string{string(api) + " 2026-01: no costs delivered: import this month"}},
		"not for billing periods without a month": {"2026-01-01 2026-03-01 monthly billing", []charge{until(web, "u", january), until(api, "u", january), until(web, "u", february)}, nil,
			[]string{string(api) + " 2026-02: no costs delivered: import this month"}},
	} {
		t.Run(name, c.check)
	}
}

func TestAnswerIsCompleteWhereProjectsComeAndGo(t *testing.T) {
	january, february := of2026(1, 31), of2026(2, 28)
	archived := func(at calendar.Day) func(*ledger) {
		return func(l *ledger) { l.projects[1].Archived, l.projects[1].UpdatedAt = true, at.Time() }
	}
	made := func(at calendar.Day) func(*ledger) {
		return func(l *ledger) { l.projects[1].CreatedAt = at.Time() }
	}
	aside := func(source string) func(*ledger) {
		return func(l *ledger) { l.aside = map[batch]bool{{source, january.Month()}: true} }
	}
	for name, c := range map[string]completeness{
		"without a project archived before": {"2026-02-01 2026-03-01 monthly", []charge{until(web, "u", february)}, archived(of2026(1, 20)), nil},
		"not without a project archived later": {"2026-02-01 2026-03-01 monthly", []charge{until(web, "u", february)}, archived(of2026(2, 20)),
			[]string{string(api) + " 2026-02: no costs delivered of the time before the project was archived: PATCH it with `archived: false`, then import this month"}},
		"without a project made later": {"2026-01-01 2026-02-01 monthly", []charge{until(web, "u", january)}, made(of2026(2, 1)), nil},
		"not with a part of a month before the project was made": {"2026-01-01 2026-02-01 monthly", []charge{until(web, "u", january), until(api, "v", january-1)}, made(of2026(2, 1)),
			[]string{string(api) + " 2026-01: costs end on 2026-01-30: deliver the days up to 2026-01-31"}},
		"not without the month in which the project was made": {"2026-01-01 2026-02-01 monthly", []charge{until(web, "u", january)}, made(of2026(1, 31)),
			[]string{string(api) + " 2026-01: no costs delivered: import this month"}},
		"with what is left over of whole deliveries": {"2026-01-01 2026-02-01 monthly", []charge{until(web, "u", january), until(api, "u", january), until(tenant.Unassigned, "u", of2026(1, 2))}, nil, nil},
		"not with what is kept aside, for another project may have it": {"2026-01-01 2026-02-01 monthly project:api", []charge{until(web, "u", january), until(api, "v", january)}, aside("v"),
			[]string{string(api) + " 2026-01: all that was delivered, by v, is kept aside: other sources deliver the same accounts, and their costs may count in projects " +
				"that this answer leaves out. Ask about all projects, or ask somebody who sees them all"}},
		"with what is kept aside, beside what counts":       {"2026-01-01 2026-02-01 monthly project:api", []charge{until(api, "u", january), until(api, "v", january)}, aside("v"), nil},
		"with what is kept aside, of all projects":          {"2026-01-01 2026-02-01 monthly", []charge{until(web, "u", january), until(api, "v", january)}, aside("v"), nil},
		"with what is kept aside of what nobody's rule has": {"2026-01-01 2026-02-01 monthly project:unassigned", []charge{until(tenant.Unassigned, "v", january)}, aside("v"), nil},
		"not with what is left over of a part": {"2026-01-01 2026-02-01 monthly project:unassigned", []charge{until(tenant.Unassigned, "u", of2026(1, 2))}, nil,
			[]string{"unassigned 2026-01: costs end on 2026-01-02: deliver the days up to 2026-01-31"}},
	} {
		t.Run(name, c.check)
	}
}

func TestAnswerIsFinal(t *testing.T) {
	january := calendar.Date(2026, 1, 31)
	for name, c := range map[string]struct {
		final    bool
		question string
		charges  []charge
		want     bool
	}{
		"where all of it is":             {true, "2026-01-01 2026-02-01 monthly project:web", []charge{until(web, "u", january)}, true},
		"not where its sources are open": {false, "2026-01-01 2026-02-01 monthly project:web", []charge{until(web, "u", january)}, false},
		"not where something is missing": {true, "2026-01-01 2026-02-01 monthly", []charge{until(web, "u", january)}, false},
		"not where there is nothing":     {true, "2026-05-01 2026-06-01 monthly", []charge{until(web, "u", january)}, false},
	} {
		t.Run(name, func(t *testing.T) {
			s, scope, l := newStore(t), newScope(t), shop(c.charges...)
			l.final = c.final
			l.write(t, s, scope)
			service := &cost.Service{Store: s, Clock: func() time.Time { return march26 }}
			a, err := service.Ask(context.Background(), scope, questionOf(t, c.question))
			require.NoError(t, err)
			require.Equal(t, c.want, a.Final)
		})
	}
}

func TestAnswerListsTheFirstThousandGaps(t *testing.T) {
	l := shop()
	for range 20 {
		l.projects = append(l.projects, project.Project{ID: web})
	}
	o := newOffice(t, l)
	a := o.costs("start=2016-03-01&end=2026-03-01&granularity=total")
	require.Len(t, a.Incomplete, 1000)
	require.False(t, a.Complete)
}
