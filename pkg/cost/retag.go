package cost

import (
	"bytes"
	"errors"
	"slices"

	"github.com/tenantry/tenantry/pkg/cost/document"
)

var errTagged = errors.New("a line of the tags view has not the tags of its document")

// retagged gives lines of the tags view, which has so many dimensions before its tags, with other tag keys than they were stored with:
// what is not known of a new key is null.
func retagged(in lines, dims int, from, to []string) lines {
	places := make([]int, len(to))
	for i, key := range to {
		places[i] = slices.Index(from, key)
	}
	return func(yield func(line, error) bool) {
		var base []byte
		var group []line // of one base, in the order of the old tags
		flush := func() bool {
			slices.SortStableFunc(group, func(a, b line) int { return bytes.Compare(a.key, b.key) })
			for len(group) > 0 {
				n := 1
				for n < len(group) && bytes.Equal(group[n].key, group[0].key) {
					n++
				}
				var sum cellSums
				sum.reset(len(group[0].cells))
				for _, l := range group[:n] {
					if err := sum.add(l.cells); err != nil {
						yield(line{}, err)
						return false
					}
				}
				if !yield(line{group[0].key, sum.cells}, nil) {
					return false
				}
				group = group[n:]
			}
			return true
		}
		for l, err := range in {
			parts := bytes.Split(l.key, []byte{0})
			if err == nil && len(parts) != dims+len(from) {
				err = errTagged
			}
			if err != nil {
				yield(line{}, err)
				return
			}
			now := bytes.Join(parts[:dims], []byte{0})
			if !bytes.Equal(now, base) && !flush() {
				return
			}
			base = now
			group = append(group, line{retag(now, parts[dims:], places), copied(l.cells)})
		}
		flush()
	}
}

// retag gives a key with the tags at places of the old ones, null where there is none.
func retag(base []byte, tags [][]byte, places []int) []byte {
	key := slices.Clone(base)
	for _, at := range places {
		key = append(key, 0)
		if at >= 0 {
			key = append(key, tags[at]...)
		}
	}
	return key
}

func copied(cells [][]document.Cell) [][]document.Cell {
	all := make([][]document.Cell, len(cells))
	for i := range cells {
		all[i] = slices.Clone(cells[i])
	}
	return all
}
