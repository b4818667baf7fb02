package fault

import "slices"

// Code names a failure to programs, in words that do not change. Most failures have their kind's.
type Code string

// The codes that say more than a kind does.
const (
	LimitReached  Code = "limit-reached"  // of a plan, or a rate; Error.Limit names the plan's
	LastOwner     Code = "last-owner"     // an organization cannot be without one
	NotAMember    Code = "not-a-member"   // there is no such organization, or the caller is not a member of it
	PersonNeeded  Code = "person-needed"  // an API key cannot do it, whatever its role
	NotActive     Code = "not-active"     // the organization is suspended or being deleted
	Archived      Code = "archived"       // the project is
	InvalidCursor Code = "invalid-cursor" // start again without it
)

// codes are those of the kinds.
var codes = [...]Code{
	Internal:        "internal",
	Malformed:       "malformed",
	Invalid:         "invalid",
	Unauthenticated: "unauthenticated",
	Forbidden:       "forbidden",
	NotFound:        "not-found",
	Conflict:        "conflict",
	Stale:           "stale",
	TooLarge:        "too-large",
	Unsupported:     "unsupported-media-type",
	Limited:         LimitReached,
	Unavailable:     "unavailable",
	TooLong:         "too-long",
}

// Code is the kind's own.
func (k Kind) Code() Code {
	if k < 0 || int(k) >= len(codes) {
		return codes[Internal]
	}
	return codes[k]
}

// Codes lists all there are, in ascending order.
func Codes() []Code {
	all := append(slices.Clone(codes[:]), LastOwner, NotAMember, PersonNeeded, NotActive, Archived, InvalidCursor)
	slices.Sort(all)
	return slices.Compact(all)
}

// Coded gives the failure a code that says more than its kind and returns e.
func (e *Error) Coded(c Code) *Error {
	e.Code = c
	return e
}

// Of says which limit of a plan is reached and returns e.
func (e *Error) Of(limit string) *Error {
	e.Limit = limit
	return e.Coded(LimitReached)
}

// Named is the failure's code, its kind's where it has none of its own.
func (e *Error) Named() Code {
	if e.Code != "" {
		return e.Code
	}
	return e.Kind.Code()
}
