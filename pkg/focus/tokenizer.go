package focus

import (
	"bytes"
	"encoding/binary"
	"io"
	"math/bits"
)

// tokenizer splits CSV (RFC 4180) into blocks of records. It takes what encoding/csv takes with LazyQuotes off,
// allocates nothing per record and holds bufferBytes, or one record of at most limit bytes.
type tokenizer struct {
	r        io.Reader
	buffer   []byte // wordBytes longer than what is read into it
	pos, end int    // what is read and not yet split
	lines    int64  // physical lines before pos
	limit    int    // bytes of a record
	eof      bool   // or a record was too long
	err      error  // of r

	records []record // of the block
	ends    []int32  // where the fields of the records end in their texts; -1 ahead of each record's
}

// record is one line of CSV, or several where quoted fields hold line ends. It holds until the next block.
type record struct {
	text   []byte // without its line end
	number int64  // the physical line it starts on, from 1
	first  int    // in ends: the -1
	count  int    // of its fields, all of them where it is whole
	state  state

	at   int  // how far text is split
	open bool // at is within a quoted field
}

type state int

const (
	whole    state = iota
	unclosed       // the file ends within a quoted field
	stray          // a quote stands where none may be
	tooLong        // more than limit; nothing is read after it
)

const (
	bufferBytes = 256 << 10
	wordBytes   = 8
)

func newTokenizer(r io.Reader, limit int) *tokenizer {
	return &tokenizer{r: r, buffer: make([]byte, min(bufferBytes, limit+4)+wordBytes), limit: limit}
}

// block gives the next records, at most n and without empty lines; none at the end and on an error.
func (t *tokenizer) block(n int) []record {
	t.records, t.ends = t.records[:0], t.ends[:0]
	for len(t.records) < n && t.record() {
	}
	return t.records
}

// field gives field i of a whole record, quotes included.
func (t *tokenizer) field(r *record, i int) []byte {
	return r.text[t.ends[r.first+i]+1 : t.ends[r.first+i+1]]
}

// start is where the field begins that a record is not whole by.
func (t *tokenizer) start(r *record) int { return min(int(t.ends[r.first+r.count])+1, len(r.text)) }

// record adds a record to the block. It is false at the end, and where it takes reading, which would move the records
// that are in the block already.
func (t *tokenizer) record() bool {
	r, size := record{number: t.lines + 1, first: len(t.ends)}, 0
	t.ends = append(t.ends, -1)
	for {
		longer, ok := t.line(size)
		if !ok {
			t.lines = r.number - 1
			return false
		}
		if longer == size {
			break
		}
		size = longer
		t.lines++
		r.text = trim(t.buffer[t.pos : t.pos+size])
		if size > t.limit+2 { // a line end may come on top
			r.state, r.count = tooLong, len(t.ends)-r.first-1
			t.pos, t.eof = t.end, true
			t.records = append(t.records, r)
			return false
		}
		if t.split(&r); r.state != unclosed {
			break
		}
	}
	t.pos += size
	r.count = len(t.ends) - r.first - 1
	if len(r.text) > 0 {
		t.records = append(t.records, r)
	} else {
		t.ends = t.ends[:r.first] // a file may be empty lines to its end
	}
	return size > 0
}

func trim(line []byte) []byte {
	if n := len(line); n > 0 && line[n-1] == '\n' {
		line = line[:n-1]
	}
	if n := len(line); n > 0 && line[n-1] == '\r' {
		line = line[:n-1]
	}
	return line
}

// line finds the end of the physical line that follows the from bytes of a record: the size of both, which is from at
// the end of the file.
func (t *tokenizer) line(from int) (size int, ok bool) {
	for {
		if i := bytes.IndexByte(t.buffer[t.pos+from:t.end], '\n'); i >= 0 {
			return from + i + 1, true
		}
		from = t.end - t.pos
		switch {
		case from > t.limit+2:
			return from, true
		case t.eof:
			return from, t.err == nil
		case len(t.records) > 0:
			return 0, false
		}
		t.fill()
	}
}

