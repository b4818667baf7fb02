package audit

import (
	"encoding/json"
	"fmt"
	"maps"
	"reflect"
	"slices"
	"strings"
	"unicode/utf8"
)

// difference gives the fields of two JSON objects that are not alike, by name.
func difference(before, after any) (all []Field, err error) {
	b, err := fields(before)
	if err != nil {
		return nil, err
	}
	a, err := fields(after)
	if err != nil {
		return nil, err
	}
	names := maps.Clone(b)
	maps.Copy(names, a)
	for _, name := range slices.Sorted(maps.Keys(names)) {
		if string(a[name]) != string(b[name]) && !slices.Contains(known, name) {
			all = append(all, Field{name, JSON(b[name]), JSON(a[name])})
		}
	}
	for i := range all {
		most := min(maxField, maxFields/(2*len(all)))
		all[i].Before, all[i].After = clip(all[i].Before, most), clip(all[i].After, most)
	}
	return all, nil
}

// known are fields that the row's own target and time say.
var known = []string{"id", "createdAt", "updatedAt"}

const (
	maxField  = 500 // bytes
	maxFields = 4000
)

func fields(entity any) (map[string]json.RawMessage, error) {
	all := map[string]json.RawMessage{}
	if v := reflect.ValueOf(entity); !v.IsValid() || v.Kind() == reflect.Pointer && v.IsNil() {
		return all, nil
	}
	b, err := json.Marshal(entity)
	if err == nil {
		err = json.Unmarshal(b, &all)
	}
	if err != nil {
		return nil, fmt.Errorf("compare for the audit log: %w", err)
	}
	return all, nil
}

// clip gives at most n bytes of a text, n being 3 or more.
func clip[T ~string](text T, n int) T {
	s := strings.ToValidUTF8(string(text), "")
	if len(s) <= n {
		return T(s)
	}
	n -= 3
	for n > 0 && !utf8.RuneStart(s[n]) {
		n--
	}
	return T(s[:n] + "...")
}
