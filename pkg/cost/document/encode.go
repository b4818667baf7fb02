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

// encode gives a range of keys, as keys.appendTo writes them, as a part; nil where it would hold more than a part can.
func (v *values) encode(dims int, keys []byte, s shape, from, to int) []byte {
	cells := v.between(from, to)
	if len(cells) > maxCells {
		return nil
	}
	scale, head := scaleOf(cells), []byte(nil)
	for _, n := range []int{dims, to - from, len(s.cols), scale} {
		head = binary.AppendUvarint(head, uint64(n))
	}
	head = append(append(appendCols(head, s.cols), keys...), s.present...)
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
	part := appendSection(appendSection([]byte{version}, head), body)
	return binary.LittleEndian.AppendUint32(part, crc32.Checksum(part, castagnoli))
}
