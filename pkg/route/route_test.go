package route_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

const home, abroad = "ten_01ARZ3NDEKTSV4RRFFQ69G5FAV", "ten_01ARZ3NDEKTSV4RRFFQ69G5FAW"

// door lets "Bearer <role>" into home.
type door struct{}

func (door) Principal(_ context.Context, authorization string) (tenant.Principal, error) {
	role, ok := strings.CutPrefix(authorization, "Bearer ")
	if !ok {
		return tenant.Principal{}, fault.New(fault.Unauthenticated, "no token")
	}
	return tenant.Principal{Issuer: "door", Subject: role}, nil
}

func (d door) Scope(ctx context.Context, authorization, id string, need tenant.Permission) (*tenant.Scope, error) {
	p, err := d.Principal(ctx, authorization)
	if err != nil {
		return nil, err
	}
	if id != home {
		return nil, fault.New(fault.NotFound, "no such tenant")
	}
	m := tenant.Membership{Tenant: home, Role: tenant.Role(p.Subject)}
	if p.Subject == "limited" {
		m.Role, m.Projects = tenant.Editor, []tenant.ProjectID{"prj_01ARZ3NDEKTSV4RRFFQ69G5FAV"}
	}
	s, err := tenant.Authorize(p, m, tenant.Standing{Status: tenant.Active}, need)
	if err != nil {
		return nil, fault.New(fault.Forbidden, "not permitted")
	}
	return s, nil
}

type thing struct {
	Name  string   `json:"name" minLength:"1" maxLength:"10"`
	Size  int64    `json:"size,omitempty" minimum:"0"`
	Parts []string `json:"parts,omitempty" maxItems:"3"`
	Due   string   `json:"due,omitempty" format:"date"`
}

type makeIn struct {
	route.IdempotencyKey
	Body thing
}

type listIn struct {
	route.Paging
	Filter []string `query:"filter,explode" maxItems:"2"`
	Since  string   `query:"since" format:"date"`
}

type oneIn struct {
	ThingID string `path:"thingId"`
}

type thingOut struct {
	ETag     string `header:"ETag"`
	Location string `header:"Location"`
	Body     thing
}

type listOut struct{ Body route.Page[string] }

type csvOut struct {
	Body thing
	csv  string
}

func (o *csvOut) Alternate() (string, func(io.Writer) error) {
	if o.csv == "" {
		return "", nil
	}
	return "text/csv; charset=utf-8", func(w io.Writer) error { _, err := io.WriteString(w, o.csv); return err }
}

// shop is a feature; its methods are taken from a nil one when operations are only listed.
type shop struct{ fail error }

func (s *shop) make(_ context.Context, scope *tenant.Scope, in *makeIn) (*thingOut, error) {
	return &thingOut{ETag: route.ETag(1), Location: "/there", Body: in.Body}, s.fail
}

func (s *shop) list(_ context.Context, _ *tenant.Scope, in *listIn) (*listOut, error) {
	return &listOut{route.Page[string]{Items: []string{fmt.Sprint(in.Limit), strings.Join(in.Filter, "|"), in.Since}}}, nil
}

func (s *shop) one(_ context.Context, _ *tenant.Scope, in *oneIn) (*csvOut, error) {
	if in.ThingID == "panic" {
		panic("with a secret")
	}
	if in.ThingID == "csv" {
		return &csvOut{csv: "a,b\n"}, nil
	}
	return &csvOut{Body: thing{Name: in.ThingID}}, nil
}

func (s *shop) me(_ context.Context, p tenant.Principal, _ *struct{}) (*thingOut, error) {
	return &thingOut{Body: thing{Name: p.Subject}}, nil
}

func (s *shop) open(context.Context, *struct{}) (*struct{}, error) { return &struct{}{}, nil }

