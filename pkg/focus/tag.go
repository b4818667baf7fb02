package focus

import (
	"bytes"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"unicode/utf8"
)

// TagValues appends to into the values that a canonical Tags text (the text of a Tags symbol) has for keys, in the
// order of keys; "" where a key is absent. Of any other text it makes no sense, but no panic either.
func TagValues(tags string, keys []string, into []string) []string {
	first := len(into)
	for range keys {
		into = append(into, "")
	}
	for values, rest := into[first:], tags; len(rest) > 1 && len(keys) > 0; {
		var key, value string
		if key, rest = quoted(rest[1:]); len(rest) < 2 { // past { or ,
			break
		}
		value, rest = quoted(rest[1:]) // past :
		for i, k := range keys {
			if k == key {
				values[i] = value
			}
		}
	}
	return into
}

// quoted reads the JSON string that text begins with, as canonical texts write it: nothing but " and \ is escaped.
func quoted(text string) (string, string) {
	if len(text) == 0 || text[0] != '"' {
		return "", ""
	}
	end, escaped := 1, false
	for ; end < len(text) && text[end] != '"'; end++ {
		if text[end] == '\\' {
			escaped = true
			end++
		}
	}
	if end >= len(text) {
		return "", ""
	}
	value, rest := text[1:end], text[end+1:]
	if escaped {
		value = unescape.Replace(value)
	}
	return value, rest
}

