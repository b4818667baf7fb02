package cost

import (
	"iter"
	"slices"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cost/document"
	"github.com/tenantry/tenantry/pkg/cost/rollup"
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
	days       [2]calendar.Day // first and last column of BilledCost
}

// metric is one document being written.
func (e *encoding) metric(m focus.Metric) *metricEncoder {
	w := &metricEncoder{owner: e, metric: m}
	w.enc = document.NewEncoder(e.dims, e.names, func(part []byte) error {
		x, err := e.spool.add(part)
		w.parts = append(w.parts, x)
		return err
	})
	return w
}

type metricEncoder struct {
	owner  *encoding
	metric focus.Metric
	enc    *document.Encoder
	parts  []extent
	kept   *head // rows of the old document that stay; nil for none
	cells  []document.Cell
	either []document.Cell
}

// append adds a row, and before and into it what is kept of the old document.
func (w *metricEncoder) append(r document.Row) error {
	for w.kept != nil && w.kept.ok {
		if w.kept.err != nil {
			return w.kept.err
		}
		c := slices.Compare(w.kept.row.Key, r.Key)
		if c > 0 {
			break
		}
		if c == 0 {
			var err error
			if w.either, err = addRows(w.either[:0], r.Cells, w.kept.row.Cells); err != nil {
				return err
			}
			r.Cells = w.either
			w.kept.advance()
			break
		}
		if err := w.write(w.kept.row); err != nil {
			return err
		}
		w.kept.advance()
	}
	return w.write(r)
}

func (w *metricEncoder) write(r document.Row) error {
	e := w.owner
	if w.metric == focus.BilledCost {
		if c := currency(r.Key); len(e.currencies) == 0 || e.currencies[len(e.currencies)-1] != string(c) {
			e.currencies = append(e.currencies, string(c))
		}
	}
	return w.enc.Append(r)
}

// rollup adds one metric of a row of new lines.
func (w *metricEncoder) rollup(r rollup.Row) error {
	w.cells = w.cells[:0]
	for i := range r.Cells {
		c := &r.Cells[i]
		w.cells = append(w.cells, document.Cell{Col: c.Col, Amount: c.Sums[w.metric], Nulls: c.Nulls[w.metric],
			Valid: c.Nulls[w.metric] < c.Lines})
	}
	return w.append(document.Row{Key: r.Key, Cells: w.cells})
}

// close ends the document. One that equals what is stored, or another metric's, is forgotten and pointed at instead.
func (w *metricEncoder) close() error {
	if w.kept != nil {
		for ; w.kept.ok; w.kept.advance() {
			if w.kept.err != nil {
				return w.kept.err
			}
			if err := w.write(w.kept.row); err != nil {
				return err
			}
		}
		w.kept.stop()
	}
	s, err := w.enc.Close()
	if err != nil || s.Keys == 0 {
		return err
	}
	e := w.owner
	if w.metric == focus.BilledCost {
		e.days = [2]calendar.Day{s.First, s.Last}
	}
	d := encoded{Doc{Metric: w.metric, Of: w.metric, Gen: e.gen, Parts: s.Parts, Bytes: s.Bytes, Nulls: s.Nulls, Hash: s.Hash}, w.parts}
	if same := e.find(d.Doc); same != nil {
		d = encoded{Doc: *same}
		d.Metric = w.metric
	}
	e.docs = append(e.docs, d)
	return nil
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

// all encodes every metric of a view from rows of new lines, joined with what is kept of the old documents.
func (e *encoding) all(v document.View, lines iter.Seq2[rollup.Row, error], kept func(focus.Metric) rows) error {
	var ws []*metricEncoder
	for _, m := range v.Metrics() {
		w := e.metric(m)
		if in := kept(m); in != nil {
			w.kept = newHead(in)
			defer w.kept.stop()
		}
		ws = append(ws, w)
	}
	for r, err := range lines {
		if err != nil {
			return err
		}
		for _, w := range ws {
			if err := w.rollup(r); err != nil {
				return err
			}
		}
	}
	for _, w := range ws {
		if err := w.close(); err != nil {
			return err
		}
	}
	return nil
}

// one encodes a single metric from ready rows.
func (e *encoding) one(m focus.Metric, in rows) error {
	w := e.metric(m)
	for r, err := range in {
		if err != nil {
			return err
		}
		if err := w.write(r); err != nil {
			return err
		}
	}
	return w.close()
}
