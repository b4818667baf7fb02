package document

import "encoding/binary"

// bitsPad is how far beyond its last bit a buffer must reach for bitsAt.
const bitsPad = 16

// bitWriter packs numbers of any width, lowest bits first.
type bitWriter struct {
	out  []byte
	last uint64 // bits not yet in out
	used uint   // number of them, below 64
}

// put appends the lowest width bits of v, which has no others. width is at most 128.
func (w *bitWriter) put(v int128, width uint) {
	if width > 64 {
		w.word(v.lo, 64)
		w.word(v.hi, width-64)
		return
	}
	w.word(v.lo, width)
}

func (w *bitWriter) word(v uint64, width uint) {
	w.last |= v << w.used
	if w.used += width; w.used < 64 {
		return
	}
	w.out = binary.LittleEndian.AppendUint64(w.out, w.last)
	w.used -= 64
	w.last = v >> (width - w.used)
}

// bytes ends the stream.
func (w *bitWriter) bytes() []byte {
	for ; w.used > 0; w.last >>= 8 {
		w.out = append(w.out, byte(w.last))
		w.used -= min(w.used, 8)
	}
	return w.out
}

// bitsAt reads width bits, at most 64, from bit at on. b reaches bitsPad bytes beyond them.
func bitsAt(b []byte, at uint, width uint) uint64 {
	word, shift := b[at>>3:at>>3+9], at&7
	v := binary.LittleEndian.Uint64(word)>>shift | uint64(word[8])<<(64-shift)
	return v & (1<<width - 1)
}

// wideAt is bitsAt for up to 128 bits.
func wideAt(b []byte, at uint, width uint) int128 {
	if width <= 64 {
		return int128{0, bitsAt(b, at, width)}
	}
	return int128{bitsAt(b, at+64, width-64), bitsAt(b, at, 64)}
}
