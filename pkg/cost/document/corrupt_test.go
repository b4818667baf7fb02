package document_test

import (
	"encoding/binary"
	"hash/crc32"
	"runtime"
	"slices"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/cost/document"
	"github.com/tenantry/tenantry/pkg/money"
)

// sealed gives a part the checksum that its other bytes ask for.
func sealed(body []byte) []byte {
	return binary.LittleEndian.AppendUint32(slices.Clone(body), crc32.Checksum(body, crc32.MakeTable(crc32.Castagnoli)))
}

func TestEveryFlippedBitAndEveryCutIsFound(t *testing.T) {
	parts, _ := encode(t, 8, nameOf, period(random(), 20, months(), 40))
	part := parts[0]
	for i := range part {
		_, err := document.Decode(part[:i])
		require.ErrorIs(t, err, document.ErrCorrupt)
		for bit := range 8 {
			part[i] ^= 1 << bit
			_, err = document.Decode(part)
			require.ErrorIs(t, err, document.ErrCorrupt)
			part[i] ^= 1 << bit
		}
	}
	_, err := document.Decode(append(part, 0))
	require.ErrorIs(t, err, document.ErrCorrupt)
	_, err = document.Decode(make([]byte, document.MaxPart+1))
	require.ErrorIs(t, err, document.ErrCorrupt)
}

// exercise decodes and reads all there is, and tells how much was allocated by Decode.
func exercise(t *testing.T, part []byte) (*document.Part, error, uint64) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	p, err := document.Decode(part)
	runtime.ReadMemStats(&after)
	if err != nil {
		require.ErrorIs(t, err, document.ErrCorrupt)
		return nil, err, after.TotalAlloc - before.TotalAlloc
	}
	colTo, sums := make([]int32, len(p.Cols())), make([]document.Sum, 1)
	for key := range p.Keys() {
		if err := p.AddTo(key, colTo, sums); err != nil {
			require.ErrorIs(t, err, money.ErrOverflow)
		}
	}
	for range p.Rows() {
	}
	for d := range p.Dims() {
		require.Len(t, p.Index(d), p.Keys())
		for i := range p.Dict(d) {
			p.Name(d, i)
		}
	}
	return p, nil, after.TotalAlloc - before.TotalAlloc
}

const maxAllocated = 64 << 20

func FuzzDecode(f *testing.F) {
	for _, seed := range [][]document.Row{
		period(random(), 3, months(), 40), sparse(period(random(), 4, days(31), 36), 5), nulls(period(random(), 2, days(3), 36)),
		hostile(2, 2, 3, 3), diagonal(5),
	} {
		dims := 1
		for _, b := range seed[0].Key {
			if b == 0 {
				dims++
			}
		}
		parts, _ := encode(f, dims, nameOf, seed)
		f.Add(parts[0][:len(parts[0])-4])
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		p, err, allocated := exercise(t, sealed(body))
		require.Less(t, allocated, uint64(maxAllocated))
		if err != nil {
			return
		}
		rows, _ := decode(t, [][]byte{sealed(body)})
		require.Len(t, rows, p.Keys())
	})
}

// forge makes a part of sections that are not compressed.
func forge(sections ...[]byte) []byte {
	part := []byte{1}
	for _, s := range sections {
		part = binary.AppendUvarint(part, uint64(len(s)))
		part = append(binary.AppendUvarint(part, uint64(len(s))), s...)
	}
	return sealed(part)
}

func TestHostilePartsAreRefusedCheaply(t *testing.T) {
	huge := binary.AppendUvarint(nil, 1<<62)
	many := func(n int, values ...byte) []byte { return slices.Repeat(values, n) }
	for name, part := range map[string][]byte{
		"no sections":                forge(),
		"one section":                forge([]byte{1, 1, 1, 0}),
		"three sections":             forge([]byte{1}, nil, nil),
		"an endless number":          forge(many(20, 0xff), nil),
		"more dimensions than bytes": forge(slices.Concat(huge, many(9, 1)), nil),
		"more keys than bytes":       forge(slices.Concat([]byte{1}, huge, many(9, 1)), nil),
		"more columns than bytes":    forge(slices.Concat([]byte{1, 1}, huge, many(9, 1)), nil),
		"more columns than halved":   forge(slices.Concat([]byte{1, 1, 9, 0}, many(10, 2)), nil),
		"scale of 19":                forge(slices.Concat([]byte{1, 1, 1, 19}, many(9, 1)), nil),
		"a section of 2^62 bytes":    sealed(slices.Concat([]byte{1}, huge, []byte{3, 1, 2, 3})),
		"a section of 2 MB in 3":     sealed([]byte{1, 0x80, 0x80, 0x80, 1, 3, 1, 2, 3, 0, 0}),
	} {
		t.Run(name, func(t *testing.T) {
			_, err, allocated := exercise(t, part)
			require.ErrorIs(t, err, document.ErrCorrupt)
			require.Less(t, allocated, uint64(4<<20))
		})
	}
}
