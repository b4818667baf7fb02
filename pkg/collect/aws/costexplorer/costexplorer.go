// Package costexplorer collects what AWS accounts cost from Cost Explorer, one page after the other and no page for nothing: a
// day is fetched again only where its total is another. What is known of a month is kept in files of the tenant, and delivered as
// FOCUS lines of the source ce:<connection>.
// https://docs.aws.amazon.com/cost-management/latest/userguide/ce-api.html
package costexplorer

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	ce "github.com/aws/aws-sdk-go-v2/service/costexplorer"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/collect"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/delivery"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Collector is the collect.Collector of costs. All fields but the last are needed.
type Collector struct {
	// Config gives the configuration that acts in the connection's account; asked again, one whose session has not ended.
	Config     func(ctx context.Context, s *tenant.Scope, c connection.Connection) (aws.Config, error)
	Files      Files
	Deliveries Deliveries
	Clock      func() time.Time
	Retryer    func() aws.Retryer // of single requests; nil for the SDK's own
}

// Files is where cells are kept, below tenants/<tenant>/.
type Files interface {
	Put(ctx context.Context, s *tenant.Scope, name string, body []byte) error
	// Get is fault.NotFound where there is none.
	Get(ctx context.Context, s *tenant.Scope, name string) ([]byte, error)
	// Remove removes a file; removing none is no error.
	Remove(ctx context.Context, s *tenant.Scope, name string) error
}

// Deliveries takes what was collected: a *delivery.Service.
type Deliveries interface {
	Deposit(ctx context.Context, s *tenant.Scope, d delivery.Deposit) (tenant.DeliveryID, error)
	Outcome(ctx context.Context, s *tenant.Scope, id tenant.DeliveryID) (delivery.Status, string, error)
}

// Source is the source of what a connection gives.
func Source(id tenant.ConnectionID) string { return "ce:" + string(id) }

// step is one call of Collect.
type step struct {
	collector *Collector
	task      *collect.Task
	client    *ce.Client
	book      book
	version   int64
}

// Collect does one step of a connection's costs of a slot: asks for daily totals, fetches what has changed and at last delivers
// all months that are others than those delivered. Of a slot that is done, or older than one that is, it asks nothing.
func (c *Collector) Collect(ctx context.Context, t *collect.Task) (more bool, err error) {
	s := &step{collector: c, task: t}
	if err := s.load(ctx); err != nil {
		return false, err
	}
	if !t.Slot.After(s.book.Slot) {
		return false, nil
	}
	s.follow()
	if p := s.book.Plan; p == nil || !p.Slot.Equal(t.Slot) || c.Clock().Sub(p.Made) > planLife {
		first := s.book.Good == 0 && p == nil
		if err := s.begin(ctx, first); err != nil {
			return false, err
		}
		if first {
			return true, nil // so that what it takes is told before it begins
		}
	}
	for len(s.book.Plan.Left) > 0 || !s.book.Plan.Rechecked {
		if s.late() {
			return true, nil
		}
		late, err := s.next(ctx)
		if errors.Is(err, collect.ErrCapped) {
			return false, s.stop(ctx, err)
		}
		if err != nil || late {
			return late, err
		}
	}
	if !s.book.Plan.Delivered {
		if err := s.conclude(ctx); err != nil {
			return false, err
		}
	}
	if late, err := s.more(ctx); err != nil || late {
		return late, err
	}
	s.book.Slot, s.book.Plan = t.Slot, nil
	return false, s.save(ctx)
}

func (s *step) payer() bool { return s.task.Connection.Kind == connection.Payer }

func (s *step) late() bool {
	return !s.task.Until.IsZero() && !s.collector.Clock().Before(s.task.Until)
}

// begin looks after the last delivery and makes a plan, the first one with an estimate.
func (s *step) begin(ctx context.Context, first bool) error {
	if err := s.lookBack(ctx); err != nil {
		return err
	}
	if err := s.plan(ctx); err != nil {
		return err
	}
	if first && len(s.book.Plan.Left) > 0 {
		e, err := s.estimate(ctx)
		if err != nil {
			return err
		}
		s.task.Stage("beginning: " + e.String())
		s.task.Count("estimatedPages", e.Pages)
	}
	return s.save(ctx)
}

// lookBack has a delivery that could not be read made again.
func (s *step) lookBack(ctx context.Context) error {
	if s.book.Delivered == "" {
		return nil
	}
	status, reason, err := s.collector.Deliveries.Outcome(ctx, s.task.Scope, s.book.Delivered)
	if err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	if status == delivery.Failed {
		s.task.Partial("The last delivery of collected costs could not be read, and is made again: " + reason)
		for _, m := range s.book.Months {
			if m.Revision > 0 {
				m.Revision++
			}
		}
		s.book.Delivered = ""
	}
	return nil
}

