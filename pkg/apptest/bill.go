package apptest

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// Bill delivers costs of a billing account into the project, a line of December 2025 and one of January 2026, each of an amount that the
// account's own issuer bills in USD.
func (h *Home) Bill(t testing.TB, account, issuer, amount string) {
	var file strings.Builder
	file.WriteString("BilledCost,EffectiveCost,ListCost,ContractedCost,BillingAccountId,SubAccountId,BillingCurrency,BillingPeriodStart,BillingPeriodEnd," +
		"ChargePeriodStart,ChargePeriodEnd,ChargeCategory,ServiceName,ProviderName,InvoiceIssuerName\n")
	for _, period := range []string{"2025-12-01T00:00:00Z,2026-01-01T00:00:00Z,2025-12-05T00:00:00Z,2025-12-06T00:00:00Z",
		"2026-01-01T00:00:00Z,2026-02-01T00:00:00Z,2026-01-05T00:00:00Z,2026-01-06T00:00:00Z"} {
		fmt.Fprintf(&file, "%[1]s,%[1]s,%[1]s,%[1]s,%[2]s,%[2]s,USD,%[3]s,Usage,EC2,AWS,\"%[4]s\"\n", amount, account, period, issuer)
	}
	var made struct{ ID, UploadURL string }
	imports := h.Path("/projects/" + string(h.Project) + "/imports")
	h.Do(t, "POST", imports, map[string]any{"format": "csv", "source": "bill", "sizeBytes": file.Len()}).Is(t, 201).Into(t, &made)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, h.app.at(made.UploadURL), strings.NewReader(file.String()))
	require.NoError(t, err)
	require.Less(t, h.app.With("").Send(t, r).Status, 300)
	h.app.Work(t)
	var d struct{ Status, Error string }
	h.Get(t, imports+"/"+made.ID).Is(t, 200).Into(t, &d)
	require.Equal(t, "succeeded", d.Status, d.Error)
}

// Invoice says what was invoiced of a billing account in both of these periods.
func (h *Home) Invoice(t testing.TB, account, issuer, amount string) {
	for _, month := range []string{"2025-12", "2026-01"} {
		h.Do(t, "PUT", h.Path("/reconciliations/"+url.PathEscape(account)+"/"+month), map[string]any{
			"invoices": []any{map[string]any{"issuer": issuer, "currency": "USD", "amount": amount}}}).Is(t, 200)
	}
}
