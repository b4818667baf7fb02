package export

import (
	"crypto/sha256"
	"encoding"
	"encoding/binary"
	"encoding/hex"
	"fmt"
	"hash"
	"hash/crc32"
	"slices"
	"time"

	"github.com/klauspost/compress/flate"
)

// entry is a file of a zip archive.
type entry struct {
	Name   string `json:"name"`
	At     int64  `json:"at"`     // of its header, bytes from the archive's beginning
	Packed int64  `json:"packed"` // bytes, compressed
	Bytes  int64  `json:"bytes"`
	Lines  int64  `json:"lines"`
	CRC    uint32 `json:"crc"`
	SHA256 string `json:"sha256,omitempty"` // hexadecimal
}

// packed is how far an archive is written: what a zipper goes on from, wherever it is made.
type packed struct {
	Entries []entry `json:"entries,omitempty"`
	Open    bool    `json:"open,omitempty"` // the last entry is being written
	Bytes   int64   `json:"bytes"`          // of the archive so far
	Whole   []byte  `json:"whole,omitempty"`
	File    []byte  `json:"file,omitempty"` // states of the SHA-256 of the archive and of the open entry
	Fresh   int64   `json:"fresh"`          // bytes since the last rest
	Units   int64   `json:"units"`          // likewise
}

// A zipper rests after this much, so that it can be gone on from there: its compression begins anew.
const (
	restBytes = 64 << 10
	restUnits = 200
)

// zipper writes a zip archive as a stream that can be broken off at every rest, and gone on with by another process. Where it
// rests is decided by what is written alone, so that the bytes are the same wherever it was broken off. The format is that
// of PKWARE's APPNOTE 6.3: deflate, data descriptors, UTF-8 names, and the 64-bit forms where they are needed.
type zipper struct {
	packed
	date    uint32 // MS-DOS time and date of all files
	out     func([]byte) error
	deflate *flate.Writer
	whole   hash.Hash
	file    hash.Hash
}

func newZipper(from packed, at time.Time, out func([]byte) error) (*zipper, error) {
	from.Entries = slices.Clone(from.Entries)
	z := &zipper{packed: from, date: dosTime(at), out: out, whole: sha256.New(), file: sha256.New()}
	var err error
	if z.deflate, err = flate.NewWriter(sink{z}, flate.DefaultCompression); err != nil {
		return nil, fmt.Errorf("compress an archive: %w", err)
	}
	for h, state := range map[hash.Hash][]byte{z.whole: from.Whole, z.file: from.File} {
		if len(state) > 0 {
			if err := h.(encoding.BinaryUnmarshaler).UnmarshalBinary(state); err != nil {
				return nil, fmt.Errorf("go on with an archive: %w", err)
			}
		}
	}
	return z, nil
}

// sink takes what is compressed.
type sink struct{ *zipper }

func (s sink) Write(b []byte) (int, error) {
	s.current().Packed += int64(len(b))
	return len(b), s.emit(b)
}

func (z *zipper) current() *entry { return &z.Entries[len(z.Entries)-1] }

func (z *zipper) emit(b []byte) error {
	z.Bytes += int64(len(b))
	z.whole.Write(b)
	return z.out(b)
}

// begin begins a file.
func (z *zipper) begin(name string) error {
	z.Entries = append(z.Entries, entry{Name: name, At: z.Bytes})
	z.Open, z.Fresh, z.Units = true, 0, 0
	z.file.Reset()
	h := binary.LittleEndian.AppendUint32(nil, 0x04034b50)
	h = z.common(h, false)
	h = append(h, make([]byte, 12)...) // CRC and sizes are in the data descriptor
	h = binary.LittleEndian.AppendUint16(h, uint16(len(name)))
	h = binary.LittleEndian.AppendUint16(h, 0)
	if err := z.emit(append(h, name...)); err != nil {
		return err
	}
	z.deflate.Reset(sink{z})
	return nil
}

// common appends what local headers and the directory have alike: version, flags, method and time.
func (z *zipper) common(h []byte, wide bool) []byte {
	version := uint16(20)
	if wide {
		version = 45
	}
	h = binary.LittleEndian.AppendUint16(h, version)
	h = binary.LittleEndian.AppendUint16(h, 0x0808) // a data descriptor follows; the name is UTF-8
	h = binary.LittleEndian.AppendUint16(h, 8)
	return binary.LittleEndian.AppendUint32(h, z.date)
}

// Write writes on the open file.
func (z *zipper) Write(b []byte) (int, error) {
	e := z.current()
	e.CRC = crc32.Update(e.CRC, crc32.IEEETable, b)
	e.Bytes += int64(len(b))
	z.Fresh += int64(len(b))
	z.file.Write(b)
	return z.deflate.Write(b)
}

// unit ends a unit of what is written, after lines more of the open file. It tells whether the zipper rests.
func (z *zipper) unit(lines int64) (bool, error) {
	z.current().Lines += lines
	if z.Units++; z.Fresh < restBytes && z.Units < restUnits {
		return false, nil
	}
	if err := z.deflate.Flush(); err != nil {
		return false, err
	}
	z.deflate.Reset(sink{z})
	z.Fresh, z.Units = 0, 0
	return true, nil
}

