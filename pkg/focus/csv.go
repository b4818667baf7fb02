package focus

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
	"slices"

	"github.com/klauspost/compress/gzip"
)

// CSVReader reads CSV in UTF-8, plain or gzipped.
type CSVReader struct {
	batch
	source      *source
	zipped      bool
	scan        *tokenizer
	whole       []record // the lines of the batch
	lastSymbol  [numSlots]lastSymbol
	lastInstant [numBounds]lastInstant
	tags        tagSet
	runs        [batchLines + 1]run
	hashes      [batchLines + 1]uint32
	runOf       [batchLines]int8
	scratch     []byte
}

// lastSymbol is the field last seen in a text column and its symbol.
type lastSymbol struct {
	field  []byte
	symbol Symbol
}

type lastInstant struct {
	field []byte
	instant
}

// NewCSV reads the header from r. It fails with a *Rejection where r is no FOCUS file, else with r's own error.
func NewCSV(r io.Reader, o Options) (*CSVReader, error) {
	o = o.withDefaults()
	c := &CSVReader{source: &source{r: r}}
	c.batch = newBatch(c, o)
	c.open(o.MaxLine)
	if !c.done {
		c.readHeader()
	}
	if err := c.Err(); err != nil {
		return nil, err
	}
	return c, nil
}

func (c *CSVReader) open(limit int) {
	plain := bufio.NewReaderSize(c.source, 64<<10)
	head, _ := plain.Peek(len(gzipMagic))
	c.scan = newTokenizer(plain, limit)
	if c.zipped = string(head) == gzipMagic; c.zipped {
		unzipped, err := gzip.NewReader(plain)
		if err != nil {
			c.fail(err)
			return
		}
		c.scan.r = &unpacked{r: unzipped, packed: c.source}
	}
	for c.scan.end < sniffBytes && !c.scan.eof {
		c.scan.fill()
	}
	if c.scan.err != nil {
		c.fail(c.scan.err)
		return
	}
	head = c.scan.buffer[:min(c.scan.end, sniffBytes)]
	if kind := sniff(head); kind != "" {
		c.end(0, "", nil, "expected CSV in UTF-8, plain or gzipped; the file looks like "+kind)
	} else if bytes.HasPrefix(head, []byte(byteOrderMark)) {
		c.scan.pos = len(byteOrderMark)
	}
}

// fail ends the reading with an error that reading gave: the source's own, or the file is damaged.
func (c *CSVReader) fail(err error) {
	c.done = true
	switch {
	case c.source.err != nil:
		c.io = c.source.err
	case !c.zipped:
		c.io = err
	case errors.Is(err, errSwollen):
		c.end(0, "", nil, fmt.Sprintf("the gzip data unpacks to more than %d times its size; pack the file less, or deliver it in more files", maxSwelling))
	case errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, io.EOF):
		c.end(0, "", nil, "the gzip data breaks off: the file was not written or not uploaded to its end")
	default:
		c.end(0, "", nil, "the gzip data is damaged: "+err.Error())
	}
}

func (c *CSVReader) readHeader() {
	records := c.scan.block(1)
	if c.scan.err != nil {
		c.fail(c.scan.err)
		return
	}
	if len(records) == 0 {
		c.end(0, "", nil, "the file is empty")
		return
	}
	r := &records[0]
	switch {
	case r.state != whole:
		c.add(c.broken(r))
		c.done = true
		return
	case r.count > maxColumns:
		c.end(r.number, "", nil, fmt.Sprintf("%d columns; at most %d are read", r.count, maxColumns))
		return
	}
	header := make([]string, r.count)
	for i := range header {
		text, _ := unquote(c.scan.field(r, i), nil)
		header[i] = string(bytes.TrimSpace(text))
	}
	if d := delimiter(header); d != "" {
		c.end(r.number, "", r.text, "the columns are separated by "+d+"; expected commas")
		return
	}
	c.layout = newLayout(header, r.number, &c.report)
}

// load reads the next block of records, column by column.
func (c *CSVReader) load() {
	c.whole = slices.DeleteFunc(c.scan.block(batchLines), func(r record) bool {
		if r.state == whole && r.count == len(c.header) {
			return false
		}
		c.found = append(c.found, c.broken(&r))
		c.records++
		return true
	})
	c.size = len(c.whole)
	for i := range c.whole {
		c.begin(i, c.whole[i].number)
	}
	for d := range NumDims {
		for _, s := range sources(d) {
			c.text(d, s)
		}
	}
	for m := range NumMetrics {
		c.amount(m)
	}
	for b := range numBounds {
		c.bound(b)
	}
	if c.scan.err != nil {
		c.fail(c.scan.err)
	}
}

