package bolt

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/internal/item"
)

// Add adds in one transaction.
func (e *Engine) Add(ctx context.Context, at store.Address, by map[string]int64, expires time.Time) (map[string]int64, error) {
	err := item.CheckAdd(at, by)
	var sums map[string]int64
	if err == nil {
		err = e.update(ctx, func(s *state) (err error) {
			sums, err = s.add(ctx, at, by, item.Expiry(expires))
			return err
		})
	}
	if err != nil {
		return nil, fmt.Errorf("bolt: add: %w", err)
	}
	return sums, nil
}

func (s *state) add(ctx context.Context, at store.Address, by map[string]int64, expires int64) (map[string]int64, error) {
	old, err := s.get(at)
	if err != nil {
		return nil, err
	}
	it, attributes := &stored{version: 1}, item.Attributes{}
	if s.live(old) {
		it.version, it.expires = old.version, old.expires
		if attributes, err = item.Parse(old.raw); err != nil {
			return nil, err
		}
	}
	if expires != 0 {
		it.expires = expires
	}
	sums, err := increase(attributes, by)
	if err != nil {
		return nil, err
	}
	if err := it.fill(at, attributes); err != nil {
		return nil, err
	}
	use := store.Use{Calls: 1, Write: item.WriteUnits(max(old.sizeOf(), it.size), false)}
	store.Report(ctx, at.Table, use)
	return sums, s.replace(at, old, it)
}

// increase changes the attributes and gives the new values of those in by.
func increase(attributes item.Attributes, by map[string]int64) (map[string]int64, error) {
	sums := make(map[string]int64, len(by))
	for name, n := range by {
		v, is := attributes[name]
		present, ok := item.Integer(v)
		if is && !ok {
			return nil, errors.New("an attribute to add to is not an integer")
		}
		sum := present + n
		if (sum > present) != (n > 0) && n != 0 {
			return nil, errors.New("a counter overflows")
		}
		sums[name], attributes[name] = sum, sum
	}
	return sums, nil
}

func (s *stored) fill(at store.Address, attributes item.Attributes) (err error) {
	if s.raw, err = attributes.Marshal(); err != nil {
		return err
	}
	size, err := attributes.Size()
	if err != nil {
		return err
	}
	return s.measure(at, size)
}
