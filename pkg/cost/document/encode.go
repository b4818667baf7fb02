package document

import (
	"encoding/binary"
	"hash/crc32"
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

// encode gives a range of keys, as keys.appendTo writes them, as a part; nil where it would hold more than a part can.
func (v *values) encode(dims int, keys []byte, from, to int) []byte {
	cells := v.cells[v.ends[from]-len(v.row(from)) : v.ends[to-1]]
	if len(cells) > maxCells {
		return nil
	}
	cols, scale := columns(cells), scaleOf(cells)
	var head []byte
	for _, n := range []int{dims, to - from, len(cols), scale} {
		head = binary.AppendUvarint(head, uint64(n))
	}
	head = append(appendCols(head, cols), keys...)

	var present runs
	var amounts amountPacker
	for key := from; key < to; key++ {
		row, col := v.row(key), 0
		present.add(len(row), func(i int) int {
			col += indexOf(cols[col:], row[i].Col)
			return col
		})
		amounts.add(row, scale)
	}
	head = present.appendTo(head)
	head = appendNulls(head, cells)
	head = append(append(head, amounts.widths...), amounts.bases...)

	body := amounts.bits.bytes()
	if max(len(head), len(body)) > maxSection {
		return nil
	}
	part := appendSection(appendSection([]byte{version}, head), body)
	return binary.LittleEndian.AppendUint32(part, crc32.Checksum(part, castagnoli))
}
