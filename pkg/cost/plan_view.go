package cost

import (
	"fmt"
	"math"
	"slices"
	"strings"

	"github.com/tenantry/tenantry/pkg/cost/document"
	"github.com/tenantry/tenantry/pkg/fault"
)

// want is something a question needs of a view, and the parameter that asks for it.
type want struct {
	what, at string
	weight   int // how far a view without it is from the question: whole months would still do for days
}

// wants gives what a view has not of what the question needs.
func (q *Question) wants(v document.View) (all []want) {
	dims, at := q.dimensions()
	for i, d := range dims {
		if !d.In(v) {
			all = append(all, want{string(d), at[i], 2})
		}
	}
	if !slices.Contains(v.Metrics(), q.Metric) {
		all = append(all, want{MetricName(q.Metric), "query.metric", 2})
	}
	if !v.Daily() && q.Granularity == Daily {
		all = append(all, want{"single days", "query.granularity", 1})
	} else if !v.Daily() && !q.wholeMonths() {
		all = append(all, want{"parts of a month", "query.start", 1})
	}
	return all
}

// view gives the smallest view that has all the question needs. Where there is none the error names, for each project,
// the views that have the most of it.
func (q *Question) view(subjects []subject) (document.View, error) {
	var without []string
	least, at := math.MaxInt, ""
	for _, v := range document.Views {
		wants := q.wants(v)
		if len(wants) == 0 {
			return v, nil
		}
		far := 0
		for _, w := range wants {
			far += w.weight
		}
		if far < least {
			least, at, without = far, wants[0].at, nil
		}
		if far == least {
			without = append(without, fmt.Sprintf("%s, which is without %s", v, names(wants)))
		}
	}
	message := "no view keeps all of this together; the nearest are " + strings.Join(without, "; and ")
	f := fault.New(fault.Invalid, "No view keeps all that the question asks for. Leave out what the nearest views are without, or ask twice. "+
		"GET dimensions lists what each view has.")
	if len(subjects) == 0 {
		return "", f.At(at, message, "")
	}
	for i := range subjects {
		f.At(at, subjects[i].String()+": "+message, "")
	}
	return "", f
}

func names(all []want) string {
	var b []string
	for _, w := range all {
		b = append(b, w.what)
	}
	return strings.Join(b, ", ")
}

// refusal says, for each project, which tag keys some of its costs are without; nil where none are.
func (p *plan) refusal() error {
	if len(p.lacking) == 0 {
		return nil
	}
	dims, at := p.q.dimensions()
	f := fault.New(fault.Invalid, "Not all costs of the range have these tag keys. Keep them with PUT tag-keys: what was delivered is then read again, "+
		"which GET tag-keys tells as rebuilding. Or say allowPartial=true to be answered without them.")
	if slices.ContainsFunc(p.lacking, func(l lacking) bool { return strings.HasPrefix(l.source, "ce:") }) {
		f.Message += " Cost Explorer gives costs by one tag key at a time, and those of a key that is kept with the next weekly collection: ask by one key alone, " +
			"and exactly as it is kept."
	}
	for _, group := range groupLacking(p.lacking) {
		first, last := group[0], group[len(group)-1]
		periods := first.period.String()
		if last.period != first.period {
			periods += " to " + last.period.String()
		}
		place := at[slices.Index(dims, Dimension(TagPrefix+first.keys[0]))]
		f.At(place, fmt.Sprintf("%s: %s of %s: the nearest view is tags, %s", &p.subjects[first.subject], first.source, periods, first), "")
	}
	return f
}

// groupLacking gathers successive periods of one project and source that lack the same.
func groupLacking(all []lacking) (groups [][]lacking) {
	for i, l := range all {
		if i > 0 {
			b := all[i-1]
			if b.subject == l.subject && b.source == l.source && slices.Equal(b.keys, l.keys) && slices.Equal(b.kept, l.kept) {
				groups[len(groups)-1] = append(groups[len(groups)-1], l)
				continue
			}
		}
		groups = append(groups, []lacking{l})
	}
	return groups
}

// String says what is lacking.
func (l lacking) String() string {
	kept := "which has no tag keys"
	if len(l.kept) > 0 {
		kept = "which has " + strings.Join(l.kept, ", ")
	}
	return kept + " and is without tag:" + strings.Join(l.keys, ", tag:")
}
