package costexplorer

import (
	"context"
	"crypto/sha256"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/costexplorer/types"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/collect"
	"github.com/tenantry/tenantry/pkg/cost"
	"github.com/tenantry/tenantry/pkg/delivery"
)

// The service view is fetched daily; what tells the same costs by usage type, or by a tag key, weekly and when a month is over, of
// months that have changed since.
const (
	viewDays = 7
	viewSpan = 10 // days that are fetched at once: what a step has time for
)

// views is what is left to be fetched of further views, and what is known of those that were.
type views struct {
	Done    calendar.Day                        `json:"done,omitempty"`  // when all was fetched last
	Since   calendar.Month                      `json:"since,omitempty"` // the first month that they are fetched of
	Left    []view                              `json:"left,omitempty"`
	Fetched map[calendar.Month]map[string]int64 `json:"fetched,omitempty"` // revisions of months, by name
	Working map[string]string                   `json:"working,omitempty"` // files of the first of Left, by account and day
}

// view is one further view of a month: "usage", or "tag:" and a key.
type view struct {
	Name  string         `json:"name"`
	Month calendar.Month `json:"month"`
}

// String is for people.
func (v view) String() string {
	if key, ok := v.tagKey(); ok {
		return "the tag " + key
	}
	return "usage type"
}

func (v view) tagKey() (string, bool) { return strings.CutPrefix(v.Name, "tag:") }

func (v view) source(of string) string {
	if key, ok := v.tagKey(); ok {
		return cost.TagDetail(of, key)
	}
	return cost.UsageDetail(of)
}

// detail is the cost of one day and service, of one usage type or tag value.
type detail struct {
	Service string `json:"s"`
	Value   string `json:"v,omitempty"`
	Sum
}

// due lists the views that are to be fetched now, unless some wait still.
func (s *step) due(ctx context.Context) error {
	b, today := &s.book.Views, s.today()
	if b.Since == 0 {
		b.Since = today.Month() - 1
	}
	keys, err := delivery.KeptKeys(ctx, s.task.Tenant)
	if err != nil {
		return err
	}
	names := []string{"usage"}
	for _, k := range keys {
		names = append(names, "tag:"+k)
	}
	b.Left = slices.DeleteFunc(b.Left, func(v view) bool { return !slices.Contains(names, v.Name) })
	if len(b.Left) > 0 {
		return nil
	}
	maps.DeleteFunc(b.Fetched, func(m calendar.Month, _ map[string]int64) bool { return s.book.Months[m] == nil })
	for _, of := range slices.Backward(slices.Sorted(maps.Keys(s.book.Months))) {
		m := s.book.Months[of]
		if of < b.Since || m.lines() == 0 || today < b.Done+viewDays && !m.Final {
			continue
		}
		for _, name := range names {
			if b.Fetched[of][name] != m.Revision {
				b.Left = append(b.Left, view{name, of})
			}
		}
	}
	return nil
}

// more fetches and delivers further views. What the plan has no pages for waits, and is shown as it was.
func (s *step) more(ctx context.Context) (late bool, err error) {
	b := &s.book.Views
	for len(b.Left) > 0 {
		late, err := s.fetchView(ctx, b.Left[0])
		if errors.Is(err, collect.ErrCapped) {
			s.task.Partial("Still to be collected are costs by usage type and tag, which are shown as they were. " + collect.Words(err))
			return false, s.save(ctx)
		}
		if err != nil || late {
			return late, err
		}
		if err := s.deliverView(ctx, b.Left[0]); err != nil {
			return false, err
		}
		if b.Left = b.Left[1:]; len(b.Left) == 0 {
			b.Done = s.today()
		}
		if err := s.save(ctx); err != nil {
			return false, err
		}
	}
	return false, nil
}

// fetchView fetches all of a month, account by account and some days at a time.
func (s *step) fetchView(ctx context.Context, v view) (late bool, err error) {
	b := &s.book.Views
	end := min((v.Month + 1).First(), s.today())
	for _, id := range slices.Sorted(maps.Keys(s.book.Months[v.Month].Accounts)) {
		for from := v.Month.First(); from < end; from += viewSpan {
			unit := id + " " + from.String()
			if b.Working[unit] != "" {
				continue
			}
			if s.late() {
				return true, nil
			}
			s.task.Stage(fmt.Sprintf("fetching %s of account %s, from %s on", v.Name, id, from))
			all, err := s.details(ctx, span{from, min(from+viewSpan, end)}, id, v)
			if err != nil {
				return false, err
			}
			body, err := pack(all)
			if err != nil {
				return false, err
			}
			sum := sha256.Sum256(body)
			name := fmt.Sprintf("collected/%s/%s/view.%d.%x", s.task.Connection.ID, v.Month, s.version, sum[:6])
			if err := s.collector.Files.Put(ctx, s.task.Scope, name, body); err != nil {
				return false, err
			}
			if b.Working == nil {
				b.Working = map[string]string{}
			}
			b.Working[unit] = name
			if err := s.save(ctx); err != nil {
				return false, err
			}
		}
	}
	return false, nil
}

