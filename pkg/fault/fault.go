// Package fault is the one vocabulary of failures: a kind that a program acts on and a message that a person can act on.
// It knows nothing of HTTP; pkg/route has the one table from Kind to status.
package fault

import (
	"errors"
	"fmt"
	"time"
)

// Kind says what sort of failure it is.
type Kind int

// The kinds. The zero Kind is Internal: what nobody classified is never shown.
const (
	Internal        Kind = iota // a defect or a failing dependency; the message is not shown
	Malformed                   // the request cannot be understood: syntax, cursor, wrong type
	Invalid                     // understood, but a value is not acceptable
	Unauthenticated             // no identity, or one that does not hold
	Forbidden                   // the identity lacks the permission
	NotFound                    // there is none, or none that the caller may know of
	Conflict                    // the state does not allow it, or somebody was quicker
	Stale                       // If-Match names another version than the present one
	TooLarge                    // a body or file over its limit
	Unsupported                 // a media type that is not read
	Limited                     // a rate or quota is used up
	Unavailable                 // passing; the same request may succeed later
	TooLong                     // a query over its limit
)

// Detail points at one place of the input and says what is wrong with it.
type Detail struct {
	Location string `json:"location"` // as "query.start", "body.files[2].sizeBytes", "line 17, BilledCost"
	Message  string `json:"message"`
	Value    string `json:"value,omitempty" doc:"What was given, as text whatever its type."`
}

// Error is a failure with a message that is safe to show: it holds no secret, no key and nothing of another tenant.
type Error struct {
	Kind    Kind
	Message string
	Details []Detail
	Code    Code          // "" where the kind's says all that a program can act on
	Limit   string        // which one is reached, as plans name it; "" where it is none of a plan
	After   time.Duration // from now on until the same request may succeed; 0 where that is not known
	cause   error
}

// New makes an Error; the message says what is wrong and what to do.
func New(kind Kind, format string, args ...any) *Error {
	return &Error{Kind: kind, Message: fmt.Sprintf(format, args...)}
}

// Wrap is New with a cause that is logged and never shown.
func Wrap(cause error, kind Kind, format string, args ...any) *Error {
	e := New(kind, format, args...)
	e.cause = cause
	return e
}

// At adds a place of the input and returns e.
func (e *Error) At(location, message, value string) *Error {
	e.Details = append(e.Details, Detail{Location: location, Message: message, Value: clip(value)})
	return e
}

// In says when the same request may succeed and returns e.
func (e *Error) In(wait time.Duration) *Error {
	e.After = wait
	return e
}

// Error gives the message and, for logs, the cause.
func (e *Error) Error() string {
	if e.cause != nil {
		return e.Message + ": " + e.cause.Error()
	}
	return e.Message
}

// Unwrap gives the cause.
func (e *Error) Unwrap() error { return e.cause }

// KindOf is the kind of the first *Error in err's chain, Internal where there is none.
func KindOf(err error) Kind {
	var e *Error
	if errors.As(err, &e) {
		return e.Kind
	}
	return Internal
}

// Is tells whether err is a failure of the kind.
func Is(err error, kind Kind) bool { return err != nil && KindOf(err) == kind }

func clip(s string) string {
	if len(s) <= 100 {
		return s
	}
	for i := range s {
		if i > 96 {
			return s[:i] + "..."
		}
	}
	return s
}
