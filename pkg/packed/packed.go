// Package packed is how items are stored that hold much: one compressed attribute, since DynamoDB charges reads by size.
package packed

import (
	"fmt"
	"sync"

	"github.com/fxamacker/cbor/v2"
	"github.com/klauspost/compress/zstd"
)

// Item holds a value as zstd over CBOR.
type Item struct {
	Body []byte `json:"body"`
}

// Max bounds what an Item may unpack to, bytes.
const Max = 64 << 20

var (
	packer   = sync.OnceValue(func() *zstd.Encoder { return encoder(zstd.SpeedDefault) })
	smaller  = sync.OnceValue(func() *zstd.Encoder { return encoder(zstd.SpeedBetterCompression) })
	unpacker = sync.OnceValue(func() *zstd.Decoder {
		d, _ := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(Max))
		return d
	})
)

func encoder(level zstd.EncoderLevel) *zstd.Encoder {
	e, _ := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1), zstd.WithEncoderLevel(level))
	return e
}

// Of packs a value quickly.
func Of(v any) (Item, error) { return pack(packer(), v) }

// Small packs a value into fewer bytes, in more time.
func Small(v any) (Item, error) { return pack(smaller(), v) }

func pack(e *zstd.Encoder, v any) (Item, error) {
	raw, err := cbor.Marshal(v)
	if err != nil {
		return Item{}, fmt.Errorf("pack an item: %w", err)
	}
	return Item{e.EncodeAll(raw, nil)}, nil
}

// Into fills a pointer with what was packed. Whatever the bytes are, it takes no more than some times Max of memory.
func (i Item) Into(v any) error {
	raw, err := unpacker().DecodeAll(i.Body, nil)
	if err != nil {
		return fmt.Errorf("unpack an item: %w", err)
	}
	if err := cbor.Unmarshal(raw, v); err != nil {
		return fmt.Errorf("unpack an item: %w", err)
	}
	return nil
}
