package reconciliation_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/money"
	"github.com/tenantry/tenantry/pkg/reconciliation"
)

const header = "BilledCost,EffectiveCost,ListCost,ContractedCost,BillingAccountId,SubAccountId,BillingCurrency,BillingPeriodStart,BillingPeriodEnd," +
	"ChargePeriodStart,ChargePeriodEnd,ChargeCategory,ServiceName,ProviderName,InvoiceIssuerName,InvoiceId\n"

const (
	january  = "2026-01-01T00:00:00Z,2026-02-01T00:00:00Z"
	february = "2026-02-01T00:00:00Z,2026-03-01T00:00:00Z"
	aws      = "Amazon Web Services, Inc."
)

// line is one of a day in January 2026, billed in a period.
func line(period, account, amount, currency, category, issuer, invoice string) string {
	return fmt.Sprintf("%[1]s,%[1]s,%[1]s,%[1]s,pay/1,%[2]s,%[3]s,%[4]s,2026-01-05T00:00:00Z,2026-01-06T00:00:00Z,%[5]s,EC2,AWS,\"%[6]s\",%[7]s\n",
		amount, account, currency, period, category, issuer, invoice)
}

// usage is one of January that AWS bills in USD.
func usage(account, amount string) string {
	return line(january, account, amount, "USD", "Usage", aws, "")
}

// tester delivers, and says what was invoiced, as a member of a tenant.
type tester struct {
	*testing.T
	app  *apptest.App
	home *apptest.Home
}

func newTester(t *testing.T) *tester {
	app := apptest.New(t)
	return &tester{t, app, app.Alice}
}

// deliver brings a file of a source.
func (t *tester) deliver(source string, more map[string]any, lines ...string) {
	t.app.Advance(time.Second)
	file := strings.Join(lines, "")
	if !strings.HasPrefix(file, `"AvailabilityZone"`) { // the sample has its own
		file = header + file
	}
	body := map[string]any{"format": "csv", "source": source, "sizeBytes": len(file)}
	for k, v := range more {
		body[k] = v
	}
	var made struct{ ID, UploadURL string }
	imports := t.home.Path("/projects/" + string(t.home.Project) + "/imports")
	t.home.Do(t, "POST", imports, body).Is(t, 201).Into(t, &made)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, t.app.URL+made.UploadURL, strings.NewReader(file))
	require.NoError(t, err)
	require.Less(t, t.app.With("").Send(t, r).Status, 300)
	t.app.Work(t)
	var d struct {
		Status, Error string
	}
	t.home.Get(t, imports+"/"+made.ID).Is(t, 200).Into(t, &d)
	require.Equal(t, "succeeded", d.Status, d.Error)
}

func (t *tester) path(account, month string) string {
	return t.home.Path("/reconciliations/" + url.PathEscape(account) + "/" + month)
}

func (t *tester) get(account, month string) (r reconciliation.Reconciliation) {
	t.home.Get(t, t.path(account, month)).Is(t, 200).Into(t, &r)
	return r
}

// invoice says what was invoiced.
func (t *tester) invoice(account, month string, all ...reconciliation.Invoice) (r reconciliation.Reconciliation) {
	t.home.Do(t, "PUT", t.path(account, month), map[string]any{"invoices": all}).Is(t, 200).Into(t, &r)
	return r
}

func of(issuer, currency, amount string) reconciliation.Invoice {
	return reconciliation.Invoice{Issuer: issuer, Currency: money.Currency(currency), Amount: amount}
}

func text(s *string) string {
	if s == nil {
		return "null"
	}
	return *s
}

func plain(a *money.Amount) string {
	if a == nil {
		return "null"
	}
	return a.String()
}

func sides(s reconciliation.Sides) string {
	return plain(s.Ours) + " " + plain(s.Invoice) + " " + plain(s.Residual)
}

// issuers are "issuer currency: ours invoice residual".
func issuers(r reconciliation.Reconciliation) (all []string) {
	for _, i := range r.Issuers {
		all = append(all, text(i.Issuer)+" "+string(i.Currency)+": "+sides(i.Sides))
	}
	return all
}

