package focus

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go/encoding/thrift"
	"github.com/parquet-go/parquet-go/format"
)

const (
	maxFooter        = 32 << 20 // bytes
	maxFooterStructs = 500_000  // what a footer lists: row groups, their columns, ...
)

// ParquetReader reads Parquet: amounts as DECIMAL, DOUBLE, integers or strings, instants as TIMESTAMP, DATE, INT96 or
// strings, Tags as JSON or MAP. Only the columns it needs are read.
type ParquetReader struct {
	batch
	source *sourceAt
	groups []format.RowGroup
	rows   int64 // left of the row group that is read
	given  int64 // rows read before
	fields []parquetField
	unpack unpacker
}

// parquetField is a column that is read.
type parquetField struct {
	slot   slot
	chunks []*chunk
	read   func(n int) error // into the batch
	forget func()
}

// NewParquet reads the footer from r. It fails with a *Rejection where r is no FOCUS file, else with r's own error.
func NewParquet(r io.ReaderAt, size int64, o Options) (*ParquetReader, error) {
	o = o.withDefaults()
	p := &ParquetReader{source: &sourceAt{r: r}}
	p.batch = newBatch(p, o)
	p.guard(func() error { return p.open(size) })
	if err := p.Err(); err != nil {
		return nil, err
	}
	return p, nil
}

// maxRowsPerByte is more than any true file has. A few bytes can say that a row comes again a billion times.
const maxRowsPerByte = 1024

// guard ends the reading where f fails. parquet-go panics on some files that are damaged.
func (p *ParquetReader) guard(f func() error) {
	defer func() {
		if v := recover(); v != nil {
			p.fail(fmt.Errorf("%w (%v)", errDamaged, v))
		}
	}()
	if err := f(); err != nil {
		p.fail(err)
	}
}

func (p *ParquetReader) fail(err error) {
	p.done, p.size = true, 0
	if p.source.err != nil {
		p.io = p.source.err
		return
	}
	line, column := int64(0), ""
	if f := (*fieldError)(nil); errors.As(err, &f) {
		line, column = p.given+1, f.column
	}
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		err = errors.New("the data breaks off")
	}
	p.end(line, column, nil, "the Parquet file cannot be read: "+err.Error())
}

// fieldError says which column cannot be read.
type fieldError struct {
	column string
	error
}

func (e *fieldError) Unwrap() error { return e.error }

func (p *ParquetReader) open(size int64) error {
	footer := p.footer(size)
	if p.done {
		return nil
	}
	m := &format.FileMetaData{}
	if err := thrift.Unmarshal(&thrift.CompactProtocol{}, footer, m); err != nil {
		return fmt.Errorf("its footer: %w", err)
	}
	root, leaves, err := tree(m.Schema)
	if err != nil {
		return err
	}
	var header []string
	columns := map[string]*node{}
	for _, c := range root.children {
		if c.null() {
			continue
		}
		header = append(header, c.name())
		columns[c.name()] = c
	}
	if p.layout = newLayout(header, 0, &p.report); p.done {
		return nil
	}
	for s, name := range slotNames {
		if p.columns[s] >= 0 {
			p.field(slot(s), columns[name])
		}
	}
	p.done = len(p.problems) > 0
	p.groups = m.RowGroups
	return p.check(m, leaves, size)
}

// footer gives what parquet-go is to read, once it is checked: it would take a hostile one at its word.
func (p *ParquetReader) footer(size int64) (footer []byte) {
	head := make([]byte, min(size, sniffBytes))
	if _, err := p.source.ReadAt(head, 0); p.source.err != nil {
		p.fail(err)
		return nil
	}
	switch kind := sniff(head); {
	case len(head) == 0:
		kind = "an empty file"
		fallthrough
	case kind != "a Parquet file":
		if kind == "" {
			kind = "text, perhaps CSV"
		}
		p.end(0, "", nil, "expected a Parquet file; the file looks like "+kind)
		return nil
	}
	var tail [8]byte
	if _, err := p.source.ReadAt(tail[:], max(0, size-8)); p.source.err != nil {
		p.fail(err)
		return nil
	}
	length := int64(binary.LittleEndian.Uint32(tail[:]))
	switch {
	case string(tail[4:]) == "PARE":
		p.end(0, "", nil, "the Parquet file is encrypted")
	case string(tail[4:]) != "PAR1" || size < 12 || length > size-12:
		p.end(0, "", nil, "the Parquet file breaks off: it was not written or not uploaded to its end")
	case length > maxFooter:
		p.end(0, "", nil, fmt.Sprintf("the footer of the Parquet file is longer than %d bytes", maxFooter))
	default:
		footer = make([]byte, length)
		_, err := p.source.ReadAt(footer, size-8-length)
		if c := (compact{data: footer, structs: maxFooterStructs}); err != nil || !c.skip(compactStruct, 0) || c.at != len(footer) {
			p.fail(fmt.Errorf("its footer: %w", errDamaged))
		}
	}
	return footer
}

// check compares the numbers of rows that the footer gives, and finds what is not read.
func (p *ParquetReader) check(m *format.FileMetaData, leaves int, size int64) error {
	total := int64(0)
	for _, g := range p.groups {
		if len(g.Columns) != leaves {
			return fmt.Errorf("a row group of %d columns, where there are %d", len(g.Columns), leaves)
		}
		for _, f := range p.fields {
			for _, c := range f.chunks {
				data := g.Columns[c.node.index]
				values := data.MetaData.NumValues
				if g.NumRows < 0 || values < g.NumRows || values > g.NumRows && c.node.rep == 0 {
					return &fieldError{slotNames[f.slot], fmt.Errorf("%d values in %d rows", values, g.NumRows)}
				}
				if data.FilePath != "" || data.MetaData.TotalCompressedSize < 0 || data.MetaData.DataPageOffset < 0 {
					return &fieldError{slotNames[f.slot], errors.New("its data is not in the file")}
				}
			}
		}
		if total += g.NumRows; total < 0 {
			return errDamaged
		}
	}
	if total/maxRowsPerByte > size {
		return fmt.Errorf("%d rows in %d bytes", total, size)
	}
	if total != m.NumRows {
		return fmt.Errorf("its row groups have %d rows, the file %d", total, m.NumRows)
	}
	return nil
}

