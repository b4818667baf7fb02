package route

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"sort"
	"strings"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/store"
)

// Problem is every failure's body, application/problem+json of RFC 9457. It never holds an instance or a request ID, so
// that equal failures have equal bytes.
type Problem struct {
	Type   string         `json:"type" doc:"Always about:blank: the status says what sort of problem it is."`
	Title  string         `json:"title" doc:"The status in words."`
	Status int            `json:"status" doc:"The HTTP status."`
	Code   fault.Code     `json:"code" doc:"What a program acts on: these words do not change. More may come to be."`
	Detail string         `json:"detail" doc:"What is wrong and what to do."`
	Limit  string         `json:"limit,omitempty" doc:"Which limit of the plan is reached, as in the tenant's limits; with the code limit-reached." example:"projects"`
	Errors []fault.Detail `json:"errors,omitempty" doc:"The places of the request that are wrong, the first 20."`
}

const maxDetails = 20

// statuses is the one table from kinds of failures to HTTP.
var statuses = [...]int{
	fault.Internal:        http.StatusInternalServerError,
	fault.Malformed:       http.StatusBadRequest,
	fault.Invalid:         http.StatusUnprocessableEntity,
	fault.Unauthenticated: http.StatusUnauthorized,
	fault.Forbidden:       http.StatusForbidden,
	fault.NotFound:        http.StatusNotFound,
	fault.Conflict:        http.StatusConflict,
	fault.Stale:           http.StatusPreconditionFailed,
	fault.TooLarge:        http.StatusRequestEntityTooLarge,
	fault.Unsupported:     http.StatusUnsupportedMediaType,
	fault.Limited:         http.StatusTooManyRequests,
	fault.Unavailable:     http.StatusServiceUnavailable,
	fault.TooLong:         http.StatusRequestURITooLong,
}

// Status is the HTTP status of a kind of failure.
func Status(k fault.Kind) int {
	if k < 0 || int(k) >= len(statuses) {
		return http.StatusInternalServerError
	}
	return statuses[k]
}

// huma's own failures take the same form. The settings are huma's package variables; there are no others.
func init() {
	huma.NewError = func(status int, msg string, errs ...error) huma.StatusError { return humaProblem(status, msg, errs) }
	huma.NewErrorWithContext = func(_ huma.Context, status int, msg string, errs ...error) huma.StatusError {
		return humaProblem(status, msg, errs)
	}
	huma.ValidateStrictCasing = true
	huma.DefaultArrayNullable = false
}

// Error is the problem in a line.
func (p *Problem) Error() string { return fmt.Sprintf("%d %s: %s", p.Status, p.Title, p.Detail) }

// GetStatus is the HTTP status, for huma.
func (p *Problem) GetStatus() int { return p.Status }

// ContentType is application/problem+json, for huma.
func (p *Problem) ContentType(string) string { return "application/problem+json" }

// problemOf says of any error what a caller may know.
func problemOf(err error) *Problem {
	if p, ok := errors.AsType[*Problem](err); ok {
		return p
	}
	f := classify(err)
	p := newProblem(Status(f.Kind), f.Named(), f.Message, f.Details)
	p.Limit = f.Limit
	if p.Status == http.StatusInternalServerError {
		p.Detail, p.Errors = "Something went wrong here. Try again; if it stays, report the X-Request-Id of this answer.", nil
		p.Code, p.Limit = fault.Internal.Code(), ""
	}
	return p
}

// classify gives the *fault.Error in err's chain, or the one that stands for it.
func classify(err error) *fault.Error {
	if f, ok := errors.AsType[*fault.Error](err); ok {
		return f
	}
	switch {
	case errors.Is(err, store.ErrThrottled), errors.Is(err, store.ErrUnavailable),
		errors.Is(err, context.DeadlineExceeded), errors.Is(err, context.Canceled):
		return fault.Wrap(err, fault.Unavailable, "The service is busy. Try again in a moment.")
	case store.Conflicted(err) != nil:
		return fault.Wrap(err, fault.Conflict, "Something else changed this at the same time. Read it again and repeat.")
	}
	return fault.Wrap(err, fault.Internal, "internal")
}

// TransformSchema names all codes, for huma.
func (*Problem) TransformSchema(_ huma.Registry, s *huma.Schema) *huma.Schema {
	for _, c := range fault.Codes() {
		s.Properties["code"].Enum = append(s.Properties["code"].Enum, string(c))
	}
	s.Properties["code"].Enum = append(s.Properties["code"].Enum, string(notAllowedCode))
	return s
}

func newProblem(status int, code fault.Code, detail string, details []fault.Detail) *Problem {
	if len(details) > maxDetails {
		details = details[:maxDetails]
	}
	return &Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Code: code, Detail: detail, Errors: details}
}

// humaProblem gives what huma found in a request; in an order of its own, since huma walks maps.
func humaProblem(status int, msg string, errs []error) *Problem {
	f := fault.New(fault.Invalid, "%s", msg)
	for _, err := range errs {
		d, ok := errors.AsType[*huma.ErrorDetail](err)
		if !ok {
			f.At("", err.Error(), "")
			continue
		}
		f.At(d.Location, message(d.Message), scalar(d.Value))
	}
	sort.SliceStable(f.Details, func(i, j int) bool { return f.Details[i].Location < f.Details[j].Location })
	if msg == "validation failed" {
		f.Message = "The request is not acceptable; errors says where."
		if len(f.Details) == 1 {
			f.Message = fmt.Sprintf("The request is not acceptable: %s: %s.", f.Details[0].Location, f.Details[0].Message)
		}
	}
	return newProblem(status, codeOf(status), f.Message, f.Details)
}

// codeOf is the code of the kind that has a status.
func codeOf(status int) fault.Code {
	return fault.Kind(max(slices.Index(statuses[:], status), 0)).Code()
}

// message leaves out the Go types that encoding/json names.
func message(s string) string {
	if strings.HasPrefix(s, "json: ") {
		return "a number is out of range or has an exponent or a fraction where a whole number is asked for"
	}
	if strings.HasPrefix(s, "expected value to match exactly one schema but matched none") {
		return "has none of the forms that the operation's description gives for it"
	}
	return s
}

// scalar writes a value that is no object or list.
func scalar(v any) string {
	switch v := v.(type) {
	case string:
		return v
	case nil, []any, map[string]any, []string:
		return ""
	}
	b, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(b)
}
