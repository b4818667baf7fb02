package focus

import (
	"errors"
	"io"
)

// Options of a Reader. The zero value is fine.
type Options struct {
	Symbols     *Symbols // nil: a table of the Reader's own
	MaxProblems int      // problems after which reading stops; 0: 20
	MaxLine     int      // bytes of one CSV record; 0: 8 MiB
}

const defaultMaxLine = 8 << 20

func (o Options) withDefaults() Options {
	if o.Symbols == nil {
		o.Symbols = NewSymbols()
	}
	if o.MaxProblems <= 0 {
		o.MaxProblems = 20
	}
	if o.MaxLine <= 0 {
		o.MaxLine = defaultMaxLine
	}
	return o
}

// Reader gives the lines of one file in its order.
type Reader interface {
	// Next fills l with the next line that has no problems. It is false at the end, after Options.MaxProblems problems
	// and on an error; Err tells which.
	Next(l *Line) bool
	// Err is nil, a *Rejection where anything in the file is wrong, or the error of what the file is read from.
	Err() error
	// Version is the FOCUS version the header shows: "1.0" to "1.4".
	Version() string
	// Lines is the number of records read so far, good or bad.
	Lines() int64
}

var (
	_ Reader = (*CSVReader)(nil)
	_ Reader = (*ParquetReader)(nil)
)

// source remembers the errors of the reader a file comes from, so that they can be told from those of a file at fault.
type source struct {
	r    io.Reader
	read int64 // bytes
	err  error
}

func (s *source) Read(b []byte) (int, error) {
	n, err := s.r.Read(b)
	s.read += int64(n)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}

// Bounds of what a gzipped file unpacks to: so many times what was read of it, and so many bytes in any case. Exports of costs
// unpack to 10 to 60 times their size.
const (
	maxSwelling = 200
	maxUnpacked = 64 << 20
)

var errSwollen = errors.New("the gzip data unpacks to too much")

// unpacked ends a file that unpacks to more than its bounds with errSwollen.
type unpacked struct {
	r      io.Reader
	packed *source
	read   int64
}

func (u *unpacked) Read(b []byte) (int, error) {
	n, err := u.r.Read(b)
	if u.read += int64(n); u.read > max(maxUnpacked, maxSwelling*u.packed.read) {
		return 0, errSwollen
	}
	return n, err
}

// sourceAt is source for random access. That a file is shorter than it says is the file's fault.
type sourceAt struct {
	r   io.ReaderAt
	err error
}

func (s *sourceAt) ReadAt(b []byte, offset int64) (int, error) {
	n, err := s.r.ReadAt(b, offset)
	if err != nil && err != io.EOF {
		s.err = err
	}
	return n, err
}
