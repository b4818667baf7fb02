package focus

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math/bits"

	"github.com/parquet-go/parquet-go/format"
)

const (
	maxPage        = 64 << 20  // bytes, unpacked
	maxPageHeader  = 64 << 10  // bytes
	maxDeltaValues = 1 << 22   // of a page; other encodings are read as they go
	maxHeld        = 512 << 20 // bytes, by the pages and dictionaries of all columns
	perEntry       = 48        // bytes, at most, to hold what a dictionary's value is made into
)

// chunk reads the values of one column of one row group, page by page. parquet-go's pages are not used: they take what
// a file says of its sizes for true, and a page at a time is decoded whole.
type chunk struct {
	node *node
	size int // bytes of a value, 0 where it has a length of its own

	r      *bufio.Reader
	bytes  int64 // left to read
	values int64 // left to read, nulls included
	codec  format.CompressionCodec
	unpack *unpacker
	packed []byte
	page   []byte
	free   []byte // what page may be unpacked into

	left     int // values left of the page, nulls included
	rep, def hybrid
	indexed  bool
	index    hybrid
	cells    []byte // values that are not indexed, one after the other
	defs     [batchLines]uint32
	indexes  [batchLines]uint32

	dictionary []byte
	starts     []uint32 // of its values; one more than there are
	epoch      int      // counts the dictionaries
	held       int      // bytes
}

func newChunk(c *node, u *unpacker) *chunk {
	return &chunk{node: c, size: c.size(), unpack: u, r: bufio.NewReaderSize(nil, maxPageHeader)}
}

// open begins a row group.
func (c *chunk) open(r io.ReaderAt, m *format.ColumnMetaData) {
	start := m.DataPageOffset
	if d := m.DictionaryPageOffset; d > 0 && d < start {
		start = d
	}
	c.r.Reset(io.NewSectionReader(r, start, m.TotalCompressedSize))
	c.bytes, c.values, c.codec = m.TotalCompressedSize, m.NumValues, m.Codec
	c.left, c.starts = 0, nil
	c.epoch++
}

// rows makes ready at most n values of the page, or of the next, and gives how many; 0 at the end.
func (c *chunk) rows(n int) (int, error) {
	for c.left == 0 {
		if c.values == 0 {
			return 0, nil
		}
		if err := c.next(); err != nil {
			return 0, err
		}
	}
	return min(n, c.left), nil
}

// take counts n of the values made ready as read.
func (c *chunk) take(n int) {
	c.left -= n
	c.values -= int64(n)
}

// next reads the next page.
func (c *chunk) next() error {
	head, _ := c.r.Peek(int(min(maxPageHeader, c.bytes)))
	if len(head) == 0 {
		return errDamaged
	}
	h, length, ok := readPageHeader(head)
	c.bytes -= int64(length + h.packed)
	switch {
	case !ok:
		return errDamaged
	case c.bytes < 0 || int64(h.values) > c.values && h.kind != dictionaryPage:
		return errDamaged
	case h.size > maxPage || h.packed > maxPage:
		return fmt.Errorf("a page of more than %d bytes", maxPage)
	}
	if err := c.hold(h); err != nil {
		return err
	}
	if _, err := c.r.Discard(length); err != nil {
		return err
	}
	c.packed = grown(c.packed, h.packed)
	if _, err := io.ReadFull(c.r, c.packed); err != nil {
		return err
	}
	if h.hasCRC && crc32.ChecksumIEEE(c.packed) != h.crc {
		return errors.New("a checksum is wrong")
	}
	return c.begin(h)
}

// hold counts the memory that a page takes.
func (c *chunk) hold(h pageHeader) error {
	n := max(cap(c.packed), h.packed) + max(cap(c.free), h.size) + len(c.dictionary) + perEntry*len(c.starts)
	switch {
	case h.kind == dictionaryPage:
		n += h.size + perEntry*h.values
	case h.encoding == encDeltaBinary || h.encoding == encDeltaLength || h.encoding == encDeltaBytes:
		n += h.size + 16*min(h.values, maxDeltaValues)
	}
	c.unpack.held += n - c.held
	if c.held = n; c.unpack.held > maxHeld {
		return fmt.Errorf("its pages take more than %d MiB of memory", maxHeld>>20)
	}
	return nil
}

