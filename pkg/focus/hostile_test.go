package focus_test

import (
	"bytes"
	"encoding/binary"
	"runtime"
	"testing"

	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"
	"github.com/parquet-go/parquet-go/format"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/focus"
)

// allocated is what f allocates, in bytes.
func allocated(f func()) uint64 {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	f()
	runtime.ReadMemStats(&after)
	return after.TotalAlloc - before.TotalAlloc
}

func TestPageThatUnpacksToMoreThanItSays(t *testing.T) {
	zeros := make([]byte, 200<<20)
	for _, codec := range []compress.Codec{&parquet.Snappy, &parquet.Gzip, &parquet.Brotli, &parquet.Zstd, &parquet.Lz4Raw} {
		t.Run("is refused in little memory, packed by "+codec.String(), func(t *testing.T) {
			bomb, err := codec.Encode(nil, zeros)
			require.NoError(t, err)
			require.Less(t, allocated(func() { _, err = focus.Unpack(codec.CompressionCodec(), bomb, 1000) }), uint64(100<<20))
			require.Error(t, err)
			for _, size := range []int{0, 1, 1000} {
				packed, err := codec.Encode(nil, zeros[:size])
				require.NoError(t, err)
				got, err := focus.Unpack(codec.CompressionCodec(), packed, size)
				require.NoError(t, err)
				require.Len(t, got, size)
				_, err = focus.Unpack(codec.CompressionCodec(), packed, size+1)
				require.Error(t, err, "shorter than it says")
			}
		})
	}
}

func TestValuesOfADamagedPageAreRefused(t *testing.T) {
	number := func(n ...uint64) (b []byte) {
		for _, v := range n {
			b = binary.AppendUvarint(b, v)
		}
		return b
	}
	delta := func(data ...byte) []byte { return append(number(128, 4, 3, 0), data...) }
	three := delta(0, 0, 0, 0, 0)
	for name, c := range map[string]struct {
		encoding format.Encoding
		size     int
		data     []byte
	}{
		"more numbers than the page has": {format.DeltaBinaryPacked, 8, append(number(128, 4, 1<<30, 0), make([]byte, 1000)...)},
		"a block of no miniblocks":       {format.DeltaBinaryPacked, 8, number(128, 0, 3, 0)},
		"a block of uneven miniblocks":   {format.DeltaBinaryPacked, 8, number(128, 3, 3, 0)},
		"too wide numbers":               {format.DeltaBinaryPacked, 8, append(delta(0, 65, 0, 0, 0), make([]byte, 1000)...)},
		"numbers that break off":         {format.DeltaBinaryPacked, 8, delta(0, 8, 0, 0, 0)},
		"a header that breaks off":       {format.DeltaBinaryPacked, 8, number(128, 4)},
		"lengths past the end":           {format.DeltaLengthByteArray, 0, append(number(128, 4, 3, 4), 0, 0, 0, 0, 0)},
		"negative lengths":               {format.DeltaLengthByteArray, 0, append(number(128, 4, 3, 1), 0, 0, 0, 0, 0)},
		"prefixes of nothing":            {format.DeltaByteArray, 0, append(append(number(128, 4, 3, 2), 0, 0, 0, 0, 0), three...)},
		"fewer suffixes than prefixes":   {format.DeltaByteArray, 0, append(bytes.Clone(three), number(128, 4, 0, 0)...)},
		"split bytes of an odd number":   {format.ByteStreamSplit, 8, make([]byte, 9)},
		"another encoding":               {format.BitPacked, 8, make([]byte, 8)},
	} {
		t.Run(name, func(t *testing.T) {
			var err error
			require.Less(t, allocated(func() { _, err = focus.Plain(c.encoding, 1000, c.size, c.data) }), uint64(1<<20))
			require.Error(t, err)
		})
	}
	got, err := focus.Plain(format.DeltaBinaryPacked, 3, 4, three)
	require.NoError(t, err)
	require.Equal(t, make([]byte, 12), got)
}

func TestFooterIsRefused(t *testing.T) {
	deep := bytes.Repeat([]byte{0x1c}, 1000)
	list := func(size uint64, kind byte, data ...byte) []byte {
		return append(append(binary.AppendUvarint([]byte{0x19, 0xf0 | kind}, size), data...), 0)
	}
	for name, footer := range map[string][]byte{
		"of structs in structs":        append(deep, make([]byte, 1000)...),
		"with a list longer than it":   list(1<<40, 12),
		"with many structs":            list(101, 12, make([]byte, 101)...),
		"with a string longer than it": {0x18, 0xff, 0xff, 0xff, 0x7f, 0},
		"with a map":                   {0x1b, 0, 0},
		"that does not end":            {0x15},
		"that is empty":                {},
	} {
		t.Run(name, func(t *testing.T) { require.False(t, focus.IsThrift(footer, 100)) })
	}
	require.True(t, focus.IsThrift(list(99, 12, make([]byte, 99)...), 100))
	require.True(t, focus.IsThrift(list(2, 1, 1, 2), 100))
}

func TestReadingLeavesNoGoroutine(t *testing.T) {
	before := runtime.NumGoroutine()
	for _, codec := range []compress.Codec{&parquet.Zstd, &parquet.Gzip, &parquet.Brotli} {
		_, _ = readParquetLine(t, parquetLine("", nil, parquet.NullValue(), parquet.Compression(codec)))
	}
	_, _, err := read(file(cells{}), focus.Options{})
	require.NoError(t, err)
	require.LessOrEqual(t, runtime.NumGoroutine(), before)
}
