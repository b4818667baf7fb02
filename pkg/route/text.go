package route

import (
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/tenantry/tenantry/pkg/fault"
)

// Line gives a text of one line without the blanks around it. One that is empty, over max characters or not of one line
// is fault.Invalid at the location.
func Line(location, text string, max int) (string, error) {
	text = strings.TrimSpace(text)
	n := utf8.RuneCountInString(text)
	if n == 0 || n > max || !utf8.ValidString(text) || strings.ContainsFunc(text, unprintable) {
		return "", fault.New(fault.Invalid, "%s has 1 to %d characters and no control characters.", location, max).
			At(location, "is empty, too long or holds control characters", text)
	}
	return text, nil
}

// unprintable tells control characters, line and paragraph separators.
func unprintable(r rune) bool { return unicode.IsControl(r) || unicode.In(r, unicode.Zl, unicode.Zp) }
