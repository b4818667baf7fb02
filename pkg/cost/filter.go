package cost

import "github.com/tenantry/tenantry/pkg/filter"

// Bounds of a question's filters together.
const (
	MaxFilters     = filter.Max
	MaxFilterBytes = filter.MaxBytes
	MaxValues      = filter.MaxValues
)

// Filter keeps the lines whose dimension has one of the values, or with Not those that have none of them.
type Filter = filter.Filter[Dimension]

// ParseFilter reads a filter of the grammar of pkg/filter. The key of tag:<key> and label:<key> ends at the next plain colon.
func ParseFilter(s string) (Filter, error) {
	return filter.Parse(s, ParseDimension, TagPrefix, LabelPrefix)
}