// categories are those of an issuer, alike.
func categories(i reconciliation.Issuer) (all []string) {
	for _, c := range i.Categories {
		all = append(all, text(c.Category)+": "+sides(c.Sides))
	}
	return all
}

func TestInvoiceAndCosts(t *testing.T) {
	w := newTester(t)
	w.deliver("s", nil, usage("a", "10.000000000000000001"), usage("b", "0.5"), line(january, "a", "2", "USD", "Tax", aws, ""),
		line(january, "a", "-0.25", "USD", "Credit", aws, ""), line(january, "a", "7", "EUR", "Usage", "Reseller", "r-1"),
		line(january, "a", "3", "EUR", "Purchase", "Reseller", "r-2"))
	t.Run("before anything was said it is ours", func(t *testing.T) {
		r := w.get("pay/1", "2026-01")
		require.Equal(t, reconciliation.NoInvoice, r.Status)
		require.Contains(t, r.Advice, "PUT the amount of each issuer")
		require.Equal(t, []string{aws + " USD: 12.250000000000000001 null -12.250000000000000001", "Reseller EUR: 10 null -10"}, issuers(r))
		require.Equal(t, "upload:s", r.Sources[0].Source)
		require.Equal(t, w.app.Now().UTC().Truncate(time.Second), r.Sources[0].AsOf.Truncate(time.Second))
		require.EqualValues(t, 6, r.Sources[0].Lines)
		require.Empty(t, r.Invoices)
		require.Nil(t, r.UpdatedAt)
	})
	t.Run("it matches to the last decimal", func(t *testing.T) {
		r := w.invoice("pay/1", "2026-01", of("Reseller", "EUR", "10.0"), of(aws, "USD", "12.250000000000000001"))
		require.Equal(t, reconciliation.Matched, r.Status, r.Advice)
		require.Empty(t, r.Advice)
		require.Equal(t, []string{aws + " USD: 12.250000000000000001 12.250000000000000001 0", "Reseller EUR: 10 10 0"}, issuers(r))
		require.Equal(t, []string{"Credit: -0.25 null null", "Tax: 2 null null", "Usage: 10.500000000000000001 null null"}, categories(r.Issuers[0]))
		require.Equal(t, r, w.get("pay/1", "2026-01"))
	})
	t.Run("it differs in the last decimal", func(t *testing.T) {
		r := w.invoice("pay/1", "2026-01", of("Reseller", "EUR", "10"), of(aws, "USD", "12.25"))
		require.Equal(t, reconciliation.Differs, r.Status)
		require.Equal(t, "-0.000000000000000001", r.Issuers[0].Residual.String())
		require.Contains(t, r.Advice, "chargeCategories")
	})
	t.Run("charge categories and invoice IDs tell where", func(t *testing.T) {
		whole := of(aws, "USD", "12.5")
		whole.Categories = []reconciliation.Category{{Category: "Usage", Amount: "10.50"}, {Category: "Tax", Amount: "2.00"}}
		one, other := of("Reseller", "EUR", "7"), of("Reseller", "EUR", "4")
		one.InvoiceID, other.InvoiceID = "r-1", "r-3"
		r := w.invoice("pay/1", "2026-01", whole, one, other)
		require.Equal(t, []string{aws + " USD: 12.250000000000000001 12.5 0.249999999999999999", "Reseller EUR: 10 11 1"}, issuers(r))
		require.Equal(t, []string{"Credit: -0.25 null 0.25", "Tax: 2 2 0", "Usage: 10.500000000000000001 10.5 -0.000000000000000001"}, categories(r.Issuers[0]))
		var ids []string
		for _, i := range r.Issuers[1].InvoiceIDs {
			ids = append(ids, text(i.InvoiceID)+": "+sides(i.Sides))
		}
		require.Equal(t, []string{"r-1: 7 7 0", "r-2: 3 null -3", "r-3: null 4 4"}, ids)
	})
	t.Run("an amount without an invoice ID is held against all of the issuer", func(t *testing.T) {
		ids := func(all ...reconciliation.Invoice) (got []string) {
			r := w.invoice("pay/1", "2026-01", all...)
			require.Equal(t, "Reseller EUR: 10 11 1", issuers(r)[len(issuers(r))-1])
			for _, i := range r.Issuers[len(r.Issuers)-1].InvoiceIDs {
				got = append(got, text(i.InvoiceID)+": "+sides(i.Sides))
			}
			return got
		}
		require.Equal(t, []string{"r-1: 7 null null", "r-2: 3 null null"}, ids(of("Reseller", "EUR", "11")))
		named := of("Reseller", "EUR", "7")
		named.InvoiceID = "r-1"
		require.Equal(t, []string{"r-1: 7 7 0", "r-2: 3 null null"}, ids(named, of("Reseller", "EUR", "4")))
	})
	t.Run("issuers that one side has", func(t *testing.T) {
		r := w.invoice("pay/1", "2026-01", of("AWS", "USD", "12"), of("Reseller", "EUR", "10"), of("Reseller", "USD", "1"))
		require.Equal(t, []string{"AWS USD: null 12 12", aws + " USD: 12.250000000000000001 null -12.250000000000000001", "Reseller EUR: 10 10 0",
			"Reseller USD: null 1 1"}, issuers(r))
		require.Equal(t, []string{"invoice", "ours", "", "invoice"}, []string{r.Issuers[0].Only, r.Issuers[1].Only, r.Issuers[2].Only, r.Issuers[3].Only})
		require.Contains(t, r.Advice, "name them in the invoice as the costs do")
	})
}