// broken tells what is wrong with a record that has not the fields of the header.
func (c *CSVReader) broken(r *record) Problem {
	p := Problem{Line: r.number, Value: clip(r.text)}
	if r.state == whole {
		p.Reason = fmt.Sprintf("%d fields; the header has %d columns", r.count, len(c.header))
		return p
	}
	if r.count < len(c.header) {
		p.Column = c.header[r.count]
	}
	p.Value = clip(r.text[c.scan.start(r):])
	switch r.state {
	case stray:
		p.Reason = `a quote in the wrong place: a field that holds " stands in quotes, and its own are doubled`
	case unclosed:
		p.Reason = "the file ends within a quoted field"
	case tooLong:
		p.Reason = fmt.Sprintf("the record is longer than %d bytes: is a quote not closed?", c.scan.limit)
		c.done = true
	}
	return p
}

// text reads a column into a Dim, where no preferred column has it. Lines of equal fields make a run.
func (c *CSVReader) text(d Dim, s slot) {
	column, last := c.columns[s], &c.lastSymbol[s]
	if column < 0 {
		return
	}
	c.scratch = c.scratch[:0]
	n, field := 0, last.field
	c.runs[0] = run{symbol: last.symbol}
	for i := range c.whole {
		if c.lines[i].Dims[d] != 0 {
			c.runOf[i] = taken
			continue
		}
		if f := c.scan.field(&c.whole[i], column); !bytes.Equal(f, field) {
			n++
			field = f
			text, null := c.value(f)
			if c.runs[n].text = text; null {
				c.runs[n].text = nil
			}
			c.hashes[n] = c.symbols.hash(text)
		}
		c.runOf[i] = int8(n)
	}
	c.symbols.warm(d, c.hashes[1:n+1])
	for k := 1; k <= n; k++ {
		c.runs[k].resolve(c, d, c.hashes[k])
	}
	for i := range c.whole {
		if k := c.runOf[i]; k != taken {
			r := &c.runs[k]
			if c.lines[i].Dims[d] = r.symbol; r.symbol == noSymbol {
				c.wrong(i, slotNames[s], r.text, r.reason)
			}
		}
	}
	if last.symbol = c.runs[n].symbol; last.symbol == noSymbol {
		last.symbol, field = 0, nil
	}
	last.field = append(last.field[:0], field...)
}

// run is a text that one or more lines of the block have; nil is null.
type run struct {
	text   []byte
	symbol Symbol
	reason string
}

const taken = int8(-1) // a line whose text another column has

func (r *run) resolve(c *CSVReader, d Dim, hash uint32) {
	r.symbol, r.reason = 0, ""
	switch {
	case r.text == nil:
	case d == Tags:
		r.symbol, r.reason = c.tags.symbolOf(c.symbols, hash, r.text)
	default:
		r.symbol, r.reason = textSymbol(c.symbols, d, hash, r.text)
	}
	if r.reason != "" {
		r.symbol = noSymbol
	}
}

func (c *CSVReader) value(field []byte) (text []byte, isNull bool) {
	text, c.scratch = unquote(field, c.scratch)
	return text, len(text) == 0 || string(text) == null
}

// amount reads a metric. Costs of one line are often equal, digit for digit.
func (c *CSVReader) amount(m Metric) {
	s := metricSlots + slot(m)
	column := c.columns[s]
	if column < 0 {
		return
	}
	for i := range c.whole {
		l, field := &c.lines[i], c.scan.field(&c.whole[i], column)
		if m > 0 && l.Present[m-1] && bytes.Equal(field, c.scan.field(&c.whole[i], c.columns[s-1])) {
			l.Amounts[m], l.Rounded[m], l.Present[m] = l.Amounts[m-1], l.Rounded[m-1], true
			continue
		}
		text, null := c.value(field)
		if null {
			continue
		}
		n, reason := parseNumber(text)
		if l.Amounts[m], l.Rounded[m], l.Present[m] = n.amount, n.rounded, true; reason != "" {
			c.wrong(i, slotNames[s], text, reason)
		}
	}
}

// bound reads a bound of a period.
func (c *CSVReader) bound(b int) {
	s := boundSlots + slot(b)
	column, last := c.columns[s], c.lastInstant[b]
	if column < 0 {
		return
	}
	for i := range c.whole {
		if field := c.scan.field(&c.whole[i], column); !bytes.Equal(field, last.field) {
			text, null := c.value(field)
			if null {
				continue
			}
			at, reason := parseInstant(text)
			if reason != "" {
				c.wrong(i, slotNames[s], text, reason)
				c.bounds[b][i] = noInstant
				continue
			}
			last = lastInstant{field, at}
		}
		c.bounds[b][i] = last.instant
	}
	kept := &c.lastInstant[b]
	kept.field, kept.instant = append(kept.field[:0], last.field...), last.instant
}

func (c *CSVReader) forget() { c.lastSymbol = [numSlots]lastSymbol{} }
