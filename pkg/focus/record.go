package focus

import (
	"time"

	"github.com/tenantry/tenantry/pkg/money"
)

// Record is one charge as a Writer takes it: a column of the FOCUS cost and usage dataset each. "", nil and the zero
// time are null. The tag says what columns a field is written as, and the versions of FOCUS that have them.
// https://focus.finops.org/focus-specification
type Record struct {
	AvailabilityZone    string            `focus:"AvailabilityZone"`
	BilledCost          money.Amount      `focus:"BilledCost"`
	BillingAccountID    string            `focus:"BillingAccountId"`
	BillingAccountName  string            `focus:"BillingAccountName"`
	BillingAccountType  string            `focus:"BillingAccountType 1.2"`
	BillingCurrency     string            `focus:"BillingCurrency"`
	BillingPeriodEnd    time.Time         `focus:"BillingPeriodEnd"`
	BillingPeriodStart  time.Time         `focus:"BillingPeriodStart"`
	ChargeCategory      string            `focus:"ChargeCategory"` // Usage, Purchase, Tax, Credit or Adjustment
	ChargeClass         string            `focus:"ChargeClass"`    // "" or Correction
	ChargeDescription   string            `focus:"ChargeDescription"`
	ChargeFrequency     string            `focus:"ChargeFrequency"`
	ChargePeriodEnd     time.Time         `focus:"ChargePeriodEnd"` // exclusive
	ChargePeriodStart   time.Time         `focus:"ChargePeriodStart"`
	ConsumedQuantity    *money.Amount     `focus:"ConsumedQuantity"`
	ConsumedUnit        string            `focus:"ConsumedUnit"`
	ContractedCost      *money.Amount     `focus:"ContractedCost"`
	ContractedUnitPrice *money.Amount     `focus:"ContractedUnitPrice"`
	EffectiveCost       money.Amount      `focus:"EffectiveCost"`
	HostProviderName    string            `focus:"HostProviderName 1.3"`
	InvoiceDetailID     string            `focus:"InvoiceDetailId 1.4"`
	InvoiceID           string            `focus:"InvoiceId 1.2"`
	InvoiceIssuerName   string            `focus:"InvoiceIssuerName"`
	ListCost            *money.Amount     `focus:"ListCost"`
	ListUnitPrice       *money.Amount     `focus:"ListUnitPrice"`
	PricingCategory     string            `focus:"PricingCategory"`
	PricingQuantity     *money.Amount     `focus:"PricingQuantity"`
	PricingUnit         string            `focus:"PricingUnit"`
	ProviderName        string            `focus:"ProviderName 1.0-1.3,ServiceProviderName 1.3"`
	PublisherName       string            `focus:"PublisherName 1.0-1.3"`
	RegionID            string            `focus:"RegionId"`
	RegionName          string            `focus:"RegionName"`
	ResourceID          string            `focus:"ResourceId"`
	ResourceName        string            `focus:"ResourceName"`
	ResourceType        string            `focus:"ResourceType"`
	ServiceCategory     string            `focus:"ServiceCategory"`
	ServiceName         string            `focus:"ServiceName"`
	ServiceSubcategory  string            `focus:"ServiceSubcategory 1.1"`
	SkuID               string            `focus:"SkuId"`
	SkuMeter            string            `focus:"SkuMeter 1.1"`
	SkuPriceDetails     string            `focus:"SkuPriceDetails 1.1"` // a JSON object
	SkuPriceID          string            `focus:"SkuPriceId"`
	SubAccountID        string            `focus:"SubAccountId"`
	SubAccountName      string            `focus:"SubAccountName"`
	SubAccountType      string            `focus:"SubAccountType 1.2"`
	Tags                map[string]string `focus:"Tags"`

	CapacityReservationID     string `focus:"CapacityReservationId 1.1"`
	CapacityReservationStatus string `focus:"CapacityReservationStatus 1.1"`

	CommitmentDiscountCategory          string        `focus:"CommitmentDiscountCategory"`
	CommitmentDiscountID                string        `focus:"CommitmentDiscountId"`
	CommitmentDiscountName              string        `focus:"CommitmentDiscountName"`
	CommitmentDiscountQuantity          *money.Amount `focus:"CommitmentDiscountQuantity 1.1"`
	CommitmentDiscountStatus            string        `focus:"CommitmentDiscountStatus"` // Used or Unused
	CommitmentDiscountType              string        `focus:"CommitmentDiscountType"`
	CommitmentDiscountUnit              string        `focus:"CommitmentDiscountUnit 1.1"`
	CommitmentProgramEligibilityDetails string        `focus:"CommitmentProgramEligibilityDetails 1.4"` // a JSON object
	ContractApplied                     string        `focus:"ContractApplied 1.3"`                     // a JSON object

	PricingCurrency                    string        `focus:"PricingCurrency 1.2"`
	PricingCurrencyContractedUnitPrice *money.Amount `focus:"PricingCurrencyContractedUnitPrice 1.2"`
	PricingCurrencyEffectiveCost       *money.Amount `focus:"PricingCurrencyEffectiveCost 1.2"`
	PricingCurrencyListUnitPrice       *money.Amount `focus:"PricingCurrencyListUnitPrice 1.2"`

	AllocatedMethodDetails string            `focus:"AllocatedMethodDetails 1.3"` // a JSON object
	AllocatedMethodID      string            `focus:"AllocatedMethodId 1.3"`
	AllocatedResourceID    string            `focus:"AllocatedResourceId 1.3"`
	AllocatedResourceName  string            `focus:"AllocatedResourceName 1.3"`
	AllocatedTags          map[string]string `focus:"AllocatedTags 1.3"`
}
