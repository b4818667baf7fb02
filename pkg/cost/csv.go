package cost

import (
	"bytes"
	"io"
	"slices"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/money"
	"github.com/tenantry/tenantry/pkg/route"
)

// maxCSV bounds a CSV answer, in bytes: what a function can give at once.
const maxCSV = 5 << 20

// CSV writes the answer to a question as RFC 4180: a header; then one line for each group, or for each of its points; and
// no line of totals. The columns are the dimensions grouped by, the date (unless granularity is total), the amount under
// the metric's name, the currency, where the question says top, other and, where it groups by project, projectName. Null is empty. A text that a spreadsheet would
// take for a formula has an apostrophe before it. The error is fault.Invalid for more than 5 MB, before anything is written.
func (a *Answer) CSV(w io.Writer, q *Question) error {
	var b bytes.Buffer
	var cells []string
	for _, d := range q.GroupBy {
		cells = append(cells, route.Harmless(string(d)))
	}
	if q.Granularity != Total {
		cells = append(cells, "date")
	}
	cells = append(cells, a.Metric, "currency")
	if q.Top > 0 {
		cells = append(cells, "other")
	}
	if slices.Contains(q.GroupBy, ByProject) {
		cells = append(cells, "projectName")
	}
	route.WriteRecord(&b, cells)
	for i := range a.Groups {
		a.writeGroup(&b, q, &a.Groups[i])
		if b.Len() > maxCSV {
			return fault.New(fault.Invalid, "The CSV would be over 5 MB. Filter more, say top=, or page through the JSON answer.")
		}
	}
	_, err := w.Write(b.Bytes())
	return err
}

func (a *Answer) writeGroup(b *bytes.Buffer, q *Question, g *Group) {
	var key []string
	for _, d := range q.GroupBy {
		value := ""
		if v := g.Key[string(d)]; v != nil {
			value = route.Harmless(*v)
		}
		key = append(key, value)
	}
	line := func(cells ...string) {
		cells = append(append(key[:len(key):len(key)], cells...), a.Currency)
		if q.Top > 0 {
			cells = append(cells, map[bool]string{true: "true"}[g.Other])
		}
		if slices.Contains(q.GroupBy, ByProject) {
			cells = append(cells, a.projectName(g))
		}
		route.WriteRecord(b, cells)
	}
	if q.Granularity == Total {
		line(text(g.Total))
		return
	}
	for _, p := range g.Points {
		line(p.Date.String(), text(p.Amount))
	}
}

// projectName is that of the project in a group's key, "" where it has none.
func (a *Answer) projectName(g *Group) string {
	id := g.Key[string(ByProject)]
	if id == nil || g.Other {
		return ""
	}
	return route.Harmless(a.Names[string(ByProject)][*id])
}

// text writes an amount that may be null.
func text(a *money.Amount) string {
	if a == nil {
		return ""
	}
	return a.String()
}