// load reads the next rows, column by column.
func (p *ParquetReader) load() { p.guard(p.next) }

func (p *ParquetReader) next() error {
	for p.rows == 0 {
		if len(p.groups) == 0 {
			return nil
		}
		g := &p.groups[0]
		p.groups, p.rows = p.groups[1:], g.NumRows
		for _, f := range p.fields {
			for _, c := range f.chunks {
				c.open(p.source, &g.Columns[c.node.index].MetaData)
			}
		}
	}
	n := int(min(batchLines, p.rows))
	for i := range n {
		p.begin(i, p.given+int64(i)+1)
	}
	for _, f := range p.fields {
		if err := f.read(n); err != nil {
			return &fieldError{slotNames[f.slot], err}
		}
	}
	p.size = n
	p.rows -= int64(n)
	p.given += int64(n)
	return nil
}

func (p *ParquetReader) forget() {
	for _, f := range p.fields {
		if f.forget != nil {
			f.forget()
		}
	}
}

// field has a column read, if it is of a type that can be.
func (p *ParquetReader) field(s slot, c *node) {
	if s == slot(Tags) && !c.leaf() {
		if m := newTagMap(c, &p.unpack); m != nil {
			p.mapField(m)
			return
		}
	}
	flat := c.leaf() && c.rep == 0 && (c.kind() != format.FixedLenByteArray || c.size() > 0)
	want := wantText
	switch {
	case s >= metricSlots && s < boundSlots:
		if want = wantNumberColumn; flat {
			if k := numberKind(c); k != nil {
				p.amountField(s, memo[number]{chunk: newChunk(c, &p.unpack), kind: *k, refused: number{present: true}})
				return
			}
		}
	case s >= boundSlots && s < boundSlots+slot(numBounds):
		if want = wantTimeColumn; flat {
			if k := instantKind(c); k != nil {
				p.boundField(s, memo[instant]{chunk: newChunk(c, &p.unpack), kind: *k, refused: noInstant})
				return
			}
		}
	case flat && isText(c):
		p.textField(s, memo[Symbol]{chunk: newChunk(c, &p.unpack), refused: noSymbol})
		return
	case s == slot(Tags):
		want = wantTagsColumn
	}
	p.add(Problem{0, c.name(), clip([]byte(c.String())), want})
}

// dimOf is the Dim that a text slot is read into.
func dimOf(s slot) Dim {
	switch s {
	case oldProvider:
		return ProviderName
	case skuMeter, usageType:
		return SkuID
	}
	return Dim(s)
}

func (p *ParquetReader) textField(s slot, m memo[Symbol]) {
	d, tags, out := dimOf(s), tagSet{}, make([]Symbol, batchLines)
	m.kind = kind[Symbol]{show: asIs, read: func(cell []byte) (Symbol, string) {
		switch {
		case isNull(cell):
			return 0, ""
		case d == Tags:
			return tags.symbolOf(p.symbols, p.symbols.hash(cell), cell)
		}
		return textSymbol(p.symbols, d, p.symbols.hash(cell), cell)
	}}
	wrong := func(i int, value []byte, reason string) {
		if p.lines[i].Dims[d] == 0 { // no preferred column has it
			p.wrong(i, slotNames[s], value, reason)
		}
	}
	read := func(n int) error {
		err := m.fill(out[:n], wrong)
		for i, y := range out[:n] {
			if l := &p.lines[i]; l.Dims[d] == 0 {
				l.Dims[d] = y
			}
		}
		return err
	}
	p.fields = append(p.fields, parquetField{s, []*chunk{m.chunk}, read, m.forget})
}

func (p *ParquetReader) amountField(s slot, m memo[number]) {
	metric, out := Metric(s-metricSlots), make([]number, batchLines)
	wrong := func(i int, value []byte, reason string) { p.wrong(i, slotNames[s], value, reason) }
	read := func(n int) error {
		err := m.fill(out[:n], wrong)
		for i, v := range out[:n] {
			l := &p.lines[i]
			l.Amounts[metric], l.Rounded[metric], l.Present[metric] = v.amount, v.rounded, v.present
		}
		return err
	}
	p.fields = append(p.fields, parquetField{s, []*chunk{m.chunk}, read, nil})
}

func (p *ParquetReader) boundField(s slot, m memo[instant]) {
	wrong := func(i int, value []byte, reason string) { p.wrong(i, slotNames[s], value, reason) }
	read := func(n int) error { return m.fill(p.bounds[s-boundSlots][:n], wrong) }
	p.fields = append(p.fields, parquetField{s, []*chunk{m.chunk}, read, nil})
}

func (p *ParquetReader) mapField(m *tagMap) {
	read := func(n int) error {
		for i := range n {
			y, reason, err := m.row(p.symbols)
			if err != nil {
				return err
			}
			if p.lines[i].Dims[Tags] = y; reason != "" {
				p.lines[i].Dims[Tags] = noSymbol
				p.wrong(i, slotNames[Tags], m.shown(), reason)
			}
		}
		return nil
	}
	p.fields = append(p.fields, parquetField{slot(Tags), []*chunk{m.keys.chunk, m.values.chunk}, read, m.forget})
}