func TestACorrectionIsOfThePeriodItIsBilledIn(t *testing.T) {
	w := newTester(t)
	w.deliver("s", nil, usage("a", "5"), line(february, "a", "-1", "USD", "Usage", aws, ""), line(february, "b", "9", "USD", "Usage", aws, ""))
	require.Equal(t, []string{aws + " USD: 5 5 0"}, issuers(w.invoice("pay/1", "2026-01", of(aws, "USD", "5"))))
	require.Equal(t, []string{aws + " USD: 8 8 0"}, issuers(w.invoice("pay/1", "2026-02", of(aws, "USD", "8"))))
}

func TestADeliveryChangesOurs(t *testing.T) {
	w := newTester(t)
	w.deliver("s", nil, usage("a", "5"))
	require.Equal(t, reconciliation.Matched, w.invoice("pay/1", "2026-01", of(aws, "USD", "5")).Status)
	w.deliver("s", map[string]any{"final": true}, usage("a", "5.5"))
	r := w.get("pay/1", "2026-01")
	require.Equal(t, reconciliation.Differs, r.Status)
	require.True(t, r.Final)
	require.Equal(t, []string{aws + " USD: 5.5 5 -0.5"}, issuers(r))
}

func TestOnlyWhatCountsIsOurs(t *testing.T) {
	w := newTester(t)
	w.deliver("old", nil, usage("a", "5"), usage("b", "1"), line(january, "b", "0.25", "USD", "Tax", aws, ""))
	w.deliver("new", nil, usage("b", "1.5"))
	r := w.invoice("pay/1", "2026-01", of(aws, "USD", "6.5"))
	require.Equal(t, reconciliation.Matched, r.Status)
	require.Equal(t, []string{"upload:new", "upload:old"}, []string{r.Sources[0].Source, r.Sources[1].Source})
	require.Equal(t, "upload:old", r.Shadows[0].Source)
	var totals []string
	for _, s := range r.Shadows[0].Totals {
		totals = append(totals, fmt.Sprintf("%s %s: %s %s %s", text(s.Category), s.Currency, s.Held, s.Counted, s.Difference))
	}
	require.Equal(t, []string{"Tax USD: 0.25 0 0.25", "Usage USD: 1 1.5 -0.5"}, totals)
	require.Equal(t, []string{"matched USD: 6.5 6.5 0"}, w.list("")[0].totals())

	w.deliver("newest", nil, usage("a", "4"), usage("b", "2"))
	r = w.get("pay/1", "2026-01")
	require.Equal(t, []string{aws + " USD: 6 6.5 0.5"}, issuers(r))
	require.Len(t, r.Sources, 1)
	require.Len(t, r.Shadows, 2)
	require.Equal(t, []string{"differs USD: 6 6.5 0.5"}, w.list("")[0].totals())
}
