package document

import "bytes"

// keys are those of rows that are to become parts, split into texts.
type keys struct {
	texts  []dictionary // by dimension
	ids    [][]uint32   // by dimension, then key: index into texts
	weight int          // about the bytes of the keys, encoded
}

func newKeys(dims int) keys {
	k := keys{texts: make([]dictionary, dims), ids: make([][]uint32, dims)}
	for d := range k.texts {
		k.texts[d].id = map[string]uint32{}
	}
	return k
}

func (k *keys) reset() {
	for d := range k.texts {
		t := &k.texts[d]
		clear(t.id)
		t.text, t.names = t.text[:0], t.names[:0]
		k.ids[d] = k.ids[d][:0]
	}
	k.weight = 0
}

func (k *keys) count() int {
	if len(k.ids) == 0 {
		return 0
	}
	return len(k.ids[0])
}

// add appends a key; name is asked for the display name of a text that is new to the batch.
func (k *keys) add(key []byte, name func(dim int, text string) string) {
	last := k.count() - 1
	for d := range k.texts {
		text, rest, _ := bytes.Cut(key, []byte{0})
		key = rest
		if last >= 0 && k.texts[d].text[k.ids[d][last]] == string(text) {
			k.ids[d] = append(k.ids[d], k.ids[d][last])
			continue
		}
		id, size := k.texts[d].lookup(text, func(text string) string { return name(d, text) })
		k.ids[d] = append(k.ids[d], id)
		k.weight += size
	}
	k.weight += len(k.texts)
}

// lastName is the name of the text that the key added last has in a dimension.
func (k *keys) lastName(dim int) string {
	ids := k.ids[dim]
	return k.texts[dim].names[ids[len(ids)-1]]
}
