package focus

import (
	"hash/maphash"
	"strings"
)

// Symbols interns the texts of the text columns. It lives as long as its owner wishes: several Readers of one delivery
// share one, and Reset starts it anew when it has grown too large (all symbols given before are void then, and every
// Reader that uses it forgets them by the Epoch it sees). It is not safe for concurrent use.
type Symbols struct {
	*texts
	epoch int
}

// texts is what a Symbols holds between two Resets.
type texts struct {
	columns [NumDims]table
	aliases table    // Tags texts that are not canonical
	aliasOf []Symbol // the canonical symbol of each alias
	chunks  []string // the texts, end to end
	last    strings.Builder
	bytes   int
	seed    maphash.Seed // of its own: no file can be made whose texts all collide
}

// table is an open-addressing hash table of one column's texts.
type table struct {
	places []place // by symbol
	slots  []entry // a power of two; symbol 0 is free
}

// place is where a text stands in the chunks.
type place struct {
	at     uint32 // chunk, offset: chunkBits each
	length uint32
}

// entry holds all it takes to find a text with two reads of memory.
type entry struct {
	hash   uint32
	symbol Symbol
	place
}

const (
	chunkBits  = 16
	chunkBytes = 1 << chunkBits
)

// NewSymbols gives an empty table.
func NewSymbols() *Symbols { return &Symbols{texts: &texts{seed: maphash.MakeSeed()}} }

// Intern gives the symbol of text in column d, a new one where it was not met before. "" is 0. The text is copied.
// It is not checked: what Readers intern has passed the rules of its column.
func (s *Symbols) Intern(d Dim, text []byte) Symbol {
	if len(text) == 0 {
		return 0
	}
	hash := s.hash(text)
	if y := s.find(&s.columns[d], hash, text); y != 0 {
		return y
	}
	return s.add(&s.columns[d], hash, text)
}

// alias gives the symbol that addAlias gave a Tags text in another form, else 0.
func (s *Symbols) alias(hash uint32, text []byte) Symbol {
	if i := s.find(&s.aliases, hash, text); i != 0 {
		return s.aliasOf[i]
	}
	return 0
}

func (s *Symbols) addAlias(hash uint32, text []byte, y Symbol) {
	if len(s.aliasOf) == 0 {
		s.aliasOf = append(s.aliasOf, 0)
	}
	s.add(&s.aliases, hash, text)
	s.aliasOf = append(s.aliasOf, y)
}

// Text gives the text of a symbol of column d; "" for 0 and for a symbol the table never gave.
func (s *Symbols) Text(d Dim, y Symbol) string { return s.text(d, y) }

// Len is the number of symbols of column d, the null text included: they are 0 to Len-1.
func (s *Symbols) Len(d Dim) int { return max(1, len(s.columns[d].places)) }

// Bytes is the memory held, roughly.
func (s *Symbols) Bytes() int { return s.bytes }

// Epoch counts the Resets.
func (s *Symbols) Epoch() int { return s.epoch }

// Reset forgets all texts; symbols given before must not be used with the table any more.
func (s *Symbols) Reset() {
	s.texts = &texts{seed: s.seed}
	s.epoch++
}

func (t *texts) text(d Dim, y Symbol) string {
	if places := t.columns[d].places; int(y) < len(places) {
		return t.at(places[y])
	}
	return ""
}

func (t *texts) at(p place) string {
	if p.length == 0 {
		return ""
	}
	return t.chunks[p.at>>chunkBits][p.at%chunkBytes:][:p.length]
}

func (t *texts) hash(text []byte) uint32 { return uint32(maphash.Bytes(t.seed, text)) }

func (t *texts) find(in *table, hash uint32, text []byte) Symbol {
	if len(in.slots) == 0 {
		return 0
	}
	mask := uint32(len(in.slots) - 1)
	for i := hash & mask; ; i = (i + 1) & mask {
		e := &in.slots[i]
		if e.symbol == 0 {
			return 0
		}
		if e.hash == hash && int(e.length) == len(text) && t.at(e.place) == string(text) {
			return e.symbol
		}
	}
}

// warm reads what find will read for the hashes. The waits for memory overlap here, as they would not there.
func (t *texts) warm(d Dim, hashes []uint32) (sum uint32) {
	in := &t.columns[d]
	if len(in.slots) < 4096 {
		return 0
	}
	mask := uint32(len(in.slots) - 1)
	for _, hash := range hashes {
		sum += in.slots[hash&mask].hash
	}
	for _, hash := range hashes {
		if e := &in.slots[hash&mask]; e.hash == hash && e.length > 0 {
			sum += uint32(t.chunks[e.at>>chunkBits][e.at%chunkBytes])
		}
	}
	return sum
}

func (t *texts) add(to *table, hash uint32, text []byte) Symbol {
	if len(to.places) == 0 {
		to.places = append(to.places, place{})
	}
	if 2*len(to.places) >= len(to.slots) {
		t.bytes += 16 * to.grow()
	}
	e := entry{hash, Symbol(len(to.places)), t.keep(text)}
	to.put(e)
	to.places = append(to.places, e.place)
	t.bytes += len(text) + 12
	return e.symbol
}

func (t *table) put(e entry) {
	mask := uint32(len(t.slots) - 1)
	i := e.hash & mask
	for t.slots[i].symbol != 0 {
		i = (i + 1) & mask
	}
	t.slots[i] = e
}

func (t *table) grow() (added int) {
	old := t.slots
	t.slots = make([]entry, max(16, 2*len(old)))
	for _, e := range old {
		if e.symbol != 0 {
			t.put(e)
		}
	}
	return len(t.slots) - len(old)
}

// keep copies text to the end of the last chunk, or into a new one.
func (t *texts) keep(text []byte) place {
	if len(t.chunks) == 0 || t.last.Len()+len(text) > chunkBytes {
		t.last = strings.Builder{}
		t.last.Grow(max(chunkBytes, len(text)))
		t.chunks = append(t.chunks, "")
	}
	chunk := len(t.chunks) - 1
	p := place{uint32(chunk<<chunkBits | t.last.Len()), uint32(len(text))}
	t.last.Write(text)
	t.chunks[chunk] = t.last.String()
	return p
}
