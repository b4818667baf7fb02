package cost

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tenantry/tenantry/pkg/cost/document"
	"github.com/tenantry/tenantry/pkg/focus"
)

// Dimension is what costs are grouped and filtered by: a FOCUS column in camelCase, project, environment, tag:<key> or
// label:<key>, the key unescaped.
type Dimension string

// The dimensions that are the project's and not the line's; so are all that begin with LabelPrefix.
const (
	ByProject     Dimension = "project"
	ByEnvironment Dimension = "environment"
)

// What tells the two kinds of free keys: a tag of the line, a label of the project.
const (
	TagPrefix   = "tag:"
	LabelPrefix = "label:"
)

// currencyDimension is a filter only: an answer has one currency.
const currencyDimension Dimension = "currency"

// columns are the dimensions that documents keep, beside tags.
var columns = []struct {
	name Dimension
	dim  focus.Dim
}{
	{"billingAccountId", focus.BillingAccountID}, {"subAccountId", focus.SubAccountID}, {"providerName", focus.ProviderName},
	{"serviceName", focus.ServiceName}, {"regionId", focus.RegionID}, {"chargeCategory", focus.ChargeCategory},
	{"chargeClass", focus.ChargeClass}, {"skuId", focus.SkuID}, {"pricingCategory", focus.PricingCategory},
	{"pricingUnit", focus.PricingUnit}, {"resourceId", focus.ResourceID}, {"invoiceIssuerName", focus.InvoiceIssuerName},
	{"invoiceId", focus.InvoiceID}, {currencyDimension, focus.BillingCurrency},
}

// Dimensions lists those without a key, in the order they are documented.
func Dimensions() []Dimension {
	all := []Dimension{ByProject, ByEnvironment}
	for _, c := range columns {
		all = append(all, c.name)
	}
	return all
}

// ParseDimension reads a dimension's name. The error names all there are.
func ParseDimension(s string) (Dimension, error) {
	for _, prefix := range []string{TagPrefix, LabelPrefix} {
		if key, ok := strings.CutPrefix(s, prefix); ok {
			if key == "" {
				return "", fmt.Errorf("%s asks for a key, as %senvironment", prefix, prefix)
			}
			return Dimension(s), nil
		}
	}
	if slices.Contains(Dimensions(), Dimension(s)) {
		return Dimension(s), nil
	}
	names := make([]string, 0, len(columns)+4)
	for _, d := range Dimensions() {
		names = append(names, string(d))
	}
	return "", fmt.Errorf("there is no such dimension; there are: %s, tag:<key>, label:<key>", strings.Join(names, ", "))
}

// OfProject tells whether the project alone decides the dimension's value.
func (d Dimension) OfProject() bool {
	return d == ByProject || d == ByEnvironment || strings.HasPrefix(string(d), LabelPrefix)
}

// TagKey is the key of tag:<key>.
func (d Dimension) TagKey() (string, bool) { return strings.CutPrefix(string(d), TagPrefix) }

// Named tells whether the values have display names.
func (d Dimension) Named() bool {
	return d == ByProject || d == "billingAccountId" || d == "subAccountId" || d == "regionId"
}

// In tells whether a view keeps the dimension; of tags, those that are kept.
func (d Dimension) In(v document.View) bool {
	if _, ok := d.TagKey(); ok {
		return v == document.Tags
	}
	return d.OfProject() || slices.Contains(v.Dims(), d.column())
}

// at is the dimension's place in the keys of a view, whose kept tag keys are sorted; -1 where they have it not.
func (d Dimension) at(v document.View, tagKeys []string) int {
	key, ok := d.TagKey()
	if !ok {
		return slices.Index(v.Dims(), d.column())
	}
	if i, found := slices.BinarySearch(tagKeys, key); found && v == document.Tags {
		return len(v.Dims()) + i
	}
	return -1
}

// column is the text column of the dimension, focus.NumDims where it is none.
func (d Dimension) column() focus.Dim {
	for _, c := range columns {
		if c.name == d {
			return c.dim
		}
	}
	return focus.NumDims
}

// MetricNames lists the metrics in the order of focus.Metric.
func MetricNames() (all []string) {
	for m := range focus.NumMetrics {
		all = append(all, MetricName(m))
	}
	return all
}

// parseMetric reads a metric's name.
func parseMetric(s string) (focus.Metric, error) {
	if i := slices.Index(MetricNames(), s); i >= 0 {
		return focus.Metric(i), nil
	}
	return 0, fmt.Errorf("metrics are %s", strings.Join(MetricNames(), ", "))
}
