package document

import (
	"encoding/binary"
	"errors"
	"sync"

	"github.com/klauspost/compress/zstd"
)

// ErrCorrupt says that bytes are no part an Encoder wrote.
var ErrCorrupt = errors.New("cost document part is corrupt")

// maxSection bounds a section before compression, in bytes.
const maxSection = 2 << 20

var compressor = sync.OnceValue(func() *zstd.Encoder {
	w, err := zstd.NewWriter(nil, zstd.WithEncoderLevel(zstd.SpeedDefault), zstd.WithEncoderConcurrency(1),
		zstd.WithEncoderCRC(false), zstd.WithWindowSize(maxSection), zstd.WithLowerEncoderMem(true))
	if err != nil { // the options are constant
		panic(err)
	}
	return w
})

var decompressor = sync.OnceValue(func() *zstd.Decoder {
	r, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecodeAllCapLimit(true),
		zstd.WithDecoderMaxMemory(maxSection+bitsPad))
	if err != nil { // the options are constant
		panic(err)
	}
	return r
})

// appendSection appends the plain and the stored length of raw, then raw itself, compressed where that is shorter.
func appendSection(b, raw []byte) []byte {
	return appendStored(b, raw, compressor().EncodeAll(raw, nil))
}

// appendStored is appendSection of what is compressed already, as one frame of zstd or several.
func appendStored(b, raw, stored []byte) []byte {
	if len(stored) >= len(raw) {
		stored = raw
	}
	b = binary.AppendUvarint(b, uint64(len(raw)))
	b = binary.AppendUvarint(b, uint64(len(stored)))
	return append(b, stored...)
}

// section reads what appendSection wrote; bitsPad zeros lie between the length and the capacity of what it gives.
func (r *reader) section() []byte {
	size := r.number(maxSection)
	stored := r.take(r.count())
	if r.err != nil || len(stored) > size {
		r.fail("section of %d bytes", size)
		return nil
	}
	raw := make([]byte, 0, size+bitsPad)
	if len(stored) == size {
		return append(raw, stored...)
	}
	raw, err := decompressor().DecodeAll(stored, raw)
	if err != nil || len(raw) != size || cap(raw) != size+bitsPad {
		r.fail("compressed section: %v", err)
		return nil
	}
	clear(raw[size:cap(raw)])
	return raw
}
