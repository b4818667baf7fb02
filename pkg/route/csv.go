package route

import (
	"bytes"
	"strings"
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

// Harmless puts an apostrophe before what a spreadsheet takes for a formula.
func Harmless(s string) string {
	if s != "" && strings.IndexByte("=+-@\t\r\n", s[0]) >= 0 {
		return "'" + s
	}
	return s
}

// WriteRecord writes one line of RFC 4180. encoding/csv would change line breaks within texts.
func WriteRecord(b *bytes.Buffer, cells []string) {
	for i, c := range cells {
		if i > 0 {
			b.WriteByte(',')
		}
		if strings.ContainsAny(c, "\",\r\n") || strings.TrimSpace(c) != c {
			c = `"` + strings.ReplaceAll(c, `"`, `""`) + `"`
		}
		b.WriteString(c)
	}
	b.WriteString("\r\n")
}
