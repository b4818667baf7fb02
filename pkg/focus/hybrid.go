package focus

import "encoding/binary"

// hybrid reads Parquet's run-length and bit-packed numbers: levels and dictionary indexes.
// https://github.com/apache/parquet-format/blob/master/Encodings.md#RLE
type hybrid struct {
	data   []byte
	width  int // bits of a number, at most 32
	repeat int // numbers left of a run of value
	value  uint32
	packed packed
}

// packed reads numbers of equal width, lowest bits first.
type packed struct {
	data []byte
	bit  int // the next
	left int // numbers
}

func newHybrid(data []byte, width int) hybrid { return hybrid{data: data, width: width} }

// read fills dst; false where the data ends before.
func (h *hybrid) read(dst []uint32) bool {
	if h.width == 0 {
		clear(dst)
		return true
	}
	for len(dst) > 0 {
		switch {
		case h.repeat > 0:
			n := min(h.repeat, len(dst))
			for i := range n {
				dst[i] = h.value
			}
			h.repeat -= n
			dst = dst[n:]
		case h.packed.left > 0:
			n := min(h.packed.left, len(dst))
			for i := range n {
				dst[i] = uint32(h.packed.next(h.width))
			}
			dst = dst[n:]
		case !h.run():
			return false
		}
	}
	return true
}

// run begins the next run.
func (h *hybrid) run() bool {
	head, n := binary.Uvarint(h.data)
	if n <= 0 || head>>1 > 1<<31 {
		return false
	}
	h.data = h.data[n:]
	size, count := (h.width+7)/8, int(head>>1)
	if head&1 == 1 { // the last run may lack what fills its last group
		size, count = min(count*h.width, len(h.data)), min(count*8, len(h.data)*8/h.width)
		h.packed = packed{data: h.data[:size], left: count}
	} else {
		if len(h.data) < size {
			return false
		}
		h.repeat, h.value = count, 0
		for i := range size {
			h.value |= uint32(h.data[i]) << (8 * i)
		}
	}
	h.data = h.data[size:]
	return true
}

// next gives the next number. There must be one left.
func (p *packed) next(width int) uint64 {
	var bits, more uint64
	at, shift := p.bit/8, p.bit%8
	if at+9 <= len(p.data) {
		bits, more = binary.LittleEndian.Uint64(p.data[at:]), uint64(p.data[at+8])
	} else {
		var tail [16]byte
		copy(tail[:], p.data[min(at, len(p.data)):])
		bits, more = binary.LittleEndian.Uint64(tail[:]), uint64(tail[8])
	}
	p.bit += width
	p.left--
	v := bits >> shift
	if shift > 0 {
		v |= more << (64 - shift)
	}
	return v & (1<<width - 1)
}
