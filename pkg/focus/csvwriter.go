package focus

import (
	"fmt"
	"io"
	"maps"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/tenantry/tenantry/pkg/money"
)

// CSVWriter writes charges as CSV: columns by name, null as an empty field, instants in UTC. It buffers; Close flushes.
type CSVWriter struct {
	w       io.Writer
	columns []column
	custom  int // columns after those of FOCUS
	buffer  []byte
	keys    []string
	err     error
}

const flushBytes = 64 << 10

// NewCSVWriter writes the header of a FOCUS version ("1.0" to "1.4") ahead of the first charge: its columns and then custom
// ones, whose names FOCUS has begin with x_. Another version is the error of every Write and of Close.
func NewCSVWriter(w io.Writer, version string, custom ...string) *CSVWriter {
	c := ContinueCSV(w, version, len(custom))
	if c.err != nil {
		return c
	}
	for _, column := range c.columns {
		c.buffer = append(append(c.buffer, column.name...), ',')
	}
	for _, name := range custom {
		c.buffer = append(append(c.buffer, name...), ',')
	}
	c.endRecord()
	return c
}

// ContinueCSV writes on where another CSVWriter of the same version and so many custom columns was closed.
func ContinueCSV(w io.Writer, version string, custom int) *CSVWriter {
	c := &CSVWriter{w: w, custom: custom, buffer: make([]byte, 0, flushBytes+4096)}
	c.columns, c.err = columnsOf(version)
	return c
}

// Write writes one charge. An error stays: every later call returns it.
func (c *CSVWriter) Write(r Record) error { return c.WriteWith(r) }

// WriteWith is Write of a charge with the texts of the custom columns, all of them.
func (c *CSVWriter) WriteWith(r Record, custom ...string) error {
	if c.err == nil && len(custom) != c.custom {
		c.err = fmt.Errorf("%d values for %d custom columns", len(custom), c.custom)
	}
	if c.err != nil {
		return c.err
	}
	fields := reflect.ValueOf(&r).Elem()
	for _, column := range c.columns {
		c.field(fields.Field(column.field).Addr().Interface())
		c.buffer = append(c.buffer, ',')
	}
	for _, text := range custom {
		c.text(text)
		c.buffer = append(c.buffer, ',')
	}
	c.endRecord()
	if len(c.buffer) >= flushBytes {
		c.flush()
	}
	return c.err
}

// Close writes what is left. It does not close the writer below.
func (c *CSVWriter) Close() error {
	if c.err == nil {
		c.flush()
	}
	return c.err
}

func (c *CSVWriter) endRecord() { c.buffer[len(c.buffer)-1] = '\n' }

func (c *CSVWriter) flush() {
	_, c.err = c.w.Write(c.buffer)
	c.buffer = c.buffer[:0]
}

func (c *CSVWriter) field(value any) {
	switch v := value.(type) {
	case *string:
		c.text(*v)
	case *money.Amount:
		c.buffer = v.Append(c.buffer)
	case **money.Amount:
		if *v != nil {
			c.buffer = (*v).Append(c.buffer)
		}
	case *time.Time:
		if !v.IsZero() {
			c.buffer = v.UTC().AppendFormat(c.buffer, time.RFC3339Nano)
		}
	case *map[string]string:
		if len(*v) > 0 {
			c.text(string(appendTags(nil, *v, &c.keys)))
		}
	}
}

func (c *CSVWriter) text(s string) {
	if s == "" || s[0] != ' ' && !strings.ContainsAny(s, "\",\r\n") {
		c.buffer = append(c.buffer, s...)
		return
	}
	c.buffer = append(c.buffer, '"')
	for ; ; s = s[strings.IndexByte(s, '"')+1:] {
		i := strings.IndexByte(s, '"')
		if i < 0 {
			break
		}
		c.buffer = append(append(c.buffer, s[:i]...), `""`...)
	}
	c.buffer = append(append(c.buffer, s...), '"')
}

// appendTags appends a canonical Tags text. keys is scratch.
func appendTags(b []byte, tags map[string]string, keys *[]string) []byte {
	*keys = sortedKeys(*keys, tags)
	separator := byte('{')
	for _, key := range *keys {
		b = appendQuoted(append(b, separator), key)
		b = appendQuoted(append(b, ':'), tags[key])
		separator = ','
	}
	return append(b, '}')
}

// AppendTags appends the canonical text of tags: a JSON object, its keys in order.
func AppendTags(b []byte, tags map[string]string) []byte {
	var keys []string
	return appendTags(b, tags, &keys)
}

func sortedKeys(into []string, tags map[string]string) []string {
	into = slices.AppendSeq(into[:0], maps.Keys(tags))
	slices.Sort(into)
	return into
}
