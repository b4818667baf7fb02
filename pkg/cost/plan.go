package cost

import (
	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cost/document"
	"github.com/tenantry/tenantry/pkg/project"
	"github.com/tenantry/tenantry/pkg/store"
)

// plan says which documents answer a question, and how well what is there covers it.
type plan struct {
	q        *Question
	view     document.View
	whole    span // the days that may be answered by months: none where single days are asked for
	head     *Head
	subjects []subject
	reads    []read
	held     []held
	lacking  []lacking
	differs  map[monthOf][]*HeadDiffer
	links    []link // the tenant's connections, where some month is held by nothing
	roster   []project.Project
	part     bool // of the tenant's projects, be it that the caller sees no more or that the question leaves some out
	limited  bool // the caller sees no more

	asOf       int64 // unix seconds of the youngest delivery; 0 where nothing is held
	estimated  bool
	open       bool // something is not final
	currencies []string
}

// read is a document to be read. Of the days asked for it answers those of whole months, those at the edges, or both.
type read struct {
	subject      int
	entry        *Entry
	version      *Version
	doc          *Doc
	whole, edges bool
}

// held is a billing period that a project holds costs of, delivered through a last charge day.
type held struct {
	subject int
	period  calendar.Month
	through calendar.Day
	aside   string // the source, where others count all that it holds of the period; else ""
}

// lacking is a billing period of a source whose documents have not all tag keys that are asked for.
type lacking struct {
	subject int
	source  string
	period  calendar.Month
	kept    []string
	keys    []string
}

// counted is an entry of an index and the version of it that counts.
type counted struct {
	entry   *Entry
	version *Version
}

// newPlan chooses the documents. torn says that head and indexes are not of one moment, and must be read again.
func newPlan(q *Question, v document.View, h *Head, subjects []subject) (p *plan, torn bool) {
	p = &plan{q: q, view: v, head: h, subjects: subjects, whole: q.whole(), differs: map[monthOf][]*HeadDiffer{}}
	for i := range subjects {
		if !p.addSubject(i) {
			return nil, true
		}
	}
	return p, false
}

// addSubject chooses one project's documents; false where its index and head are not of one moment.
func (p *plan) addSubject(n int) bool {
	var asked []counted
	index := &p.subjects[n].index
	passed := p.passed(index)
	for i := range index.Entries {
		e := &index.Entries[i]
		if passed[e] {
			continue
		}
		v, torn := e.At(p.head)
		if torn {
			return false
		}
		if e.Year != 0 || v == nil || len(v.Docs) == 0 {
			continue
		}
		through := v.Through
		if v.Final { // the caller says that nothing more will come
			through = max(through, e.Period.Last())
		}
		aside := ""
		if p.head.aside(e.Source, e.Period) {
			aside = e.Source
		}
		p.held = append(p.held, held{n, e.Period, through, aside})
		if c := (counted{e, v}); p.asks(c) && p.answers(n, c) {
			if all := p.head.differing(e.Source, e.Period); len(all) > 0 && aside == "" {
				at := monthOf{n, e.Period}
				p.differs[at] = append(p.differs[at], all...)
			}
			asked = append(asked, c)
		}
	}
	for len(asked) > 0 {
		first, run := asked[0].entry, 1
		for run < len(asked) && asked[run].entry.Source == first.Source && asked[run].entry.Period.Year() == first.Period.Year() {
			run++
		}
		p.addYear(n, asked[:run], passed)
		asked = asked[run:]
	}
	return true
}

// asks tells whether a period holds any of the days, or billing periods, that are asked for.
func (p *plan) asks(c counted) bool {
	if p.q.Billing {
		return p.whole.has(c.entry.Period.First())
	}
	return c.version.First < p.q.End && c.version.Last >= p.q.Start
}

