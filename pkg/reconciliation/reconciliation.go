// Package reconciliation holds what was invoiced against what a tenant's sources have: by billing account and billing period, exact to the last
// decimal.
package reconciliation

import (
	"time"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/money"
)

// Invoiced is what a person says was invoiced of a billing account for a billing period.
type Invoiced struct {
	BillingAccountID string         `json:"billingAccountId"`
	Month            calendar.Month `json:"month" doc:"The billing period, yyyy-mm."`
	Statement
	CreatedAt time.Time `json:"createdAt"`
	UpdatedAt time.Time `json:"updatedAt"`
}

// Statement is what PUT sets.
type Statement struct {
	Invoices []Invoice `json:"invoices" minItems:"1" maxItems:"100" doc:"Each issuer's, by currency and invoice ID."`
	Note     string    `json:"note,omitempty" maxLength:"500" doc:"Whatever helps who reads it."`
}

// Invoice is what one issuer has invoiced in one currency.
type Invoice struct {
	Issuer     string         `json:"issuer" minLength:"1" maxLength:"256" doc:"As costs name it in InvoiceIssuerName."`
	InvoiceID  string         `json:"invoiceId,omitempty" maxLength:"256" doc:"As costs name it in InvoiceId, where they do. An amount without it is held against all of the issuer."`
	Currency   money.Currency `json:"currency" minLength:"3" maxLength:"3" doc:"ISO 4217, as USD."`
	Amount     string         `json:"amount" maxLength:"40" doc:"An exact decimal with up to 15 digits before the point and 18 after it, as 1234.56; credits are negative."`
	Categories []Category     `json:"chargeCategories,omitempty" maxItems:"5" doc:"The amount by charge category, where the invoice tells it: together they are the amount."`
}

// Category is a part of an invoice.
type Category struct {
	Category string `json:"chargeCategory" enum:"Usage,Purchase,Tax,Credit,Adjustment"`
	Amount   string `json:"amount" maxLength:"40"`
}

// Status says how ours and the invoice are to each other.
type Status string

// The statuses.
const (
	Matched   Status = "matched"   // every residual is 0
	Differs   Status = "differs"   // one is not
	NoInvoice Status = "noInvoice" // nobody has said what was invoiced
	NoCosts   Status = "noCosts"   // nothing that counts is held
)

// Reconciliation is the answer. Residuals are the invoice less ours.
type Reconciliation struct {
	BillingAccountID string         `json:"billingAccountId"`
	Month            calendar.Month `json:"month" doc:"The billing period, yyyy-mm."`
	Status           Status         `json:"status" enum:"matched,differs,noInvoice,noCosts" doc:"matched: every residual is 0. noInvoice: nobody has said what was invoiced. noCosts: no source has costs that count."`
	Advice           string         `json:"advice,omitempty" doc:"What to do where it is not matched."`
	Final            bool           `json:"final" doc:"Whether all sources that count say that nothing more will come, and call nothing an estimate."`
	Issuers          []Issuer       `json:"issuers" doc:"By name, then currency, of both sides."`
	Sources          []Source       `json:"sources" doc:"That hold costs of the billing account and period, and of which anything counts."`
	Shadows          []Shadow       `json:"shadows" doc:"What other sources hold, and what counts in its place: a control that is never added."`
	Invoices         []Invoice      `json:"invoices" doc:"What was said of invoices."`
	Note             string         `json:"note,omitempty"`
	CreatedAt        *time.Time     `json:"createdAt,omitempty" doc:"Of what was said of invoices."`
	UpdatedAt        *time.Time     `json:"updatedAt,omitempty"`
}

// Sides are what both say, and the difference. A side that says nothing is null, and counts as 0.
type Sides struct {
	Ours     *money.Amount `json:"ours" doc:"BilledCost of the sources that count; null where they have nothing of it."`
	Invoice  *money.Amount `json:"invoice" doc:"What was invoiced; null where that was not said."`
	Residual *money.Amount `json:"residual" doc:"The invoice less ours; null where what was said does not tell its charge categories or invoice IDs."`
}

// Issuer is what both sides have of an issuer in a currency.
type Issuer struct {
	Issuer   *string        `json:"issuer" doc:"InvoiceIssuerName; null where costs have none."`
	Currency money.Currency `json:"currency"`
	Sides
	Only       string         `json:"only,omitempty" enum:"ours,invoice" doc:"Where one side alone has the issuer in the currency."`
	Absent     int64          `json:"absent,omitempty" doc:"How many of our lines have no BilledCost, and count as nothing."`
	Categories []CategorySide `json:"chargeCategories"`
	InvoiceIDs []InvoiceSide  `json:"invoiceIds" doc:"By InvoiceId; costs of FOCUS 1.0 and 1.1 have none."`
}

// CategorySide is what both have of a charge category.
type CategorySide struct {
	Category *string `json:"chargeCategory" doc:"Null where costs have none."`
	Sides
}

// InvoiceSide is what both have of an invoice.
type InvoiceSide struct {
	InvoiceID *string `json:"invoiceId" doc:"Null where costs have none."`
	Sides
}

// Source is a source that counts.
type Source struct {
	Source    string        `json:"source"`
	AsOf      time.Time     `json:"asOf" doc:"When its delivery closed."`
	Through   calendar.Day  `json:"through" format:"date" doc:"The last charge day it accounts for."`
	Lines     int64         `json:"lines" doc:"Of the billing account and period, counted or not."`
	Estimated bool          `json:"estimated" doc:"Whether the provider calls any of it an estimate."`
	Final     bool          `json:"final" doc:"Whether it was said that nothing more will come."`
	Provided  *ProvidedSide `json:"provided,omitempty" doc:"The provider's own total of the billing account, where it gives one."`
}

// ProvidedSide is a provider's own total against its lines.
type ProvidedSide struct {
	Currency   money.Currency `json:"currency"`
	Total      money.Amount   `json:"total"`
	Difference money.Amount   `json:"difference" doc:"The total less the sum of the source's lines in the currency, counted or not."`
}

// Shadow is a source that others count for, of some of the billing account's sub-accounts or of all.
type Shadow struct {
	Source    string       `json:"source"`
	AsOf      time.Time    `json:"asOf"`
	Estimated bool         `json:"estimated"`
	Totals    []ShadowSide `json:"totals" doc:"Of the sub-accounts that it does not count for, by currency and charge category."`
}

// ShadowSide is what is held and what counts.
type ShadowSide struct {
	Currency   money.Currency `json:"currency"`
	Category   *string        `json:"chargeCategory"`
	Held       money.Amount   `json:"held" doc:"By the source that does not count."`
	Counted    money.Amount   `json:"counted" doc:"By those that do, of the same sub-accounts."`
	Difference money.Amount   `json:"difference" doc:"What is held less what is counted."`
}

// Listed is a reconciliation in the list.
type Listed struct {
	BillingAccountID string         `json:"billingAccountId"`
	Month            calendar.Month `json:"month" doc:"The billing period, yyyy-mm."`
	Status           Status         `json:"status" enum:"matched,differs,noCosts" doc:"By the totals of each currency: one that is matched by issuer, too, says so itself."`
	Totals           []CurrencySide `json:"totals" doc:"Over all issuers, by currency."`
	UpdatedAt        time.Time      `json:"updatedAt"`
}

// CurrencySide is what both have in a currency.
type CurrencySide struct {
	Currency money.Currency `json:"currency"`
	Sides
}
