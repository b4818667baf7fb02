package route

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"slices"
	"strings"
	"sync"
	"time"
	"unicode/utf8"

	"github.com/danielgtaylor/huma/v2"
	"github.com/danielgtaylor/huma/v2/adapters/humago"

	"github.com/tenantry/tenantry/pkg/fault"
)

// MaxQuery is the longest query string, bytes.
const MaxQuery = 16 << 10

// endpoint is an operation that is being served. It has a huma API of its own: registering changes the API's schemas,
// which others might be reading.
type endpoint struct {
	Operation
	once   sync.Once
	dry    bool
	op     *huma.Operation
	handle func(huma.Context)
	query  map[string]bool // the parameters there are; true: may be given several times
	header []string        // the request headers the operation reads
}

// prepare registers the operation with huma, once.
func (e *endpoint) prepare() {
	e.once.Do(func() {
		a := &adapter{}
		e.register(newAPI(config(), a), e.describe(), e.dry)
		e.op, e.handle, e.query = a.op, a.handle, map[string]bool{}
		for _, p := range e.op.Parameters {
			switch p.In {
			case "query":
				e.query[p.Name] = p.Explode != nil && *p.Explode
			case "header":
				e.header = append(e.header, p.Name)
			}
		}
	})
}

// adapter takes the one operation that is registered.
type adapter struct {
	op     *huma.Operation
	handle func(huma.Context)
}

// Handle takes the operation.
func (a *adapter) Handle(op *huma.Operation, handle func(huma.Context)) { a.op, a.handle = op, handle }

// ServeHTTP is never called: the endpoint calls handle.
func (a *adapter) ServeHTTP(http.ResponseWriter, *http.Request) {}

func config() huma.Config {
	return huma.Config{
		OpenAPI: &huma.OpenAPI{Components: &huma.Components{
			Schemas: huma.NewMapRegistry("#/components/schemas/", huma.DefaultSchemaNamer),
		}},
		Formats:       map[string]huma.Format{"application/json": huma.DefaultJSONFormat, "json": huma.DefaultJSONFormat},
		DefaultFormat: "application/json",
	}
}

// jsonAPI answers in JSON whatever Accept says.
type jsonAPI struct{ huma.API }

// Negotiate gives JSON.
func (jsonAPI) Negotiate(string) (string, error) { return "application/json", nil }

func newAPI(c huma.Config, a huma.Adapter) huma.API { return jsonAPI{huma.NewAPI(c, a)} }

// exchange is a request that was read strictly, as huma sees it.
type exchange struct {
	humaContext
	body io.Reader
}

type humaContext huma.Context // embedded under a name that is no method's

// BodyReader is the body that was read.
func (e *exchange) BodyReader() io.Reader { return e.body }

// SetReadDeadline does nothing: the body is read, and a deadline would end the handler's context when it passes.
func (e *exchange) SetReadDeadline(time.Time) error { return nil }

// exchange is what huma handles.
func (e *endpoint) exchange(r *http.Request, w http.ResponseWriter, body []byte) huma.Context {
	return &exchange{humago.NewContext(e.op, r, w), bytes.NewReader(body)}
}

// read gives the request and its whole body, and refuses what huma would let pass.
func (e *endpoint) read(r *http.Request) (*http.Request, []byte, error) {
	query, err := e.readQuery(r.URL.RawQuery)
	if err != nil {
		return nil, nil, err
	}
	for _, name := range e.header {
		if v, given := r.Header[http.CanonicalHeaderKey(name)]; given && name != "Accept" && (len(v) != 1 || v[0] == "") {
			return nil, nil, fault.New(fault.Malformed, "Give the header %s once and not empty, or leave it out.", name)
		}
	}
	body, err := e.readBody(r)
	if err != nil {
		return nil, nil, err
	}
	u := *r.URL
	u.RawQuery = query.Encode() // huma's own reading of a query takes "a&b=1" for one name
	r.URL = &u
	return r, body, nil
}

func (e *endpoint) readQuery(raw string) (url.Values, error) {
	if len(raw) > MaxQuery {
		return nil, fault.New(fault.TooLong, "The query string is over 16 KB. Ask for less at once.")
	}
	query, err := url.ParseQuery(raw)
	if err != nil || !utf8.ValidString(raw) {
		return nil, fault.New(fault.Malformed, "The query string is not well-formed: percent-encode what is not a letter or digit.")
	}
	bad := fault.New(fault.Invalid, "The query has parameters that are not taken; errors says which.")
	for name, values := range query {
		several, known := e.query[name]
		switch {
		case !known:
			bad.At("query."+name, "there is no such parameter; there are: "+e.parameters(), "")
		case len(values) > 1 && !several:
			bad.At("query."+name, "give it once", "")
		case slices.ContainsFunc(values, func(v string) bool { return !utf8.ValidString(v) || strings.ContainsRune(v, 0) }):
			bad.At("query."+name, "is not UTF-8 text", "")
		case several && slices.Contains(values, ""):
			bad.At("query."+name, "is empty: leave it out", "")
		}
	}
	if len(bad.Details) > 0 {
		slices.SortFunc(bad.Details, func(a, b fault.Detail) int { return strings.Compare(a.Location, b.Location) })
		return nil, bad
	}
	return query, nil
}

func (e *endpoint) parameters() string {
	if len(e.query) == 0 {
		return "none"
	}
	var names []string
	for name := range e.query {
		names = append(names, name)
	}
	slices.Sort(names)
	return strings.Join(names, ", ")
}

// readBody gives the whole body, at most maxBody of it, well-formed JSON or empty.
func (e *endpoint) readBody(r *http.Request) ([]byte, error) {
	limit := e.maxBody()
	if e.op.RequestBody == nil {
		limit = 64
	}
	tooLarge := fault.New(fault.TooLarge, "The body is over %d bytes.", limit)
	if r.ContentLength > limit {
		return nil, tooLarge
	}
	body, err := io.ReadAll(io.LimitReader(r.Body, limit+1))
	if errors.Is(err, os.ErrDeadlineExceeded) {
		return nil, fault.Wrap(err, fault.Malformed, "The body did not arrive whole in time. Send it at once, with the headers.")
	}
	if err != nil {
		return nil, fault.Wrap(err, fault.Malformed, "The body cannot be read to its end.")
	}
	if int64(len(body)) > limit {
		return nil, tooLarge
	}
	if e.op.RequestBody == nil {
		if s := strings.TrimSpace(string(body)); s != "" && s != "{}" {
			return nil, fault.New(fault.Malformed, "%s %s takes no body.", e.Method, e.Path)
		}
		return nil, nil
	}
	if len(body) == 0 {
		return nil, nil
	}
	if err := mediaType(r.Header.Values("Content-Type")); err != nil {
		return nil, err
	}
	return body, wellFormed(body)
}

// describe says of the operation what huma has to know to serve it.
func (o Operation) describe() huma.Operation {
	return huma.Operation{
		OperationID: o.ID, Method: o.Method, Path: o.Path, DefaultStatus: o.status(),
		MaxBodyBytes: o.maxBody() + 1, Hidden: true,
	}
}

// String is the operation's ID, method and path.
func (o Operation) String() string { return fmt.Sprintf("%s (%s %s)", o.ID, o.Method, o.Path) }
