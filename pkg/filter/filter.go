// Package filter is the grammar in which lists and questions are narrowed: [!]dimension:value[,value].
package filter

import (
	"errors"
	"fmt"
	"slices"
	"strings"
)

// Bounds of all filters of a request together.
const (
	Max       = 20
	MaxBytes  = 4000
	MaxValues = 400
)

// Filter keeps what has one of the values in a dimension, or with Not what has none of them. The value "" is null, so that
// Not keeps nulls unless "" is among the values.
type Filter[D ~string] struct {
	Dimension D
	Not       bool
	Values    []string
}

var errEscape = errors.New(`a backslash stands before , : or \ only; write \\ for a backslash itself`)

// Parse reads [!]dimension:value[,value], where \, \: and \\ stand for themselves. In values a plain colon is one, too. What
// begins with one of the prefixes, as tag:, has a key that ends at the next plain colon. dimension reads the name.
func Parse[D ~string](s string, dimension func(string) (D, error), prefixes ...string) (Filter[D], error) {
	var f Filter[D]
	s, f.Not = strings.CutPrefix(s, "!")
	rest := s
	if slices.ContainsFunc(prefixes, func(p string) bool { return strings.HasPrefix(s, p) }) {
		_, rest, _ = strings.Cut(s, ":")
	}
	colon := plain(rest, ':')
	if colon < 0 {
		return Filter[D]{}, errors.New("a filter is dimension:value[,value], as tag:environment:production; nothing after the colon means null")
	}
	name, err := unescape(s[:len(s)-len(rest)+colon])
	if err != nil {
		return Filter[D]{}, err
	}
	if f.Dimension, err = dimension(name); err != nil {
		return Filter[D]{}, err
	}
	f.Values, err = ParseList(rest[colon+1:])
	return f, err
}

// ReadAll reads the values of a parameter "filter"; bad is told what is wrong, and where.
func ReadAll[D ~string](texts []string, parse func(string) (Filter[D], error), bad func(location, message, value string)) (all []Filter[D]) {
	for i, text := range texts {
		if len(text) > MaxBytes {
			bad("query.filter", bounds, "")
			break
		}
		f, err := parse(text)
		if err != nil {
			bad(fmt.Sprintf("query.filter[%d]", i), err.Error(), text)
			continue
		}
		all = append(all, f)
	}
	return all
}

var bounds = fmt.Sprintf("all filters together take at most %d characters and %d values", MaxBytes, MaxValues)

// Excess says which of the bounds filters together exceed; "" where none.
func Excess[D ~string](all []Filter[D]) string {
	if len(all) > Max {
		return fmt.Sprintf("is there %d times; at most %d are taken", len(all), Max)
	}
	values, size := 0, 0
	for _, f := range all {
		values += len(f.Values)
		size += len(f.String())
	}
	if values > MaxValues || size > MaxBytes {
		return bounds
	}
	return ""
}

// String is what Parse reads.
func (f Filter[D]) String() string {
	var b strings.Builder
	if f.Not {
		b.WriteByte('!')
	}
	prefix, key, keyed := strings.Cut(string(f.Dimension), ":")
	b.WriteString(prefix)
	if keyed {
		b.WriteByte(':')
		b.WriteString(escape(key))
	}
	for i, v := range f.Values {
		b.WriteByte(":,"[min(i, 1)])
		b.WriteString(escape(v))
	}
	return b.String()
}

// Keeps tells whether what has the value passes.
func (f Filter[D]) Keeps(value string) bool { return slices.Contains(f.Values, value) != f.Not }

// KeepsEach tells for each of the sorted texts whether it passes, and whether any does.
func (f Filter[D]) KeepsEach(texts []string) (each []bool, some bool) {
	each = make([]bool, len(texts))
	for i := range each {
		each[i] = f.Not
	}
	for _, v := range f.Values {
		if i, found := slices.BinarySearch(texts, v); found {
			each[i] = !f.Not
		}
	}
	return each, slices.Contains(each, true)
}

// ParseList reads values between plain commas.
func ParseList(s string) (all []string, err error) {
	for {
		comma := plain(s, ',')
		value := s
		if comma >= 0 {
			value = s[:comma]
		}
		if value, err = unescape(value); err != nil {
			return nil, err
		}
		all = append(all, value)
		if comma < 0 {
			return all, nil
		}
		s = s[comma+1:]
	}
}

// plain finds the first c without a backslash before it, -1 where there is none.
func plain(s string, c byte) int {
	for i := 0; i < len(s); i++ {
		switch s[i] {
		case '\\':
			i++
		case c:
			return i
		}
	}
	return -1
}

func unescape(s string) (string, error) {
	if strings.IndexByte(s, '\\') < 0 {
		return s, nil
	}
	b := make([]byte, 0, len(s))
	for i := 0; i < len(s); i++ {
		if s[i] == '\\' {
			if i++; i == len(s) || !strings.ContainsRune(`,:\`, rune(s[i])) {
				return "", errEscape
			}
		}
		b = append(b, s[i])
	}
	return string(b), nil
}

var escaper = strings.NewReplacer(`\`, `\\`, `,`, `\,`, `:`, `\:`)

func escape(s string) string { return escaper.Replace(s) }
