package route

import (
	"encoding/json"
	"net/http"
)

// response holds the status back until the first byte of the body, so that a failure found before then can still be told.
type response struct {
	http.ResponseWriter
	challenge string // what a 401 asks for
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
	switch w.status {
	case http.StatusUnauthorized:
		w.Header().Set("WWW-Authenticate", w.challenge)
	case http.StatusServiceUnavailable, http.StatusTooManyRequests:
		if w.Header().Get("Retry-After") == "" {
			w.Header().Set("Retry-After", "1")
		}
	}
	w.ResponseWriter.WriteHeader(w.status)
}

// Fail answers what no operation serves, an upload as an example, with the failure's problem.
func Fail(w http.ResponseWriter, err error) {
	secure(w.Header(), "")
	(&response{ResponseWriter: w}).fail(err)
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
