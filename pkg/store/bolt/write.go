package bolt

import (
	"context"
	"fmt"
	"slices"

	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/internal/item"
)

// What one transaction of a Load holds at most, and what DynamoDB writes in one call of a batch.
const (
	loadOps    = 500
	loadBytes  = 4 << 20
	batchWrite = 25
)

// Write does the operations in one transaction.
func (e *Engine) Write(ctx context.Context, ops []store.Op) error {
	if err := item.CheckWrite(ops); err != nil {
		return fmt.Errorf("bolt: write: %w", err)
	}
	changes, err := prepare(ops)
	if err != nil {
		return fmt.Errorf("bolt: write: %w", err)
	}
	return e.update(ctx, func(s *state) error {
		size, err := s.settle(changes)
		if err == nil && size > item.MaxTransaction {
			err = store.ErrTooLarge
		}
		if err != nil {
			return fmt.Errorf("bolt: write: %w", err)
		}
		charge(ctx, changes, len(ops) > 1 || ops[0].Action == store.Check)
		if failed := s.failed(changes); failed != nil {
			return &store.ConditionError{Failed: failed}
		}
		return s.apply(changes)
	})
}

// Load does the operations in transactions of some 4 MB.
func (e *Engine) Load(ctx context.Context, ops []store.Op) error {
	ops, err := item.Last(ops)
	for len(ops) > 0 && err == nil {
		var changes []*change
		if changes, err = prepareSome(ops); err != nil {
			break
		}
		ops = ops[len(changes):]
		err = e.update(ctx, func(s *state) error {
			if _, err := s.settle(changes); err != nil {
				return err
			}
			for chunk := range slices.Chunk(changes, batchWrite) {
				charge(ctx, chunk, false)
			}
			return s.apply(changes)
		})
	}
	if err != nil {
		return fmt.Errorf("bolt: load: %w", err)
	}
	return nil
}

// change is an operation on its way into the file.
type change struct {
	op   store.Op
	size int     // of the value's attributes
	it   *stored // what will be there; nil unless it is a Put
	old  *stored // what is there, expired or not
}

// prepare encodes the values, before the one transaction that may write is waited for.
func prepare(ops []store.Op) ([]*change, error) {
	changes := make([]*change, len(ops))
	for i, op := range ops {
		var err error
		if changes[i], err = newChange(op); err != nil {
			return nil, err
		}
	}
	return changes, nil
}

// prepareSome is prepare for as many as one transaction of a Load holds.
func prepareSome(ops []store.Op) (changes []*change, err error) {
	size := 0
	for _, op := range ops {
		c, err := newChange(op)
		if err != nil {
			return nil, err
		}
		changes, size = append(changes, c), size+c.size
		if size >= loadBytes || len(changes) == loadOps {
			break
		}
	}
	return changes, nil
}

func newChange(op store.Op) (*change, error) {
	c := &change{op: op}
	if op.Action != store.Put {
		return c, nil
	}
	attributes, raw, err := item.Encode(op.Value)
	if err != nil {
		return nil, err
	}
	c.it = &stored{raw: raw, expires: item.Expiry(op.ExpiresAt)}
	c.size, err = attributes.Size()
	return c, err
}

// settle finds what is there, and the versions and sizes of what will be; it gives the latter's sum.
func (s *state) settle(changes []*change) (size int, err error) {
	for _, c := range changes {
		if c.old, err = s.get(c.op.Address); err != nil {
			return 0, err
		}
		if c.it == nil {
			continue
		}
		c.it.version = s.next(c)
		if err := c.it.measure(c.op.Address, c.size); err != nil {
			return 0, err
		}
		size += c.it.size
	}
	return size, nil
}

// next is the version that a Put makes.
func (s *state) next(c *change) int64 {
	kind, n := c.op.Condition.Kind()
	if kind == store.IfPresent && s.live(c.old) {
		n = c.old.version
	}
	return n + 1
}

func (s *state) failed(changes []*change) (failed []int) {
	for i, c := range changes {
		if !s.holds(c) {
			failed = append(failed, i)
		}
	}
	return failed
}

func (s *state) holds(c *change) bool {
	switch kind, n := c.op.Condition.Kind(); kind {
	case store.IfAbsent:
		return !s.live(c.old)
	case store.IfPresent:
		return s.live(c.old)
	case store.IfVersion:
		return s.live(c.old) && c.old.version == n
	}
	return true
}

func (s *state) apply(changes []*change) error {
	for _, c := range changes {
		if c.op.Action == store.Check {
			continue
		}
		if err := s.replace(c.op.Address, c.old, c.it); err != nil {
			return err
		}
	}
	return nil
}

// charge reports what DynamoDB takes for a call, whether or not the conditions hold. Before it counts up the version of an
// item that must be present, it is asked for that version.
func charge(ctx context.Context, changes []*change, transaction bool) {
	writes, reads := item.Bill{}, item.Bill{}
	for _, c := range changes {
		size := max(c.old.sizeOf(), c.it.sizeOf())
		writes.Add(c.op.Address.Table, store.Use{Write: item.WriteUnits(size, transaction)})
		if kind, _ := c.op.Condition.Kind(); kind == store.IfPresent && c.op.Action == store.Put {
			reads.Add(c.op.Address.Table, readOf(c.old, store.Strongly))
		}
	}
	reads.Report(ctx)
	writes.Report(ctx)
}