// fill reads more.
func (t *tokenizer) fill() {
	if t.pos > 0 {
		t.end = copy(t.buffer, t.buffer[t.pos:t.end])
		t.pos = 0
	}
	if t.end+wordBytes == len(t.buffer) {
		t.buffer = append(make([]byte, 0, min(2*len(t.buffer), t.limit+4+wordBytes)), t.buffer...)
		t.buffer = t.buffer[:cap(t.buffer)]
	}
	for range 100 {
		n, err := t.r.Read(t.buffer[t.end : len(t.buffer)-wordBytes])
		t.end += n
		if err != nil {
			t.eof = true
			if err != io.EOF {
				t.err = err
			}
		}
		if n > 0 || t.eof {
			return
		}
	}
	t.eof, t.err = true, io.ErrNoProgress
}

// split appends the ends of the fields of r, going on where it was when r was shorter.
func (t *tokenizer) split(r *record) {
	text := r.text
	r.state = whole
	start := int(t.ends[len(t.ends)-1]) + 1
	for {
		if r.open {
			if r.closing(); r.state != whole {
				return
			}
			t.ends = append(t.ends, int32(r.at))
			if r.at == len(text) {
				return
			}
			start = r.at + 1
		}
		quote := bytes.IndexByte(text[start:], '"')
		limit := len(text)
		if quote >= 0 {
			quote += start
			limit = quote
		}
		switch start = t.commas(text, start, limit); {
		case quote < 0:
			t.ends = append(t.ends, int32(len(text)))
			return
		case start < quote:
			r.state, r.at = stray, start
			return
		}
		r.open, r.at = true, quote+1
	}
}

// commas appends the ends of the fields that end before limit, and gives the start of the one after them.
func (t *tokenizer) commas(text []byte, start, limit int) int {
	text = text[:len(text)+wordBytes]
	ends := t.ends
	for base := start; base < limit; base += wordBytes {
		for commas := find(text[base:], ','); commas != 0; commas &= commas - 1 {
			end := base + bits.TrailingZeros64(commas)/8
			if end >= limit {
				break
			}
			ends = append(ends, int32(end))
			start = end + 1
		}
	}
	t.ends = ends
	return start
}

// find sets the highest bit of each byte of the word that text begins with where the byte is c.
func find(text []byte, c byte) uint64 {
	const ones, low = 0x0101010101010101, 0x7f7f7f7f7f7f7f7f
	x := binary.LittleEndian.Uint64(text) ^ ones*uint64(c)
	return ^((x&low + low) | x | low)
}

// closing finds the end of the quoted field that at is within.
func (r *record) closing() {
	text := r.text[:len(r.text)+wordBytes]
	for base := r.at; base < len(r.text); base += wordBytes {
		for quotes := find(text[base:], '"'); quotes != 0; quotes &= quotes - 1 {
			at := base + bits.TrailingZeros64(quotes)/8
			switch {
			case at < r.at: // the second of two
				continue
			case at >= len(r.text):
			case at+1 == len(r.text) || text[at+1] == ',':
				r.at, r.open = at+1, false
				return
			case text[at+1] == '"':
				r.at = at + 2
				continue
			default:
				r.at, r.state = at+1, stray
				return
			}
			break
		}
	}
	r.state, r.at = unclosed, len(r.text)
}

// unquote gives the text of a field. Where quotes in it must be halved, it is appended to scratch.
func unquote(field, scratch []byte) (text, grown []byte) {
	if len(field) == 0 || field[0] != '"' {
		return field, scratch
	}
	field = field[1 : len(field)-1]
	i := bytes.IndexByte(field, '"')
	if i < 0 {
		return field, scratch
	}
	start := len(scratch)
	for ; i >= 0; i = bytes.IndexByte(field, '"') {
		scratch = append(scratch, field[:i+1]...)
		field = field[i+2:]
	}
	scratch = append(scratch, field...)
	return scratch[start:], scratch
}