func (s *shop) operations() []route.Operation {
	const base = "/v1/tenants/{tenantId}/things"
	return []route.Operation{
		route.ForTenant(route.Spec{ID: "makeThing", Method: "POST", Path: base, Permission: tenant.WriteProject, Reach: route.Whole, Function: route.API,
			Summary: "Make a thing", Tag: "Things", Status: 201, MaxBody: 300, Example: makeIn{Body: thing{Name: "a"}}}, s.make),
		route.ForTenant(route.Spec{ID: "listThings", Method: "GET", Path: base, Permission: tenant.ReadProject, Reach: route.Within, Function: route.API,
			Summary: "List things", Tag: "Things", Example: listIn{Filter: []string{"x", "y"}}}, s.list),
		route.ForTenant(route.Spec{ID: "getThing", Method: "GET", Path: base + "/{thingId}", Permission: tenant.ReadProject, Reach: route.Within,
			Function: route.API, Summary: "Get a thing", Tag: "Things", Media: "text/csv", Example: oneIn{}}, s.one),
		route.ForPrincipal(route.Spec{ID: "getMe", Method: "GET", Path: "/v1/me", Permission: tenant.SignedIn, Function: route.Admin,
			Summary: "Who am I", Tag: "Me", Example: struct{}{}}, s.me),
		route.ForAll(route.Spec{ID: "open", Method: "POST", Path: "/v1/open", Permission: tenant.Public, Function: route.API,
			Summary: "Open", Tag: "Me", Example: struct{}{}}, s.open),
	}
}

func serve(t testing.TB, s *shop, log io.Writer) http.Handler {
	h, err := route.Handler(s.operations(), door{}, route.Options{Log: slog.New(slog.NewJSONHandler(log, nil)),
		Random: bytes.NewReader(make([]byte, 1000))})
	require.NoError(t, err)
	return h
}

// ask sends "METHOD path", a body where not empty, and headers "Name: value".
func ask(t testing.TB, h http.Handler, request, body string, headers ...string) *httptest.ResponseRecorder {
	method, target, _ := strings.Cut(request, " ")
	r := httptest.NewRequest(method, target, strings.NewReader(body))
	for _, line := range headers {
		name, value, _ := strings.Cut(line, ": ")
		r.Header.Add(name, value)
	}
	w := httptest.NewRecorder()
	h.ServeHTTP(w, r)
	return w
}

func problem(t testing.TB, w *httptest.ResponseRecorder) route.Problem {
	var p route.Problem
	require.Equal(t, "application/problem+json", w.Header().Get("Content-Type"), w.Body.String())
	d := json.NewDecoder(w.Body)
	d.DisallowUnknownFields()
	require.NoError(t, d.Decode(&p))
	require.Equal(t, w.Code, p.Status)
	require.Equal(t, http.StatusText(w.Code), p.Title)
	require.NotEmpty(t, p.Detail)
	return p
}

const (
	things = "/v1/tenants/" + home + "/things"
	editor = "Authorization: Bearer editor"
	viewer = "Authorization: Bearer viewer"
	asJSON = "Content-Type: application/json"
)

