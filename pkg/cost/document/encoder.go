package document

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/money"
)

// MaxPart bounds an encoded part, in bytes: below DynamoDB's 400 KB item, with room for the item's other attributes.
const MaxPart = 380 << 10

// maxBatch is how many cells are held back at most, but for those of the last row.
const maxBatch = 1 << 17

// ErrTooLarge says that a single row does not fit into a part: its texts and cells take more than MaxPart encoded.
var ErrTooLarge = errors.New("one row is larger than a part of a cost document can be")

// Names gives the display name of an account or region, "" where it is unknown.
type Names func(dim focus.Dim, id string) string

// Summary tells what a document holds.
type Summary struct {
	Parts       int
	Bytes       int64 // of all parts, encoded
	Keys, Cells int64
	Nulls       int64
	Total       money.Amount // of all valid cells
	First, Last calendar.Day // over the columns of all cells; 0 where there are none
	Hash        [16]byte     // of the logical content: number of dimensions, keys, names, cells
}

// Encoder writes one document as parts, each self-contained with a contiguous range of keys. The parts follow from the
// rows alone. It holds the rows of the part being filled and no more. An error of any call is that of all later ones.
type Encoder struct {
	dims   []focus.Dim
	names  Names
	emit   func(part []byte) error
	batch  *batch
	budget int // weight of a batch that is to become a part
	last   []byte
	hash   hash.Hash
	line   []byte // what is next to be hashed
	sum    Summary
	err    error
}

// NewEncoder writes one document. dims are the labels of the key's parts: View.Dims() and, for the tags view, one per
// kept tag key. names may be nil. emit gets each part in order and may keep it; its error ends the encoding.
func NewEncoder(dims []focus.Dim, names Names, emit func(part []byte) error) *Encoder {
	if names == nil {
		names = func(focus.Dim, string) string { return "" }
	}
	e := &Encoder{dims: dims, names: names, emit: emit, batch: newBatch(len(dims)), budget: MaxPart, hash: sha256.New()}
	e.line = binary.AppendUvarint(nil, uint64(len(dims)))
	return e
}

// Append adds a row and keeps nothing of it. Keys ascend strictly and have a text for each dimension; the cells'
// columns ascend strictly, Nulls is not negative and the Amount of a cell that is not Valid is 0. Errors that are not
// of these rules are money.ErrOverflow for the total, ErrTooLarge and those of emit.
func (e *Encoder) Append(r Row) error {
	if e.err == nil {
		e.err = e.append(r)
	}
	return e.err
}

func (e *Encoder) append(r Row) error {
	if e.sum.Keys > 0 && bytes.Compare(e.last, r.Key) >= 0 {
		return fmt.Errorf("key %q after %q: keys must ascend", r.Key, e.last)
	}
	if n := bytes.Count(r.Key, []byte{0}) + 1; n != len(e.dims) {
		return fmt.Errorf("key %q has %d texts for %d dimensions", r.Key, n, len(e.dims))
	}
	if err := e.count(r); err != nil {
		return fmt.Errorf("key %q: %w", r.Key, err)
	}
	e.last = append(e.last[:0], r.Key...)
	e.batch.add(r, func(dim int, text string) string { return e.names(e.dims[dim], text) })
	e.digest(r)
	if e.batch.weight < e.budget && len(e.batch.cells) < maxBatch {
		return nil
	}
	return e.flush()
}

// count checks the cells of a row and adds them to the summary.
func (e *Encoder) count(r Row) (err error) {
	s := &e.sum
	for i, c := range r.Cells {
		switch {
		case i > 0 && r.Cells[i-1].Col.Compare(c.Col) >= 0:
			return fmt.Errorf("column %v after %v: columns must ascend", c.Col, r.Cells[i-1].Col)
		case c.Nulls < 0 || !c.Valid && !c.Amount.IsZero():
			return fmt.Errorf("column %v: negative nulls, or an amount that is not valid", c.Col)
		case c.Amount.Sign() < 0 && c.Amount.Neg().Sign() < 0: // -2^127, the one that FromUnscaled refuses
			return money.ErrOverflow
		}
		if s.Total, err = s.Total.Add(c.Amount); err != nil {
			return err
		}
		if s.Nulls += c.Nulls; s.Nulls < 0 {
			return money.ErrOverflow
		}
		if day := c.Col.Day; s.Cells == 0 && i == 0 {
			s.First, s.Last = day, day
		} else {
			s.First, s.Last = min(s.First, day), max(s.Last, day)
		}
	}
	s.Keys++
	s.Cells += int64(len(r.Cells))
	return nil
}

// digest hashes a row: its key, a name for each dimension, its cells at the finest scale.
func (e *Encoder) digest(r Row) {
	b := appendText(e.line, r.Key)
	for d := range e.dims {
		b = appendText(b, e.batch.lastName(d))
	}
	b = binary.AppendUvarint(b, uint64(len(r.Cells)))
	for _, c := range r.Cells {
		hi, lo := c.Amount.Unscaled(money.Scale)
		b = binary.LittleEndian.AppendUint32(b, uint32(c.Col.Billing))
		b = binary.LittleEndian.AppendUint32(b, uint32(c.Col.Day))
		b = binary.LittleEndian.AppendUint64(b, uint64(hi))
		b = binary.LittleEndian.AppendUint64(b, lo)
		b = binary.AppendUvarint(b, uint64(c.Nulls))
		if c.Valid {
			b = append(b, 1)
		} else {
			b = append(b, 0)
		}
	}
	e.hash.Write(b)
	e.line = b[:0]
}

func appendText[T ~string | ~[]byte](b []byte, text T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// flush emits the batch. How small the last part has become decides how much the next takes.
func (e *Encoder) flush() error {
	size := e.sum.Bytes
	if err := e.write(0, len(e.batch.ends)); err != nil {
		return err
	}
	size = e.sum.Bytes - size
	e.budget = min(max(int(int64(e.batch.weight)*(MaxPart/8*7)/size), MaxPart), 4*MaxPart)
	e.batch.reset()
	return nil
}

// write emits the batch's keys of a range as one part, or as more where that would be too large.
func (e *Encoder) write(from, to int) error {
	part := e.batch.encode(from, to)
	if part != nil && len(part) <= MaxPart {
		e.sum.Parts++
		e.sum.Bytes += int64(len(part))
		return e.emit(part)
	}
	if to-from == 1 {
		return ErrTooLarge
	}
	middle := (from + to) / 2
	if err := e.write(from, middle); err != nil {
		return err
	}
	return e.write(middle, to)
}

// Close emits what is left and tells what the document holds; one without rows has no parts. The Encoder is then done.
func (e *Encoder) Close() (Summary, error) {
	if e.err == nil && len(e.batch.ends) > 0 {
		e.err = e.flush()
	}
	if e.err != nil {
		return Summary{}, e.err
	}
	e.hash.Write(e.line)
	e.line = e.line[:0]
	copy(e.sum.Hash[:], e.hash.Sum(nil))
	e.err = errors.New("the document is closed")
	return e.sum, nil
}
