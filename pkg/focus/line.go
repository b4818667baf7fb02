// Package focus reads and writes cost lines of the FinOps Open Cost and Usage Specification, versions 1.0 to 1.4,
// as streams: CSV, CSV.gz and Parquet. https://focus.finops.org
package focus

import (
	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/money"
)

// Dim is a text column that cost views may keep.
type Dim int

// The text columns a Reader resolves to symbols. ProviderName is ServiceProviderName from FOCUS 1.3 on.
// SkuID falls back to SkuMeter, then x_UsageType, where a line has no SkuId.
const (
	BillingCurrency Dim = iota
	BillingAccountID
	BillingAccountName
	SubAccountID
	SubAccountName
	ProviderName
	ServiceName
	RegionID
	RegionName
	ChargeCategory
	ChargeClass
	SkuID
	PricingCategory
	PricingUnit
	ResourceID
	InvoiceIssuerName
	InvoiceID
	Tags // a canonical JSON object, keys sorted, no spaces; 0 where there are none
	NumDims
)

// Metric is an amount column.
type Metric int

// The amount columns, in the order documents keep them. PricingQuantity is a quantity: unlike units never add.
const (
	BilledCost Metric = iota
	EffectiveCost
	ListCost
	ContractedCost
	PricingQuantity
	NumMetrics
)

// Symbol stands for a text of one column within one Symbols table; 0 is the null text (NULL and "" alike).
type Symbol uint32

// Line is one charge. It is filled by Reader.Next and holds no reference to the reader's buffer.
type Line struct {
	Number  int64 // 1-based: the physical line a CSV record starts on (the header is line 1), the row of a Parquet file
	Dims    [NumDims]Symbol
	Amounts [NumMetrics]money.Amount
	Present [NumMetrics]bool            // false: the file says null; the amount is then 0
	Rounded [NumMetrics]*money.Residual // nil but for what is finer than 18 decimals
	Billing calendar.Month              // of BillingPeriodStart
	Day     calendar.Day                // of ChargePeriodStart, in UTC
}
