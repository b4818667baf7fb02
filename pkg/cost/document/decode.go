package document

import (
	"encoding/binary"
	"hash/crc32"

	"github.com/tenantry/tenantry/pkg/money"
)

// Decode reads a part that an Encoder emitted and keeps nothing of it. It allocates at most 64 MB, whatever the bytes
// are; errors wrap ErrCorrupt.
func Decode(part []byte) (*Part, error) {
	outer := &reader{}
	if end := len(part) - crc32.Size; end < 1 || len(part) > MaxPart || part[0] != version {
		outer.fail("no part of version %d in %d bytes", version, len(part))
	} else if crc32.Checksum(part[:end], castagnoli) != binary.LittleEndian.Uint32(part[end:]) {
		outer.fail("checksum differs")
	} else {
		outer.b = part[1:end]
	}
	head, body := outer.section(), outer.section()
	if err := outer.end(); err != nil {
		return nil, err
	}
	r, p := &reader{b: head}, &Part{amounts: body[:cap(body)]}
	dims, keys, cols := r.number(maxDims), r.count(), r.count()
	p.scale = r.number(money.Scale)
	p.readCols(r, cols)
	p.readKeys(r, dims, keys)
	p.readPresence(r, keys)
	p.readNulls(r)
	p.readAmounts(r, len(body))
	if err := r.end(); err != nil {
		return nil, err
	}
	return p, nil
}
