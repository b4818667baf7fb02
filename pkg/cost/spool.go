package cost

import (
	"fmt"
	"os"
)

// spool keeps encoded parts on disk until they are known to be new and are loaded, so that a document that has not
// changed is never written and memory does not grow with the delivery.
type spool struct {
	file *os.File
	end  int64
}

type extent struct {
	at  int64
	len int
}

// newSpool makes a spool in dir ("" for the system's). The file has no name any more when it returns, so that no kill
// leaves it behind.
func newSpool(dir string) (*spool, error) {
	f, err := os.CreateTemp(dir, "spool-*")
	if err != nil {
		return nil, fmt.Errorf("make a spool: %w", err)
	}
	if err := os.Remove(f.Name()); err != nil {
		f.Close()
		return nil, fmt.Errorf("make a spool: %w", err)
	}
	return &spool{file: f}, nil
}

func (s *spool) add(part []byte) (extent, error) {
	x := extent{s.end, len(part)}
	if _, err := s.file.WriteAt(part, s.end); err != nil {
		return x, fmt.Errorf("spool a part: %w", err)
	}
	s.end += int64(len(part))
	return x, nil
}

func (s *spool) read(x extent) ([]byte, error) {
	b := make([]byte, x.len)
	if _, err := s.file.ReadAt(b, x.at); err != nil {
		return nil, fmt.Errorf("read a spooled part: %w", err)
	}
	return b, nil
}

func (s *spool) close() { s.file.Close() }
