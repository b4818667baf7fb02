package rollup

import (
	"cmp"
	"slices"
	"strings"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/money"
)

// maxTallies is how many tallies a delivery may have: they are held in memory.
const maxTallies = 200_000

// Tally is the control total of the lines of one project, billing period, currency, billing account, sub-account and
// charge category. Rounded is what rounding to 18 decimals took away, nil where no line was rounded. First and Last are
// the charge days there are.
type Tally struct {
	Project                                        string
	Billing                                        calendar.Month
	Currency, BillingAccount, SubAccount, Category string
	Lines                                          int64
	Sums                                           [focus.NumMetrics]money.Amount
	Nulls                                          [focus.NumMetrics]int64
	Rounded                                        [focus.NumMetrics]*money.Residual
	First, Last                                    calendar.Day
}

func (t *Tally) compare(u *Tally) int {
	return cmp.Or(strings.Compare(t.Project, u.Project), cmp.Compare(t.Billing, u.Billing),
		strings.Compare(t.Currency, u.Currency), strings.Compare(t.BillingAccount, u.BillingAccount),
		strings.Compare(t.SubAccount, u.SubAccount), strings.Compare(t.Category, u.Category))
}

// tallyKey is what tells tallies apart, as symbols; texts are the same as texts.
type (
	tallyKey   [6]uint32
	tallyTexts struct {
		project string
		billing calendar.Month
		texts   [4]string
	}
)

var tallyDims = [4]focus.Dim{focus.BillingCurrency, focus.BillingAccountID, focus.SubAccountID, focus.ChargeCategory}

// tallies keeps the control totals. Beside the sums it adds up absolute values: while those have their place in an
// Amount, so has every sum of any of the lines in any order. Every cell is of lines of one tally, as all views keep the
// tallies' dimensions, so that this is where overflow shows, whatever the order of the lines.
type tallies struct {
	all      []Tally
	gross    [][focus.NumMetrics]money.Amount
	bySymbol map[tallyKey]int
	byText   map[tallyTexts]int
}

func (t *tallies) add(l *focus.Line, project uint32, texts func(*focus.Line, uint32) tallyTexts) error {
	i, err := t.find(l, project, texts)
	if err != nil {
		return err
	}
	all, gross := &t.all[i], &t.gross[i]
	for m := range l.Amounts {
		if !l.Present[m] {
			all.Nulls[m]++
			continue
		}
		size := l.Amounts[m]
		if size.Sign() < 0 {
			size = size.Neg()
		}
		if gross[m], err = gross[m].Add(size); err != nil || size.Sign() < 0 {
			return overflow()
		}
		if all.Sums[m], err = all.Sums[m].Add(l.Amounts[m]); err != nil {
			return overflow()
		}
		if r := l.Rounded[m]; r != nil {
			if all.Rounded[m] == nil {
				all.Rounded[m] = new(money.Residual)
			}
			all.Rounded[m].Add(r)
		}
	}
	all.Lines++
	all.First, all.Last = min(all.First, l.Day), max(all.Last, l.Day)
	return nil
}

func (t *tallies) find(l *focus.Line, project uint32, texts func(*focus.Line, uint32) tallyTexts) (int, error) {
	key := tallyKey{project, uint32(l.Billing)}
	for i, d := range tallyDims {
		key[2+i] = uint32(l.Dims[d])
	}
	if i, ok := t.bySymbol[key]; ok {
		return i, nil
	}
	k := texts(l, project)
	i, ok := t.byText[k]
	if !ok {
		if i = len(t.all); i == maxTallies {
			return 0, fault.New(fault.Invalid, "the delivery has more than %d combinations of project, billing period, currency, accounts and charge category: deliver fewer accounts at a time", maxTallies)
		}
		t.all = append(t.all, Tally{Project: k.project, Billing: k.billing, Currency: k.texts[0], BillingAccount: k.texts[1],
			SubAccount: k.texts[2], Category: k.texts[3], First: l.Day, Last: l.Day})
		t.gross = append(t.gross, [focus.NumMetrics]money.Amount{})
		t.byText[k] = i
	}
	t.bySymbol[key] = i
	return i, nil
}

func (b *Builder) tallyTexts(l *focus.Line, project uint32) tallyTexts {
	t := tallyTexts{project: b.projects.ids[project], billing: l.Billing}
	for i, d := range tallyDims {
		t.texts[i] = strings.Clone(b.text(d, l.Dims[d]))
	}
	return t
}

func (t *tallies) sorted() []Tally {
	slices.SortFunc(t.all, func(a, b Tally) int { return a.compare(&b) })
	return t.all
}

func overflow() error {
	return fault.New(fault.Invalid, "the amounts of the delivery add up to more than can be kept, about 1.7e20: look for amounts in wrong units")
}
