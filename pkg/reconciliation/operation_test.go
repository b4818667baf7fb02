package reconciliation_test

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/money"
	"github.com/tenantry/tenantry/pkg/reconciliation"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// item is one of the list.
type item struct{ reconciliation.Listed }

// totals are "status currency: ours invoice residual".
func (i item) totals() (all []string) {
	for _, c := range i.Totals {
		all = append(all, string(i.Status)+" "+string(c.Currency)+": "+sides(c.Sides))
	}
	return all
}

// list asks for all pages.
func (t *tester) list(query string) (all []item) {
	for cursor := ""; ; {
		var page struct {
			Items []item
			Next  string
		}
		t.home.Get(t, t.home.Path("/reconciliations?limit=2&cursor="+cursor+query)).Is(t, 200).Into(t, &page)
		all = append(all, page.Items...)
		if cursor = page.Next; cursor == "" {
			return all
		}
	}
}

func TestListOfMonths(t *testing.T) {
	w := newTester(t)
	require.Empty(t, w.list(""))
	w.deliver("s", nil, usage("a", "5"), line(january, "a", "2", "EUR", "Usage", aws, ""), line(february, "a", "-1", "USD", "Usage", aws, ""))
	w.home.Bill(t, "other", aws, "3")
	w.invoice("pay/1", "2026-01", of(aws, "USD", "5"))
	w.invoice("pay/1", "2026-02", of(aws, "USD", "-1"))
	w.home.Invoice(t, "other", aws, "3")
	var got []string
	for _, i := range w.list("") {
		got = append(got, i.BillingAccountID+" "+i.Month.String()+" "+strings.Join(i.totals(), ", "))
	}
	require.ElementsMatch(t, []string{"pay/1 2026-02 matched USD: -1 -1 0", "pay/1 2026-01 differs EUR: 2 null -2, differs USD: 5 5 0",
		"other 2026-01 matched USD: 3 3 0", "other 2025-12 matched USD: 3 3 0"}, got)
	require.Contains(t, got[0], "2026-02")
	require.Contains(t, got[3], "2025-12")
	require.Len(t, w.list("&month=2026-01"), 2)
	require.Empty(t, w.list("&month=2024-01"))
	w.home.Get(t, w.home.Path("/reconciliations?month=2026-1")).Fails(t, 422, "yyyy-mm")
}

func TestWhatIsNotThere(t *testing.T) {
	w := newTester(t)
	w.deliver("s", nil, usage("a", "5"))
	body := map[string]any{"invoices": []any{of(aws, "USD", "5")}}
	for _, path := range []string{w.path("pay/2", "2026-01"), w.path("pay/1", "2026-02"), w.path(strings.Repeat("x", 1000), "2026-01")} {
		w.home.Get(t, path).Fails(t, 404, "are imported (POST imports)")
		w.home.Do(t, "PUT", path, body).Fails(t, 404, "are imported (POST imports)")
		w.home.Do(t, "DELETE", path, nil).Fails(t, 404, "Nothing was said")
	}
	for _, month := range []string{"2026-1", "2026-13", "202601", "1889-01", "2026-01-01", "x"} {
		w.home.Get(t, w.path("pay/1", month)).Fails(t, 422, "yyyy-mm")
	}
	w.app.Bob.Get(t, w.path("pay/1", "2026-01")).Is(t, 404)
}

func TestStatementsThatAreRefused(t *testing.T) {
	w := newTester(t)
	w.deliver("s", nil, usage("a", "5"))
	parts := func(all ...reconciliation.Category) reconciliation.Invoice {
		i := of(aws, "USD", "5")
		i.Categories = all
		return i
	}
	for name, c := range map[string]struct {
		invoices []any
		says     string
	}{
		"none":                       {[]any{}, "body.invoices"},
		"an exponent":                {[]any{of(aws, "USD", "1e3")}, "no exponent"},
		"a number":                   {[]any{map[string]any{"issuer": aws, "currency": "USD", "amount": 5}}, "string"},
		"a thousands separator":      {[]any{of(aws, "USD", "1,000")}, "no thousands separators"},
		"19 decimals":                {[]any{of(aws, "USD", "0.0000000000000000001")}, "18 after it"},
		"more than is ever invoiced": {[]any{of(aws, "USD", "1000000000000000")}, "15 digits"},
		"no currency":                {[]any{of(aws, "XXX", "1")}, "ISO 4217"},
		"one twice":                  {[]any{of(aws, "USD", "1"), of(aws, "USD", "2")}, "is there twice"},
		"an issuer with a space":     {[]any{of(aws+" ", "USD", "1")}, "spaces at an end"},
		"no issuer":                  {[]any{of("", "USD", "1")}, "body.invoices[0].issuer"},
		"another field":              {[]any{map[string]any{"issuer": aws, "currency": "USD", "amount": "5", "tenantId": "x"}}, "unexpected property"},
		"parts that are not the sum": {[]any{parts(reconciliation.Category{Category: "Usage", Amount: "4.9"})}, "are 4.9 together, and the amount is 5"},
		"a category twice": {[]any{parts(reconciliation.Category{Category: "Usage", Amount: "4"}, reconciliation.Category{Category: "Usage", Amount: "1"})},
			"is there twice"},
		"a category there is not": {[]any{parts(reconciliation.Category{Category: "Fee", Amount: "5"})}, "Usage"},
	} {
		t.Run(name, func(t *testing.T) {
			a := w.home.Do(t, "PUT", w.path("pay/1", "2026-01"), map[string]any{"invoices": c.invoices}).Is(t, 422)
			require.Contains(t, string(a.Body), c.says)
		})
	}
	require.Equal(t, reconciliation.NoInvoice, w.get("pay/1", "2026-01").Status)
}

