package bolt

import (
	"bytes"
	"encoding/binary"
	"fmt"
	"strings"

	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/internal/item"
)

// A key is the partition key with NUL as NUL 0xFF, two NULs, and the sort key: partitions stay together, each in the order
// of its sort keys, and no two addresses share a key.
func keyOf(at store.Address) []byte { return append(partition(at.PK), at.SK...) }

func partition(pk string) []byte {
	return []byte(strings.ReplaceAll(pk, "\x00", "\x00\xff") + "\x00\x00")
}

// A value is a header of version, expiry and size, 8 bytes each, and the struct in CBOR. With the size in it a read is
// charged without being decoded.
const headerSize = 24

// stored is an item as the file has it.
type stored struct {
	version, expires int64
	size             int // as DynamoDB counts it
	raw              []byte
}

// parse gives a stored item whose raw is of value; nil where value is.
func parse(value []byte) (*stored, error) {
	if value == nil {
		return nil, nil
	}
	if len(value) < headerSize {
		return nil, fmt.Errorf("bolt: an item of %d bytes", len(value))
	}
	n := func(i int) int64 { return int64(binary.BigEndian.Uint64(value[8*i:])) }
	return &stored{version: n(0), expires: n(1), size: int(n(2)), raw: value[headerSize:]}, nil
}

func (s *stored) bytes() []byte {
	value := make([]byte, 0, headerSize+len(s.raw))
	for _, n := range []int64{s.version, s.expires, int64(s.size)} {
		value = binary.BigEndian.AppendUint64(value, uint64(n))
	}
	return append(value, s.raw...)
}

// record copies the item, so that it outlives its transaction.
func (s *stored) record(at store.Address) *store.Record {
	return &store.Record{Address: at, Version: s.version, ExpiresAt: item.Time(s.expires), Value: body(bytes.Clone(s.raw))}
}

func (s *stored) sizeOf() int {
	if s == nil {
		return 0
	}
	return s.size
}

// body is the CBOR of a struct.
type body []byte

func (b body) Decode(into any) error { return item.Decode(b, into) }

// measure sets the size of an item whose struct has so many bytes.
func (s *stored) measure(at store.Address, attributes int) error {
	if s.size = attributes + item.Overhead(at, s.version, s.expires); s.size > store.MaxItem {
		return store.ErrTooLarge
	}
	return nil
}