// end ends the open file.
func (z *zipper) end() error {
	if err := z.deflate.Close(); err != nil {
		return err
	}
	e := z.current()
	e.SHA256 = hex.EncodeToString(z.file.Sum(nil))
	z.Open = false
	d := binary.LittleEndian.AppendUint32(nil, 0x08074b50)
	d = binary.LittleEndian.AppendUint32(d, e.CRC)
	if e.wide() {
		d = binary.LittleEndian.AppendUint64(d, uint64(e.Packed))
		d = binary.LittleEndian.AppendUint64(d, uint64(e.Bytes))
	} else {
		d = binary.LittleEndian.AppendUint32(d, uint32(e.Packed))
		d = binary.LittleEndian.AppendUint32(d, uint32(e.Bytes))
	}
	return z.emit(d)
}

const max32 = 1<<32 - 1

func (e *entry) wide() bool { return e.Packed >= max32 || e.Bytes >= max32 }

// close writes the directory, and gives the archive's SHA-256 in hexadecimal.
func (z *zipper) close() (string, error) {
	from := z.Bytes
	for i := range z.Entries {
		if err := z.emit(z.listed(&z.Entries[i])); err != nil {
			return "", err
		}
	}
	if err := z.emit(closing(len(z.Entries), from, z.Bytes)); err != nil {
		return "", err
	}
	return hex.EncodeToString(z.whole.Sum(nil)), nil
}

// listed is a file's entry of the directory.
func (z *zipper) listed(e *entry) []byte {
	wide := e.wide() || e.At >= max32
	h := binary.LittleEndian.AppendUint32(nil, 0x02014b50)
	h = binary.LittleEndian.AppendUint16(h, 3<<8|45) // made on Unix
	h = z.common(h, wide)
	h = binary.LittleEndian.AppendUint32(h, e.CRC)
	var extra []byte
	if wide {
		h = binary.LittleEndian.AppendUint64(h, 1<<64-1)
		extra = binary.LittleEndian.AppendUint16(extra, 1)
		extra = binary.LittleEndian.AppendUint16(extra, 24)
		for _, v := range []int64{e.Bytes, e.Packed, e.At} {
			extra = binary.LittleEndian.AppendUint64(extra, uint64(v))
		}
	} else {
		h = binary.LittleEndian.AppendUint32(h, uint32(e.Packed))
		h = binary.LittleEndian.AppendUint32(h, uint32(e.Bytes))
	}
	h = binary.LittleEndian.AppendUint16(h, uint16(len(e.Name)))
	h = binary.LittleEndian.AppendUint16(h, uint16(len(extra)))
	h = append(h, make([]byte, 6)...)                          // no comment, one disk, no internal attributes
	h = binary.LittleEndian.AppendUint32(h, uint32(0o644)<<16) // rw-r--r--
	at := uint32(max32)
	if !wide {
		at = uint32(e.At)
	}
	h = binary.LittleEndian.AppendUint32(h, at)
	return append(append(h, e.Name...), extra...)
}

// closing is the end of the directory, which begins at from and ends at to.
func closing(entries int, from, to int64) (b []byte) {
	number, size, at := uint16(0xffff), uint32(max32), uint32(max32)
	if entries >= 0xffff || to >= max32 {
		b = binary.LittleEndian.AppendUint32(b, 0x06064b50)
		b = binary.LittleEndian.AppendUint64(b, 44)
		b = binary.LittleEndian.AppendUint32(b, 45<<16|45)
		b = append(b, make([]byte, 8)...)
		for _, v := range []int64{int64(entries), int64(entries), to - from, from} {
			b = binary.LittleEndian.AppendUint64(b, uint64(v))
		}
		b = binary.LittleEndian.AppendUint32(b, 0x07064b50)
		b = append(b, make([]byte, 4)...)
		b = binary.LittleEndian.AppendUint64(b, uint64(to))
		b = binary.LittleEndian.AppendUint32(b, 1)
	} else {
		number, size, at = uint16(entries), uint32(to-from), uint32(from)
	}
	b = binary.LittleEndian.AppendUint32(b, 0x06054b50)
	b = append(b, make([]byte, 4)...)
	b = binary.LittleEndian.AppendUint16(b, number)
	b = binary.LittleEndian.AppendUint16(b, number)
	b = binary.LittleEndian.AppendUint32(b, size)
	b = binary.LittleEndian.AppendUint32(b, at)
	return append(b, 0, 0)
}

// state is what another zipper goes on from. It is right at a rest, and where no file is open.
func (z *zipper) state() (packed, error) {
	p := z.packed
	p.Entries = slices.Clone(z.Entries)
	var err error
	if p.Whole, err = z.whole.(encoding.BinaryMarshaler).MarshalBinary(); err != nil {
		return p, fmt.Errorf("keep an archive's digest: %w", err)
	}
	if p.File, err = z.file.(encoding.BinaryMarshaler).MarshalBinary(); err != nil {
		return p, fmt.Errorf("keep a file's digest: %w", err)
	}
	return p, nil
}

// dosTime is a time as archives have it, to two seconds: the time in the low, the date in the high 16 bits.
func dosTime(t time.Time) uint32 {
	t = t.UTC()
	date := uint32(t.Year()-1980)<<9 | uint32(t.Month())<<5 | uint32(t.Day())
	return date<<16 | uint32(t.Hour())<<11 | uint32(t.Minute())<<5 | uint32(t.Second()/2)
}
