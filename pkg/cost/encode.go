package cost

import (
	"cmp"
	"slices"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cost/document"
	"github.com/tenantry/tenantry/pkg/focus"
)

// encoded is a document in the spool that is yet to be loaded, or, without parts, one that is stored already.
type encoded struct {
	Doc
	parts []extent
}

// encoding writes the documents of one project, view and period or year into the spool.
type encoding struct {
	spool      *spool
	dims       []focus.Dim
	names      document.Names
	gen        string
	old        *Version // what counted before; nil for nothing
	docs       []encoded
	currencies []string
	days       [2]calendar.Day // first and last column
}

// write encodes the documents of some metrics from rows of all of them.
func (e *encoding) write(metrics []focus.Metric, in lines) error {
	parts := make([][]extent, len(metrics))
	emits := make([]func([]byte) error, len(metrics))
	for i := range emits {
		emits[i] = func(part []byte) error {
			x, err := e.spool.add(part)
			parts[i] = append(parts[i], x)
			return err
		}
	}
	enc := document.NewEncoder(e.dims, e.names, emits...)
	for l, err := range in {
		if err != nil {
			return err
		}
		if c := currency(l.key); len(e.currencies) == 0 || e.currencies[len(e.currencies)-1] != string(c) {
			e.currencies = append(e.currencies, string(c))
		}
		if err := enc.AppendAll(l.key, l.cells); err != nil {
			return err
		}
	}
	sums, err := enc.CloseAll()
	if err != nil {
		return err
	}
	for i, s := range sums {
		if s.Keys > 0 {
			e.add(metrics[i], s, parts[i])
		}
	}
	slices.SortStableFunc(e.docs, func(a, b encoded) int { return cmp.Compare(a.Metric, b.Metric) })
	return nil
}

// add notes a document. One that equals what is stored, or another metric's, is forgotten and pointed at instead.
func (e *encoding) add(m focus.Metric, s document.Summary, parts []extent) {
	e.days = [2]calendar.Day{s.First, s.Last}
	d := encoded{Doc{Metric: m, Of: m, Gen: e.gen, Parts: s.Parts, Bytes: s.Bytes, Nulls: s.Nulls, Hash: s.Hash}, parts}
	if same := e.find(d.Doc); same != nil {
		d = encoded{Doc: *same}
		d.Metric = m
	}
	e.docs = append(e.docs, d)
}

// find gives a document of the same content, stored or just encoded: under the same metric first.
func (e *encoding) find(d Doc) *Doc {
	if e.old != nil {
		if o := e.old.Doc(d.Metric); o != nil && o.Hash == d.Hash {
			return o
		}
	}
	for i := range e.docs {
		if e.docs[i].Hash == d.Hash {
			return &e.docs[i].Doc
		}
	}
	return nil
}
