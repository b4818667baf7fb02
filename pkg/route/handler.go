package route

import (
	"context"
	"crypto/rand"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"net/http"
	"path"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/store"
)

// Options are what a handler takes from its surroundings; the zero Options are good.
type Options struct {
	Clock     func() time.Time             // time.Now where nil
	Random    io.Reader                    // of request IDs; crypto/rand where nil
	Log       *slog.Logger                 // gets one line a request; slog.Default() where nil
	RequestID func(context.Context) string // the platform's ID of the request, "" where it has none; may be nil
}

// Handler serves operations. Nothing is prepared for an operation before it is first asked for.
func Handler(ops []Operation, auth Authorizer, o Options) (http.Handler, error) {
	if err := plain(ops); err != nil {
		return nil, err
	}
	if auth == nil {
		return nil, fmt.Errorf("route: no Authorizer")
	}
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Random == nil {
		o.Random = rand.Reader
	}
	if o.Log == nil {
		o.Log = slog.Default()
	}
	s := &server{auth: auth, Options: o, mux: http.NewServeMux()}
	paths := map[string]map[string]*endpoint{}
	for _, op := range ops {
		if paths[op.Path] == nil {
			paths[op.Path] = map[string]*endpoint{}
		}
		paths[op.Path][op.Method] = &endpoint{Operation: op}
	}
	for p, methods := range paths {
		s.mux.HandleFunc(p, s.serve(methods))
	}
	s.mux.HandleFunc("/", s.serve(nil))
	return s, nil
}

type server struct {
	Options
	auth   Authorizer
	mux    *http.ServeMux
	warmed atomic.Bool
}

// ServeHTTP answers a request. A path that is not in its one spelling is not redirected: there is nothing at it.
func (s *server) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	if p := r.URL.EscapedPath(); p != path.Clean(p) || r.Method == http.MethodConnect {
		s.serve(nil)(w, r)
		return
	}
	s.mux.ServeHTTP(w, r)
}

// serve answers what comes to one path.
func (s *server) serve(methods map[string]*endpoint) http.HandlerFunc {
	return func(rw http.ResponseWriter, r *http.Request) {
		l := line{start: s.Clock(), id: s.requestID(r.Context()), cold: !s.warmed.Swap(true), operation: "none"}
		w := &response{ResponseWriter: rw, challenge: challenge(r)}
		secure(w.Header(), l.id)
		c := &call{}
		ctx, meter := store.WithMeter(context.WithValue(r.Context(), callKey{}, c))
		r = r.WithContext(ctx)
		defer func() {
			half := w.sent
			if l.broken = recover(); l.broken != nil {
				l.stack = string(debug.Stack())
			}
			if l.broken != nil && !half {
				w.fail(fault.New(fault.Internal, "panic"))
			}
			w.finish()
			s.write(ctx, l, c, w.status, meter)
			if l.broken != nil && half {
				panic(http.ErrAbortHandler) // what is out must not look whole
			}
		}()
		e, err := choose(methods, w.Header(), r.Method)
		if err == nil {
			l.operation = e.ID
			err = s.run(e, c, w, r)
		}
		if err != nil {
			c.failure = err
			w.fail(err)
		}
	}
}

// run takes one request through its steps.
func (s *server) run(e *endpoint, c *call, w *response, r *http.Request) error {
	if err := s.authorize(e, c, r); err != nil {
		return err
	}
	e.prepare()
	in, err := e.read(r, w)
	if err != nil {
		return err
	}
	e.handle(in)
	if c.mediaType == "" {
		return nil
	}
	w.Header().Set("Content-Type", c.mediaType)
	w.WriteHeader(e.status())
	if err := c.write(w); err != nil && w.sent {
		panic(err)
	} else {
		return err
	}
}

// authorize finds who calls and whether they may.
func (s *server) authorize(e *endpoint, c *call, r *http.Request) (err error) {
	authorization := strings.Join(r.Header.Values("Authorization"), ",")
	switch e.caller {
	case member:
		if c.scope, err = s.auth.Scope(r.Context(), authorization, r.PathValue("tenantId"), e.Permission); err == nil && c.scope == nil {
			err = fault.New(fault.Internal, "the authorizer gave no scope")
		}
	case signedIn:
		c.principal, err = s.auth.Principal(r.Context(), authorization)
	}
	return err
}

func choose(methods map[string]*endpoint, h http.Header, method string) (*endpoint, error) {
	if e := methods[method]; e != nil {
		return e, nil
	}
	if methods == nil {
		return nil, fault.New(fault.NotFound, "There is nothing at this path.")
	}
	h.Set("Allow", strings.Join(slices.Sorted(maps.Keys(methods)), ", "))
	return nil, newProblem(http.StatusMethodNotAllowed, "This path does not take the method; Allow says what it takes.", nil)
}

func (s *server) requestID(ctx context.Context) string {
	if s.RequestID != nil {
		if id := s.RequestID(ctx); id != "" {
			return id
		}
	}
	var b [12]byte
	if _, err := io.ReadFull(s.Random, b[:]); err != nil {
		return ""
	}
	return hex.EncodeToString(b[:])
}

// secure sets the headers of every answer: it is nobody's to keep, to guess the type of or to frame.
func secure(h http.Header, requestID string) {
	if requestID != "" {
		h.Set("X-Request-Id", requestID)
	}
	h.Set("Cache-Control", "no-store")
	h.Set("X-Content-Type-Options", "nosniff")
	h.Set("Content-Security-Policy", "default-src 'none'; frame-ancestors 'none'")
}
