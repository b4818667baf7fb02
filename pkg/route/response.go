package route

import (
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/tenantry/tenantry/pkg/fault"
)

// response holds the status back until the first byte of the body, so that a failure found before then can still be told.
type response struct {
	http.ResponseWriter
	challenge string    // what a 401 asks for
	call      *call     // whose failure may say when to come again; may be nil
	body      *arriving // of the request; may be nil
	status    int
	sent      bool
	bytes     int64 // of the body
}

// WriteHeader notes the status; the first one counts.
func (w *response) WriteHeader(status int) {
	if w.status == 0 {
		w.status = status
	}
}

// Write sends status and headers before the first byte.
func (w *response) Write(p []byte) (int, error) {
	w.finish()
	n, err := w.ResponseWriter.Write(p)
	w.bytes += int64(n)
	return n, err
}

// Unwrap is for http.ResponseController.
func (w *response) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// finish sends status and headers where they are still held back.
func (w *response) finish() {
	if w.sent {
		return
	}
	w.sent = true
	w.WriteHeader(http.StatusOK)
	if w.body != nil && w.body.hurried && !w.body.whole {
		w.Header().Set("Connection", "close") // else the server waits for the rest before it answers
	}
	switch w.status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", w.challenge)
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		w.Header().Set("Retry-After", strconv.FormatInt(w.wait(), 10))
	}
	w.ResponseWriter.WriteHeader(w.status)
}

// wait is how many seconds to wait before the same request, 1 where the failure does not say.
func (w *response) wait() int64 {
	if w.call != nil {
		if f, ok := errors.AsType[*fault.Error](w.call.failure); ok {
			return max(seconds(f.After), 1)
		}
	}
	return 1
}

// seconds rounds up.
func seconds(d time.Duration) int64 { return int64((d + time.Second - 1) / time.Second) }

// Fail answers what no operation serves, an upload as an example, with the failure's problem.
func Fail(w http.ResponseWriter, err error) {
	secure(w.Header(), "")
	(&response{ResponseWriter: w}).fail(err)
}

// Takes tells whether a request to what no operation serves has one of the methods, and answers it with 405 where not.
func Takes(w http.ResponseWriter, r *http.Request, methods ...string) bool {
	if slices.Contains(methods, r.Method) {
		return true
	}
	Fail(w, notAllowed(w.Header(), methods))
	return false
}

// notAllowedCode is the one code that no kind of failure has: it is HTTP's own.
const notAllowedCode fault.Code = "method-not-allowed"

// notAllowed is the failure of a method that a path does not take; the header names those that it takes.
func notAllowed(h http.Header, methods []string) *Problem {
	h.Set("Allow", strings.Join(methods, ", "))
	return newProblem(http.StatusMethodNotAllowed, notAllowedCode, "This path does not take the method; Allow says what it takes.", nil)
}

// fail makes a failure the whole answer; nothing may have been sent.
func (w *response) fail(err error) {
	p := problemOf(err)
	body, _ := json.Marshal(p)
	w.Header().Set("Content-Type", p.ContentType(""))
	w.Header().Del("ETag")
	w.Header().Del("Location")
	w.status = p.Status
	w.Write(append(body, '\n'))
}

// challenge tells a missing token from one that does not hold.
func challenge(r *http.Request) string {
	if r.Header.Get("Authorization") == "" {
		return "Bearer"
	}
	return `Bearer error="invalid_token"`
}
