package document_test

import (
	"bytes"
	"encoding/binary"
	"hash/crc32"
	"runtime"
	"slices"
	"testing"

	"github.com/klauspost/compress/zstd"
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
func exercise(t *testing.T, part []byte) (*document.Part, uint64, error) {
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	p, err := document.Decode(part)
	runtime.ReadMemStats(&after)
	if err != nil {
		require.ErrorIs(t, err, document.ErrCorrupt)
		return nil, after.TotalAlloc - before.TotalAlloc, err
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
	return p, after.TotalAlloc - before.TotalAlloc, nil
}

const maxAllocated = 64 << 20

// sections are the two of a part, not compressed.
func sections(t require.TestingT, part []byte) (out [2][]byte) {
	r, err := zstd.NewReader(nil)
	require.NoError(t, err)
	rest := part[1:]
	for i := range out {
		size, n := binary.Uvarint(rest)
		stored, m := binary.Uvarint(rest[n:])
		rest = rest[n+m:]
		if out[i] = rest[:stored]; size != stored {
			out[i], err = r.DecodeAll(out[i], nil)
			require.NoError(t, err)
		}
		rest = rest[stored:]
	}
	return out
}

// FuzzDecode changes what the two sections of a part hold; taken together they are tried as a part, too.
func FuzzDecode(f *testing.F) {
	for _, seed := range [][]document.Row{
		period(random(), 3, months(), 40), sparse(period(random(), 4, days(31), 36), 5), nulls(period(random(), 2, days(3), 36)),
		hostile(2, 2, 3, 3), diagonal(5),
	} {
		parts, _ := encode(f, bytes.Count(seed[0].Key, []byte{0})+1, nameOf, seed)
		plain := sections(f, parts[0])
		f.Add(plain[0], plain[1])
		f.Add(parts[0][:len(parts[0])-4], []byte(nil))
	}
	f.Fuzz(func(t *testing.T, head, body []byte) {
		for _, part := range [][]byte{sealed(slices.Concat(head, body)), forge(head, body)} {
			p, allocated, _ := exercise(t, part)
			require.Less(t, allocated, uint64(maxAllocated))
			if p == nil {
				continue
			}
			rows, _ := decode(t, [][]byte{part})
			require.Len(t, rows, p.Keys())
			if again, _, err := tryEncode(p.Dims(), nil, rows); err != nil {
				require.ErrorIs(t, err, money.ErrOverflow)
			} else {
				same, _ := decode(t, again)
				require.Equal(t, rows, same)
			}
		}
	})
}

// forge makes a part of sections, compressed where they are large.
func forge(sections ...[]byte) []byte {
	part := []byte{1}
	for _, s := range sections {
		part = binary.AppendUvarint(part, uint64(len(s)))
		if len(s) > 1000 {
			w, _ := zstd.NewWriter(nil, zstd.WithEncoderCRC(false), zstd.WithWindowSize(2<<20))
			s = w.EncodeAll(s, nil)
		}
		part = append(binary.AppendUvarint(part, uint64(len(s))), s...)
	}
	return sealed(part)
}

func TestHostilePartsAreRefusedCheaply(t *testing.T) {
	number := func(n uint64) []byte { return binary.AppendUvarint(nil, n) }
	many := func(n int, values ...byte) []byte { return slices.Repeat(values, n) }
	head := func(parts ...[]byte) []byte { return forge(slices.Concat(parts...), nil) }
	a := []byte{1, 0, 1, 'a', 0} // a dictionary of one text without a name
	for name, part := range map[string][]byte{
		"no sections":                   forge(),
		"one section":                   forge([]byte{1, 1, 1, 0}),
		"three sections":                forge([]byte{1}, nil, nil),
		"a section of 2^62 bytes":       sealed(slices.Concat([]byte{1}, number(1<<62), []byte{3, 1, 2, 3})),
		"a section of 2 MB in 3":        sealed([]byte{1, 0x80, 0x80, 0x80, 1, 3, 1, 2, 3, 0, 0}),
		"a section above 2 MB":          forge(make([]byte, 2<<20+1), nil),
		"a number without an end":       head(many(20, 0xff)),
		"more dimensions than bytes":    head(number(1<<62), many(9, 1)),
		"more keys than bytes":          head([]byte{1}, number(1<<62), many(9, 1)),
		"more columns than bytes":       head([]byte{1, 1}, number(1<<62), many(9, 1)),
		"more columns than halved":      head([]byte{1, 1, 9, 0}, many(10, 2)),
		"19 decimals":                   head([]byte{1, 1, 1, 19}, many(9, 1)),
		"a column outside of 32 bits":   head([]byte{1, 1, 1, 0}, number(1<<40), []byte{0}),
		"columns that do not ascend":    head([]byte{1, 1, 2, 0, 2, 0, 2, 0}),
		"no dimensions":                 head([]byte{0, 1, 0, 0}, many(9, 0)),
		"no keys":                       head([]byte{1, 0, 0, 0}, a, many(9, 0)),
		"texts that do not ascend":      head([]byte{1, 1, 0, 0, 2, 0, 1, 1, 0, 'a', 0}, many(9, 0)),
		"a text that shares too much":   head([]byte{1, 1, 0, 0, 2, 0, 2, 1, 1, 'a', 'b', 0}, many(9, 0)),
		"a text with NUL":               head([]byte{1, 1, 0, 0, 1, 0, 1, 0, 0}, many(9, 0)),
		"a key beyond the dictionary":   head([]byte{1, 1, 0, 0}, a, []byte{1}, many(9, 0)),
		"a key twice":                   head([]byte{1, 2, 0, 0}, a, many(9, 0)),
		"a run beyond the columns":      head([]byte{1, 1, 1, 0, 2, 2}, a, []byte{0, 1, 1, 0, 0, 0, 0, 0}),
		"a null count beyond 2^63":      head([]byte{1, 1, 1, 0, 2, 2}, a, []byte{0, 1, 0, 0, 0, 1, 0, 0}, number(1<<63), []byte{0, 0}),
		"amounts beyond the section":    head([]byte{1, 1, 1, 0, 2, 2}, a, []byte{0, 1, 0, 0, 0, 0, 1, 0}),
		"amounts of 129 bits":           head([]byte{1, 1, 1, 0, 2, 2}, a, []byte{0, 1, 0, 0, 0, 0, 129, 0}),
		"a section longer than amounts": forge(slices.Concat([]byte{1, 1, 1, 0, 2, 2}, a, []byte{0, 1, 0, 0, 0, 0, 0, 0}), []byte{0}),
		"an amount out of range":        forge(slices.Concat([]byte{1, 1, 1, 0, 2, 2}, a, []byte{0, 1, 0, 0, 0, 0, 127, 0}), many(16, 0x7f)),
		"a million dimensions":          head(number(1<<20-9), []byte{1, 0, 0}, many(1<<20-9, 0, 0)),
		"a million texts":               head([]byte{1, 1, 0, 0}, number(1<<20-9), many(2<<20-22, 0)),
		"texts of gigabytes":            head([]byte{1, 1, 0, 0}, number(1000), []byte{0}, many(999, 0x80, 0x80, 4), []byte{0x80, 0x80, 4}, make([]byte, 1<<20)),
		"2 million keys of 1 dimension": head([]byte{1}, number(2<<20-40), []byte{0, 0}, a, many(2<<20-40, 0)),
		"20,000 keys of 200 dimensions": head(number(200), number(20000), []byte{0, 0}, many(200, a...), many(1<<20, 0)),
	} {
		t.Run(name, func(t *testing.T) {
			_, allocated, err := exercise(t, part)
			require.ErrorIs(t, err, document.ErrCorrupt)
			require.Less(t, allocated, uint64(maxAllocated))
		})
	}
}
