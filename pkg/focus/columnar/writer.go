// Package columnar writes FOCUS files as Parquet, for tests and benchmarks: the platform writes CSV. It is apart from pkg/focus, which
// reads both, because it links all of parquet-go and protobuf with it.
package columnar

import (
	"encoding/binary"
	"errors"
	"io"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"time"

	"github.com/parquet-go/parquet-go"

	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/money"
)

// Writer writes charges as Parquet, compressed by Snappy: texts in dictionaries, instants as TIMESTAMP in
// microseconds, amounts and tags by its options. It buffers; Close writes the rest and the footer.
type Writer struct {
	amounts AmountType
	tags    TagType
	columns []focus.Column
	w       *parquet.GenericWriter[any]
	rows    []parquet.Row
	text    []byte // of the rows
	keys    []string
	column  int // leaf
	err     error
}

// AmountType is a way to write amounts in Parquet.
type AmountType int

// The ways to write amounts.
const (
	DecimalAmounts AmountType = iota // DECIMAL(38,18): exact, below 1e20
	DoubleAmounts                    // DOUBLE: exact to 15 digits, as AWS exports have it
	StringAmounts                    // plain decimals
)

// TagType is a way to write tags in Parquet.
type TagType int

// The ways to write tags.
const (
	MapTags  TagType = iota // MAP of strings
	JSONTags                // a JSON object
)

// Option changes what NewWriter does by default: DecimalAmounts and MapTags.
type Option func(*Writer)

// AmountsAs has amounts written in a way.
func AmountsAs(t AmountType) Option { return func(w *Writer) { w.amounts = t } }

// TagsAs has tags written in a way.
func TagsAs(t TagType) Option { return func(w *Writer) { w.tags = t } }

const (
	rowsAtOnce  = 256
	rowsOfGroup = 128 << 10
	flushBytes  = 64 << 10
)

// NewWriter writes charges of a FOCUS version ("1.0" to "1.4"). Another version is the error of every Write and
// of Close.
func NewWriter(w io.Writer, version string, options ...Option) *Writer {
	p := &Writer{}
	for _, option := range options {
		option(p)
	}
	if p.columns, p.err = focus.Columns(version); p.err != nil {
		return p
	}
	group, record := parquet.Group{}, reflect.TypeFor[focus.Record]()
	for _, c := range p.columns {
		group[c.Name] = p.node(record.Field(c.Field).Type)
	}
	p.w = parquet.NewGenericWriter[any](w, parquet.NewSchema("focus", group), parquet.Compression(&parquet.Snappy),
		parquet.MaxRowsPerRowGroup(rowsOfGroup), parquet.PageBufferSize(flushBytes))
	return p
}

func (p *Writer) node(field reflect.Type) parquet.Node {
	text := parquet.Encoded(parquet.String(), &parquet.RLEDictionary)
	amount := parquet.Leaf(parquet.DoubleType)
	switch p.amounts {
	case DecimalAmounts:
		amount = parquet.Decimal(money.Scale, 38, parquet.FixedLenByteArrayType(16))
	case StringAmounts:
		amount = parquet.String()
	}
	switch field {
	case reflect.TypeFor[money.Amount]():
		return amount
	case reflect.TypeFor[*money.Amount]():
		return parquet.Optional(amount)
	case reflect.TypeFor[time.Time]():
		return parquet.Optional(parquet.Encoded(parquet.Timestamp(parquet.Microsecond), &parquet.RLEDictionary))
	case reflect.TypeFor[map[string]string]():
		if p.tags == MapTags {
			return parquet.Optional(parquet.Map(text, parquet.Optional(text)))
		}
		return parquet.Optional(parquet.Encoded(parquet.JSON(), &parquet.RLEDictionary))
	}
	return parquet.Optional(text)
}

