package document

import (
	"encoding/binary"
	"hash/crc32"
	"slices"
)

// A part is a version byte, two sections (see appendSection) and a checksum of all before it, little-endian.
//
// The first section has, mostly as varints: the numbers of dimensions, keys and columns, and the scale; the columns (see
// appendCols); the dictionaries and the keys' ranks (keys.appendTo); the columns each key has, as runs of indexes;
// the cells without an amount and those with nulls (appendNulls); then two bytes for each key, kind by kind: the bits of
// an amount and those of the base (amountPacker).
//
// The second section is bits: of each key the base, then the amounts less the base, at the part's scale.
const version = 1

// What a part can hold at most, besides MaxPart and maxSection; it bounds what Decode allocates.
const (
	maxDims    = 256
	maxCells   = 1 << 20
	maxIndexes = 1 << 21 // keys times dimensions
	maxTexts   = 2 << 20 // bytes of all texts and names
)

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// shape is the columns of a range of keys, and which of them each key has, encoded.
type shape struct {
	cols    []Col
	present []byte
}

func (v *values) shape(from, to int) shape {
	s := shape{cols: columns(v.between(from, to))}
	var present runs
	for key := from; key < to; key++ {
		row, col := v.row(key), 0
		present.add(len(row), func(i int) int {
			col += indexOf(s.cols[col:], row[i].Col)
			return col
		})
	}
	s.present = present.appendTo(nil)
	return s
}

// alike tells whether the keys of a range have the same columns in another document.
func (v *values) alike(w *values, from, to int) bool {
	if !slices.Equal(v.ends[from:to], w.ends[from:to]) {
		return false
	}
	a, b := v.between(from, to), w.between(from, to)
	for i := range a {
		if a[i].Col != b[i].Col {
			return false
		}
	}
	return true
}

// frame is what parts of the same keys and columns begin with, by scale: it is compressed once for all of them.
type frame struct {
	dims, keys, cols int
	rest             []byte // columns, keys, presence
	scale            int
	stored           []byte // compressed, with the numbers before it, at the scale; nil where it is not worth it
}

// minFrame is from how many bytes on a frame is compressed by itself: apart, what follows it compresses a little worse.
const minFrame = 16 << 10

func newFrame(dims int, keys []byte, s shape, n int) *frame {
	f := &frame{dims: dims, keys: n, cols: len(s.cols), scale: -1}
	f.rest = append(append(appendCols(nil, s.cols), keys...), s.present...)
	return f
}

// at gives the frame at a scale, plain, and compressed where that is worth it.
func (f *frame) at(scale int) (plain, stored []byte) {
	for _, n := range []int{f.dims, f.keys, f.cols, scale} {
		plain = binary.AppendUvarint(plain, uint64(n))
	}
	plain = append(plain, f.rest...)
	if len(plain) >= minFrame && f.scale != scale {
		f.scale, f.stored = scale, compressor().EncodeAll(plain, nil)
	}
	return plain, f.stored
}

// encode gives a range of keys as a part; nil where it would hold more than a part can.
func (v *values) encode(f *frame, from, to int) []byte {
	cells := v.between(from, to)
	if len(cells) > maxCells {
		return nil
	}
	scale := scaleOf(cells)
	head, stored := f.at(scale)
	framed := len(head)
	head = appendNulls(head, cells)
	var amounts amountPacker
	for key := from; key < to; key++ {
		amounts.add(v.row(key), scale)
	}
	head = append(append(head, amounts.widths...), amounts.bases...)
	body := amounts.bits.bytes()
	if max(len(head), len(body)) > maxSection {
		return nil
	}
	part := []byte{version}
	if stored != nil {
		part = appendStored(part, head, compressor().EncodeAll(head[framed:], slices.Clip(stored)))
	} else {
		part = appendSection(part, head)
	}
	part = appendSection(part, body)
	return binary.LittleEndian.AppendUint32(part, crc32.Checksum(part, castagnoli))
}
