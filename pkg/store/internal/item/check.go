package item

import (
	"errors"
	"fmt"
	"unicode/utf8"

	"github.com/tenantry/tenantry/pkg/store"
)

// CheckAddress refuses keys that DynamoDB cannot hold: empty, too long, not UTF-8.
func CheckAddress(at store.Address) error {
	switch {
	case at.PK == "" || at.SK == "":
		return errors.New("a key is empty")
	case len(at.PK) > store.MaxPKBytes || len(at.SK) > store.MaxSKBytes:
		return fmt.Errorf("a key is too long: %w", store.ErrTooLarge)
	case !utf8.ValidString(at.PK) || !utf8.ValidString(at.SK):
		return errors.New("a key is not UTF-8")
	}
	return nil
}

// Unique gives the addresses without repetition, each checked.
func Unique(at []store.Address) ([]store.Address, error) {
	seen := make(map[store.Address]bool, len(at))
	unique := make([]store.Address, 0, len(at))
	for _, a := range at {
		if err := CheckAddress(a); err != nil {
			return nil, err
		}
		if !seen[a] {
			seen[a] = true
			unique = append(unique, a)
		}
	}
	return unique, nil
}

// CheckWrite refuses what no Write may be.
func CheckWrite(ops []store.Op) error {
	if len(ops) == 0 || len(ops) > store.MaxWrite {
		return fmt.Errorf("a Write has 1 to %d operations, not %d", store.MaxWrite, len(ops))
	}
	seen := make(map[store.Address]bool, len(ops))
	for i, op := range ops {
		if err := CheckAddress(op.Address); err != nil {
			return err
		}
		if seen[op.Address] {
			return fmt.Errorf("operation %d of a Write has an address of another", i)
		}
		seen[op.Address] = true
		if kind, _ := op.Condition.Kind(); op.Action == store.Check && kind == store.IfAny {
			return fmt.Errorf("operation %d of a Write checks nothing", i)
		}
	}
	return nil
}

// Last refuses what no Load may be and gives the operations with the last of each address only.
func Last(ops []store.Op) ([]store.Op, error) {
	at := make(map[store.Address]int, len(ops))
	last := make([]store.Op, 0, len(ops))
	for i, op := range ops {
		if err := CheckAddress(op.Address); err != nil {
			return nil, err
		}
		if kind, _ := op.Condition.Kind(); op.Action == store.Check || kind != store.IfAny {
			return nil, fmt.Errorf("operation %d of a Load has a condition", i)
		}
		if j, ok := at[op.Address]; ok {
			last[j] = op
			continue
		}
		at[op.Address] = len(last)
		last = append(last, op)
	}
	return last, nil
}

// CheckAdd refuses what no Add may be.
func CheckAdd(at store.Address, by map[string]int64) error {
	if len(by) == 0 {
		return errors.New("an Add adds to nothing")
	}
	for _, name := range []string{"", PK, SK, Version, ExpiresAt} {
		if _, ok := by[name]; ok {
			return fmt.Errorf("an Add to an attribute %q", name)
		}
	}
	return CheckAddress(at)
}

// Narrow checks a Range and gives it with an After that lies within it or is empty; false where nothing can be in it.
func Narrow(r store.Range) (store.Range, bool, error) {
	if r.Limit < 0 {
		return r, false, errors.New("the limit of a Query is negative")
	}
	for _, sk := range []string{r.From, r.To, r.After} {
		if err := CheckAddress(store.Address{PK: r.PK, SK: sk}); err != nil && sk != "" {
			return r, false, err
		}
	}
	if r.After != "" && (r.Reverse && r.After > r.To || !r.Reverse && r.After < r.From) {
		r.After = ""
	}
	switch {
	case r.PK == "":
		return r, false, errors.New("a key is empty")
	case r.To == "":
		return r, false, nil
	case r.After == "":
		return r, r.From <= r.To, nil
	case r.Reverse:
		return r, r.From < r.After, nil
	}
	return r, r.After < r.To, nil
}
