package cost

import (
	"fmt"
	"sync"

	"github.com/fxamacker/cbor/v2"
	"github.com/klauspost/compress/zstd"
)

// blob is how the ledger's items are stored: one compressed attribute, since DynamoDB charges reads by size.
type blob struct {
	Body []byte `json:"body"`
}

// maxBlob bounds what a blob may unpack to.
const maxBlob = 64 << 20

var (
	packer   = sync.OnceValue(func() *zstd.Encoder { e, _ := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1)); return e })
	unpacker = sync.OnceValue(func() *zstd.Decoder {
		d, _ := zstd.NewReader(nil, zstd.WithDecoderConcurrency(0), zstd.WithDecoderMaxMemory(maxBlob))
		return d
	})
)

func pack(v any) (blob, error) {
	raw, err := cbor.Marshal(v)
	if err != nil {
		return blob{}, fmt.Errorf("pack a ledger item: %w", err)
	}
	return blob{packer().EncodeAll(raw, nil)}, nil
}

func (b blob) unpack(into any) error {
	raw, err := unpacker().DecodeAll(b.Body, nil)
	if err != nil {
		return fmt.Errorf("unpack a ledger item: %w", err)
	}
	if err := cbor.Unmarshal(raw, into); err != nil {
		return fmt.Errorf("unpack a ledger item: %w", err)
	}
	return nil
}
