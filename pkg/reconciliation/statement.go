package reconciliation

import (
	"cmp"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"sync"
	"unicode"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/money"
)

var exact = sync.OnceValue(func() *regexp.Regexp { return regexp.MustCompile(`^-?[0-9]{1,15}(\.[0-9]{1,18})?$`) })

const amountDoc = "is an exact decimal with up to 15 digits before the point and 18 after it, as 1234.56 or -20: no thousands separators, no exponent"

// amount reads an amount that a statement has.
func amount(s string) (money.Amount, error) {
	if !exact().MatchString(s) {
		return money.Amount{}, fmt.Errorf("%s", amountDoc)
	}
	a, _, err := money.Parse(s)
	return a, err
}

// mustAmount reads one that was checked before it was kept.
func mustAmount(s string) (money.Amount, error) {
	a, err := amount(s)
	if err != nil {
		return a, fmt.Errorf("read what was invoiced: %w", err)
	}
	return a, nil
}

// checked gives the statement in the one form in which it is kept: amounts without needless digits, sorted by issuer, currency and invoice ID. The
// error is fault.Invalid with the places in the body.
func (s Statement) checked() (Statement, error) {
	var f *fault.Error
	refuse := func(at, message, value string) {
		if f == nil {
			f = fault.New(fault.Invalid, "What was invoiced is not acceptable; errors says why.")
		}
		f.At(at, message, value)
	}
	out := Statement{Invoices: make([]Invoice, len(s.Invoices)), Note: s.Note}
	if !printable(s.Note, "\n\t") {
		refuse("body.note", "has control characters", s.Note)
	}
	for i, in := range s.Invoices {
		at := fmt.Sprintf("body.invoices[%d]", i)
		out.Invoices[i] = in.checked(func(field, message, value string) { refuse(at+"."+field, message, value) })
		if slices.ContainsFunc(s.Invoices[:i], in.sameAs) {
			refuse(at, "is there twice: each issuer has one amount by currency and invoice ID", in.Issuer)
		}
	}
	if f != nil {
		return out, f
	}
	slices.SortFunc(out.Invoices, func(a, b Invoice) int {
		return cmp.Or(cmp.Compare(a.Issuer, b.Issuer), cmp.Compare(a.Currency, b.Currency), cmp.Compare(a.InvoiceID, b.InvoiceID))
	})
	return out, nil
}

func (i Invoice) sameAs(o Invoice) bool {
	return i.Issuer == o.Issuer && i.Currency == o.Currency && i.InvoiceID == o.InvoiceID
}

func (i Invoice) checked(refuse func(field, message, value string)) Invoice {
	for field, text := range map[string]string{"issuer": i.Issuer, "invoiceId": i.InvoiceID} {
		if !printable(text, "") || text != strings.TrimSpace(text) {
			refuse(field, "has control characters, or spaces at an end", text)
		}
	}
	if _, err := money.ParseCurrency(i.Currency); err != nil {
		refuse("currency", "is no ISO 4217 code of three capital letters, as USD", string(i.Currency))
	}
	all, err := amount(i.Amount)
	if err != nil {
		refuse("amount", err.Error(), i.Amount)
		return i
	}
	var sum money.Amount
	parts := make([]Category, len(i.Categories))
	for n, c := range i.Categories {
		at := fmt.Sprintf("chargeCategories[%d]", n)
		part, err := amount(c.Amount)
		if err != nil {
			refuse(at+".amount", err.Error(), c.Amount)
			return i
		}
		if slices.ContainsFunc(i.Categories[:n], func(o Category) bool { return o.Category == c.Category }) {
			refuse(at+".chargeCategory", "is there twice", c.Category)
		}
		if sum, err = sum.Add(part); err != nil {
			refuse(at+".amount", err.Error(), c.Amount)
		}
		parts[n] = Category{c.Category, part.String()}
	}
	if len(parts) > 0 && sum != all {
		refuse("chargeCategories", "are "+sum.String()+" together, and the amount is "+all.String(), "")
	}
	i.Amount, i.Categories = all.String(), nil
	if slices.SortFunc(parts, func(a, b Category) int { return cmp.Compare(a.Category, b.Category) }); len(parts) > 0 {
		i.Categories = parts
	}
	return i
}

func (s Statement) equal(o Statement) bool {
	return s.Note == o.Note && slices.EqualFunc(s.Invoices, o.Invoices, func(a, b Invoice) bool {
		return a.sameAs(b) && a.Amount == b.Amount && slices.Equal(a.Categories, b.Categories)
	})
}

// printable tells whether a text has no control characters but some.
func printable(s, but string) bool {
	return !strings.ContainsFunc(s, func(r rune) bool {
		return unicode.IsControl(r) && !strings.ContainsRune(but, r) || r == unicode.ReplacementChar
	})
}
