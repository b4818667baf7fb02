package cost_test

import (
	"cmp"
	"context"
	"crypto/rand"
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cost"
	"github.com/tenantry/tenantry/pkg/cost/document"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/money"
	"github.com/tenantry/tenantry/pkg/project"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/bolt"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// charge is one line of costs in plain texts; "" is null.
type charge struct {
	project tenant.ProjectID
	source  string
	billing calendar.Month
	day     calendar.Day
	dims    [focus.NumDims]string
	tags    map[string]string
	amounts [focus.NumMetrics]string
}

func (c *charge) unit() string {
	return cost.Unit(c.dims[focus.BillingAccountID], c.dims[focus.SubAccountID])
}

// batch is a source's lines of a billing period.
type batch struct {
	source string
	period calendar.Month
}

// ledger is what a tenant holds, and how it is written.
type ledger struct {
	projects []project.Project
	charges  []charge
	shadowed map[batch][]string
	aside    map[batch]bool
	tagKeys  func(batch) []string            // none where nil
	noYear   func(source string, y int) bool // whose year documents are marked missing; none where nil
	final    bool
	names    map[string]string // of accounts and regions
	open     time.Time         // asOf
	views    []document.View   // all where nil
	gen      string            // of what counts; "01" where ""
}

// loading is a generation that does not count yet.
const loading = "99"

// write stores the ledger as the tenant of the scope.
func (l *ledger) write(t require.TestingT, s *store.Store, scope *tenant.Scope) {
	handle, err := s.Tenant(scope)
	require.NoError(t, err)
	w := &writer{ledger: l, t: t, gen: cmp.Or(l.gen, "01")}
	for _, b := range w.batches() {
		w.head.Periods = append(w.head.Periods, cost.HeadPeriod{Source: b.source, Period: b.period, Gen: w.gen, Shadowed: l.shadowed[b], Aside: l.aside[b]})
		if y := (cost.HeadYear{Source: b.source, Year: b.period.Year(), Gen: w.gen}); !slices.Contains(w.head.Years, y) {
			w.head.Years = append(w.head.Years, y)
		}
	}
	views := l.views
	if views == nil {
		views = document.Views
	}
	ids := []tenant.ProjectID{tenant.Unassigned}
	for _, p := range l.projects {
		ids = append(ids, p.ID)
	}
	for _, p := range ids {
		for _, v := range views {
			w.index(p, v)
		}
	}
	w.put(store.Roster(), project.Roster{Projects: l.projects})
	w.pack(store.Head(), w.head)
	require.NoError(t, handle.Load(context.Background(), w.changes))
}

type writer struct {
	*ledger
	t       require.TestingT
	gen     string
	head    cost.Head
	changes []store.Change
}

func (w *writer) put(k store.Key, v any) {
	w.changes = append(w.changes, store.Change{Key: k, Value: v})
}

func (w *writer) pack(k store.Key, v any) {
	packed, err := cost.Pack(v)
	require.NoError(w.t, err)
	w.put(k, packed)
}

func (w *writer) batches() []batch {
	all := map[batch]bool{}
	for _, c := range w.charges {
		all[batch{c.source, c.billing}] = true
	}
	return slices.SortedFunc(maps.Keys(all), func(a, b batch) int {
		return cmp.Or(cmp.Compare(a.source, b.source), cmp.Compare(a.period, b.period))
	})
}

// index writes one project's documents of a view and the index of them.
func (w *writer) index(p tenant.ProjectID, v document.View) {
	var x cost.Index
	for _, b := range w.batches() {
		e := cost.Entry{Source: b.source, Period: b.period}
		w.entry(p, v, &e, w.keys(b), func(c *charge) bool { return c.source == b.source && c.billing == b.period })
		x.Entries = append(x.Entries, e)
	}
	for _, y := range w.head.Years {
		if !cost.Yearly(v) {
			break
		}
		e := cost.Entry{Source: y.Source, Year: y.Year}
		keys, same := w.yearKeys(y)
		if !same || w.noYear != nil && w.noYear(y.Source, y.Year) {
			e.Versions = []cost.Version{{Gen: w.gen, Missing: true}}
		} else {
			w.entry(p, v, &e, keys, func(c *charge) bool { return c.source == y.Source && c.billing.Year() == y.Year })
		}
		x.Entries = append(x.Entries, e)
	}
	slices.SortFunc(x.Entries, func(a, b cost.Entry) int {
		return cmp.Or(cmp.Compare(a.Source, b.Source), cmp.Compare(a.Year, b.Year), cmp.Compare(a.Period, b.Period))
	})
	w.pack(store.Index(p, string(v)), x)
}

func (w *writer) keys(b batch) []string {
	if w.tagKeys == nil {
		return nil
	}
	return w.tagKeys(b)
}

func (w *writer) yearKeys(y cost.HeadYear) (keys []string, same bool) {
	first := true
	for _, b := range w.batches() {
		if b.source != y.Source || b.period.Year() != y.Year {
			continue
		}
		if !first && !slices.Equal(keys, w.keys(b)) {
			return nil, false
		}
		keys, first = w.keys(b), false
	}
	return keys, true
}

// entry writes the documents of the project's charges that are of the entry, and a version that does not count yet.
func (w *writer) entry(p tenant.ProjectID, v document.View, e *cost.Entry, tagKeys []string, of func(*charge) bool) {
	n := cost.Version{Gen: w.gen, AsOf: w.open.Unix(), Final: w.final}
	if v == document.Tags {
		n.TagKeys = tagKeys
	}
	var charges []*charge
	for i := range w.charges {
		if c := &w.charges[i]; c.project == p && of(c) {
			if n.Lines++; n.Lines == 1 {
				n.First, n.Last = c.day, c.day
			}
			n.First, n.Last = min(n.First, c.day), max(n.Last, c.day)
			if cur := c.dims[focus.BillingCurrency]; !slices.Contains(n.Currencies, cur) {
				n.Currencies = append(n.Currencies, cur)
				slices.Sort(n.Currencies)
			}
			charges = append(charges, c)
		}
	}
	for i := range w.charges {
		if c := &w.charges[i]; of(c) && slices.ContainsFunc(charges, func(own *charge) bool {
			return own.dims[focus.BillingAccountID] == c.dims[focus.BillingAccountID]
		}) {
			n.Through = max(n.Through, c.day)
		}
	}
	for _, m := range v.Metrics() {
		if len(charges) > 0 {
			n.Docs = append(n.Docs, w.document(p, v, e, n, charges, m))
		}
	}
	e.Versions = []cost.Version{n, {Gen: loading}}
}

func (w *writer) document(p tenant.ProjectID, v document.View, e *cost.Entry, n cost.Version, charges []*charge, m focus.Metric) cost.Doc {
	dims := v.Dims()
	for range n.TagKeys {
		dims = append(dims, focus.Tags)
	}
	var parts [][]byte
	enc := document.NewEncoder(dims, func(_ focus.Dim, id string) string { return w.names[id] }, func(part []byte) error {
		parts = append(parts, slices.Clone(part))
		return nil
	})
	for _, r := range rowsOf(w.t, charges, v, n.TagKeys, e.Year != 0 || !v.Daily(), m) {
		require.NoError(w.t, enc.Append(r))
	}
	s, err := enc.Close()
	require.NoError(w.t, err)
	d := cost.Doc{Metric: m, Of: m, Gen: w.gen, Parts: s.Parts, Bytes: s.Bytes, Nulls: s.Nulls, Hash: s.Hash}
	for i := range n.Docs {
		if n.Docs[i].Hash == d.Hash {
			d.Of, d.Gen = n.Docs[i].Of, n.Docs[i].Gen
			return d
		}
	}
	for i, key := range cost.PartKeys(p, v, e, &d) {
		w.put(key, cost.Stored(parts[i]))
	}
	return d
}

// rowsOf adds charges up to the rows of one metric's document.
func rowsOf(t require.TestingT, charges []*charge, v document.View, tagKeys []string, monthly bool, m focus.Metric) []document.Row {
	cells := map[string]map[document.Col]document.Cell{}
	for _, c := range charges {
		var texts []string
		for _, d := range v.Dims() {
			texts = append(texts, c.dims[d])
		}
		for _, k := range tagKeys {
			texts = append(texts, c.tags[k])
		}
		key, col := strings.Join(texts, "\x00"), document.Col{Billing: c.billing, Day: c.day}
		if monthly {
			col.Day = c.day.Month().First()
		}
		if cells[key] == nil {
			cells[key] = map[document.Col]document.Cell{}
		}
		cell := cells[key][col]
		cell.Col = col
		if a := c.amounts[m]; a == "" {
			cell.Nulls++
		} else {
			sum, err := cell.Amount.Add(money.MustParse(a))
			require.NoError(t, err)
			cell.Amount, cell.Valid = sum, true
		}
		cells[key][col] = cell
	}
	var rows []document.Row
	for _, key := range slices.Sorted(maps.Keys(cells)) {
		rows = append(rows, document.Row{Key: []byte(key), Cells: slices.SortedFunc(maps.Values(cells[key]),
			func(a, b document.Cell) int { return a.Col.Compare(b.Col) })})
	}
	return rows
}

// newStore is an empty store that lives as long as the test.
func newStore(t *testing.T) *store.Store {
	e, err := bolt.Open(filepath.Join(t.TempDir(), "store"), bolt.Options{NoSync: true})
	require.NoError(t, err)
	t.Cleanup(func() { require.NoError(t, e.Close()) })
	return store.New(e)
}

func newScope(t require.TestingT, only ...tenant.ProjectID) *tenant.Scope {
	id, err := tenant.NewID(time.Unix(1_750_000_000, 0), rand.Reader)
	require.NoError(t, err)
	return scopeOf(t, id, only...)
}

func scopeOf(t require.TestingT, id tenant.ID, only ...tenant.ProjectID) *tenant.Scope {
	s, err := tenant.Authorize(tenant.Principal{Subject: "alice"}, tenant.Membership{Tenant: id, Role: tenant.Viewer, Projects: only}, tenant.Standing{}, tenant.ReadCost)
	require.NoError(t, err)
	return s
}