func TestAnswers(t *testing.T) {
	h := serve(t, &shop{}, io.Discard)
	for name, c := range map[string]struct {
		request, body string
		headers       []string
		status        int
		answer        string
	}{
		"creates with status and headers":              {"POST " + things, `{"name":"a","size":3}`, []string{editor, asJSON}, 201, `{"name":"a","size":3}`},
		"takes a charset of UTF-8":                     {"POST " + things, `{"name":"a"}`, []string{editor, "Content-Type: application/json; charset=UTF-8"}, 201, `{"name":"a"}`},
		"lists with defaults":                          {"GET " + things, "", []string{viewer}, 200, `{"items":["50","",""]}`},
		"reads a parameter several times":              {"GET " + things + "?filter=a,b&filter=c%2Cd&limit=7", "", []string{viewer}, 200, `{"items":["7","a,b|c,d",""]}`},
		"takes an empty parameter for none":            {"GET " + things + "?cursor&since=2026-01-02", "", []string{viewer}, 200, `{"items":["50","","2026-01-02"]}`},
		"gives a path parameter":                       {"GET " + things + "/a%20b", "", []string{viewer}, 200, `{"name":"a b"}`},
		"lets who is limited to what is within":        {"GET " + things + "/a", "", []string{"Authorization: Bearer limited"}, 200, `{"name":"a"}`},
		"needs no tenant":                              {"GET /v1/me", "", []string{viewer}, 200, `{"name":"viewer"}`},
		"needs no identity and has no body":            {"POST /v1/open", "", nil, 204, ``},
		"takes an empty object for no body":            {"POST /v1/open", "{}", nil, 204, ``},
		"answers JSON whatever Accept asks for":        {"GET " + things + "/x", "", []string{viewer, "Accept: text/html"}, 200, `{"name":"x"}`},
		"answers in another media type":                {"GET " + things + "/csv", "", []string{viewer}, 200, "a,b"},
		"takes the schema's dates":                     {"POST " + things, `{"name":"a","due":"2026-02-28"}`, []string{editor, asJSON}, 201, `{"name":"a","due":"2026-02-28"}`},
		"takes an Idempotency-Key":                     {"POST " + things, `{"name":"a"}`, []string{editor, asJSON, "Idempotency-Key: k 1"}, 201, `{"name":"a"}`},
		"reads surrogate pairs":                        {"POST " + things, `{"name":"\ud83d\uDE00"}`, []string{editor, asJSON}, 201, `{"name":"😀"}`},
		"reads a backslash before what is no escape":   {"POST " + things, `{"name":"\\ud800"}`, []string{editor, asJSON}, 201, `{"name":"\\ud800"}`},
		"leaves request IDs of callers where they are": {"GET /v1/me", "", []string{viewer, "X-Request-Id: mine"}, 200, `{"name":"viewer"}`},
	} {
		t.Run(name, func(t *testing.T) {
			w := ask(t, h, c.request, c.body, c.headers...)
			require.Equal(t, c.status, w.Code, w.Body.String())
			require.Equal(t, c.answer, strings.TrimSpace(w.Body.String()))
			require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
			require.Equal(t, "nosniff", w.Header().Get("X-Content-Type-Options"))
			require.Equal(t, strings.Repeat("0", 24), w.Header().Get("X-Request-Id"))
			if c.status == 201 {
				require.Equal(t, `"v1"`, w.Header().Get("ETag"))
				require.Equal(t, "/there", w.Header().Get("Location"))
			}
		})
	}
	require.Equal(t, "text/csv; charset=utf-8", ask(t, h, "GET "+things+"/csv", "", viewer).Header().Get("Content-Type"))
}

