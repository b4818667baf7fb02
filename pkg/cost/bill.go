package cost

import (
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"time"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cost/document"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/generation"
	"github.com/tenantry/tenantry/pkg/money"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Bill is the BilledCost that sources hold of one billing account and billing period.
type Bill struct {
	Sources []BillSource // that hold anything of it, by Name
	Charges []BillCharge // by Source, Currency, Issuer, InvoiceID, Category, Aside
}

// BillSource is what a source says of what it holds.
type BillSource struct {
	Name      string
	AsOf      time.Time // when its delivery closed
	Through   calendar.Day
	Lines     int64
	Estimated bool
	Final     bool
	Provided  Provided
	// Against is what counts, by other sources, of the sub-accounts of the billing account that this source does not count for.
	Against []BillCharge // by Currency, Category; without Source, Issuer and InvoiceID
}

// BillCharge is what one source's lines of a kind add up to. Texts that lines have not are "".
type BillCharge struct {
	Source, Currency, Issuer, InvoiceID, Category string

	Aside  bool // another source counts
	Amount money.Amount
	Absent int64 // lines without an amount
}

// Bill reads what is billed, from the documents of the invoice view, and holds it against the control totals. The scope must see all projects. Errors
// are fault.Unavailable where deliveries kept moving the costs, and the store's.
func (s *Service) Bill(ctx context.Context, scope *tenant.Scope, billingAccount string, period calendar.Month) (*Bill, error) {
	var b *Bill
	moved := error(busy())
	err := generation.Try(ctx, func() (err error) {
		b, err = s.bill(ctx, scope, billingAccount, period)
		if errors.Is(err, errUnlike) {
			moved = err
		}
		if errors.Is(err, ErrOvertaken) {
			return ErrMoved
		}
		return err
	})
	if errors.Is(err, ErrMoved) {
		err = moved
	}
	return b, err
}

// errUnlike says that documents do not add up to the control totals: both are not of one moment, or something is wrong with them.
var errUnlike = fmt.Errorf("the documents of the invoice view are not the control totals: %w", ErrOvertaken)

var errTorn = fmt.Errorf("head and indexes are not of one moment: %w", ErrOvertaken)

// billed is a bill that is being added up.
type billed struct {
	account  string
	period   calendar.Month
	head     *Head
	shadowed map[string][]string // units by source, where there are any
	charges  map[BillCharge]*document.Sum
	against  map[BillCharge]*document.Sum // by Source, Currency, Category
}

func (s *Service) bill(ctx context.Context, scope *tenant.Scope, account string, period calendar.Month) (*Bill, error) {
	seen, err := s.look(ctx, scope)
	if err != nil {
		return nil, err
	}
	var cover Cover
	if _, err := readBlob(ctx, seen.tenant, store.Cover(period), &cover); err != nil {
		return nil, err
	}
	if err := seen.readIndexes(ctx, document.Invoice); err != nil {
		return nil, err
	}
	b := &billed{account: account, period: period, head: &seen.head, shadowed: map[string][]string{},
		charges: map[BillCharge]*document.Sum{}, against: map[BillCharge]*document.Sum{}}
	for _, p := range seen.head.Periods {
		if _, _, _, detail := DetailOf(p.Source); p.Period == period && len(p.Shadowed) > 0 && !detail {
			b.shadowed[p.Source] = p.Shadowed
		}
	}
	out := &Bill{}
	for _, source := range cover.Sources {
		held := source.account(account)
		if _, _, _, detail := DetailOf(source.Name); detail || held == nil {
			continue
		}
		keys, err := b.keys(seen.subjects, source.Name)
		if err != nil {
			return nil, err
		}
		if err := b.read(ctx, seen.tenant, source.Name, keys); err != nil {
			return nil, err
		}
		out.Sources = append(out.Sources, BillSource{Name: source.Name, AsOf: time.UnixMilli(held.Delivered).UTC(), Through: max(held.Through, held.Last),
			Lines: held.Lines, Estimated: held.Estimated, Final: held.Final, Provided: held.Provided})
		if err := b.check(source.Name, held); err != nil {
			return nil, err
		}
	}
	out.Charges = listed(b.charges)
	for _, c := range listed(b.against) {
		for i := range out.Sources {
			if out.Sources[i].Name == c.Source {
				c.Source = ""
				out.Sources[i].Against = append(out.Sources[i].Against, c)
				break
			}
		}
	}
	return out, nil
}

// keys are the parts of the documents of one source's lines, of all subjects.
func (b *billed) keys(subjects []subject, source string) (all []store.Key, err error) {
	for i := range subjects {
		e := subjects[i].index.entry(source, b.period, 0)
		if e == nil {
			continue
		}
		v, torn := e.At(b.head)
		if torn {
			return nil, errTorn
		}
		if v == nil {
			continue
		}
		if d := v.Doc(focus.BilledCost); d != nil {
			all = append(all, partKeys(subjects[i].id, document.Invoice, e, d)...)
		}
	}
	return all, nil
}

// read adds up the documents of a source.
func (b *billed) read(ctx context.Context, t *store.Tenant, source string, keys []store.Key) error {
	for row, err := range storedRows(ctx, t, keys, nil) {
		if err != nil {
			return err
		}
		if billingAccount(row.Key) != b.account {
			continue
		}
		if err := b.add(source, row); err != nil {
			return tooMuch(err)
		}
	}
	return nil
}

// add adds the cells of a key, whose places are those of the invoice view.
func (b *billed) add(source string, row document.Row) error {
	texts := bytes.Split(row.Key, []byte{0})
	c := BillCharge{Source: source, Currency: string(texts[0]), Issuer: string(texts[3]), InvoiceID: string(texts[4]), Category: string(texts[5])}
	unit := Unit(b.account, string(texts[subPlace]))
	c.Aside = contains(b.shadowed[source], unit)
	for _, cell := range row.Cells {
		sum := document.Sum{Amount: cell.Amount, Nulls: cell.Nulls}
		if err := addTo(b.charges, c, sum); err != nil {
			return err
		}
		if c.Aside {
			continue
		}
		for other, units := range b.shadowed {
			if contains(units, unit) {
				if err := addTo(b.against, BillCharge{Source: other, Currency: c.Currency, Category: c.Category}, sum); err != nil {
					return err
				}
			}
		}
	}
	return nil
}

func addTo(sums map[BillCharge]*document.Sum, c BillCharge, s document.Sum) error {
	if sums[c] == nil {
		sums[c] = &document.Sum{}
	}
	return addSum(sums[c], s)
}

// check holds what was read of a source against its control totals.
func (b *billed) check(source string, held *CoverAccount) error {
	left := map[[2]string]money.Amount{}
	for c, sum := range b.charges {
		if c.Source != source {
			continue
		}
		key := [2]string{c.Currency, c.Category}
		all, err := left[key].Add(sum.Amount)
		if err != nil {
			return tooMuch(err)
		}
		left[key] = all
	}
	for _, s := range held.Sums {
		key := [2]string{s.Currency, s.Category}
		total, err := s.billed()
		if err != nil {
			return err
		}
		if left[key] != total {
			return fmt.Errorf("%s of %s, %s %s: %w", source, b.period, s.Currency, s.Category, errUnlike)
		}
		delete(left, key)
	}
	for key, rest := range left {
		if !rest.IsZero() {
			return fmt.Errorf("%s of %s, %s %s: %w", source, b.period, key[0], key[1], errUnlike)
		}
	}
	return nil
}

// billed is the control total of BilledCost.
func (s *Sum) billed() (money.Amount, error) {
	a, _, err := money.Parse(s.Amounts[focus.BilledCost])
	if err != nil {
		return a, fmt.Errorf("read a control total: %w", err)
	}
	return a, nil
}

func listed(sums map[BillCharge]*document.Sum) []BillCharge {
	return slices.SortedFunc(func(yield func(BillCharge) bool) {
		for c, sum := range maps.All(sums) {
			c.Amount, c.Absent = sum.Amount, sum.Nulls
			if !yield(c) {
				return
			}
		}
	}, func(a, b BillCharge) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Currency, b.Currency), cmp.Compare(a.Issuer, b.Issuer),
			cmp.Compare(a.InvoiceID, b.InvoiceID), cmp.Compare(a.Category, b.Category), order(a.Aside)-order(b.Aside))
	})
}

func order(aside bool) int {
	if aside {
		return 1
	}
	return 0
}
