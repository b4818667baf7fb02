package route

import (
	"regexp"
	"strconv"
	"strings"
	"sync"

	"github.com/tenantry/tenantry/pkg/fault"
)

// IfMatch is embedded by the In of every update.
type IfMatch struct {
	IfMatch string `header:"If-Match" maxLength:"1000" doc:"The ETag that was read: the update is refused with 412 where it is no longer the present one. Without it the last write wins."`
}

// ETag is the entity tag of a version: "v3" in quotes.
func ETag(version int64) string { return `"v` + strconv.FormatInt(version, 10) + `"` }

var entityTags = sync.OnceValue(func() *regexp.Regexp {
	const tag = `(?:W/)?"[\x21\x23-\x7e]*"`
	return regexp.MustCompile(`^` + tag + `(?:[ \t]*,[ \t]*` + tag + `)*$`)
})

// Check is nil where the header is absent, * or names the version; else fault.Stale, or Malformed. A weak tag names none.
func (m IfMatch) Check(version int64) error {
	h := strings.TrimSpace(m.IfMatch)
	if h == "" || h == "*" {
		return nil
	}
	if !entityTags().MatchString(h) {
		return fault.New(fault.Malformed, "If-Match holds no entity tag. Send the ETag of the last answer as it is, with its quotes.")
	}
	for tag := range strings.SplitSeq(h, ",") {
		if strings.TrimSpace(tag) == ETag(version) {
			return nil
		}
	}
	return fault.New(fault.Stale, "It has been changed since it was read. Read it again and repeat the change on the present version.")
}