// refusals are requests that are refused, with what is said of them.
var refusals = map[string]struct {
	request, body string
	headers       []string
	status        int
	says          string
}{
	"an unknown path":               {"GET /v1/nothing", "", []string{viewer}, 404, "nothing at this path"},
	"a path with a slash too many":  {"GET /v1//me", "", []string{viewer}, 404, "nothing at this path"},
	"a path with dots":              {"GET /v1/me/../me", "", []string{viewer}, 404, "nothing at this path"},
	"a slash at the end":            {"GET /v1/me/", "", []string{viewer}, 404, "nothing at this path"},
	"a wrong method":                {"DELETE " + things, "", []string{viewer}, 405, "method"},
	"no token":                      {"GET " + things, "", nil, 401, "no token"},
	"two tokens":                    {"GET " + things, "", []string{"Authorization: Basic x", viewer}, 401, "no token"},
	"another tenant":                {"GET /v1/tenants/" + abroad + "/things", "", []string{viewer}, 404, "no such tenant"},
	"a role without permission":     {"POST " + things, "{", []string{viewer}, 403, "not permitted"},
	"a body that is no JSON":        {"POST " + things, `{"name":`, []string{editor, asJSON}, 400, "ends too early"},
	"a body of blanks":              {"POST " + things, "  \n", []string{editor, asJSON}, 400, "ends too early"},
	"no body":                       {"POST " + things, "", []string{editor, asJSON}, 400, "body is required"},
	"two values":                    {"POST " + things, `{"name":"a"}{}`, []string{editor, asJSON}, 400, "more after it"},
	"a field twice":                 {"POST " + things, `{"name":"a","name":"b"}`, []string{editor, asJSON}, 400, "twice"},
	"UTF-16":                        {"POST " + things, "\xff\xfe{\x00}\x00", []string{editor, asJSON}, 400, "UTF-8"},
	"a byte-order mark":             {"POST " + things, "\xef\xbb\xbf{}", []string{editor, asJSON}, 400, "byte-order mark"},
	"NaN":                           {"POST " + things, `{"name":"a","size":NaN}`, []string{editor, asJSON}, 400, "invalid character 'N'"},
	"deep nesting":                  {"POST " + things, strings.Repeat("[", 80) + strings.Repeat("]", 80), []string{editor, asJSON}, 400, "too deeply"},
	"1e400":                         {"POST " + things, `{"name":"a","size":1e400}`, []string{editor, asJSON}, 400, "out of range"},
	"a whole number over 64 bits":   {"POST " + things, `{"name":"a","size":1e19}`, []string{editor, asJSON}, 422, "out of range"},
	"a fraction":                    {"POST " + things, `{"name":"a","size":1.5}`, []string{editor, asJSON}, 422, "integer"},
	"an unknown field":              {"POST " + things, `{"name":"a","tenantId":"x"}`, []string{editor, asJSON}, 422, "body.tenantId"},
	"a field in other capitals":     {"POST " + things, `{"Name":"a"}`, []string{editor, asJSON}, 422, "errors says where"},
	"a missing field":               {"POST " + things, `{}`, []string{editor, asJSON}, 422, "name"},
	"null for a field":              {"POST " + things, `{"name":null}`, []string{editor, asJSON}, 422, "body.name"},
	"null for what may be left out": {"POST " + things, `{"name":"a","parts":null}`, []string{editor, asJSON}, 422, "body.parts"},
	"null in a list":                {"POST " + things, `{"name":"a","parts":["a",null]}`, []string{editor, asJSON}, 422, "body.parts[1]"},
	"nothing but null":              {"POST " + things, "null", []string{editor, asJSON}, 422, "null at body:"},
	"a high surrogate alone":        {"POST " + things, `{"name":"\ud800x"}`, []string{editor, asJSON}, 400, "surrogate"},
	"a low surrogate alone":         {"POST " + things, `{"name":"x\udc00"}`, []string{editor, asJSON}, 400, "surrogate"},
	"surrogates the wrong way":      {"POST " + things, `{"name":"\udc00\ud800"}`, []string{editor, asJSON}, 400, "surrogate"},
	"two high surrogates":           {"POST " + things, `{"name":"\uD83D\uD83D\uDE00"}`, []string{editor, asJSON}, 400, "surrogate"},
	"a field of half a surrogate":   {"POST " + things, `{"name":"a","\udfff":1}`, []string{editor, asJSON}, 400, "surrogate"},
	"a list for an object":          {"POST " + things, `[]`, []string{editor, asJSON}, 422, "object"},
	"too many items":                {"POST " + things, `{"name":"a","parts":["a","b","c","d"]}`, []string{editor, asJSON}, 422, "body.parts"},
	"a day that is none":            {"POST " + things, `{"name":"a","due":"2026-02-30"}`, []string{editor, asJSON}, 422, "body.due"},
	"no Content-Type":               {"POST " + things, `{"name":"a"}`, []string{editor}, 415, "application/json"},
	"another Content-Type":          {"POST " + things, `{"name":"a"}`, []string{editor, "Content-Type: text/plain"}, 415, "application/json"},
	"a look-alike Content-Type":     {"POST " + things, `{"name":"a"}`, []string{editor, "Content-Type: application/x+json"}, 415, "application/json"},
	"another charset":               {"POST " + things, `{"name":"a"}`, []string{editor, "Content-Type: application/json; charset=latin1"}, 415, "application/json"},
	"a body over the limit":         {"POST " + things, `{"name":"` + strings.Repeat("a", 300) + `"}`, []string{editor, asJSON}, 413, "300 bytes"},
	"a body where none is taken":    {"POST /v1/open", `{"a":1}`, nil, 400, "takes no body"},
	"an unknown parameter":          {"GET " + things + "?limits=3", "", []string{viewer}, 422, "errors says which"},
	"a parameter twice":             {"GET " + things + "?limit=3&limit=4", "", []string{viewer}, 422, "errors says which"},
	"a parameter in bad text":       {"GET " + things + "?since=%ff", "", []string{viewer}, 422, "errors says which"},
	"a bad escape":                  {"GET " + things + "?since=%zz", "", []string{viewer}, 400, "percent-encode"},
	"a semicolon":                   {"GET " + things + "?a;b", "", []string{viewer}, 400, "percent-encode"},
	"a limit of none":               {"GET " + things + "?limit=0", "", []string{viewer}, 422, "query.limit"},
	"a limit over 200":              {"GET " + things + "?limit=201", "", []string{viewer}, 422, "query.limit"},
	"a limit that is no number":     {"GET " + things + "?limit=1e2", "", []string{viewer}, 422, "query.limit"},
	"too many of a parameter":       {"GET " + things + "?filter=a&filter=b&filter=c", "", []string{viewer}, 422, "query.filter"},
	"a query over 16 KB":            {"GET " + things + "?since=" + strings.Repeat("x", 17000), "", []string{viewer}, 414, "16 KB"},
	"two keys":                      {"POST " + things, `{"name":"a"}`, []string{editor, asJSON, "Idempotency-Key: a", "Idempotency-Key: b"}, 400, "once"},
	"an empty key":                  {"POST " + things, `{"name":"a"}`, []string{editor, asJSON, "Idempotency-Key: "}, 400, "not empty"},
	"a long key":                    {"POST " + things, `{"name":"a"}`, []string{editor, asJSON, "Idempotency-Key: " + strings.Repeat("k", 256)}, 422, "header.Idempotency-Key"},
	"a key that does not print":     {"POST " + things, `{"name":"a"}`, []string{editor, asJSON, "Idempotency-Key: a\tb"}, 422, "printable ASCII"},
	"what breaks, and lives on":     {"GET " + things + "/panic", "", []string{viewer}, 500, "X-Request-Id"},
}