// details fetches the usage of some days by service and usage type, or tag.
func (s *step) details(ctx context.Context, of span, id string, v view) (map[calendar.Day][]detail, error) {
	groups := by("SERVICE", "USAGE_TYPE")
	key, tagged := v.tagKey()
	if tagged {
		groups[1] = types.GroupDefinition{Type: types.GroupDefinitionTypeTag, Key: aws.String(key)}
	}
	filter := dimension(types.DimensionRecordType, usageLike...)
	if s.payer() {
		filter = types.Expression{And: []types.Expression{dimension(types.DimensionLinkedAccount, id), filter}}
	}
	answers, err := s.ask(ctx, query{span: of, groups: groups, filter: &filter})
	if err != nil {
		return nil, err
	}
	all := map[calendar.Day][]detail{}
	for _, a := range answers {
		if len(a.keys) != 2 || !of.has(a.day) {
			return nil, fmt.Errorf("an answer of Cost Explorer of %s by %q, which was not asked", a.day, a.keys)
		}
		value := a.keys[1]
		if tagged {
			value = strings.TrimPrefix(value, key+"$")
		} else if value == "NoUsageType" {
			value = ""
		}
		all[a.day] = append(all[a.day], detail{a.keys[0], value, a.sum})
	}
	return all, nil
}

// deliverView delivers a month's view: the details, and of what is no usage the cells that the service view has.
func (s *step) deliverView(ctx context.Context, v view) error {
	b, m := &s.book.Views, s.book.Months[v.Month]
	w, finish := s.writer(v.Month)
	if err := s.each(ctx, m, func(id string, known days) error {
		for _, d := range known {
			d.Cells = slices.DeleteFunc(d.Cells, func(c cell) bool { return chargeOf(c.Record).usage })
		}
		return w.account(id, known)
	}); err != nil {
		return err
	}
	for unit, name := range b.Working {
		id, _, _ := strings.Cut(unit, " ")
		body, err := s.collector.Files.Get(ctx, s.task.Scope, name)
		if err != nil {
			return err
		}
		all := map[calendar.Day][]detail{}
		if err := unpack(body, &all); err != nil {
			return err
		}
		for _, day := range slices.Sorted(maps.Keys(all)) {
			for i := range all[day] {
				w.detail(id, day, &all[day][i], v)
			}
		}
	}
	body, err := finish()
	if err != nil {
		return err
	}
	own, err := w.provided(m)
	if err != nil {
		return err
	}
	through := min(v.Month.Last(), s.today()-1)
	_, err = s.collector.Deliveries.Deposit(ctx, s.task.Scope, delivery.Deposit{Source: v.source(Source(s.task.Connection.ID)), AllowShrink: true,
		Key:   fmt.Sprintf("%s=%d@%s", v.Month, m.Revision, s.book.Plan.Slot.UTC().Format("2006-01-02T15:04:05Z")),
		Files: []delivery.DepositFile{{Name: v.Month.String() + ".csv.gz", Body: body}}, With: s.task.Guard(),
		Periods: map[calendar.Month]delivery.Period{v.Month: {Final: m.Final, Estimated: m.estimated(), Through: through, Provided: own}}})
	if err != nil {
		return err
	}
	for _, name := range b.Working {
		s.book.Old = append(s.book.Old, name)
	}
	b.Working = nil
	if b.Fetched == nil {
		b.Fetched = map[calendar.Month]map[string]int64{}
	}
	if b.Fetched[v.Month] == nil {
		b.Fetched[v.Month] = map[string]int64{}
	}
	if b.Fetched[v.Month][v.Name] = m.Revision; !w.holds(own) {
		s.task.Aside(fmt.Sprintf("%s: the costs by %s are not Cost Explorer's own total of the month: billedCost %s. Until they are, answers by it say so.",
			v.Month, v, cost.Apart(w.over(own), w.currency)))
		if !m.Final {
			b.Fetched[v.Month][v.Name] = 0
		}
	}
	s.task.Count("views", 1)
	return nil
}

// detail writes a detail as a FOCUS charge.
func (w *lines) detail(account string, d calendar.Day, of *detail, v view) {
	c := &cell{Service: of.Service, Sum: of.Sum}
	r := w.record(account, d, c, "Usage", "", of.Costs[w.basis], of.Costs[w.basis+1])
	if key, ok := v.tagKey(); !ok {
		r.SkuID = of.Value
		if of.Unit != "" && of.Unit != "N/A" {
			quantity := of.Quantity
			r.PricingUnit, r.PricingQuantity = of.Unit, &quantity
		}
	} else if of.Value != "" {
		r.Tags = map[string]string{key: of.Value}
	}
	w.put(r)
}