// Write writes one charge. An error stays: every later call returns it.
func (p *Writer) Write(r focus.Record) error {
	if p.err != nil {
		return p.err
	}
	if len(p.rows) < cap(p.rows) {
		p.rows = p.rows[:len(p.rows)+1]
	} else {
		p.rows = append(p.rows, nil)
	}
	row := &p.rows[len(p.rows)-1]
	*row = (*row)[:0]
	p.column = 0
	fields := reflect.ValueOf(&r).Elem()
	for _, c := range p.columns {
		*row = p.field(*row, fields.Field(c.Field).Addr().Interface())
	}
	if len(p.rows) == rowsAtOnce {
		p.flush()
	}
	return p.err
}

// Close writes what is left and the footer. It does not close the writer below.
func (p *Writer) Close() error {
	if p.err == nil {
		p.flush()
	}
	if p.err == nil {
		p.err = p.w.Close()
	}
	return p.err
}

func (p *Writer) flush() {
	if p.err == nil {
		_, p.err = p.w.WriteRows(p.rows)
	}
	p.rows, p.text = p.rows[:0], p.text[:0]
}

// field appends the values of a field: one for each leaf, or for each tag.
func (p *Writer) field(row parquet.Row, value any) parquet.Row {
	null := parquet.NullValue()
	switch v := value.(type) {
	case *money.Amount:
		return p.leaf(row, p.amount(*v), 0)
	case **money.Amount:
		if *v != nil {
			return p.leaf(row, p.amount(**v), 1)
		}
	case *time.Time:
		if !v.IsZero() {
			return p.leaf(row, parquet.Int64Value(v.UnixMicro()), 1)
		}
	case *string:
		if *v != "" {
			return p.leaf(row, p.string(*v), 1)
		}
	case *map[string]string:
		if p.tags == MapTags {
			return p.mapped(row, *v)
		}
		if len(*v) > 0 {
			start := len(p.text)
			p.text = focus.AppendTags(p.text, *v)
			return p.leaf(row, parquet.ByteArrayValue(p.text[start:]), 1)
		}
	}
	return p.leaf(row, null, 0)
}

func (p *Writer) leaf(row parquet.Row, v parquet.Value, definition int) parquet.Row {
	p.column++
	return append(row, v.Level(0, definition, p.column-1))
}

// mapped appends the keys and then the values of a map. Its levels: 0 no map, 1 no key, 2 a key, 3 a value.
func (p *Writer) mapped(row parquet.Row, tags map[string]string) parquet.Row {
	if len(tags) == 0 {
		return p.leaf(p.leaf(row, parquet.NullValue(), 0), parquet.NullValue(), 0)
	}
	p.keys = slices.AppendSeq(p.keys[:0], maps.Keys(tags))
	slices.Sort(p.keys)
	for i, key := range p.keys {
		row = append(row, p.string(key).Level(min(i, 1), 2, p.column))
	}
	for i, key := range p.keys {
		row = append(row, p.string(tags[key]).Level(min(i, 1), 3, p.column+1))
	}
	p.column += 2
	return row
}

func (p *Writer) string(s string) parquet.Value {
	start := len(p.text)
	p.text = append(p.text, s...)
	return parquet.ByteArrayValue(p.text[start:])
}

var (
	decimalLimit    = money.MustParse("1e20")
	errDecimalRange = errors.New("an amount of 1e20 or more has no place in DECIMAL(38,18)")
)

func (p *Writer) amount(a money.Amount) parquet.Value {
	start := len(p.text)
	switch p.amounts {
	case DoubleAmounts:
		f, err := strconv.ParseFloat(a.String(), 64)
		if err != nil {
			p.err = err
		}
		return parquet.DoubleValue(f)
	case StringAmounts:
		p.text = a.Append(p.text)
		return parquet.ByteArrayValue(p.text[start:])
	}
	if a.Cmp(decimalLimit) >= 0 || a.Cmp(decimalLimit.Neg()) <= 0 {
		p.err = errDecimalRange
	}
	hi, lo := a.Unscaled(money.Scale)
	p.text = binary.BigEndian.AppendUint64(binary.BigEndian.AppendUint64(p.text, uint64(hi)), lo)
	return parquet.FixedLenByteArrayValue(p.text[start:])
}
