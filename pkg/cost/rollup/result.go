package rollup

import (
	"bytes"
	"cmp"
	"iter"
	"slices"
	"strings"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cost/document"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/focus"
)

// Group is what the rows of one project, view and billing period have in common.
type Group struct {
	Project string
	View    document.View
	Billing calendar.Month
}

// Result is what was added up. It does not depend on the order of the lines. It holds until Builder.Close and is not
// safe for concurrent use.
type Result struct {
	spool    *spool
	segments map[group][]segment
	projects []string
	tallies  []Tally
	names    *names
	lines    int64
	some     bool // not all views were wanted
	cursors  []*cursor
}

// Each calls f for each group in ascending order of project, position of the view in document.Views and billing period,
// until f fails. Rows come in ascending order of their keys; a row's memory is valid until the next. Not all of them
// need be taken.
func (r *Result) Each(f func(Group, iter.Seq2[Row, error]) error) error {
	for _, g := range r.groups() {
		rows := r.rows(g)
		if g.view == serviceView {
			rows = fold(r.rows(group{g.project, usageView, g.billing}), len(document.Usage.Dims())-len(document.Service.Dims()))
		}
		if err := f(Group{r.projects[g.project], document.Views[g.view], g.billing}, rows); err != nil {
			return err
		}
	}
	return nil
}

// groups are those that have segments, and the service view's, whose rows are made of the usage view's.
func (r *Result) groups() []group {
	var all []group
	for g := range r.segments {
		all = append(all, g)
		if g.view == usageView && !r.some {
			g.view = serviceView
			all = append(all, g)
		}
	}
	slices.SortFunc(all, func(a, b group) int {
		return cmp.Or(strings.Compare(r.projects[a.project], r.projects[b.project]), cmp.Compare(a.view, b.view),
			cmp.Compare(a.billing, b.billing))
	})
	return all
}

func (r *Result) rows(g group) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		cursors, err := r.open(r.segments[g])
		if err != nil {
			yield(Row{}, err)
			return
		}
		newMerger(cursors).rows(document.Col{Billing: g.billing, Day: g.billing.First()}, yield)
	}
}

// fold adds up rows whose keys differ in the last n texts only.
func fold(rows iter.Seq2[Row, error], n int) iter.Seq2[Row, error] {
	return func(yield func(Row, error) bool) {
		var sum Row
		for row, err := range rows {
			if err != nil {
				yield(Row{}, err)
				return
			}
			key := row.Key
			for range n {
				key = key[:bytes.LastIndexByte(key, 0)]
			}
			if !bytes.Equal(key, sum.Key) {
				if len(sum.Cells) > 0 && !yield(sum, nil) {
					return
				}
				sum.Key, sum.Cells = append(sum.Key[:0], key...), sum.Cells[:0]
			}
			for i := range row.Cells {
				if err := sum.add(&row.Cells[i]); err != nil {
					yield(Row{}, err)
					return
				}
			}
		}
		if len(sum.Cells) > 0 {
			yield(sum, nil)
		}
	}
}

// open gives cursors at the first rows of the segments. All cursors together have 8 MiB of buffers, or 4 KiB each.
func (r *Result) open(segments []segment) ([]*cursor, error) {
	size := max(4<<10, min(block, (8<<20)/len(segments)))
	for i, s := range segments {
		if i == len(r.cursors) {
			r.cursors = append(r.cursors, new(cursor))
		}
		if err := r.cursors[i].open(r.spool, s, size); err != nil {
			return nil, err
		}
	}
	return r.cursors[:len(segments)], nil
}

// Tallies are the control totals, added up from the lines apart from the cells, ascending by their texts and periods.
func (r *Result) Tallies() []Tally { return r.tallies }

// Name is the display name of a sub-account, billing account or region: the one seen on the latest charge day, of
// several the greatest; "" where there was none, and for other dimensions.
func (r *Result) Name(dim focus.Dim, id string) string { return r.names.of(dim, id) }

// Lines is how many lines were added up.
func (r *Result) Lines() int64 { return r.lines }

func unreadable(err error) error {
	return fault.Wrap(err, fault.Unavailable, "the temporary files of this import cannot be read: it can be tried again")
}
