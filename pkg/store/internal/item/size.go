package item

import (
	"context"
	"errors"
	"math"
	"time"

	"github.com/tenantry/tenantry/pkg/store"
)

// MaxTransaction is how large the new items of one Write may be together.
const MaxTransaction = 4 << 20

// Size is what DynamoDB counts for the attributes: names and text in UTF-8, binary by length, numbers by pairs of digits,
// 3 for a list or map and 1 for each of its elements.
func (a Attributes) Size() (int, error) {
	total := 0
	for name, v := range a {
		n, err := sizeOf(v)
		if err != nil {
			return 0, err
		}
		total += len(name) + n
	}
	return total, nil
}

func sizeOf(v any) (int, error) {
	switch v := v.(type) {
	case nil, bool:
		return 1, nil
	case string:
		return len(v), nil
	case []byte:
		return len(v), nil
	case uint64:
		return digits(v), nil
	case int64:
		return number(v), nil
	case []any:
		total := 3
		for _, element := range v {
			n, err := sizeOf(element)
			if err != nil {
				return 0, err
			}
			total += 1 + n
		}
		return total, nil
	case map[string]any:
		if _, ok := v[""]; ok {
			return 0, errors.New("a map to store has an empty key")
		}
		n, err := Attributes(v).Size()
		return 3 + len(v) + n, err
	}
	return 0, errors.New("a value to store has a field that is neither text, integer, boolean nor binary")
}

func number(n int64) int {
	if n < 0 {
		return digits(uint64(-n)) + 1
	}
	return digits(uint64(n))
}

// digits is one byte and one for each pair of decimal digits, zeros at the end not counted.
func digits(n uint64) int {
	if n == 0 {
		return 1
	}
	for n%100 == 0 {
		n /= 100
	}
	size := 1
	for ; n > 0; n /= 100 {
		size++
	}
	return size
}

// Integer gives an attribute that is an integer of 64 bits with a sign.
func Integer(v any) (int64, bool) {
	switch v := v.(type) {
	case int64:
		return v, true
	case uint64:
		return int64(v), v <= math.MaxInt64
	}
	return 0, false
}

// Overhead is the size of an item's attributes PK, SK, Version and ExpiresAt (0: it has none).
func Overhead(at store.Address, version, expires int64) int {
	size := len(PK) + len(at.PK) + len(SK) + len(at.SK) + len(Version) + number(version)
	if expires != 0 {
		size += len(ExpiresAt) + number(expires)
	}
	return size
}

// Expiry is t as ExpiresAt has it; 0 for the zero time.
func Expiry(t time.Time) int64 {
	if t.IsZero() {
		return 0
	}
	return max(1, t.Unix())
}

// Time is the inverse of Expiry.
func Time(expires int64) time.Time {
	if expires == 0 {
		return time.Time{}
	}
	return time.Unix(expires, 0).UTC()
}

// Expired tells whether an item of that ExpiresAt is as good as absent.
func Expired(expires int64, now time.Time) bool { return expires != 0 && expires <= now.Unix() }

// ReadUnits is the charge for reading so many bytes, at least 4 KB.
func ReadUnits(size int, c store.Consistency) store.HalfUnits {
	units := store.HalfUnits(max(1, (size+4095)/4096))
	if c == store.Strongly {
		units *= 2
	}
	return units
}

// WriteUnits is the charge for writing an item whose larger state, before or after, has so many bytes.
func WriteUnits(size int, transaction bool) store.HalfUnits {
	units := 2 * store.HalfUnits(max(1, (size+1023)/1024))
	if transaction {
		units *= 2
	}
	return units
}

// Bill adds up the charges of one call by table.
type Bill map[store.Table]store.Use

// Add adds a charge.
func (b Bill) Add(t store.Table, u store.Use) {
	sum := b[t]
	sum.Read, sum.Write, sum.Items = sum.Read+u.Read, sum.Write+u.Write, sum.Items+u.Items
	sum.Calls = 1
	b[t] = sum
}

// Report sends the bill to the meter in ctx.
func (b Bill) Report(ctx context.Context) {
	for t, u := range b {
		store.Report(ctx, t, u)
	}
}
