package focus

import (
	"bytes"
	"fmt"
	"io"

	"github.com/andybalholm/brotli"
	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/snappy"
	"github.com/klauspost/compress/zstd"
	"github.com/parquet-go/parquet-go/format"
	"github.com/pierrec/lz4/v4"
)

// unpacker undoes the compression of pages, in no more memory than a page header says, whatever the data is.
type unpacker struct {
	zstd *zstd.Decoder
	gzip *gzip.Reader
	held int // bytes, by all chunks
}

// unpack gives the size bytes that data was packed from. It may use into.
func (u *unpacker) unpack(codec format.CompressionCodec, into, data []byte, size int) (out []byte, err error) {
	if size == 0 { // some writers pack nothing as nothing
		return nil, nil
	}
	into = grown(into, size)
	switch codec {
	case format.Uncompressed:
		out = data
	case format.Snappy:
		if n, err := snappy.DecodedLen(data); err != nil || n != size {
			return nil, errDamaged
		}
		out, err = snappy.Decode(into, data)
	case format.Gzip:
		out, err = u.unzip(into, data)
	case format.Brotli:
		out, err = readWhole(brotli.NewReader(bytes.NewReader(data)), into)
	case format.Zstd:
		if u.zstd == nil {
			u.zstd, err = zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxMemory(maxPage))
			if err != nil {
				return nil, err
			}
		}
		out, err = u.zstd.DecodeAll(data, into[:0])
	case format.Lz4Raw:
		var n int
		n, err = lz4.UncompressBlock(data, into)
		out = into[:max(n, 0)]
	default:
		return nil, fmt.Errorf("the compression %s is not read", codec)
	}
	if err != nil || len(out) != size {
		return nil, errDamaged
	}
	return out, nil
}

func (u *unpacker) unzip(into, data []byte) (_ []byte, err error) {
	if u.gzip == nil {
		u.gzip, err = gzip.NewReader(bytes.NewReader(data))
	} else {
		err = u.gzip.Reset(bytes.NewReader(data))
	}
	if err != nil {
		return nil, err
	}
	return readWhole(u.gzip, into)
}

// readWhole fills into with all that r has.
func readWhole(r io.Reader, into []byte) ([]byte, error) {
	if _, err := io.ReadFull(r, into); err != nil {
		return nil, err
	}
	if n, err := io.ReadFull(r, make([]byte, 1)); n > 0 || err != io.EOF {
		return nil, errDamaged
	}
	return into, nil
}
