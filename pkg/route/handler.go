package route

import (
	"cmp"
	"context"
	"crypto/rand"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"mime"
	"net"
	"net/http"
	"net/url"
	"path"
	"runtime/debug"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Options are what a handler takes from its surroundings; the zero Options are good.
type Options struct {
	Clock     func() time.Time             // time.Now where nil
	Random    io.Reader                    // of request IDs; crypto/rand where nil
	Log       *slog.Logger                 // gets one line a request; slog.Default() where nil
	RequestID func(context.Context) string // the platform's ID of the request, "" where it has none; may be nil

	Body   time.Duration // in which a request's body has to arrive, whole; 20 s where 0
	Within time.Duration // in which a handler has to be done, once the body is there; at most 20 s, and that where 0

	// Admit takes a member's request out of the tenant's rate, before the permission is looked at; the error is
	// fault.Limited where nothing is left. kept is for what people who may can always do: say who belongs to the tenant, which keys
	// it has and whether it goes on. May be nil.
	Admit func(ctx context.Context, s *tenant.Scope, kept bool) (Rate, error)
	// Used is told what an admitted request took, after it was answered. May be nil.
	Used func(context.Context, *tenant.Scope, Usage)
	// Answered is told of a member's request that was answered, whatever with. May be nil.
	Answered func(context.Context, *tenant.Scope)
	// Refused is told of a member's request that was refused: fault.Forbidden, or any failure whose cause is
	// tenant.ErrDenied. May be nil.
	Refused func(context.Context, *tenant.Scope, error)
}

// Rate is how much a tenant may still ask.
type Rate struct {
	Limit, Remaining int64
	Reset            time.Duration // until Limit is there again
}

// Usage is what a request took.
type Usage struct {
	Store    store.Use
	BytesIn  int64 // of the request's body
	BytesOut int64 // of the answer's
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
	o.Body, o.Within = cmp.Or(o.Body, patience), min(cmp.Or(o.Within, patience), patience)
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
		c := &call{request: Request{ID: s.requestID(r.Context()), Source: source(r)}}
		w := &response{ResponseWriter: rw, challenge: challenge(r), call: c}
		secure(w.Header(), c.request.ID)
		ctx, l := s.begin(c, r)
		r = r.WithContext(ctx)
		s.hurry(w, r)
		defer func() {
			half, broken := w.sent, recover()
			if broken != nil {
				c.stack = string(debug.Stack())
			}
			if broken != nil && !half {
				w.fail(fault.New(fault.Internal, "panic"))
			}
			w.finish()
			s.settle(ctx, c, w, l.Used())
			s.write(ctx, l, c, w, broken)
			if broken != nil && half {
				panic(http.ErrAbortHandler) // what is out must not look whole
			}
		}()
		e, err := choose(methods, w.Header(), r.Method)
		if err == nil {
			l.Function, c.request.Operation, c.request.Target = string(e.Function), e.ID, e.target(r)
			c.project = r.PathValue("projectId")
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
	authorized := s.Clock()
	if err := s.authorize(e, c, w, r); err != nil {
		return err
	}
	e.prepare()
	r, body, err := e.read(r)
	if err != nil {
		return err
	}
	unhurried(w)
	if s.Clock().Sub(authorized) >= stale {
		if err := s.again(e, c, r); err != nil {
			return err
		}
	}
	ctx, stop := context.WithTimeout(r.Context(), s.Within)
	defer stop()
	e.handle(e.exchange(r.WithContext(ctx), w, body))
	if c.mediaType == "" {
		return nil
	}
	w.Header().Set("Content-Type", c.mediaType)
	if c.fileName != "" {
		w.Header().Set("Content-Disposition", mime.FormatMediaType("attachment", map[string]string{"filename": c.fileName}))
	}
	w.WriteHeader(e.status())
	if err := c.write(w); err != nil && w.sent {
		panic(err)
	} else {
		return err
	}
}

// authorize finds who calls and whether they may.
func (s *server) authorize(e *endpoint, c *call, w *response, r *http.Request) (err error) {
	switch e.caller {
	case member:
		err = s.enter(e, c, r)
		if c.member != nil && s.Admit != nil {
			rate, limited := s.Admit(r.Context(), c.member, err == nil && e.Permission.Personal())
			rate.tell(w.Header())
			if limited != nil {
				return limited
			}
			c.admitted = true
		}
		if err == nil {
			c.scope = c.member
		}
	case signedIn:
		if c.principal, err = s.auth.Principal(r.Context(), authorization(r)); err == nil {
			err = e.person(c.principal)
		}
	}
	return err
}

// within refuses who is limited to named projects where the whole organization is meant.
func (e *endpoint) within(s *tenant.Scope) error {
	if e.Reach == Whole && s.Limited() {
		return fault.Wrap(tenant.ErrDenied, fault.Forbidden, "You are limited to named projects, and this is of the whole organization. "+
			"Ask somebody who is not limited.")
	}
	return nil
}

// again authorizes a request whose body was long in coming: the caller may have been removed meanwhile, and the tenant erased.
func (s *server) again(e *endpoint, c *call, r *http.Request) (err error) {
	switch e.caller {
	case member:
		c.scope = nil
		if err = s.enter(e, c, r); err == nil {
			c.scope = c.member
		}
	case signedIn:
		c.principal, err = s.auth.Principal(r.Context(), authorization(r))
	}
	return err
}

// enter finds the member and whether they may. Nothing is told to the books of a tenant that they are no member of any more.
func (s *server) enter(e *endpoint, c *call, r *http.Request) (err error) {
	if c.member, err = s.auth.Scope(r.Context(), authorization(r), r.PathValue("tenantId"), e.Permission); err == nil && c.member == nil {
		err = fault.New(fault.Internal, "the authorizer gave no scope")
	}
	if err == nil {
		err = e.within(c.member)
	}
	c.admitted = c.admitted && c.member != nil
	return err
}

func authorization(r *http.Request) string {
	return strings.Join(r.Header.Values("Authorization"), ",")
}

// person refuses API keys where a person is asked for.
func (e *endpoint) person(p tenant.Principal) error {
	if e.Permission == tenant.Person && p.Credential() != tenant.Token {
		return fault.New(fault.Forbidden, "An API key cannot do this: it belongs to one organization. Sign in as a person.").Coded(fault.PersonNeeded)
	}
	return nil
}

// tell says in the headers what is left: the fields RateLimit-Policy and RateLimit of the IETF's httpapi draft.
func (r Rate) tell(h http.Header) {
	if r.Limit == 0 {
		return
	}
	h.Set("RateLimit-Policy", fmt.Sprintf(`"requests";q=%d;w=60`, r.Limit))
	h.Set("RateLimit", fmt.Sprintf(`"requests";r=%d;t=%d`, r.Remaining, seconds(r.Reset)))
}

// settle tells the tenant's books of a request that was answered.
func (s *server) settle(ctx context.Context, c *call, w *response, used store.Use) {
	ctx = context.WithoutCancel(ctx) // a caller who has gone owes all the same
	if denied := fault.Is(c.failure, fault.Forbidden) || errors.Is(c.failure, tenant.ErrDenied); denied && c.member != nil && s.Refused != nil {
		s.Refused(ctx, c.member, c.failure)
	}
	if c.member != nil && s.Answered != nil {
		s.Answered(ctx, c.member)
	}
	if c.admitted && s.Used != nil {
		s.Used(ctx, c.member, Usage{Store: used, BytesIn: w.body.bytes, BytesOut: w.bytes})
	}
}

// source is the caller's address. Behind API Gateway it is the one that the gateway saw.
func source(r *http.Request) string {
	if host, _, err := net.SplitHostPort(r.RemoteAddr); err == nil {
		return host
	}
	return r.RemoteAddr
}

const maxTarget = 64

// target is what the request's path names last. It is kept and shown where nobody expects what callers may write, control characters
// say: of what is no ID as all are, each byte is percent-encoded.
func (e *endpoint) target(r *http.Request) string {
	for _, name := range slices.Backward(e.pathParameters()) {
		if kind, ok := strings.CutSuffix(name, "Id"); ok {
			t := kind + "/" + url.PathEscape(r.PathValue(name))
			return t[:min(len(t), maxTarget)]
		}
	}
	return ""
}

func choose(methods map[string]*endpoint, h http.Header, method string) (*endpoint, error) {
	if e := methods[method]; e != nil {
		return e, nil
	}
	if methods == nil {
		return nil, fault.New(fault.NotFound, "There is nothing at this path.")
	}
	return nil, notAllowed(h, slices.Sorted(maps.Keys(methods)))
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
