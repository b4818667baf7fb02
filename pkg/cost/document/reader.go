package document

import (
	"encoding/binary"
	"fmt"
)

// reader takes numbers and bytes from b; after the first failure it gives zeros.
type reader struct {
	b   []byte
	at  int
	err error

	texted int // bytes of texts read so far
}

func (r *reader) fail(format string, args ...any) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: "+format, append([]any{ErrCorrupt}, args...)...)
	}
	r.at = len(r.b)
}

// end fails where something is left, and gives the first error.
func (r *reader) end() error {
	if r.left() > 0 {
		r.fail("%d bytes too many", r.left())
	}
	return r.err
}

func (r *reader) left() int { return len(r.b) - r.at }

func (r *reader) uvarint() uint64 {
	if r.at < len(r.b) && r.b[r.at] < 0x80 {
		r.at++
		return uint64(r.b[r.at-1])
	}
	v, n := binary.Uvarint(r.b[r.at:])
	if n <= 0 {
		r.fail("number cut off")
		return 0
	}
	r.at += n
	return v
}

// number reads a number of at most limit.
func (r *reader) number(limit int) int {
	v := r.uvarint()
	if v > uint64(limit) {
		r.fail("%d where at most %d is possible", v, limit)
		return 0
	}
	return int(v)
}

// count reads how many things of at least one byte each are to come, so that room for them can be made.
func (r *reader) count() int { return r.number(r.left()) }

func (r *reader) take(n int) []byte {
	if !r.has(n, 1) {
		return nil
	}
	r.at += n
	return r.b[r.at-n : r.at]
}

// has tells whether n things of at least size bytes each can be left, and fails where not.
func (r *reader) has(n, size int) bool {
	if n > r.left()/size {
		r.fail("%d bytes cannot hold %d values", r.left(), n)
		return false
	}
	return true
}
