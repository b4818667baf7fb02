package costexplorer

import (
	"context"
	"fmt"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/collect"
)

// pageRows is how many groups Cost Explorer gives on a page.
const pageRows = 200

// Estimate says what the first collection of a connection takes.
type Estimate struct {
	From, To calendar.Day // days that would be fetched, the end exclusive
	Days     int          // those of them that have costs
	Pages    int64        // about so many, at $0.01 each, which AWS charges to the account
}

// String says it in words for people.
func (e Estimate) String() string {
	return fmt.Sprintf("about %d pages of Cost Explorer, $%d.%02d, for %d days from %s on", e.Pages, e.Pages/100, e.Pages%100, e.Days, e.From)
}

// Estimate asks for the daily totals of all that there is and for one day in full, which takes two or three pages, and reckons what
// all days take. Nothing is kept of it.
func (c *Collector) Estimate(ctx context.Context, t *collect.Task) (Estimate, error) {
	s := &step{collector: c, task: t}
	if err := s.plan(ctx); err != nil {
		return Estimate{}, err
	}
	return s.estimate(ctx)
}

// estimate reckons what the plan takes: as if every day were like the newest that has costs.
func (s *step) estimate(ctx context.Context) (Estimate, error) {
	p := s.book.Plan
	e := Estimate{From: p.Asked.From, To: p.Asked.To, Days: len(p.Days)}
	sample := calendar.Day(0)
	for d, c := range p.Days {
		if !c.isZero() {
			sample = max(sample, d)
		}
	}
	if sample == 0 {
		return e, nil
	}
	accounts, services := map[string]bool{}, 0
	answers, err := s.ask(ctx, query{span: span{sample, sample + 1}, groups: by("SERVICE", "REGION")})
	if err != nil {
		return e, err
	}
	services = len(answers)
	if s.payer() {
		answers, err := s.ask(ctx, query{span: span{sample, sample + 1}, groups: by("LINKED_ACCOUNT", "SERVICE")})
		if err != nil {
			return e, err
		}
		known := map[string]bool{}
		for _, a := range answers {
			if len(a.keys) == 2 {
				accounts[a.keys[0]], known[a.keys[1]] = true, true
			}
		}
		// Each account has of each of its services as many regions as the services have together.
		services = len(answers) * services / max(len(known), 1)
	}
	for _, of := range p.Left {
		days := int(of.To - of.From)
		e.Pages += int64((days*services+pageRows-1)/pageRows) + int64(max(len(accounts), 1))
		if len(accounts) > 0 {
			e.Pages += int64((days*len(accounts)*3 + pageRows - 1) / pageRows)
		}
	}
	return e, nil
}
