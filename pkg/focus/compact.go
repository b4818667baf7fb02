package focus

import "encoding/binary"

// compact reads the Thrift compact protocol, which Parquet keeps its metadata in. It reads what may be hostile: nothing
// is allocated, and lists are walked no further than there are bytes.
// https://github.com/apache/thrift/blob/master/doc/specs/thrift-compact-protocol.md
type compact struct {
	data    []byte
	at      int
	structs int // that lists may still hold
}

const (
	compactTrue   = 1
	compactFalse  = 2
	compactI32    = 5
	compactStruct = 12

	maxDepth = 16
)

func (c *compact) byte() (byte, bool) {
	if c.at >= len(c.data) {
		return 0, false
	}
	c.at++
	return c.data[c.at-1], true
}

func (c *compact) uvarint() (uint64, bool) {
	v, n := binary.Uvarint(c.data[c.at:])
	c.at += max(n, 0)
	return v, n > 0
}

func (c *compact) zigzag() (int64, bool) {
	v, ok := c.uvarint()
	return int64(v>>1) ^ -int64(v&1), ok
}

func (c *compact) advance(n uint64) bool {
	if n > uint64(len(c.data)-c.at) {
		return false
	}
	c.at += int(n)
	return true
}

// fields calls visit for each field of a struct, which must read or skip its value.
func (c *compact) fields(visit func(id int64, kind byte) bool) bool {
	for id := int64(0); ; {
		head, ok := c.byte()
		if !ok || head == 0 {
			return ok
		}
		if delta := head >> 4; delta != 0 {
			id += int64(delta)
		} else if id, ok = c.zigzag(); !ok {
			return false
		}
		if !visit(id, head&15) {
			return false
		}
	}
}

// skip passes over a value of a kind. False says that the data is no Thrift, or too much of it.
func (c *compact) skip(kind byte, depth int) bool {
	switch kind {
	case compactTrue, compactFalse:
		return true
	case 3:
		return c.advance(1)
	case 4, compactI32, 6:
		_, ok := c.uvarint()
		return ok
	case 7:
		return c.advance(8)
	case 8:
		n, ok := c.uvarint()
		return ok && c.advance(n)
	case 9, 10:
		return depth < maxDepth && c.skipList(depth)
	case compactStruct:
		return depth < maxDepth && c.fields(func(_ int64, kind byte) bool { return c.skip(kind, depth+1) })
	}
	return false // Parquet has no maps
}

func (c *compact) skipList(depth int) bool {
	head, ok := c.byte()
	size, kind := uint64(head>>4), head&15
	if size == 15 && ok {
		size, ok = c.uvarint()
	}
	if !ok || size > uint64(len(c.data)-c.at) {
		return false
	}
	if kind == compactStruct {
		if c.structs -= int(size); c.structs < 0 {
			return false
		}
	}
	for range size {
		if kind == compactTrue || kind == compactFalse {
			ok = c.advance(1)
		} else {
			ok = c.skip(kind, depth+1)
		}
		if !ok {
			return false
		}
	}
	return true
}

// pageHeader is the header of a Parquet page. https://github.com/apache/parquet-format/blob/master/src/main/thrift/parquet.thrift
type pageHeader struct {
	kind, size, packed int // size unpacked and as stored, in bytes
	crc                uint32
	hasCRC             bool

	values, encoding      int
	repBytes, defBytes    int // of the levels of a data page V2
	notPacked, oldBitPack bool
}

const (
	dataPage       = 0
	dictionaryPage = 2
	dataPageV2     = 3

	bitPackedLevels = 4
)

// readPageHeader reads the header that data begins with, and tells its length.
func readPageHeader(data []byte) (h pageHeader, length int, ok bool) {
	c := compact{data: data}
	var outer [5]int64
	var inner [8]int64
	inner[7] = 1 // is_compressed
	ok = c.fields(func(id int64, kind byte) bool {
		switch {
		case kind == compactI32 && id >= 1 && id <= 4:
			h.hasCRC = h.hasCRC || id == 4
			return c.number(&outer[id])
		case kind == compactStruct && (id == 5 || id == 7 || id == 8):
			return c.fields(func(id int64, kind byte) bool { return c.scalar(inner[:], id, kind) })
		}
		return c.skip(kind, 1)
	})
	for _, v := range append(outer[1:4], inner[:]...) {
		ok = ok && v >= 0 && v < 1<<31
	}
	h.kind, h.size, h.packed, h.crc = int(outer[1]), int(outer[2]), int(outer[3]), uint32(outer[4])
	h.values, h.encoding = int(inner[1]), int(inner[2])
	switch h.kind {
	case dataPage:
		h.oldBitPack = inner[3] == bitPackedLevels || inner[4] == bitPackedLevels
	case dataPageV2:
		h.encoding, h.defBytes, h.repBytes, h.notPacked = int(inner[4]), int(inner[5]), int(inner[6]), inner[7] == 0
	}
	return h, c.at, ok
}

func (c *compact) number(into *int64) (ok bool) {
	*into, ok = c.zigzag()
	return ok
}

// scalar reads a number or a boolean into its place, and skips what has none.
func (c *compact) scalar(into []int64, id int64, kind byte) bool {
	switch {
	case id < 1 || id >= int64(len(into)):
	case kind == compactI32:
		return c.number(&into[id])
	case kind == compactTrue || kind == compactFalse:
		into[id] = int64(compactFalse - kind)
	}
	return c.skip(kind, 1)
}
