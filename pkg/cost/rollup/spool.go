package rollup

import (
	"io"
	"os"

	"github.com/tenantry/tenantry/pkg/fault"
)

const block = 64 << 10

// spool is a growing sequence of bytes that is kept in memory while it is small, and then in a file of dir without a
// name, so that nothing remains of it when the process is killed.
type spool struct {
	dir    string
	blocks [][]byte // all full but the last; none once there is a file
	file   *os.File
	named  bool // the file could not be removed while it is open
	size   int64
}

// write appends p. More than room bytes are not kept in memory.
func (s *spool) write(p []byte, room int64) error {
	if s.file == nil && s.size+int64(len(p)) <= room {
		s.size += int64(len(p))
		for len(p) > 0 {
			if n := len(s.blocks); n == 0 || len(s.blocks[n-1]) == block {
				s.blocks = append(s.blocks, make([]byte, 0, block))
			}
			last := &s.blocks[len(s.blocks)-1]
			n := min(len(p), block-len(*last))
			*last = append(*last, p[:n]...)
			p = p[n:]
		}
		return nil
	}
	if err := s.toFile(); err != nil {
		return err
	}
	n, err := s.file.Write(p)
	s.size += int64(n)
	return unwritable(err)
}

func (s *spool) toFile() (err error) {
	if s.file != nil {
		return nil
	}
	if s.file, err = os.CreateTemp(s.dir, "rollup-"); err != nil {
		return unwritable(err)
	}
	s.named = os.Remove(s.file.Name()) != nil
	for _, b := range s.blocks {
		if _, err := s.file.Write(b); err != nil {
			return unwritable(err)
		}
	}
	s.blocks = nil
	return nil
}

// memory is how many bytes are held in memory.
func (s *spool) memory() int64 {
	if s.file != nil {
		return 0
	}
	return s.size
}

// ReadAt is io.ReaderAt's.
func (s *spool) ReadAt(p []byte, off int64) (n int, err error) {
	if s.file != nil {
		return s.file.ReadAt(p, off)
	}
	for n < len(p) {
		if off >= s.size {
			return n, io.EOF
		}
		m := copy(p[n:], s.blocks[off/block][off%block:])
		n += m
		off += int64(m)
	}
	return n, nil
}

func (s *spool) close() error {
	file := s.file
	s.file, s.blocks, s.size = nil, nil, 0
	if file == nil {
		return nil
	}
	err := file.Close()
	if s.named {
		err = os.Remove(file.Name())
	}
	return err
}

func unwritable(err error) error {
	if err == nil {
		return nil
	}
	return fault.Wrap(err, fault.Unavailable, "there is no room for the temporary files of this import: it can be tried again later, or in smaller deliveries")
}
