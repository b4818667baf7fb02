package rollup

import (
	"encoding/binary"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/cost/document"
)

// group is a Group by numbers.
type group struct {
	project uint32
	view    int
	billing calendar.Month
}

// segment is where the spool holds the sorted rows that one run has of a group.
type segment struct{ start, end int64 }

// run writes sorted rows to the spool: each is its length (4 bytes), how many bytes its key begins with are those of the
// row before, the length of the rest, the rest, the number of cells, and the cells.
type run struct {
	spool    *spool
	segments map[group][]segment
	room     int64 // bytes the spool may hold in memory

	group     group
	open      bool
	start     int64
	key, last []byte
	same      int   // bytes that are known to be the same in both
	ends      []int // where the texts of the key end
	cells     []Cell
	buf       []byte
}

// begin starts the rows of another group.
func (r *run) begin(g group) error {
	if err := r.end(); err != nil {
		return err
	}
	r.group, r.open, r.start = g, true, r.spool.size
	r.key, r.last, r.ends = r.key[:0], r.last[:0], r.ends[:0]
	return nil
}

// end closes the group that is open.
func (r *run) end() error {
	if !r.open {
		return nil
	}
	r.finishRow()
	if err := r.flush(); err != nil {
		return err
	}
	r.segments[r.group] = append(r.segments[r.group], segment{r.start, r.spool.size})
	r.open = false
	return nil
}

// next starts a row whose key has the first n texts of the row before, and others from there on.
func (r *run) next(n int, texts []string) error {
	r.finishRow()
	if len(r.buf) > block {
		if err := r.flush(); err != nil {
			return err
		}
	}
	r.ends, r.same = r.ends[:n], 0
	if n > 0 {
		r.same = r.ends[n-1]
	}
	r.key = r.key[:r.same]
	for i, text := range texts {
		if n+i > 0 {
			r.key = append(r.key, 0)
		}
		r.key = append(r.key, text...)
		r.ends = append(r.ends, len(r.key))
	}
	return nil
}

// cell starts a cell of the row, to be added to.
func (r *run) cell(col document.Col) *Cell {
	r.cells = append(r.cells, Cell{Col: col})
	return &r.cells[len(r.cells)-1]
}

func (r *run) finishRow() {
	if len(r.cells) == 0 {
		return
	}
	shared := r.same + common(r.last[r.same:], r.key[r.same:])
	start := len(r.buf)
	b := append(r.buf, 0, 0, 0, 0)
	b = binary.AppendUvarint(b, uint64(shared))
	b = binary.AppendUvarint(b, uint64(len(r.key)-shared))
	b = append(b, r.key[shared:]...)
	b = binary.AppendUvarint(b, uint64(len(r.cells)))
	day := r.group.billing.First()
	for i := range r.cells {
		b = r.cells[i].append(b, day)
		day = r.cells[i].Col.Day
	}
	binary.LittleEndian.PutUint32(b[start:], uint32(len(b)-start-4))
	r.buf = b
	r.last = append(r.last[:shared], r.key[shared:]...)
	r.cells = r.cells[:0]
}

func (r *run) flush() error {
	err := r.spool.write(r.buf, r.room)
	r.buf = r.buf[:0]
	return err
}

// common is the number of bytes that a and b both begin with.
func common[T ~[]byte | ~string](a, b T) int {
	n := min(len(a), len(b))
	for i := range n {
		if a[i] != b[i] {
			return i
		}
	}
	return n
}
