package limit

import (
	"context"
	"sync"
	"time"
)

// share is what one process has of one tenant's minute.
type share struct {
	minute time.Time

	mu     sync.Mutex
	limit  int64         // of the plan, as the last request had it
	given  int64         // to this process: what it let pass and what is left
	left   int64         // that may pass without asking
	untold int64         // of given, what the counter was not told of
	taken  int64         // by all processes, as the counter said last
	beyond int64         // let pass beyond the limit, of what is kept for
	last   bool          // there is no more to be had
	asking chan struct{} // closed when the counter has answered; nil where nobody asks
}

// take lets one request pass, and asks for a block where none is left; others of the tenant wait meanwhile. It tells what remains.
// The error is ctx's.
func (s *share) take(ctx context.Context, limit int64, ask func(n int64) (taken int64, err error)) (remaining int64, ok bool, err error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.adopt(limit)
	for s.left == 0 && !s.last {
		if s.asking == nil {
			s.lease(ask)
		} else if err := s.wait(ctx); err != nil {
			return 0, false, err
		}
	}
	if s.left == 0 {
		return 0, false, nil
	}
	s.left--
	return s.left + max(s.limit-s.taken-s.untold, 0), true, nil
}

// more lets one request pass that the limit does not, up to a number.
func (s *share) more(most int64) bool {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.beyond >= most {
		return false
	}
	s.beyond++
	return true
}

// adopt takes over the plan's limit, which is another where the plan was changed.
func (s *share) adopt(limit int64) {
	switch {
	case s.limit == 0:
		s.given = min(Free, limit)
		s.left, s.untold = s.given, s.given
	case limit > s.limit:
		s.last = false
	}
	s.limit = limit
}

// lease asks the counter for a block. The lock is not held while it does.
func (s *share) lease(ask func(int64) (int64, error)) {
	block := max(Free, s.given/8)
	s.asking = make(chan struct{})
	defer func() {
		close(s.asking)
		s.asking = nil
	}()
	taken, err := s.unlocked(ask, s.untold+block)
	if err != nil {
		block, s.taken, s.last = s.limit-s.given, s.limit, true
	} else {
		s.taken, s.untold = taken, 0
		if over := taken - s.limit; over >= 0 {
			block, s.last = block-over, true
		}
	}
	block = max(block, 0)
	s.given, s.left = s.given+block, s.left+block
}

func (s *share) unlocked(ask func(int64) (int64, error), n int64) (int64, error) {
	s.mu.Unlock()
	defer s.mu.Lock()
	return ask(n)
}

// wait waits for who is asking.
func (s *share) wait(ctx context.Context) error {
	answered := s.asking
	s.mu.Unlock()
	defer s.mu.Lock()
	select {
	case <-answered:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
