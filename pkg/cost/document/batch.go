package document

import (
	"bytes"

	"github.com/tenantry/tenantry/pkg/money"
)

// batch is rows that are to become a part.
type batch struct {
	texts  []texts    // by dimension
	ids    [][]uint32 // by dimension, then key: index into texts
	ends   []int      // by key: where its cells end
	cells  []Cell
	weight int // about the bytes of its content
}

// texts are the distinct texts of one dimension in the order first seen.
type texts struct {
	id          map[string]uint32
	text, names []string
}

func newBatch(dims int) *batch {
	b := &batch{texts: make([]texts, dims), ids: make([][]uint32, dims)}
	b.reset()
	return b
}

func (b *batch) reset() {
	for d := range b.texts {
		b.texts[d] = texts{id: map[string]uint32{}}
		b.ids[d] = b.ids[d][:0]
	}
	b.ends, b.cells, b.weight = b.ends[:0], b.cells[:0], 0
}

func (b *batch) add(r Row, name func(dim int, text string) string) {
	key := r.Key
	for d := range b.texts {
		text, rest, _ := bytes.Cut(key, []byte{0})
		key = rest
		t := &b.texts[d]
		id, ok := t.id[string(text)]
		if !ok {
			id = uint32(len(t.text))
			own := string(text)
			t.id[own] = id
			t.text, t.names = append(t.text, own), append(t.names, name(d, own))
			b.weight += len(own) + len(t.names[id]) + 2
		}
		b.ids[d] = append(b.ids[d], id)
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