func TestRefuses(t *testing.T) {
	h := serve(t, &shop{}, io.Discard)
	for name, c := range refusals {
		t.Run(name, func(t *testing.T) {
			w := ask(t, h, c.request, c.body, c.headers...)
			require.Equal(t, c.status, w.Code, w.Body.String())
			require.Equal(t, "no-store", w.Header().Get("Cache-Control"))
			require.NotContains(t, w.Body.String(), "Go ")
			require.Contains(t, problem(t, w).Detail, c.says)
		})
	}
	require.Equal(t, "GET, POST", ask(t, h, "DELETE "+things, "", viewer).Header().Get("Allow"))
	require.Equal(t, "Bearer", ask(t, h, "GET /v1/me", "").Header().Get("WWW-Authenticate"))
	require.Equal(t, `Bearer error="invalid_token"`, ask(t, h, "GET /v1/me", "", "Authorization: x").Header().Get("WWW-Authenticate"))
	p := problem(t, ask(t, h, "GET "+things+"?b=1&a=1", "", viewer))
	require.Equal(t, []fault.Detail{
		{Location: "query.a", Message: "there is no such parameter; there are: cursor, filter, limit, since"},
		{Location: "query.b", Message: "there is no such parameter; there are: cursor, filter, limit, since"}}, p.Errors)
}

func TestStrangersLearnNothingOfTheirRequest(t *testing.T) {
	h := serve(t, &shop{}, io.Discard)
	path := "/v1/tenants/" + abroad + "/things"
	want := ask(t, h, "GET "+path, "", viewer)
	for _, request := range []string{"POST " + path, "GET " + path + "?x=%zz", "GET " + path + "/panic", "GET /v1/tenants/x/things", "POST /v1/tenants/a%2Fb/things"} {
		w := ask(t, h, request, `{"bad`, viewer, "Idempotency-Key: ", "Idempotency-Key: ")
		require.Equal(t, want.Code, w.Code)
		require.Equal(t, want.Body.String(), w.Body.String(), request)
		require.Equal(t, want.Header(), w.Header(), request)
	}
}