var unescape = strings.NewReplacer(`\\`, `\`, `\"`, `"`)

// tagSet gathers the tags of one line. Its buffers are used again for the next line.
type tagSet struct {
	text []byte // keys and values
	tags []tag
	out  []byte
}

type tag struct{ key, value, end int } // offsets into text: where key and value start, and where value ends

func (s *tagSet) reset() { s.text, s.tags = s.text[:0], s.tags[:0] }

// begin adds a tag of no key and no value; what is then appended to text is its key, and after divide its value.
func (s *tagSet) begin()  { n := len(s.text); s.tags = append(s.tags, tag{n, n, n}) }
func (s *tagSet) divide() { s.tags[len(s.tags)-1].value = len(s.text) }
func (s *tagSet) finish() { s.tags[len(s.tags)-1].end = len(s.text) }

func (s *tagSet) key(t tag) []byte   { return s.text[t.key:t.value] }
func (s *tagSet) value(t tag) []byte { return s.text[t.value:t.end] }

// canonical gives the tags as a JSON object, keys sorted, of equal keys the last; empty where there are none. The
// result is overwritten by the next call.
func (s *tagSet) canonical() (text []byte, reason string) {
	if len(s.text) > maxTags || len(s.tags) > maxTags {
		return nil, tooManyTags
	}
	for _, t := range s.tags {
		if reason := checkCharacters(s.key(t)); reason != "" {
			return nil, "a tag key is " + reason
		}
		if reason := checkCharacters(s.value(t)); reason != "" {
			return nil, "a tag value is " + reason
		}
	}
	byKey := func(a, b tag) int { return bytes.Compare(s.key(a), s.key(b)) }
	if !slices.IsSortedFunc(s.tags, byKey) {
		slices.SortStableFunc(s.tags, byKey)
	}
	s.out = s.out[:0]
	for i, t := range s.tags {
		if i+1 < len(s.tags) && byKey(t, s.tags[i+1]) == 0 {
			continue
		}
		s.out = append(s.out, ',')
		s.out = appendQuoted(s.out, s.key(t))
		s.out = append(s.out, ':')
		s.out = appendQuoted(s.out, s.value(t))
	}
	if len(s.out) > 0 {
		s.out[0] = '{'
		s.out = append(s.out, '}')
	}
	return s.out, ""
}

func appendQuoted[T ~string | ~[]byte](b []byte, text T) []byte {
	b = append(b, '"')
	for i := range len(text) {
		if c := text[i]; c == '"' || c == '\\' {
			b = append(b, '\\')
		}
		b = append(b, text[i])
	}
	return append(b, '"')
}

var tooManyTags = fmt.Sprintf("tags longer than %d bytes", maxTags)

const wantTags = "expected a JSON object of tags"

// parse reads a JSON object. Values that are no strings are taken as their text, null as "".
func (s *tagSet) parse(text []byte) (reason string) {
	s.reset()
	rest, ok := after(text, '{')
	if !ok {
		return wantTags
	}
	if rest, ok := after(rest, '}'); ok {
		return rejectIf(len(skipSpace(rest)) > 0)
	}
	for {
		s.begin()
		if rest, ok = s.appendString(skipSpace(rest)); !ok {
			return wantTags
		}
		s.divide()
		if rest, ok = after(rest, ':'); !ok {
			return wantTags
		}
		if rest, ok = s.appendValue(skipSpace(rest)); !ok {
			return wantTags
		}
		s.finish()
		if last, ok := after(rest, '}'); ok {
			return rejectIf(len(skipSpace(last)) > 0)
		}
		if rest, ok = after(rest, ','); !ok {
			return wantTags
		}
	}
}

func rejectIf(wrong bool) string {
	if wrong {
		return wantTags
	}
	return ""
}

// appendString takes a JSON string off text.
func (s *tagSet) appendString(text []byte) (rest []byte, ok bool) {
	if len(text) == 0 || text[0] != '"' {
		return nil, false
	}
	end, escaped := 1, false
	for ; end < len(text) && text[end] != '"'; end++ {
		if text[end] == '\\' {
			escaped = true
			end++
		}
	}
	if end >= len(text) {
		return nil, false
	}
	if !escaped {
		s.text = append(s.text, text[1:end]...)
		return text[end+1:], true
	}
	var decoded string
	if json.Unmarshal(text[:end+1], &decoded) != nil || loneSurrogate(text[:end], decoded) {
		return nil, false
	}
	s.text = append(s.text, decoded...)
	return text[end+1:], true
}

// loneSurrogate tells whether decoding made a replacement character of an escape that stands for none.
func loneSurrogate(text []byte, decoded string) bool {
	return strings.Count(decoded, string(utf8.RuneError)) >
		bytes.Count(text, []byte(string(utf8.RuneError)))+bytes.Count(bytes.ToLower(text), []byte(`\ufffd`))
}

// appendValue takes any JSON value off text.
func (s *tagSet) appendValue(text []byte) (rest []byte, ok bool) {
	if len(text) > 0 && text[0] == '"' {
		return s.appendString(text)
	}
	var value json.RawMessage
	d := json.NewDecoder(bytes.NewReader(text))
	if d.Decode(&value) != nil {
		return nil, false
	}
	if string(value) != "null" {
		compact := bytes.NewBuffer(s.text)
		if json.Compact(compact, value) != nil {
			return nil, false
		}
		s.text = compact.Bytes()
	}
	return text[d.InputOffset():], true
}

func skipSpace(text []byte) []byte {
	for len(text) > 0 && (text[0] == ' ' || text[0] == '\t' || text[0] == '\n' || text[0] == '\r') {
		text = text[1:]
	}
	return text
}

// after takes one character, and the space before it, off text.
func after(text []byte, c byte) ([]byte, bool) {
	text = skipSpace(text)
	if len(text) == 0 || text[0] != c {
		return text, false
	}
	return text[1:], true
}

// symbolOf gives the symbol of a line's Tags text.
func (s *tagSet) symbolOf(symbols *Symbols, hash uint32, text []byte) (Symbol, string) {
	if y := symbols.find(&symbols.columns[Tags], hash, text); y != 0 {
		return y, "" // canonical already
	}
	if y := symbols.alias(hash, text); y != 0 {
		return y, ""
	}
	if len(text) > 4*maxTags {
		return 0, tooManyTags
	}
	if reason := s.parse(text); reason != "" {
		return 0, reason
	}
	canonical, reason := s.canonical()
	if reason != "" {
		return 0, reason
	}
	y := symbols.Intern(Tags, canonical)
	if y != 0 && !bytes.Equal(canonical, text) {
		symbols.addAlias(hash, text, y)
	}
	return y, ""
}
