package document

import (
	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/money"
)

// Col is a column of a document: the billing period a charge belongs to and the UTC day it was made on. Where a document
// has a column per charge month (year documents, and views that are not Daily), Day is the month's first day. Within a
// period document Billing is the same in all columns.
type Col struct {
	Billing calendar.Month
	Day     calendar.Day
}

// Compare orders columns by billing period, then day.
func (c Col) Compare(d Col) int {
	if c.Billing != d.Billing {
		return int(c.Billing) - int(d.Billing)
	}
	return int(c.Day) - int(d.Day)
}

// Cell is the sum of one metric over the lines of one key and column. Nulls counts the lines whose metric was null; a
// cell of nulls alone has Valid false and Amount 0, which is not the same as a cell that sums to 0.
type Cell struct {
	Col    Col
	Amount money.Amount
	Nulls  int64
	Valid  bool
}

// Row is the cells of one key in one document, columns ascending, none twice. Key is the texts of the view's dimensions
// in key order joined by NUL, so that bytes.Compare orders rows as the tuples of texts; "" is the null text.
type Row struct {
	Key   []byte
	Cells []Cell
}
