package cost

import (
	"slices"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cost/document"
	"github.com/tenantry/tenantry/pkg/focus"
)

// shade leaves out of one part what another source counts, unit by unit and billing period by billing period.
type shade struct {
	table    *table
	read     *read
	part     *document.Part
	to       []int32
	billings map[calendar.Month][]string // shadowed units, where there are any
	units    map[[2]uint32]*shadedUnit   // by place of sub-account and billing account
}

// shadedUnit is how the columns of one unit count.
type shadedUnit struct {
	unit   string
	to     []int32
	aside  []int32 // the columns left out, by place in months
	months []calendar.Month
	sums   []document.Sum
}

var (
	billingPlace = slices.Index(document.Base, focus.BillingAccountID)
	subPlace     = slices.Index(document.Base, focus.SubAccountID)
)

// newShade is nil where all of the part counts.
func newShade(t *table, r *read, p *document.Part, to []int32) *shade {
	s := &shade{table: t, read: r, part: p, to: to, billings: map[calendar.Month][]string{}, units: map[[2]uint32]*shadedUnit{}}
	for i, c := range p.Cols() {
		if to[i] < 0 {
			continue
		}
		if units := t.plan.shadowed(r, c.Billing); len(units) > 0 {
			s.billings[c.Billing] = units
		}
	}
	if len(s.billings) == 0 {
		return nil
	}
	return s
}

// columns says how the columns of a key count, and notes what is left out.
func (s *shade) columns(key int) ([]int32, error) {
	at := [2]uint32{s.part.Index(subPlace)[key], s.part.Index(billingPlace)[key]}
	u := s.units[at]
	if u == nil {
		u = s.unit(s.part.Dict(billingPlace)[at[1]], s.part.Dict(subPlace)[at[0]])
		s.units[at] = u
	}
	if len(u.months) == 0 {
		return u.to, nil
	}
	clear(u.sums)
	if err := s.part.AddTo(key, u.aside, u.sums); err != nil {
		return nil, err
	}
	for i, sum := range u.sums {
		if sum.Cells+sum.Nulls > 0 {
			s.table.asides[aside{s.read.entry.Source, u.months[i], u.unit}] = struct{}{}
		}
	}
	return u.to, nil
}

func (s *shade) unit(billingAccount, subAccount string) *shadedUnit {
	u := &shadedUnit{unit: Unit(billingAccount, subAccount), to: slices.Clone(s.to), aside: make([]int32, len(s.to))}
	for i, c := range s.part.Cols() {
		u.aside[i] = -1
		if s.to[i] < 0 || !contains(s.billings[c.Billing], u.unit) {
			continue
		}
		month := slices.Index(u.months, c.Billing)
		if month < 0 {
			month = len(u.months)
			u.months = append(u.months, c.Billing)
		}
		u.to[i], u.aside[i] = -1, int32(month)
	}
	u.sums = make([]document.Sum, len(u.months))
	return u
}

// contains tells whether a sorted set holds a text.
func contains(set []string, text string) bool {
	_, found := slices.BinarySearch(set, text)
	return found
}
