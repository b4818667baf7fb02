package policytest

import (
	"strings"
	"unicode/utf8"
)

// mark is a character of a pattern, or a wildcard.
type mark struct {
	char rune
	wild bool // '*' is any characters, '?' one
}

// matches tells whether a value is like a pattern with wildcards and variables. What a variable stands for is taken
// literally; a pattern with a variable that has no value, or several, is like nothing.
func matches(pattern, value string, context map[string][]string) bool {
	marks, ok := expand(pattern, context)
	return ok && like(marks, []rune(value))
}

// expand puts the values of variables in.
func expand(pattern string, context map[string][]string) ([]mark, bool) {
	var marks []mark
	for len(pattern) > 0 {
		if rest, ok := strings.CutPrefix(pattern, "${"); ok {
			name, after, closed := strings.Cut(rest, "}")
			if !closed {
				return nil, false
			}
			value := name // "${*}" is the character
			if name != "*" && name != "?" && name != "$" {
				values := context[strings.ToLower(name)]
				if len(values) != 1 {
					return nil, false
				}
				value = values[0]
			}
			for _, c := range value {
				marks = append(marks, mark{char: c})
			}
			pattern = after
			continue
		}
		c, size := utf8.DecodeRuneInString(pattern)
		marks = append(marks, mark{c, c == '*' || c == '?'})
		pattern = pattern[size:]
	}
	return marks, true
}

// like matches in steps of the value, going back to the last '*' where it must.
func like(marks []mark, value []rune) bool {
	m, v, star, from := 0, 0, -1, 0
	for v < len(value) {
		switch {
		case m < len(marks) && marks[m].wild && marks[m].char == '*':
			star, from = m, v
			m++
		case m < len(marks) && (marks[m].wild || marks[m].char == value[v]):
			m++
			v++
		case star >= 0:
			from++
			m, v = star+1, from
		default:
			return false
		}
	}
	for m < len(marks) && marks[m].wild && marks[m].char == '*' {
		m++
	}
	return m == len(marks)
}

// equal compares without wildcards.
func equal(marks []mark, value string) bool {
	var s strings.Builder
	for _, m := range marks {
		s.WriteRune(m.char)
	}
	return s.String() == value
}

// likeARN compares part by part: a wildcard does not reach over a colon before the sixth part.
func likeARN(pattern, value string, context map[string][]string) bool {
	parts, of := strings.SplitN(pattern, ":", 6), strings.SplitN(value, ":", 6)
	if len(parts) != 6 || len(of) != 6 {
		return false
	}
	for i := range parts {
		if !matches(parts[i], of[i], context) {
			return false
		}
	}
	return true
}