func TestStatementsAreReplacedAndTakenBack(t *testing.T) {
	w := newTester(t)
	w.deliver("s", nil, usage("a", "5"))
	path := w.path("pay/1", "2026-01")
	body := func(amount string) map[string]any { return map[string]any{"invoices": []any{of(aws, "USD", amount)}} }
	first := w.home.Do(t, "PUT", path, body("5.10"), `If-Match: "v0"`).Is(t, 200).Header.Get("ETag")
	w.home.Do(t, "PUT", path, body("5"), `If-Match: "v0"`).Is(t, 412)
	require.Equal(t, first, w.home.Do(t, "PUT", path, body("5.1")).Is(t, 200).Header.Get("ETag"), "the same is no change")
	second := w.home.Do(t, "PUT", path, body("5"), "If-Match: "+first).Is(t, 200).Header.Get("ETag")
	require.NotEqual(t, first, second)
	require.Equal(t, reconciliation.Matched, w.get("pay/1", "2026-01").Status)
	w.home.Do(t, "DELETE", path, nil, "If-Match: "+first).Is(t, 412)
	w.home.Do(t, "DELETE", path, nil, "If-Match: "+second).Is(t, 204)
	require.Equal(t, reconciliation.NoInvoice, w.get("pay/1", "2026-01").Status)
	w.home.Do(t, "DELETE", path, nil).Is(t, 404)

	viewer := w.app.Join(t, w.home.Tenant, "viewer", tenant.Viewer)
	viewer.Get(t, path).Is(t, 200)
	viewer.Do(t, "PUT", path, body("5")).Is(t, 403)
	limited := w.app.Join(t, w.home.Tenant, "limited", tenant.Viewer, w.home.Project)
	limited.Get(t, path).Is(t, 403)
}

// The sample is reconciled to its exact totals, by issuer.
func TestSample(t *testing.T) {
	file, err := os.ReadFile(filepath.Join("..", "..", "..", "shared", "data", "focus_sample.csv"))
	if errors.Is(err, os.ErrNotExist) {
		t.Skip("the sample is not at ../shared/data beside the repository")
	}
	require.NoError(t, err)
	w := newTester(t)
	w.deliver("s", nil, string(file))
	microsoft := "/providers/Microsoft.Billing/billingAccounts/8611537"
	for _, c := range []struct {
		account, month string
		invoices       []reconciliation.Invoice
		category       string // of the last issuer
	}{
		{microsoft, "2024-09", []reconciliation.Invoice{of("Microsoft", "USD", "1.97651418586")}, "Usage: 1.97651418586 null null"},
		{"1234567890123", "2024-09", []reconciliation.Invoice{of("Amazon Web Services Canada, Inc.", "USD", "0.2490862147"),
			of("Amazon Web Services EMEA SARL", "USD", "0.0038311468"), of(aws, "USD", "17.7537212569")}, "Credit: -2.6137 null null, Usage: 20.3674212569 null null"},
		{"20209880", "2024-09", []reconciliation.Invoice{of("Oracle", "USD", "0.29707392473")}, "Adjustment: 0.272 null null, Usage: 0.02507392473 null null"},
		{"20209880", "2024-10", []reconciliation.Invoice{of("Oracle", "USD", "0.24")}, "Usage: 0.24 null null"},
	} {
		r := w.invoice(c.account, c.month, c.invoices...)
		require.Equal(t, reconciliation.Matched, r.Status, r.Advice)
		require.Len(t, r.Issuers, len(c.invoices))
		for i, issuer := range r.Issuers {
			require.Equal(t, c.invoices[i].Issuer, *issuer.Issuer)
			require.Equal(t, "0", issuer.Residual.String())
		}
		require.Equal(t, c.category, strings.Join(categories(r.Issuers[len(r.Issuers)-1]), ", "))
	}
	var sum money.Amount
	for _, i := range w.list("") {
		require.Equal(t, reconciliation.Matched, i.Status)
		require.Equal(t, "0", i.Totals[0].Residual.String())
		sum, err = sum.Add(*i.Totals[0].Ours)
		require.NoError(t, err)
	}
	require.Equal(t, "20.52022672899", sum.String())
}
