package costexplorer

import (
	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/money"
)

// Sum is what Cost Explorer says of a group or a day, exact as its texts.
type Sum struct {
	Costs    [4]money.Amount `json:"c"` // unblended, amortized, and both net of private discounts
	Quantity money.Amount    `json:"q"` // of unlike units: good for telling whether it changed, and nothing else
	Currency string          `json:"m"`
	Unit     string          `json:"u,omitempty"`
}

// same tells whether nothing has changed. Currency and unit of a day without any charge are a matter of taste.
func (s Sum) same(o Sum) bool { return s.Costs == o.Costs && s.Quantity == o.Quantity }

func (s Sum) isZero() bool { return s.same(Sum{}) }

func (s Sum) add(o Sum) (Sum, error) {
	var err error
	for i := range s.Costs {
		if s.Costs[i], err = s.Costs[i].Add(o.Costs[i]); err != nil {
			return s, err
		}
	}
	if s.Quantity, err = s.Quantity.Add(o.Quantity); err != nil {
		return s, err
	}
	if s.Currency == "" {
		s.Currency = o.Currency
	}
	return s, nil
}

// Control is the total of a day: what the cells of the day are held against, and what tells that they are others by now.
type Control struct {
	Sum
	Estimated bool         `json:"e,omitempty"`
	Read      calendar.Day `json:"r,omitempty"` // when its cells were fetched last
	Off       int          `json:"o,omitempty"` // how often they were fetched, one time after the other, and were not this in sum
}

// controls are by day. What is not there is nothing.
type controls map[calendar.Day]Control

// cell is the cost of one day, service, region and record type, under Cost Explorer's own names: what they mean may be told
// better later. What is of record types of usage has the type Usage, and what is of others has no region.
type cell struct {
	Service string `json:"s"`
	Region  string `json:"r,omitempty"`
	Record  string `json:"t"`
	Sum
}
