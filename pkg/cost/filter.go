package cost

import (
	"errors"
	"slices"
	"strings"
)

// Bounds of a question's filters together.
const (
	MaxFilters     = 20
	MaxFilterBytes = 4000
	MaxValues      = 400
)

// Filter keeps the lines whose dimension has one of the values, or with Not those that have none of them. The value ""
// is null, so that Not keeps nulls unless "" is among the values.
type Filter struct {
	Dimension Dimension
	Not       bool
	Values    []string
}

var errEscape = errors.New(`a backslash stands before , : or \ only; write \\ for a backslash itself`)

// ParseFilter reads [!]dimension:value[,value], where \, \: and \\ stand for themselves. In values a plain colon is one,
// too. The key of tag:<key> and label:<key> ends at the next plain colon.
func ParseFilter(s string) (Filter, error) {
	var f Filter
	s, f.Not = strings.CutPrefix(s, "!")
	rest := s
	if strings.HasPrefix(s, TagPrefix) || strings.HasPrefix(s, LabelPrefix) {
		_, rest, _ = strings.Cut(s, ":")
	}
	colon := plain(rest, ':')
	if colon < 0 {
		return Filter{}, errors.New("a filter is dimension:value[,value], as environment:production; nothing after the colon means null")
	}
	name, err := unescape(s[:len(s)-len(rest)+colon])
	if err != nil {
		return Filter{}, err
	}
	if f.Dimension, err = ParseDimension(name); err != nil {
		return Filter{}, err
	}
	f.Values, err = parseList(rest[colon+1:])
	return f, err
}

// String is what ParseFilter reads.
func (f Filter) String() string {
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

// Keeps tells whether a line with the value passes.
func (f Filter) Keeps(value string) bool { return slices.Contains(f.Values, value) != f.Not }

// keeps tells for each of the sorted texts whether it passes, and whether any does.
func (f Filter) keeps(texts []string) (each []bool, some bool) {
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

// parseList reads values between plain commas.
func parseList(s string) (all []string, err error) {
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
