package document

import (
	"encoding/binary"
	"slices"
	"strings"
)

// dictionary is the distinct texts of one dimension in the order first seen.
type dictionary struct {
	id          map[string]uint32
	text, names []string
}

// lookup gives the id of a text; name is asked for the display name of a new one. size is what the dictionary grew by.
func (d *dictionary) lookup(text []byte, name func(text string) string) (id uint32, size int) {
	if id, ok := d.id[string(text)]; ok {
		return id, 0
	}
	id, own := uint32(len(d.text)), string(text)
	d.id[own] = id
	d.text, d.names = append(d.text, own), append(d.names, name(own))
	return id, len(own) + len(d.names[id]) + 2
}

// order gives the distinct ids of a list in the order of their texts, and by id the place in it.
func (d *dictionary) order(ids []uint32) (sorted, places []uint32) {
	places = make([]uint32, len(d.text))
	for _, id := range ids {
		if places[id] == 0 {
			places[id] = 1
			sorted = append(sorted, id)
		}
	}
	slices.SortFunc(sorted, func(a, b uint32) int { return strings.Compare(d.text[a], d.text[b]) })
	for place, id := range sorted {
		places[id] = uint32(place)
	}
	return sorted, places
}

// appendTo appends the number of ids, their texts, 1 or 0, and where it is 1 their names. size is the bytes of these texts.
func (d *dictionary) appendTo(b []byte, ids []uint32) (out []byte, size int) {
	named := byte(0)
	for _, id := range ids {
		if size += len(d.text[id]) + len(d.names[id]); d.names[id] != "" {
			named = 1
		}
	}
	b = binary.AppendUvarint(b, uint64(len(ids)))
	b = append(appendTexts(b, d.text, ids), named)
	if named == 1 {
		b = appendTexts(b, d.names, ids)
	}
	return b, size
}

// appendTexts appends how many bytes each text shares with the one before, then how many more it has, then those.
func appendTexts(b []byte, text []string, ids []uint32) []byte {
	rests, last := make([]string, len(ids)), ""
	for i, id := range ids {
		shared := 0
		for shared < min(len(last), len(text[id])) && last[shared] == text[id][shared] {
			shared++
		}
		b = binary.AppendUvarint(b, uint64(shared))
		rests[i], last = text[id][shared:], text[id]
	}
	for _, rest := range rests {
		b = binary.AppendUvarint(b, uint64(len(rest)))
	}
	for _, rest := range rests {
		b = append(b, rest...)
	}
	return b
}

// vocabulary is a dictionary of a part: its texts ascend, names has as many or is nil.
type vocabulary struct{ texts, names []string }

// vocabulary reads what appendTo writes.
func (r *reader) vocabulary() (v vocabulary) {
	v.texts = r.texts(r.count())
	for i, text := range v.texts {
		if i > 0 && v.texts[i-1] >= text || strings.IndexByte(text, 0) >= 0 {
			r.fail("texts that do not ascend, or hold NUL")
			return v
		}
	}
	if r.number(1) == 1 {
		v.names = r.texts(len(v.texts))
	}
	return v
}

// texts reads what appendTexts writes.
func (r *reader) texts(n int) []string {
	if !r.has(n, 2) {
		return nil
	}
	shared, rest, total := make([]uint32, n), make([]uint32, n), 0
	for i := range shared {
		shared[i] = uint32(r.number(maxTexts))
		total += int(shared[i])
	}
	for i := range rest {
		rest[i] = uint32(r.count())
		total += int(rest[i])
	}
	if r.texted += total; r.texted > maxTexts {
		r.fail("%d bytes of texts", r.texted)
	}
	if r.err != nil {
		return nil
	}
	all, last := make([]byte, 0, total), uint32(0)
	for i := range shared {
		start := uint32(len(all))
		if shared[i] > start-last {
			r.fail("text shares %d of %d bytes", shared[i], start-last)
			return nil
		}
		all = append(append(all, all[last:last+shared[i]]...), r.take(int(rest[i]))...)
		last = start
	}
	if r.err != nil {
		return nil
	}
	whole, texts := string(all), make([]string, n)
	for i := range texts {
		size := shared[i] + rest[i]
		texts[i], whole = whole[:size], whole[size:]
	}
	return texts
}
