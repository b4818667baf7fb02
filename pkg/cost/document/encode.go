package document

import (
	"encoding/binary"
	"hash/crc32"
	"slices"
	"strings"

	"github.com/tenantry/tenantry/pkg/money"
)

// A part is a version byte, two sections (see appendSection) and a checksum of all before it, little-endian.
//
// The first section has, as varints: the numbers of dimensions, keys and columns, the scale; the columns' billing
// periods, then days, each less the one before; the dictionaries; for each dimension the keys' indexes into its
// dictionary; the runs of columns each key has; the runs of cells that are not valid, and of those with nulls, then these
// cells' nulls less one; then for each key the bits of its cells' amounts, and those of its base (zigzag).
//
// The second section is bits: of each key the base, then the valid cells' amounts less the base, at the part's scale.
const version = 1

// maxCells bounds the cells of a part.
const maxCells = 1 << 20

var castagnoli = crc32.MakeTable(crc32.Castagnoli)

// encode gives a range of keys as a part, nil where it would have more than Decode takes.
func (b *batch) encode(from, to int) []byte {
	cells := b.cells[b.ends[from]-len(b.row(from)) : b.ends[to-1]]
	if len(cells) > maxCells {
		return nil
	}
	cols, scale := columns(cells), scaleOf(cells)
	var head []byte
	for _, n := range []int{len(b.texts), to - from, len(cols), scale} {
		head = binary.AppendUvarint(head, uint64(n))
	}
	head = appendCols(head, cols)
	head = b.appendKeys(head, from, to)
	var present runs
	var amounts amountPacker
	for key := from; key < to; key++ {
		row := b.row(key)
		col := 0
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

// columns are the distinct columns of cells, ascending.
func columns(cells []Cell) []Col {
	seen, cols := map[Col]bool{}, []Col(nil)
	for _, c := range cells {
		if !seen[c.Col] {
			seen[c.Col] = true
			cols = append(cols, c.Col)
		}
	}
	slices.SortFunc(cols, Col.Compare)
	return cols
}

// indexOf finds c, which is in cols and most often the first or second.
func indexOf(cols []Col, c Col) int {
	for i := range min(2, len(cols)) {
		if cols[i] == c {
			return i
		}
	}
	i, _ := slices.BinarySearchFunc(cols, c, Col.Compare)
	return i
}

func appendCols(b []byte, cols []Col) []byte {
	last := int64(0)
	for _, c := range cols {
		b = binary.AppendVarint(b, int64(c.Billing)-last)
		last = int64(c.Billing)
	}
	last = 0
	for _, c := range cols {
		b = binary.AppendVarint(b, int64(c.Day)-last)
		last = int64(c.Day)
	}
	return b
}

// appendKeys appends the dictionaries of what the keys of a range use, then their indexes: less the index of the key
// before as long as both have the same texts in all dimensions before, so that what is sorted is coded as zeros.
func (b *batch) appendKeys(head []byte, from, to int) []byte {
	ranks := make([][]uint32, len(b.texts))
	for d := range b.texts {
		head, ranks[d] = b.texts[d].appendUsed(head, b.ids[d][from:to])
	}
	same := make([]bool, to-from)
	for i := 1; i < len(same); i++ {
		same[i] = true
	}
	for d, rank := range ranks {
		ids, before := b.ids[d][from:to], uint32(0)
		for i, id := range ids {
			index := rank[id]
			if same[i] {
				head = binary.AppendUvarint(head, uint64(index-before))
				same[i] = index == before
			} else {
				head = binary.AppendUvarint(head, uint64(index))
			}
			before = index
		}
	}
	return head
}

// appendUsed appends those texts whose ids are used, sorted, and their names; rank gives their places by id.
func (t *texts) appendUsed(head []byte, ids []uint32) (out []byte, rank []uint32) {
	rank = make([]uint32, len(t.text))
	used := make([]uint32, 0, len(t.text))
	for _, id := range ids {
		if rank[id] == 0 {
			rank[id] = 1
			used = append(used, id)
		}
	}
	slices.SortFunc(used, func(a, b uint32) int { return strings.Compare(t.text[a], t.text[b]) })
	head = binary.AppendUvarint(head, uint64(len(used)))
	named := byte(0)
	for i, id := range used {
		rank[id] = uint32(i)
		head = binary.AppendUvarint(head, uint64(len(t.text[id])))
		if t.names[id] != "" {
			named = 1
		}
	}
	for _, id := range used {
		head = append(head, t.text[id]...)
	}
	head = append(head, named)
	if named == 0 {
		return head, rank
	}
	for _, id := range used {
		head = binary.AppendUvarint(head, uint64(len(t.names[id])))
	}
	for _, id := range used {
		head = append(head, t.names[id]...)
	}
	return head, rank
}

// appendNulls appends which cells are not valid, which have nulls, and how many.
func appendNulls(head []byte, cells []Cell) []byte {
	var invalid, null []int
	for i, c := range cells {
		if !c.Valid {
			invalid = append(invalid, i)
		}
		if c.Nulls > 0 {
			null = append(null, i)
		}
	}
	for _, list := range [][]int{invalid, null} {
		var r runs
		r.add(len(list), func(i int) int { return list[i] })
		head = r.appendTo(head)
	}
	for _, i := range null {
		head = binary.AppendUvarint(head, uint64(cells[i].Nulls-1))
	}
	return head
}

// scaleOf is the least scale that holds all amounts.
func scaleOf(cells []Cell) int {
	scale := 0
	for _, c := range cells {
		hi, lo := c.Amount.Unscaled(scale)
		if back, err := money.FromUnscaled(hi, lo, scale); err != nil || back != c.Amount {
			scale = c.Amount.Decimals()
		}
	}
	return scale
}

func unscaled(a money.Amount, scale int) int128 {
	hi, lo := a.Unscaled(scale)
	return int128{uint64(hi), lo}
}

// amountPacker packs the amounts of one key after the other, each with the bits its key's largest needs.
type amountPacker struct {
	bits          bitWriter
	widths, bases []byte
	values        []int128
}

func (p *amountPacker) add(cells []Cell, scale int) {
	p.values = p.values[:0]
	var least, most int128
	for _, c := range cells {
		if !c.Valid {
			continue
		}
		v := unscaled(c.Amount, scale)
		if len(p.values) == 0 {
			least, most = v, v
		} else if v.less(least) {
			least = v
		} else if most.less(v) {
			most = v
		}
		p.values = append(p.values, v)
	}
	base, width := least, most.sub(least).len()
	if plain := most.len(); int64(least.hi) >= 0 && plain*len(p.values) <= base.zigzag().len()+width*len(p.values) {
		base, width = int128{}, plain
	}
	p.widths, p.bases = append(p.widths, byte(width)), append(p.bases, byte(base.zigzag().len()))
	p.bits.put(base.zigzag(), uint(base.zigzag().len()))
	for _, v := range p.values {
		p.bits.put(v.sub(base), uint(width))
	}
}
