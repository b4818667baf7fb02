package document

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"errors"
	"fmt"
	"hash"
	"slices"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/money"
)

// MaxPart bounds an encoded part, in bytes: below DynamoDB's 400 KB item, with room for the item's other attributes.
const MaxPart = 380 << 10

// maxBatch is how many cells of a document are held back at most, but for those of the last row.
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

// Encoder writes documents of the same keys side by side, each as parts that are self-contained with a contiguous range of
// keys, the same for all documents. The parts follow from the rows alone. It holds the rows of the parts being filled and
// no more. An error of any call is that of all later ones.
type Encoder struct {
	dims   []focus.Dim
	names  Names
	keys   keys
	docs   []*values
	budget int // weight of a batch that is to become a part
	last   []byte
	hash   hash.Hash // of the keys and names
	line   []byte    // what is next to be hashed
	one    [1][]Cell
	err    error
}

// NewEncoder writes as many documents as there are emits, at least one. dims are the labels of the key's parts: View.Dims() and, for the
// tags view, one per kept tag key. names may be nil. emit gets each part of its document in order and may keep it; its
// error ends the encoding.
func NewEncoder(dims []focus.Dim, names Names, emit ...func(part []byte) error) *Encoder {
	if names == nil {
		names = func(focus.Dim, string) string { return "" }
	}
	e := &Encoder{dims: dims, names: names, keys: newKeys(len(dims)), budget: MaxPart, hash: sha256.New()}
	for _, f := range emit {
		e.docs = append(e.docs, newValues(f))
	}
	e.line = binary.AppendUvarint(nil, uint64(len(dims)))
	return e
}

// Append adds a row to the only document: see AppendAll.
func (e *Encoder) Append(r Row) error {
	e.one[0] = r.Cells
	return e.AppendAll(r.Key, e.one[:])
}

// AppendAll adds a row to each document, cells in their order, and keeps nothing of it. Keys ascend strictly and have a
// text for each dimension; the cells' columns ascend strictly, Nulls is not negative and the Amount of a cell that is not
// Valid is 0. Errors that are not of these rules are money.ErrOverflow for the total, ErrTooLarge and those of emit.
func (e *Encoder) AppendAll(key []byte, cells [][]Cell) error {
	if e.err == nil {
		e.err = e.append(key, cells)
	}
	return e.err
}

func (e *Encoder) append(key []byte, cells [][]Cell) error {
	if e.docs[0].sum.Keys > 0 && bytes.Compare(e.last, key) >= 0 {
		return fmt.Errorf("key %q after %q: keys must ascend", key, e.last)
	}
	if n := bytes.Count(key, []byte{0}) + 1; n != len(e.dims) {
		return fmt.Errorf("key %q has %d texts for %d dimensions", key, n, len(e.dims))
	}
	e.last = append(e.last[:0], key...)
	e.keys.add(key, func(dim int, text string) string { return e.names(e.dims[dim], text) })
	e.digest(key)
	full := false
	for i, d := range e.docs {
		if err := d.add(cells[i]); err != nil {
			return err
		}
		full = full || e.keys.weight+d.weight >= e.budget || len(d.cells) >= maxBatch
	}
	if !full {
		return nil
	}
	return e.flush()
}

// digest hashes a key and a name for each dimension.
func (e *Encoder) digest(key []byte) {
	b := appendText(e.line, key)
	for d := range e.dims {
		b = appendText(b, e.keys.lastName(d))
	}
	if e.line = b; len(b) >= hashBytes {
		e.hash.Write(b)
		e.line = b[:0]
	}
}

func appendText[T ~string | ~[]byte](b []byte, text T) []byte {
	return append(binary.AppendUvarint(b, uint64(len(text))), text...)
}

// flush emits the batch. How small the largest part has become decides how much the next takes.
func (e *Encoder) flush() error {
	sizes, weight, size := make([]int64, len(e.docs)), 0, int64(1)
	for i, d := range e.docs {
		sizes[i] = d.sum.Bytes
		weight = max(weight, e.keys.weight+d.weight)
	}
	if err := e.write(0, e.keys.count()); err != nil {
		return err
	}
	for i, d := range e.docs {
		size = max(size, d.sum.Bytes-sizes[i])
		d.reset()
	}
	e.budget = min(max(int(int64(weight)*(MaxPart/8*7)/size), MaxPart), 4*MaxPart)
	e.keys.reset()
	return nil
}

// write emits the batch's keys of a range as one part of each document, or as more where any would be too large.
func (e *Encoder) write(from, to int) error {
	parts := e.encode(from, to)
	if parts == nil && to-from == 1 {
		return ErrTooLarge
	}
	if parts == nil {
		middle := (from + to) / 2
		if err := e.write(from, middle); err != nil {
			return err
		}
		return e.write(middle, to)
	}
	for i, d := range e.docs {
		d.sum.Parts++
		d.sum.Bytes += int64(len(parts[i]))
		if err := d.emit(parts[i]); err != nil {
			return err
		}
	}
	return nil
}

// encode gives a range of keys as a part of each document; nil where one of them would be too large.
func (e *Encoder) encode(from, to int) [][]byte {
	if len(e.dims) > maxDims || (to-from)*len(e.dims) > maxIndexes {
		return nil
	}
	keys, texts := e.keys.appendTo(nil, from, to)
	if texts > maxTexts {
		return nil
	}
	parts, first := make([][]byte, len(e.docs)), newFrame(len(e.dims), keys, e.docs[0].shape(from, to), to-from)
	for i, d := range e.docs {
		if twin := e.twin(i, from, to); twin >= 0 {
			parts[i] = parts[twin]
			continue
		}
		frame := first
		if i > 0 && !d.alike(e.docs[0], from, to) {
			frame = newFrame(len(e.dims), keys, d.shape(from, to), to-from)
		}
		part := d.encode(frame, from, to)
		if part == nil || len(part) > MaxPart {
			return nil
		}
		parts[i] = part
	}
	return parts
}

// twin gives the first document before the i-th that has the same cells of a range of keys; -1 for none.
func (e *Encoder) twin(i, from, to int) int {
	d := e.docs[i]
	return slices.IndexFunc(e.docs[:i], func(o *values) bool {
		return slices.Equal(d.ends[from:to], o.ends[from:to]) && slices.Equal(d.between(from, to), o.between(from, to))
	})
}

// Close emits what is left and tells what the only document holds: see CloseAll.
func (e *Encoder) Close() (Summary, error) {
	all, err := e.CloseAll()
	if err != nil {
		return Summary{}, err
	}
	return all[0], nil
}

// CloseAll emits what is left and tells what each document holds; those without rows have no parts. The Encoder is then
// done.
func (e *Encoder) CloseAll() ([]Summary, error) {
	if e.err == nil && e.keys.count() > 0 {
		e.err = e.flush()
	}
	if e.err != nil {
		return nil, e.err
	}
	e.hash.Write(e.line)
	keys, all := e.hash.Sum(nil), make([]Summary, len(e.docs))
	for i, d := range e.docs {
		d.hash.Write(d.line)
		whole := sha256.Sum256(d.hash.Sum(keys[:len(keys):len(keys)]))
		copy(d.sum.Hash[:], whole[:])
		all[i] = d.sum
		d.free()
	}
	e.docs, e.err = nil, errors.New("the document is closed")
	return all, nil
}
