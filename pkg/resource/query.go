package resource

import (
	"fmt"
	"slices"
	"strings"

	"github.com/tenantry/tenantry/pkg/filter"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Dimension is what resources are filtered by: one of Dimensions, or tag:<key>, the key unescaped.
type Dimension string

// The dimensions. Those of none of a sheet's columns come last.
const (
	byType    Dimension = "type"
	byRegion  Dimension = "region"
	byState   Dimension = "state"
	byClass   Dimension = "class"
	byName    Dimension = "name"
	byARN     Dimension = "arn"
	byAccount Dimension = "account"
	byProject Dimension = "project"
	byGone    Dimension = "gone"
	byText    Dimension = "text"
)

const tagPrefix = "tag:"

// Dimensions lists those without a key.
var Dimensions = []Dimension{byType, byRegion, byAccount, byProject, byState, byClass, byName, byARN, byGone, byText}

// Filter keeps resources, in the grammar of the filters of costs.
type Filter = filter.Filter[Dimension]

// ParseFilter reads a filter.
func ParseFilter(s string) (Filter, error) {
	f, err := filter.Parse(s, parseDimension, tagPrefix)
	if err != nil {
		return Filter{}, err
	}
	if f.Dimension == byGone && slices.ContainsFunc(f.Values, func(v string) bool { return v != "true" && v != "false" }) {
		return Filter{}, fmt.Errorf("gone is true or false, or both: gone:true,false")
	}
	if f.Dimension == byProject && slices.ContainsFunc(f.Values, func(v string) bool { _, err := tenant.ParseProjectID(v); return err != nil }) {
		return Filter{}, fmt.Errorf("project is the ID of a project, prj_ and 26 characters, or unassigned: GET projects tells the IDs")
	}
	if f.Dimension == byText && slices.Contains(f.Values, "") {
		return Filter{}, fmt.Errorf("text asks for something to look for, as text:web")
	}
	return f, nil
}

func parseDimension(s string) (Dimension, error) {
	if key, ok := strings.CutPrefix(s, tagPrefix); ok {
		if key == "" {
			return "", fmt.Errorf("tag: asks for a key, as tag:environment")
		}
		return Dimension(s), nil
	}
	if slices.Contains(Dimensions, Dimension(s)) {
		return Dimension(s), nil
	}
	names := make([]string, len(Dimensions))
	for i, d := range Dimensions {
		names[i] = string(d)
	}
	return "", fmt.Errorf("there is no such dimension; there are: %s, tag:<key>", strings.Join(names, ", "))
}

// Query asks for resources. The zero Query asks for all that are not gone.
type Query struct {
	Filters []Filter
	Sort    string // one of Sorts, with - before it for the highest first; "" for the name
}

// Sorts lists what resources can be sorted by.
var Sorts = []string{"name", "arn", "type", "region", "accountId", "projectId", "state", "class", "createdAt", "firstSeenAt", "lastSeenAt", "goneAt"}

// gone tells whether the query says itself whether it asks for what is gone.
func (q *Query) gone() bool {
	return slices.ContainsFunc(q.Filters, func(f Filter) bool { return f.Dimension == byGone })
}

// keeps tells whether filters on a dimension, which says nothing of single resources, keep a value.
func (q *Query) keeps(d Dimension, value string) bool {
	return !slices.ContainsFunc(q.Filters, func(f Filter) bool { return f.Dimension == d && !f.Keeps(value) })
}

// block is a sheet and whose it is.
type block struct {
	*sheet
	of   *account
	from *holding
}

// test tells of a resource of a block whether it passes.
type test func(i int) bool

// tests gives what the resources of a block must pass.
func (q *Query) tests(b block) (all []test) {
	for _, f := range q.Filters {
		switch f.Dimension {
		case byAccount, byProject: // of whole blocks
		case byType:
			all = append(all, b.column(f, b.Type))
		case byRegion:
			all = append(all, b.column(f, b.Region))
		case byState:
			all = append(all, b.column(f, b.State))
		case byClass:
			all = append(all, b.column(f, b.Class))
		case byName:
			all = append(all, func(i int) bool { return f.Keeps(b.name(i)) })
		case byARN:
			all = append(all, func(i int) bool { return f.Keeps(b.arn(i)) })
		case byGone:
			all = append(all, func(i int) bool { return f.Keeps(fmt.Sprint(b.Gone[i] != 0)) })
		case byText:
			all = append(all, b.text(f))
		default:
			all = append(all, b.tag(f))
		}
	}
	if !q.gone() {
		all = append(all, func(i int) bool { return b.Gone[i] == 0 })
	}
	return all
}

// column tests what a column points at, each text once.
func (b block) column(f Filter, column []int32) test {
	keeps := make([]bool, len(b.Texts))
	for i, text := range b.Texts {
		keeps[i] = f.Keeps(text)
	}
	return func(i int) bool { return keeps[column[i]] }
}

// tag tests a tag, each set of tags once; none is as good as an empty one.
func (b block) tag(f Filter) test {
	key := strings.TrimPrefix(string(f.Dimension), tagPrefix)
	keeps := make([]bool, len(b.Sets))
	for i, set := range b.Sets {
		value := ""
		for _, p := range set {
			if pair := b.Pairs[p]; b.Texts[pair[0]] == key {
				value = b.Texts[pair[1]]
			}
		}
		keeps[i] = f.Keeps(value)
	}
	return func(i int) bool {
		if b.Tags[i]%2 == 1 && key == "Name" {
			return f.Keeps(b.name(i))
		}
		return keeps[b.Tags[i]/2]
	}
}

// text tests whether some text is in the name, the ARN, or a key or value of a tag, whatever the case.
func (b block) text(f Filter) test {
	wanted := make([]string, len(f.Values))
	for i, v := range f.Values {
		wanted[i] = strings.ToLower(v)
	}
	has := func(s string) bool {
		s = strings.ToLower(s)
		return slices.ContainsFunc(wanted, func(w string) bool { return strings.Contains(s, w) })
	}
	texts := make([]bool, len(b.Texts))
	for i, text := range b.Texts {
		texts[i] = has(text)
	}
	sets := make([]bool, len(b.Sets))
	for i, set := range b.Sets {
		sets[i] = slices.ContainsFunc(set, func(p int32) bool { return texts[b.Pairs[p][0]] || texts[b.Pairs[p][1]] })
	}
	return func(i int) bool { return (sets[b.Tags[i]/2] || has(b.name(i)) || has(b.arn(i))) != f.Not }
}

// sorted gives the text by which a resource of a block is sorted.
func (b block) sorted(by string) func(i int) string {
	column := func(c []int32) func(int) string { return func(i int) string { return b.Texts[c[i]] } }
	when := func(c []int64) func(int) string { return func(i int) string { return fmt.Sprintf("%020d", c[i]) } }
	switch strings.TrimPrefix(by, "-") {
	case "arn":
		return b.arn
	case "type":
		return column(b.Type)
	case "region":
		return column(b.Region)
	case "accountId":
		return func(int) string { return b.of.ID }
	case "projectId":
		return func(int) string { return string(b.from.Project) }
	case "state":
		return column(b.State)
	case "class":
		return column(b.Class)
	case "createdAt":
		return when(b.Created)
	case "firstSeenAt":
		return when(b.First)
	case "lastSeenAt":
		return when(b.Last)
	case "goneAt":
		return when(b.Gone)
	}
	return b.name
}
