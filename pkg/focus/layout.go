package focus

import (
	"fmt"
	"slices"
	"strings"
)

// slot is a place that a column of a file is read into: a Dim, a Metric, a period bound, or a fallback of a Dim.
type slot int

const (
	metricSlots = slot(NumDims)
	boundSlots  = metricSlots + slot(NumMetrics)
)

const (
	billingStart = boundSlots + iota
	billingEnd
	chargeStart
	chargeEnd
	oldProvider
	skuMeter
	usageType
	numSlots

	numBounds = int(oldProvider - boundSlots)
)

// slotNames are the columns that are read, as a header names them.
var slotNames = [numSlots]string{
	BillingCurrency: "BillingCurrency", BillingAccountID: "BillingAccountId", BillingAccountName: "BillingAccountName",
	SubAccountID: "SubAccountId", SubAccountName: "SubAccountName", ProviderName: "ServiceProviderName",
	ServiceName: "ServiceName", RegionID: "RegionId", RegionName: "RegionName", ChargeCategory: "ChargeCategory",
	ChargeClass: "ChargeClass", SkuID: "SkuId", PricingCategory: "PricingCategory", PricingUnit: "PricingUnit",
	ResourceID: "ResourceId", InvoiceIssuerName: "InvoiceIssuerName", InvoiceID: "InvoiceId", Tags: "Tags",
	metricSlots + slot(BilledCost): "BilledCost", metricSlots + slot(EffectiveCost): "EffectiveCost",
	metricSlots + slot(ListCost): "ListCost", metricSlots + slot(ContractedCost): "ContractedCost",
	metricSlots + slot(PricingQuantity): "PricingQuantity",
	billingStart:                        "BillingPeriodStart", billingEnd: "BillingPeriodEnd", chargeStart: "ChargePeriodStart", chargeEnd: "ChargePeriodEnd",
	oldProvider: "ProviderName", skuMeter: "SkuMeter", usageType: "x_UsageType",
}

// sources are the slots a Dim is read from, the preferred one first.
func sources(d Dim) []slot {
	switch d {
	case ProviderName:
		return []slot{slot(d), oldProvider}
	case SkuID:
		return []slot{slot(d), skuMeter, usageType}
	}
	return []slot{slot(d)}
}

// mandatorySlots must be in the header and may not be null. Of the two provider columns one is enough.
var mandatorySlots = [...]slot{
	slot(BillingCurrency), slot(BillingAccountID), slot(ProviderName), slot(ServiceName), slot(ChargeCategory),
	metricSlots + slot(BilledCost), metricSlots + slot(EffectiveCost), billingStart, chargeStart, chargeEnd,
}

const maxColumns = 4096

// layout says where a file has what is read of it.
type layout struct {
	header  []string
	columns [numSlots]int // by slot; -1 where the file does not have it
	version string
}

// newLayout finds the columns of a header. What is wrong with it goes into r, under the line given.
func newLayout(header []string, line int64, r *report) layout {
	l := layout{header: header, version: versionOf(header)}
	for s := range l.columns {
		l.columns[s] = -1
	}
	places := make(map[string]int, len(header))
	for i, name := range header {
		if first, twice := places[name]; twice && name != "" {
			r.add(Problem{line, name, "", fmt.Sprintf("the header names this column twice, as its %d. and its %d.", first+1, i+1)})
		}
		places[name] = i
	}
	for s, name := range slotNames {
		if i, ok := places[name]; ok {
			l.columns[s] = i
		}
	}
	l.requireMandatory(line, r)
	return l
}

func (l *layout) requireMandatory(line int64, r *report) {
	for _, s := range mandatorySlots {
		name := l.name(s)
		if l.columns[s] >= 0 || s == slot(ProviderName) && l.columns[oldProvider] >= 0 {
			continue
		}
		reason := "the header lacks this mandatory column of FOCUS"
		if i := slices.IndexFunc(l.header, func(h string) bool { return strings.EqualFold(h, name) }); i >= 0 {
			reason += fmt.Sprintf("; it has %q, but names are case-sensitive", clip([]byte(l.header[i])))
		}
		r.add(Problem{line, name, "", reason})
	}
	if len(r.problems) > 0 {
		r.done = true
	}
}

// name is what the file calls the column of a mandatory slot.
func (l *layout) name(s slot) string {
	if s == slot(ProviderName) && l.columns[s] < 0 {
		return slotNames[oldProvider]
	}
	return slotNames[s]
}
