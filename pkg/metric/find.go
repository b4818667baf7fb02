package metric

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/generation"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// MaxFind bounds the series of months that are looked through at once.
const MaxFind = 200_000

// query asks for a project's series. What is empty asks for all.
type query struct {
	tenant     tenant.ID
	project    tenant.ProjectID
	start, end calendar.Day
	resources  []string // IDs or ARNs
	types      []string
	metrics    []string
	statistics []string
}

// among tells whether a value is asked for.
func among(wanted []string, v string) bool { return len(wanted) == 0 || slices.Contains(wanted, v) }

func (q *query) wants(of *holding) bool { return of.Project == q.project && among(q.types, of.Type) }

// named tells whether a resource is asked for.
func (q *query) named(arn string) bool {
	return among(q.resources, arn) || slices.Contains(q.resources, string(tenant.ResourceIDOf(q.tenant, arn)))
}

// look gives the series that a query asks for, in order, and the heads of what it has read.
func (s *Service) look(ctx context.Context, h *store.Tenant, q *query) ([]Shown, []head, error) {
	var all []Shown
	var heads []head
	err := generation.Try(ctx, func() (err error) {
		all, heads, err = q.read(ctx, h)
		return err
	})
	if errors.Is(err, generation.ErrMoved) {
		err = fault.New(fault.Unavailable, "The metrics are being collected right now. Try again in a moment.")
	}
	return all, heads, err
}

func (q *query) read(ctx context.Context, h *store.Tenant) ([]Shown, []head, error) {
	heads, err := q.heads(ctx, h)
	if err != nil {
		return nil, nil, err
	}
	of := map[placed]*Shown{}
	for i := range heads {
		parts, err := generation.Get(ctx, h, heads[i].keys(q.wants), decode)
		if err != nil {
			return nil, nil, err
		}
		for _, series := range parts {
			q.add(of, heads[i].Account, series)
		}
	}
	all := make([]Shown, 0, len(of))
	for _, x := range of {
		all = append(all, *x)
	}
	slices.SortFunc(all, func(a, b Shown) int { return strings.Compare(a.position(), b.position()) })
	return all, heads, nil
}

// heads are those of the period that have what the query wants.
func (q *query) heads(ctx context.Context, h *store.Tenant) (all []head, err error) {
	n := 0
	for m := q.start.Month(); m <= (q.end - 1).Month(); m++ {
		for l := (store.List{Consistency: store.Eventually}); ; {
			page, err := h.Query(ctx, store.AllMeasured(m), l)
			if err != nil {
				return nil, fmt.Errorf("read metrics: %w", err)
			}
			for _, r := range page.Records {
				x, err := headIn(r)
				if err != nil {
					return nil, err
				}
				for i := range x.Holdings {
					if q.wants(&x.Holdings[i]) {
						n += x.Holdings[i].Series
					}
				}
				if slices.ContainsFunc(x.Holdings, func(of holding) bool { return of.Project == q.project }) {
					all = append(all, x)
				}
			}
			if l.After = page.Next; l.After == "" {
				break
			}
		}
	}
	if n > MaxFind {
		return nil, fault.New(fault.Invalid, "These are %d series of months; at most %d can be looked through at once. Ask for one type, or a shorter period.", n, MaxFind)
	}
	return all, nil
}

// headIn reads the head that a record is.
func headIn(r store.Record) (x head, err error) {
	if err := generation.Unpack(r, &x); err != nil {
		return x, fmt.Errorf("read which metrics count: %w", err)
	}
	return x, nil
}

// placed is a series of an account: an ARN may have no account in it, and have been in two.
type placed struct {
	name
	account string
}

// add puts what the query keeps of a month's series to those of the months before.
func (q *query) add(of map[placed]*Shown, account string, series []*Series) {
	last, named := "", false
	for _, s := range series {
		if s.ARN != last || last == "" {
			last, named = s.ARN, q.named(s.ARN)
		}
		if !named || !among(q.metrics, s.Metric) || !among(q.statistics, s.Statistic) {
			continue
		}
		points := slices.DeleteFunc(s.Points, func(p Point) bool { return p.Date < q.start || p.Date >= q.end })
		if len(points) == 0 {
			continue
		}
		id := placed{s.name(), account}
		x := of[id]
		if x == nil {
			x = &Shown{ResourceID: tenant.ResourceIDOf(q.tenant, s.ARN), ARN: s.ARN, Type: s.Type, AccountID: account, Metric: s.Metric, Statistic: s.Statistic,
				Unit: s.Unit, Points: []Point{}}
			of[id] = x
		}
		x.Points = append(x.Points, points...)
	}
}