func TestFailures(t *testing.T) {
	for name, c := range map[string]struct {
		err    error
		status int
		says   string
	}{
		"malformed":              {fault.New(fault.Malformed, "m"), 400, "m"},
		"invalid":                {fault.New(fault.Invalid, "m").At("body.name", "is taken", "x"), 422, "m"},
		"unauthenticated":        {fault.New(fault.Unauthenticated, "m"), 401, "m"},
		"forbidden":              {fault.New(fault.Forbidden, "m"), 403, "m"},
		"not found":              {fault.New(fault.NotFound, "m"), 404, "m"},
		"conflict":               {fmt.Errorf("wrapped: %w", fault.New(fault.Conflict, "m")), 409, "m"},
		"stale":                  {fault.New(fault.Stale, "m"), 412, "m"},
		"too large":              {fault.New(fault.TooLarge, "m"), 413, "m"},
		"unsupported":            {fault.New(fault.Unsupported, "m"), 415, "m"},
		"limited":                {fault.New(fault.Limited, "m"), 429, "m"},
		"unavailable":            {fault.Wrap(errors.New("secret"), fault.Unavailable, "m"), 503, "m"},
		"throttled":              {fmt.Errorf("read: %w", store.ErrThrottled), 503, "busy"},
		"unreachable":            {store.ErrUnavailable, 503, "busy"},
		"out of time":            {context.DeadlineExceeded, 503, "busy"},
		"a lost race":            {&store.ConditionError{Failed: []int{0}}, 409, "same time"},
		"denied by the store":    {store.ErrDenied, 500, "Something went wrong"},
		"classified as a defect": {fault.New(fault.Internal, "secret"), 500, "Something went wrong"},
		"anything else":          {errors.New("secret"), 500, "Something went wrong"},
	} {
		t.Run(name, func(t *testing.T) {
			var log bytes.Buffer
			w := ask(t, serve(t, &shop{fail: c.err}, &log), "POST "+things, `{"name":"a"}`, editor, asJSON)
			require.Equal(t, c.status, w.Code)
			require.NotContains(t, w.Body.String(), "secret")
			require.Contains(t, problem(t, w).Detail, c.says)
			require.Equal(t, c.status == 503 || c.status == 429, w.Header().Get("Retry-After") != "")
			require.Equal(t, c.status == 401, w.Header().Get("WWW-Authenticate") != "")
			require.Empty(t, w.Header().Get("ETag"))
			require.Equal(t, c.status >= 500, strings.Contains(log.String(), `"error":`))
		})
	}
}

func TestLogHasOneLineARequestAndNothingOfIt(t *testing.T) {
	var log bytes.Buffer
	h := serve(t, &shop{}, &log)
	ask(t, h, "GET "+things+"?since=2026-01-02", "", viewer)
	ask(t, h, "POST "+things, `{"name":"private"}`, "Authorization: Bearer editor", asJSON)
	ask(t, h, "GET "+things+"/panic", "", viewer)
	lines := strings.Split(strings.TrimSpace(log.String()), "\n")
	require.Len(t, lines, 3)
	for i, want := range []map[string]any{
		{"operation": "listThings", "tenant": home, "status": 200.0, "coldStart": true, "level": "INFO"},
		{"operation": "makeThing", "tenant": home, "status": 201.0, "coldStart": false, "level": "INFO"},
		{"operation": "getThing", "tenant": home, "status": 500.0, "coldStart": false, "level": "ERROR"},
	} {
		var got map[string]any
		require.NoError(t, json.Unmarshal([]byte(lines[i]), &got))
		require.Subset(t, got, want)
		require.Subset(t, keys(got), []string{"duration", "requestId", "readUnits", "writeUnits", "traceId"})
	}
	for _, secret := range []string{"2026-01-02", "private", "viewer", "Bearer"} {
		require.NotContains(t, lines[0]+lines[1], secret)
	}
}

func keys(m map[string]any) (all []string) {
	for k := range m {
		all = append(all, k)
	}
	return all
}

func TestRequestIDIsThePlatforms(t *testing.T) {
	h, err := route.Handler((&shop{}).operations(), door{}, route.Options{Clock: time.Now, Log: slog.New(slog.DiscardHandler),
		RequestID: func(context.Context) string { return "lambda-1" }})
	require.NoError(t, err)
	require.Equal(t, "lambda-1", ask(t, h, "GET /v1/me", "", viewer).Header().Get("X-Request-Id"))
}

func TestWhatNoOperationServesTakesItsMethodsAlone(t *testing.T) {
	h := http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if route.Takes(w, r, "GET", "HEAD") {
			_, _ = io.WriteString(w, "taken")
		}
	})
	for method, body := range map[string]string{
		"GET": "taken", "HEAD": "taken",
		"POST": `{"type":"about:blank","title":"Method Not Allowed","status":405,"code":"method-not-allowed","detail":"This path does not take the method; Allow says what it takes."}` + "\n",
	} {
		w := httptest.NewRecorder()
		h.ServeHTTP(w, httptest.NewRequest(method, "/docs", nil))
		require.Equal(t, body, w.Body.String(), method)
		require.Equal(t, method == "POST", w.Code == 405, method)
		require.Equal(t, method == "POST", w.Header().Get("Allow") == "GET, HEAD", method)
	}
}
