package route

import (
	"io"
	"net/http"
	"time"
)

const (
	// patience is how long is waited for a request's body, and for its handler.
	patience = 20 * time.Second
	// stale is the age of an authorization from which on it is asked again before anything is done by it. What is shorter is
	// covered by the quiet time of an erasure, which is longer than stale, Options.Within and a minute of belief together.
	stale = time.Second
)

// arriving is a request's body, of which it is known how much has come.
type arriving struct {
	io.ReadCloser
	bytes   int64
	whole   bool
	hurried bool // there is a connection, and it has a deadline
}

// Read counts.
func (a *arriving) Read(p []byte) (int, error) {
	n, err := a.ReadCloser.Read(p)
	a.bytes += int64(n)
	a.whole = a.whole || err == io.EOF
	return n, err
}

// hurry gives the request's body a time in which it has to arrive, on connections that have deadlines.
func (s *server) hurry(w *response, r *http.Request) {
	w.body = &arriving{ReadCloser: r.Body, whole: r.ContentLength == 0}
	if r.Body = w.body; !w.body.whole {
		w.body.hurried = http.NewResponseController(w.ResponseWriter).SetReadDeadline(time.Now().Add(s.Body)) == nil
	}
}

// unhurried takes the deadline away: one that passes while the handler is at work would end its context.
func unhurried(w *response) {
	_ = http.NewResponseController(w.ResponseWriter).SetReadDeadline(time.Time{})
}
