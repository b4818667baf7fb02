package cost_test

import (
	"context"
	"fmt"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cost"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/project"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/bolt"
	"github.com/tenantry/tenantry/pkg/tenant"
)

var march26 = calendar.Date(2026, 3, 10).Time()

// company has 20 projects with costs on every day from July 2024 to June 2026 and in every metric others.
func company() *ledger {
	l := &ledger{open: march26}
	for p := range 20 {
		id := tenant.ProjectID(fmt.Sprintf("prj_01JZZZZZZZZZZZZZZZZZZZZZ%02d", p))
		l.projects = append(l.projects, project.Project{ID: id, Name: fmt.Sprint("p", p), Environment: "production"})
		for m := range calendar.Month(24) {
			month := calendar.Date(2024, 7, 1).Month() + m
			for _, day := range []calendar.Day{month.First(), month.First() + 14, month.Last()} {
				c := usage(id, fmt.Sprint("service ", int(day)%3), "0")
				c.billing, c.day = month, day
				for m := range c.amounts {
					c.amounts[m] = fmt.Sprintf("%d.%d%02d", m, int(day)%7, p)
				}
				l.charges = append(l.charges, c)
			}
		}
	}
	return l
}

func TestAskReadsNoMoreThanItNeeds(t *testing.T) {
	s, scope := newStore(t), newScope(t)
	company().write(t, s, scope)
	service := &cost.Service{Store: s, Clock: func() time.Time { return march26 }}
	const all = 2 + 21 // Roster and Head; an index of each project and of unassigned
	for name, c := range map[string]struct {
		question         string
		fixed, documents int64
	}{
		"12 months of two years":            {"2025-04-01 2026-04-01 monthly", all, 20 * 2},
		"the total of 12 months of a year":  {"2025-01-01 2026-01-01 total", all, 20},
		"12 billing periods":                {"2025-04-01 2026-04-01 monthly billing", all, 20 * 2},
		"one month":                         {"2025-04-01 2025-05-01 monthly", all, 20},
		"90 days daily":                     {"2025-04-01 2025-06-30 daily", all, 20 * 3},
		"parts of months at the edges":      {"2025-02-10 2025-11-20 monthly", all, 20 * (2 + 1)},
		"parts of two months alone":         {"2025-02-10 2025-03-20 monthly", all, 20 * 2},
		"one project":                       {"2025-04-01 2026-04-01 monthly project:p7", 3, 2},
		"one environment that has projects": {"2025-04-01 2026-04-01 monthly environment:production", all - 1, 20 * 2},
		"one that has none":                 {"2025-04-01 2026-04-01 monthly environment:staging", 2, 0},
		"resources, which have no years":    {"2025-04-01 2025-07-01 monthly resourceId:x", all, 20 * 3},
		"a time before all":                 {"2020-04-01 2021-04-01 monthly", all, 0},
	} {
		t.Run(name, func(t *testing.T) {
			q := questionOf(t, c.question)
			ctx, meter := store.WithMeter(context.Background())
			_, err := service.Ask(ctx, scope, q)
			require.NoError(t, err)
			require.Equal(t, c.fixed+c.documents, meter.Total().Items)
		})
	}
}

// questionOf reads "start end granularity [billing | filter]".
func questionOf(t *testing.T, text string) cost.Question {
	var start, end, granularity, more string
	n, _ := fmt.Sscan(text, &start, &end, &granularity, &more)
	require.GreaterOrEqual(t, n, 3)
	q := cost.Question{Granularity: cost.Granularity(granularity), Metric: focus.EffectiveCost, GroupBy: []cost.Dimension{"serviceName"}}
	require.NoError(t, q.Start.UnmarshalText([]byte(start)))
	require.NoError(t, q.End.UnmarshalText([]byte(end)))
	if q.Billing = more == "billing"; more != "" && !q.Billing {
		f, err := cost.ParseFilter(more)
		require.NoError(t, err)
		q.Filters = []cost.Filter{f}
	}
	return q
}

// moving is an engine whose ledger moves on while it is read.
type moving struct {
	*bolt.Engine
	move  func() // before the n-th Get of a kind of item
	kind  string
	times int
	blind bool // eventual reads find nothing
}

func (m *moving) Get(ctx context.Context, at []store.Address, c store.Consistency) ([]*store.Record, error) {
	if m.times > 0 && strings.HasPrefix(at[0].SK, m.kind) {
		m.times--
		m.move()
	}
	if m.blind && c == store.Eventually {
		return make([]*store.Record, len(at)), nil
	}
	return m.Engine.Get(ctx, at, c)
}

func TestAskWhileDeliveriesMoveTheLedger(t *testing.T) {
	for name, c := range map[string]struct {
		kind  string
		times int
		blind bool
		total string // "" where it gives up
	}{
		"nothing moves": {total: "1"},
		"the head moves before the indexes are read": {kind: "INDEX#", times: 1, total: "2"},
		"documents go before they are read":          {kind: "C#", times: 1, total: "2"},
		"it moves twice":                             {kind: "C#", times: 2, total: "3"},
		"it never rests":                             {kind: "C#", times: 100},
		"eventual reads are behind":                  {blind: true, total: "1"},
	} {
		t.Run(name, func(t *testing.T) {
			e, err := bolt.Open(filepath.Join(t.TempDir(), "store"), bolt.Options{NoSync: true})
			require.NoError(t, err)
			defer e.Close()
			m := &moving{Engine: e, kind: c.kind, times: c.times, blind: c.blind}
			s, scope, generation := store.New(m), newScope(t), 0
			m.move = func() {
				generation++
				forget(t, e, scope)
				l := shop(usage(web, "EC2", fmt.Sprint(generation)))
				l.gen = fmt.Sprintf("%02d", generation)
				l.write(t, s, scope)
			}
			m.move()
			service := &cost.Service{Store: s, Clock: func() time.Time { return march26 }}
			a, err := service.Ask(context.Background(), scope, questionOf(t, "2026-01-01 2026-02-01 monthly"))
			if c.total == "" {
				require.True(t, fault.Is(err, fault.Unavailable), "%v", err)
				return
			}
			require.NoError(t, err)
			require.Equal(t, c.total, a.Total.String())
		})
	}
}

// forget removes the documents of the project web.
func forget(t *testing.T, e store.Engine, scope *tenant.Scope) {
	for _, kind := range []string{"C#", "Y#"} {
		page, err := e.Query(context.Background(), store.Range{Table: store.CostTable, PK: fmt.Sprintf("T#%s#P#%s", scope.Tenant(), web), From: kind, To: kind + "~"})
		require.NoError(t, err)
		for _, r := range page.Records {
			require.NoError(t, e.Load(context.Background(), []store.Op{{Action: store.Delete, Address: r.Address}}))
		}
	}
}