func grown(b []byte, n int) []byte {
	if cap(b) < n {
		b = make([]byte, n)
	}
	return b[:n]
}

// begin unpacks the page and finds its parts.
func (c *chunk) begin(h pageHeader) (err error) {
	data, levels, codec := c.packed, h.repBytes+h.defBytes, c.codec
	if levels > min(len(data), h.size) {
		return errDamaged
	}
	if h.notPacked {
		codec = format.Uncompressed
	}
	if c.page, err = c.unpack.unpack(codec, c.free, data[levels:], h.size-levels); err != nil {
		return err
	}
	if codec != format.Uncompressed {
		c.free = c.page
	}
	switch h.kind {
	case dictionaryPage:
		return c.readDictionary(h)
	case dataPageV2:
		c.rep = newHybrid(data[:h.repBytes], bits.Len(uint(c.node.rep)))
		c.def = newHybrid(data[h.repBytes:levels], bits.Len(uint(c.node.def)))
		return c.readValues(h, c.page)
	case dataPage:
		if h.oldBitPack && c.node.def > 0 {
			return errors.New("levels in the BIT_PACKED encoding, which is not read")
		}
		rest, ok1 := levelsOf(&c.rep, c.page, c.node.rep)
		rest, ok2 := levelsOf(&c.def, rest, c.node.def)
		if !ok1 || !ok2 {
			return errDamaged
		}
		return c.readValues(h, rest)
	}
	return nil // an index page
}

// levelsOf takes the levels of a data page V1, with their length ahead of them, off data.
func levelsOf(h *hybrid, data []byte, highest int) ([]byte, bool) {
	if highest == 0 {
		*h = hybrid{}
		return data, true
	}
	if len(data) < 4 {
		return nil, false
	}
	n := int64(binary.LittleEndian.Uint32(data))
	if n > int64(len(data)-4) {
		return nil, false
	}
	*h = newHybrid(data[4:4+n], bits.Len(uint(highest)))
	return data[4+n:], true
}

func (c *chunk) readValues(h pageHeader, data []byte) (err error) {
	c.left = h.values
	switch c.indexed = h.encoding == encDictionary || h.encoding == encPlainDictionary; {
	case !c.indexed:
		c.cells, err = plain(h.encoding, min(h.values, maxDeltaValues), c.size, data)
		return err
	case c.starts == nil:
		return errors.New("the dictionary is missing")
	case len(data) == 0:
		c.index = hybrid{} // all values are null, or the dictionary's first
	case data[0] > 32:
		return errDamaged
	default:
		c.index = newHybrid(data[1:], int(data[0]))
	}
	return nil
}

// readDictionary keeps a dictionary page, whose values are PLAIN.
func (c *chunk) readDictionary(h pageHeader) error {
	if h.encoding != encPlain && h.encoding != encPlainDictionary || h.values*max(c.size, 4) > len(c.page) {
		return errDamaged
	}
	c.dictionary = append(c.dictionary[:0], c.page...)
	c.cells, c.starts = c.dictionary, make([]uint32, 0, h.values+1)
	c.epoch++
	for range h.values {
		c.starts = append(c.starts, uint32(len(c.dictionary)-len(c.cells)))
		if _, ok := c.cell(); !ok {
			return errDamaged
		}
	}
	c.starts = append(c.starts, uint32(len(c.dictionary)-len(c.cells)))
	return nil
}

// entry gives a value of the dictionary.
func (c *chunk) entry(i uint32) []byte {
	from, to := c.starts[i], c.starts[i+1]
	if c.size == 0 {
		from += 4
	}
	return c.dictionary[from:to]
}

// cell takes the next value off cells.
func (c *chunk) cell() (cell []byte, ok bool) {
	from, to := 0, c.size
	if c.size == 0 {
		if len(c.cells) < 4 {
			return nil, false
		}
		from, to = 4, int(binary.LittleEndian.Uint32(c.cells))+4
	}
	if to > len(c.cells) || to == 0 {
		return nil, false
	}
	cell, c.cells = c.cells[from:to], c.cells[to:]
	return cell, true
}
