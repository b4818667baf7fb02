package document

import (
	"bytes"

	"github.com/tenantry/tenantry/pkg/money"
)

// batch is rows that are to become a part.
type batch struct {
	texts  []dictionary // by dimension
	ids    [][]uint32   // by dimension, then key: index into texts
	ends   []int        // by key: where its cells end
	cells  []Cell
	weight int // about the bytes of its content
}

func newBatch(dims int) *batch {
	b := &batch{texts: make([]dictionary, dims), ids: make([][]uint32, dims)}
	for d := range b.texts {
		b.texts[d].id = map[string]uint32{}
	}
	return b
}

func (b *batch) reset() {
	for d := range b.texts {
		t := &b.texts[d]
		clear(t.id)
		t.text, t.names = t.text[:0], t.names[:0]
		b.ids[d] = b.ids[d][:0]
	}
	b.ends, b.cells, b.weight = b.ends[:0], b.cells[:0], 0
}

// add appends a row; name is asked for the display name of a text that is new to the batch.
func (b *batch) add(r Row, name func(dim int, text string) string) {
	key, last := r.Key, len(b.ends)-1
	for d := range b.texts {
		text, rest, _ := bytes.Cut(key, []byte{0})
		key = rest
		if last >= 0 && b.texts[d].text[b.ids[d][last]] == string(text) {
			b.ids[d] = append(b.ids[d], b.ids[d][last])
			continue
		}
		id, size := b.texts[d].lookup(text, func(text string) string { return name(d, text) })
		b.ids[d] = append(b.ids[d], id)
		b.weight += size
	}
	b.weight += len(b.texts) + 6
	b.cells = append(b.cells, r.Cells...)
	b.ends = append(b.ends, len(b.cells))
	for _, c := range r.Cells {
		b.weight += 2 + unscaled(c.Amount, money.Scale).zigzag().len()/8
	}
}

// lastName is the name of the text that the key added last has in a dimension.
func (b *batch) lastName(dim int) string {
	ids := b.ids[dim]
	return b.texts[dim].names[ids[len(ids)-1]]
}

// row gives the cells of a key.
func (b *batch) row(key int) []Cell {
	if key == 0 {
		return b.cells[:b.ends[0]]
	}
	return b.cells[b.ends[key-1]:b.ends[key]]
}
