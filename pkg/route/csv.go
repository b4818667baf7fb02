package route

import (
	"bytes"
	"strings"
	"unicode"
)

// PrefersCSV tells whether an Accept header asks for CSV rather than JSON: it names text/csv, and not application/json
// before it or with a greater weight.
func PrefersCSV(accept string) bool {
	accept = strings.ToLower(accept)
	csv, json := weight(accept, "text/csv"), weight(accept, "application/json")
	if csv == json {
		return csv != "" && strings.Index(accept, "text/csv") < strings.Index(accept, "application/json")
	}
	return csv > json
}

// weight is the q of a media type in an Accept header, "1" where none is said, "" where the type is not there or refused.
func weight(accept, media string) string {
	for part := range strings.SplitSeq(accept, ",") {
		name, params, _ := strings.Cut(part, ";")
		if strings.TrimSpace(name) != media {
			continue
		}
		for param := range strings.SplitSeq(params, ";") {
			if q, ok := strings.CutPrefix(strings.TrimSpace(param), "q="); ok {
				return strings.TrimRight(strings.TrimRight(q, "0"), ".")
			}
		}
		return "1"
	}
	return ""
}

const (
	starters   = "=+-@＝＋－＠" // what a spreadsheet takes for the beginning of a formula
	separators = ";\t\r\n|" // what it may split a line at, quoted or not, where it does not expect commas
)

// Harmless puts an apostrophe before what a spreadsheet takes for a formula: at the beginning of the text, and after whatever the
// spreadsheet may take for the end of a cell. Blanks and quotes between are looked through.
func Harmless(s string) string {
	if !strings.ContainsAny(s, starters+separators) {
		return s
	}
	var b strings.Builder
	if s[0] == '\t' || s[0] == '\r' || s[0] == '\n' {
		b.WriteByte('\'')
	}
	begins := true // a cell, as far as has been seen
	for _, c := range s {
		switch {
		case strings.ContainsRune(separators, c):
			begins = true
		case begins && strings.ContainsRune(starters, c):
			b.WriteByte('\'')
			begins = false
		case !unicode.IsSpace(c) && c != '"':
			begins = false
		}
		b.WriteRune(c)
	}
	return b.String()
}

// WriteRecord writes one line of RFC 4180. encoding/csv would change line breaks within texts.
func WriteRecord(b *bytes.Buffer, cells []string) {
	for i, c := range cells {
		if i > 0 {
			b.WriteByte(',')
		}
		if strings.ContainsAny(c, "\","+separators) || strings.TrimSpace(c) != c {
			c = `"` + strings.ReplaceAll(c, `"`, `""`) + `"`
		}
		b.WriteString(c)
	}
	b.WriteString("\r\n")
}