// next fetches the first span of the plan, or a half of it where the whole was begun before and not ended.
func (s *step) next(ctx context.Context) (late bool, err error) {
	p := s.book.Plan
	if len(p.Left) == 0 {
		return false, s.recheck(ctx)
	}
	if p.Trying {
		p.Left = slices.Concat(halve(p.Left[0]), p.Left[1:])
	}
	p.Trying = true
	if err := s.save(ctx); err != nil {
		return false, err
	}
	if late, err := s.fetch(ctx, p.Left[0]); err != nil || late {
		return late, err
	}
	p.Left, p.Trying = p.Left[1:], false
	return false, s.save(ctx)
}

// stop ends a slot that the plan has no more pages for: months that are whole are delivered, the newest first, and what is left is
// asked about by the next slot.
func (s *step) stop(ctx context.Context, err error) error {
	waiting := map[calendar.Month]bool{}
	for _, left := range s.book.Plan.Left {
		for m := left.From.Month(); m <= (left.To - 1).Month(); m++ {
			waiting[m] = true
		}
	}
	var names []string
	for _, m := range slices.Sorted(maps.Keys(waiting)) {
		names = append(names, m.String())
	}
	s.task.Partial("Still to be collected are the costs of " + strings.Join(names, ", ") + ". " + collect.Words(err))
	if err := s.deliver(ctx, waiting); err != nil {
		return err
	}
	s.book.Slot, s.book.Plan = s.task.Slot, nil
	return s.save(ctx)
}

// conclude delivers what has changed of the service view, and sees what else is due.
func (s *step) conclude(ctx context.Context) error {
	p := s.book.Plan
	for of := range p.Closing {
		s.book.month(of).Moving = false
	}
	for d, c := range p.Flags {
		m := s.book.month(d.Month())
		was, known := m.Days[d]
		if c.Read, c.Off = was.Read, was.Off; !known {
			c.Read = s.today()
		}
		m.Days[d] = c
		if known && was.Estimated != c.Estimated {
			m.move(s.today())
		}
	}
	s.settle()
	if err := s.deliver(ctx, nil); err != nil {
		return err
	}
	p.Delivered, s.book.Good = true, s.today()
	if err := s.due(ctx); err != nil {
		return err
	}
	if p.Sweep {
		s.book.Swept = s.today()
	}
	return s.save(ctx)
}

// settle calls months final that are over. It forgets months that Cost Explorer has no more: what was delivered of them stays.
func (s *step) settle() {
	today := s.today()
	for of, m := range s.book.Months {
		if of <= today.Month()-history && m.Delivered == m.Revision {
			for _, a := range m.Accounts {
				s.book.Old = append(s.book.Old, a.File)
			}
			delete(s.book.Months, of)
			continue
		}
		if !m.over(of, today) || len(m.unread(of)) > 0 || len(m.differing()) > 0 {
			continue
		}
		m.Final = true
		if m.Revision > 0 {
			m.Revision++
		}
	}
}

// deliver deposits the months that are others than those delivered, all in one delivery, but for those that wait.
func (s *step) deliver(ctx context.Context, waiting map[calendar.Month]bool) error {
	var key []string
	d := delivery.Deposit{Source: Source(s.task.Connection.ID), Periods: map[calendar.Month]delivery.Period{}, With: s.task.Guard()}
	agree := true
	if err := s.tell(waiting); err != nil {
		return err
	}
	for _, of := range slices.Sorted(maps.Keys(s.book.Months)) {
		m := s.book.Months[of]
		if waiting[of] || m.Revision == m.Delivered || m.Delivered == 0 && m.lines() == 0 {
			continue
		}
		body, terms, err := s.render(ctx, of)
		if err != nil {
			return err
		}
		agree = agree && terms.Agrees
		d.Files = append(d.Files, delivery.DepositFile{Name: of.String() + ".csv.gz", Body: body})
		d.Periods[of] = terms
		sum, err := digest(body, terms)
		if err != nil {
			return err
		}
		key = append(key, fmt.Sprintf("%s=%d.%s", of, m.Revision, sum))
	}
	if len(d.Files) == 0 {
		return nil
	}
	d.Key, d.AllowShrink = strings.Join(key, ","), agree // fewer lines are right where their sum is the provider's own
	s.task.Stage("delivering")
	id, err := s.collector.Deliveries.Deposit(ctx, s.task.Scope, d)
	if err != nil {
		return err
	}
	for of := range d.Periods {
		m := s.book.Months[of]
		m.Delivered = m.Revision
		s.task.Count("months", 1)
	}
	s.book.Delivered = id
	return nil
}
