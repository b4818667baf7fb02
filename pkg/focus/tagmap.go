package focus

import "fmt"

// tagMap reads a Tags column that is a MAP, or a list of groups of key and value.
type tagMap struct {
	keys, values repeated
	tags         tagSet
	last         []byte
	lastSymbol   Symbol
}

const wantTagsColumn = "expected a column of JSON strings or a MAP of strings to strings"

// newTagMap finds the leaves named key and value below c, which must be strings that repeat; nil where they are not.
func newTagMap(c *node, u *unpacker) *tagMap {
	key, value := tagLeaf(c, "key", 0), tagLeaf(c, "value", 0)
	if key == nil || value == nil || key.rep != 1 || value.rep != 1 {
		return nil
	}
	return &tagMap{keys: repeated{chunk: newChunk(key, u)}, values: repeated{chunk: newChunk(value, u)}}
}

func tagLeaf(c *node, name string, depth int) *node {
	for _, child := range c.children {
		if child.leaf() {
			if child.name() == name && isText(child) {
				return child
			}
		} else if depth < maxDepth {
			if leaf := tagLeaf(child, name, depth+1); leaf != nil {
				return leaf
			}
		}
	}
	return nil
}

// row reads the tags of the next row.
func (m *tagMap) row(symbols *Symbols) (y Symbol, reason string, err error) {
	m.tags.reset()
	for first := true; ; first = false {
		more, err := m.keys.peek(first)
		if err != nil {
			return 0, "", err
		}
		also, err := m.values.peek(first)
		if err != nil || more != also {
			return 0, "", errDamaged
		}
		if !more {
			break
		}
		if err := m.entry(); err != nil {
			return 0, "", err
		}
	}
	text, reason := m.tags.canonical()
	if len(text) == 0 || reason != "" {
		return 0, reason, nil
	}
	if string(text) != string(m.last) {
		m.last, m.lastSymbol = append(m.last[:0], text...), symbols.Intern(Tags, text)
	}
	return m.lastSymbol, "", nil
}

// entry reads a key and its value. Where there is no key there is no tag: the map is null or empty.
func (m *tagMap) entry() error {
	key, ok, err := m.keys.next()
	if err != nil {
		return err
	}
	value, _, err := m.values.next()
	if err != nil || !ok || len(m.tags.text) > maxTags || len(m.tags.tags) > maxTags { // canonical refuses that many
		return err
	}
	m.tags.begin()
	m.tags.text = append(m.tags.text, key...)
	m.tags.divide()
	m.tags.text = append(m.tags.text, value...)
	m.tags.finish()
	return nil
}

// shown is what stands in a refused row.
func (m *tagMap) shown() []byte {
	return fmt.Appendf(nil, "%q", m.tags.text[:min(len(m.tags.text), maxValue)])
}

func (m *tagMap) forget() { m.last = nil }

// repeated reads a chunk whose rows hold any number of values.
type repeated struct {
	*chunk
	reps   [batchLines]uint32
	at, to int // in reps and defs
}

// peek tells whether a value of the row comes next. The first value of a row must be there.
func (r *repeated) peek(first bool) (bool, error) {
	if r.at == r.to {
		n, err := r.rows(batchLines)
		if err != nil {
			return false, err
		}
		if n == 0 && !first {
			return false, nil
		}
		r.at, r.to = 0, n
		if n == 0 || !r.rep.read(r.reps[:n]) || !r.def.read(r.defs[:n]) {
			return false, errDamaged
		}
	}
	begins := r.reps[r.at] == 0
	if first && !begins {
		return false, errDamaged
	}
	return first || !begins, nil
}

// next takes the value that peek saw; not ok where it is null.
func (r *repeated) next() (cell []byte, ok bool, err error) {
	def := r.defs[r.at]
	r.at++
	r.take(1)
	if def != uint32(r.node.def) {
		return nil, false, nil
	}
	if !r.indexed {
		if cell, ok = r.cell(); !ok {
			err = errDamaged
		}
		return cell, ok, err
	}
	if !r.index.read(r.indexes[:1]) || int(r.indexes[0])+1 >= len(r.starts) {
		return nil, false, errDamaged
	}
	return r.entry(r.indexes[0]), true, nil
}