// answers tells whether a period's documents have the tag keys that are asked for, and notes what there is of it.
func (p *plan) answers(n int, c counted) bool {
	if missing := p.missing(c.version); len(missing) > 0 {
		if !p.head.aside(c.entry.Source, c.entry.Period) {
			p.lacking = append(p.lacking, lacking{n, c.entry.Source, c.entry.Period, c.version.TagKeys, missing})
		}
		return false
	}
	p.asOf = max(p.asOf, c.version.AsOf)
	p.estimated = p.estimated || c.version.Estimated
	p.open = p.open || !c.version.Final
	p.currencies = union(p.currencies, c.version.Currencies)
	return true
}

// missing gives the tag keys asked for that a version has not.
func (p *plan) missing(v *Version) (keys []string) {
	dims, _ := p.q.dimensions()
	for _, d := range dims {
		if key, ok := d.TagKey(); ok && d.at(p.view, v.TagKeys) < 0 {
			keys = append(keys, key)
		}
	}
	return keys
}

// addYear chooses between the periods of one source and year and its year document: what costs less to read.
func (p *plan) addYear(n int, periods []counted, passed map[*Entry]bool) {
	add := func(c counted, whole, edges bool) {
		if d := c.version.Doc(p.q.Metric); d != nil {
			p.reads = append(p.reads, read{n, c.entry, c.version, d, whole, edges})
		}
	}
	edge := func(c counted) bool {
		first, last := max(c.version.First, p.q.Start), min(c.version.Last, p.q.last())
		return !p.q.Billing && !(p.whole.has(first) && p.whole.has(last))
	}
	spared := int64(0)
	for _, c := range periods {
		if !edge(c) {
			spared += c.version.Doc(p.q.Metric).units()
		}
	}
	year := p.year(n, periods, passed)
	if year.entry == nil || year.version.Doc(p.q.Metric).units() >= spared {
		for _, c := range periods {
			add(c, true, true)
		}
		return
	}
	add(year, true, false)
	for _, c := range periods {
		if edge(c) {
			add(c, false, true)
		}
	}
}

// year gives the year document that holds all of the periods, if there is one.
func (p *plan) year(n int, periods []counted, passed map[*Entry]bool) (c counted) {
	if p.whole.from >= p.whole.to {
		return c
	}
	first := periods[0].entry
	for _, l := range p.lacking {
		if l.subject == n && l.source == first.Source && l.period.Year() == first.Period.Year() {
			return c
		}
	}
	for e := range passed {
		if e.Source == first.Source && e.Period.Year() == first.Period.Year() {
			return c // it holds what is told otherwise
		}
	}
	e := p.subjects[n].index.entry(first.Source, 0, first.Period.Year())
	if e == nil {
		return c
	}
	v, _ := e.At(p.head)
	if v == nil || v.Missing || v.Doc(p.q.Metric) == nil || len(p.missing(v)) > 0 {
		return c
	}
	return counted{e, v}
}

// units is about how many half read units a document takes; nil none.
func (d *Doc) units() int64 {
	if d == nil {
		return 0
	}
	return d.Bytes>>12 + int64(d.Parts)
}

// point is where in a group's points a column of the document belongs; -1 where it is not asked for.
func (p *plan) point(r *read, c document.Col) int32 {
	day := c.Day
	if p.q.Billing {
		day = c.Billing.First()
	}
	if day < p.q.Start || day >= p.q.End {
		return -1
	}
	if whole := p.whole.has(day); whole && !r.whole || !whole && !r.edges {
		return -1
	}
	switch p.q.Granularity {
	case Total:
		return 0
	case Daily:
		return int32(day - p.q.Start)
	}
	return int32(day.Month() - p.q.Start.Month())
}

// keys are the stored parts of a document.
func (p *plan) keys(r *read) []store.Key {
	return partKeys(p.subjects[r.subject].id, p.view, r.entry, r.doc)
}

// shadowed are the units of a read's source that another source counts in a billing period.
func (p *plan) shadowed(r *read, period calendar.Month) []string {
	if i, ok := p.head.period(r.entry.Source, period); ok {
		return p.head.Periods[i].Shadowed
	}
	return nil
}
