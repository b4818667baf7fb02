package export_test

import (
	"archive/zip"
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
	"pgregory.net/rapid"

	"github.com/tenantry/tenantry/pkg/export"
)

var noon = time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)

// Whatever is written, and at whatever rests it is broken off: the bytes are those of a zipper that was not, and any reader
// finds the files.
func TestAnArchiveGoesOnFromAnyRest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		seed := rapid.SliceOfN(rapid.Byte(), 200, 200).Draw(t, "bytes")
		files := rapid.SliceOfN(rapid.SliceOfN(rapid.IntRange(0, 40_000), 0, 12), 1, 5).Draw(t, "units")
		write := func(breaks func() bool) []byte {
			var b bytes.Buffer
			out := func(p []byte) error { b.Write(p); return nil }
			z, err := export.NewZipper(noon, out)
			require.NoError(t, err)
			again := func() {
				if breaks() {
					z, err = z.Again(noon, out)
					require.NoError(t, err)
				}
			}
			for i, units := range files {
				require.NoError(t, z.Begin(fmt.Sprintf("f/%d", i)))
				for _, n := range units {
					_, err := z.Write(unitOf(seed, n))
					require.NoError(t, err)
					rested, err := z.Unit(1)
					require.NoError(t, err)
					if rested {
						again()
					}
				}
				require.NoError(t, z.End())
				again()
			}
			sum, err := z.Close()
			require.NoError(t, err)
			whole := sha256.Sum256(b.Bytes())
			require.Equal(t, hex.EncodeToString(whole[:]), sum)
			return b.Bytes()
		}
		want := write(func() bool { return false })
		require.True(t, bytes.Equal(want, write(func() bool { return rapid.Bool().Draw(t, "broken off") })))
		r, err := zip.NewReader(bytes.NewReader(want), int64(len(want)))
		require.NoError(t, err)
		require.Len(t, r.File, len(files))
		for i, f := range r.File {
			in, err := f.Open()
			require.NoError(t, err)
			got, err := io.ReadAll(in)
			require.NoError(t, err)
			var all []byte
			for _, n := range files[i] {
				all = append(all, unitOf(seed, n)...)
			}
			require.True(t, bytes.Equal(all, got))
			require.Equal(t, noon, f.Modified.UTC())
		}
	})
}

// unitOf is n bytes that compress somewhat.
func unitOf(seed []byte, n int) []byte {
	b := bytes.Repeat(seed, n/len(seed)+1)[:n]
	for i := range b {
		b[i] += byte(i / 1000)
	}
	return b
}

// Sizes beyond 4 GB are in the directory in the 64-bit form; a reader of it needs no such file.
func TestAnArchiveOverFourGigabytes(t *testing.T) {
	const large = 5 << 30
	var b bytes.Buffer
	z, err := export.NewZipper(noon, func(p []byte) error { b.Write(p); return nil })
	require.NoError(t, err)
	require.NoError(t, z.Begin("large"))
	_, err = z.Write([]byte("x"))
	require.NoError(t, err)
	z.Stretch(0, large, large+1)
	require.NoError(t, z.End())
	require.NoError(t, z.Begin("behind it"))
	require.NoError(t, z.End())
	z.Stretch(large, 1, 2)
	_, err = z.Close()
	require.NoError(t, err)
	r, err := zip.NewReader(bytes.NewReader(b.Bytes()), int64(b.Len()))
	require.NoError(t, err)
	require.Greater(t, r.File[0].CompressedSize64, uint64(large-1))
	require.EqualValues(t, large+1, r.File[0].UncompressedSize64)
	offset, err := r.File[1].DataOffset()
	require.ErrorIs(t, err, io.EOF, "it lies beyond what there is: %d", offset)
	require.EqualValues(t, 2, r.File[1].UncompressedSize64)
}
