package e2e

import (
	"encoding/base64"
	"encoding/json"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-lambda-go/events"

	"github.com/tenantry/tenantry/pkg/cloud/policy/policytest"
)

// Bounds of API Gateway's HTTP APIs and of Lambda.
const (
	largest  = 6 << 20 // of an event and of an answer
	patience = 30 * time.Second
)

// api is the template's HTTP API.
type api struct {
	platform     *Platform
	id, stage    string
	integrations map[string]integration // by ID
	routes       []apiRoute
	requests     atomic.Int64
}

type integration struct {
	function *Function
	timeout  time.Duration
}

type apiRoute struct {
	key, method string
	segments    []string
	to          integration
}

func (p *Platform) httpAPI(_ testing.TB, s *Stack, id string) error {
	var in struct {
		Name, ProtocolType                                                             string
		CorsConfiguration, DisableExecuteApiEndpoint, Description, Tags, IpAddressType anything
	}
	if err := p.resolver.Into(s, id, &in); err != nil {
		return err
	}
	if in.ProtocolType != "HTTP" || p.api != nil || in.CorsConfiguration != nil {
		return fmt.Errorf("it is of %s, a second one, or has CORS", in.ProtocolType)
	}
	name, err := p.resolver.Text(s, map[string]any{"Ref": id})
	p.api = &api{platform: p, id: name, integrations: map[string]integration{}}
	return err
}

func (p *Platform) integration(_ testing.TB, s *Stack, id string) error {
	var in struct {
		ApiId, IntegrationType, IntegrationUri, PayloadFormatVersion string
		TimeoutInMillis                                              int
		Description, IntegrationMethod, ConnectionType               anything
	}
	if err := p.resolver.Into(s, id, &in); err != nil {
		return err
	}
	arn := in.IntegrationUri
	if _, path, ok := strings.Cut(arn, "/functions/"); ok { // arn:aws:apigateway:<region>:lambda:path/2015-03-31/functions/<arn>/invocations
		arn = strings.TrimSuffix(path, "/invocations")
	}
	f := p.functions[arn]
	if in.IntegrationType != "AWS_PROXY" || in.PayloadFormatVersion != "2.0" || f == nil {
		return fmt.Errorf("%s %s to %s", in.IntegrationType, in.PayloadFormatVersion, in.IntegrationUri)
	}
	name, err := p.resolver.Text(s, map[string]any{"Ref": id})
	to := integration{f, patience}
	if in.TimeoutInMillis > 0 {
		to.timeout = min(to.timeout, time.Duration(in.TimeoutInMillis)*time.Millisecond)
	}
	p.api.integrations[name] = to
	return err
}

func (p *Platform) route(_ testing.TB, s *Stack, id string) error {
	var in struct {
		ApiId, RouteKey, Target, AuthorizationType, OperationName string
		ApiKeyRequired                                            bool
	}
	if err := p.resolver.Into(s, id, &in); err != nil {
		return err
	}
	method, path, _ := strings.Cut(in.RouteKey, " ")
	to, ok := p.api.integrations[strings.TrimPrefix(in.Target, "integrations/")]
	if !ok || in.AuthorizationType != "" && in.AuthorizationType != "NONE" || in.ApiKeyRequired || method == "ANY" || !strings.HasPrefix(path, "/") ||
		strings.Contains(path, "+}") {
		return fmt.Errorf("%q to %q with %q: only whole paths of one method, to an integration, with no authorizer", in.RouteKey, in.Target, in.AuthorizationType)
	}
	p.api.routes = append(p.api.routes, apiRoute{in.RouteKey, method, strings.Split(path, "/"), to})
	return nil
}

func (p *Platform) stage(_ testing.TB, s *Stack, id string) error {
	var in struct {
		ApiId, StageName                                                                          string
		AutoDeploy                                                                                bool
		AccessLogSettings, DefaultRouteSettings, RouteSettings, Description, Tags, StageVariables anything
	}
	if err := p.resolver.Into(s, id, &in); err != nil {
		return err
	}
	if p.api.stage = in.StageName; in.StageName != "$default" || !in.AutoDeploy {
		return fmt.Errorf("stage %s, deployed by itself: %t", in.StageName, in.AutoDeploy)
	}
	return nil
}

// Routes gives the keys of all routes, sorted.
func (p *Platform) Routes() (keys []string) {
	for _, r := range p.api.routes {
		keys = append(keys, r.key)
	}
	slices.Sort(keys)
	return keys
}

// find gives the route of a request and the path's parameters: of several, the one with the most texts.
func (a *api) find(r *http.Request) (found *apiRoute, parameters map[string]string) {
	segments, most := strings.Split(r.URL.EscapedPath(), "/"), -1
	for i := range a.routes {
		route := &a.routes[i]
		if route.method != r.Method || len(route.segments) != len(segments) {
			continue
		}
		values, texts := map[string]string{}, 0
		for n, segment := range route.segments {
			if name := strings.Trim(segment, "{}"); name != segment && segments[n] != "" {
				values[name], _ = url.PathUnescape(segments[n])
			} else if segment != segments[n] {
				texts = -1
				break
			} else {
				texts++
			}
		}
		if texts > most {
			found, parameters, most = route, values, texts
		}
	}
	return found, parameters
}

// ServeHTTP answers as API Gateway does.
func (a *api) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	route, parameters := a.find(r)
	if route == nil {
		a.message(w, http.StatusNotFound, "Not Found")
		return
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, 10<<20))
	if err != nil {
		a.message(w, http.StatusRequestEntityTooLarge, "Request Too Long")
		return
	}
	if !a.platform.Account.Ask(policytest.Request{Action: "lambda:InvokeFunction", Resource: route.to.function.ARN, Principal: "apigateway.amazonaws.com",
		Context: a.platform.from(a.platform.World.arn("execute-api", a.id+"/"+a.stage+"/"+route.method+strings.Join(route.segments, "/")))}) {
		a.message(w, http.StatusInternalServerError, "Internal Server Error")
		return
	}
	event, err := json.Marshal(a.event(r, route, parameters, body))
	if err != nil || len(event) > largest {
		a.message(w, http.StatusRequestEntityTooLarge, "Request Too Long")
		return
	}
	var answer events.APIGatewayV2HTTPResponse
	out, err := a.platform.invoke(r.Context(), route.to.function, route.to.timeout, event)
	if err == nil && len(out) > largest {
		err = fmt.Errorf("an answer of %d bytes", len(out))
	}
	if err == nil {
		err = json.Unmarshal(out, &answer)
	}
	if err != nil {
		a.platform.failures.add("%s: %v", route.key, err)
		a.message(w, http.StatusInternalServerError, "Internal Server Error")
		return
	}
	a.answer(w, answer)
}

func (a *api) message(w http.ResponseWriter, status int, text string) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(map[string]string{"message": text})
}

// event is a request as functions get it. The path is decoded and ends at a decoded "?", the query is as it came.
func (a *api) event(r *http.Request, route *apiRoute, parameters map[string]string, body []byte) events.APIGatewayV2HTTPRequest {
	source, _, _ := net.SplitHostPort(r.RemoteAddr)
	path, _, _ := strings.Cut(r.URL.Path, "?")
	now := time.Now().UTC()
	e := events.APIGatewayV2HTTPRequest{Version: "2.0", RouteKey: route.key, RawPath: path, RawQueryString: r.URL.RawQuery, PathParameters: parameters,
		Headers: map[string]string{"host": r.Host, "x-forwarded-for": source, "x-forwarded-port": "443", "x-forwarded-proto": "https",
			"x-amzn-trace-id": fmt.Sprintf("Root=1-%08x-%024x", now.Unix(), a.requests.Add(1)), "content-length": strconv.Itoa(len(body))}}
	for name, values := range r.Header {
		switch name {
		case "Cookie":
			for _, v := range values {
				e.Cookies = append(e.Cookies, strings.Split(v, "; ")...)
			}
		case "X-Forwarded-For":
			e.Headers["x-forwarded-for"] = strings.Join(append(values, source), ",")
		default:
			e.Headers[strings.ToLower(name)] = strings.Join(values, ",")
		}
	}
	if query := r.URL.Query(); len(query) > 0 {
		e.QueryStringParameters = map[string]string{}
		for name, values := range query {
			e.QueryStringParameters[name] = strings.Join(values, ",")
		}
	}
	c := &e.RequestContext
	c.AccountID, c.APIID, c.Stage, c.RouteKey = a.platform.World.Account, a.id, a.stage, route.key
	c.DomainPrefix, c.DomainName = a.id, a.id+".execute-api."+a.platform.World.Region+".amazonaws.com"
	c.RequestID = fmt.Sprintf("request-%d", a.requests.Load())
	c.Time, c.TimeEpoch = now.Format("02/Jan/2006:15:04:05 -0700"), now.UnixMilli()
	c.HTTP.Method, c.HTTP.Path, c.HTTP.Protocol, c.HTTP.SourceIP, c.HTTP.UserAgent = r.Method, path, r.Proto, source, r.UserAgent()
	if e.Body = string(body); len(body) > 0 && !textual(r.Header.Get("Content-Type")) {
		e.Body, e.IsBase64Encoded = base64.StdEncoding.EncodeToString(body), true
	}
	return e
}

// textual tells whether a body of a type comes as it is, and not in base64.
func textual(kind string) bool {
	kind, _, _ = strings.Cut(kind, ";")
	return strings.HasPrefix(kind, "text/") || slices.Contains([]string{"application/json", "application/javascript", "application/xml"}, kind)
}

func (a *api) answer(w http.ResponseWriter, of events.APIGatewayV2HTTPResponse) {
	body := []byte(of.Body)
	if of.IsBase64Encoded {
		var err error
		if body, err = base64.StdEncoding.DecodeString(of.Body); err != nil {
			a.message(w, http.StatusInternalServerError, "Internal Server Error")
			return
		}
	}
	for _, name := range slices.Sorted(maps.Keys(of.Headers)) {
		w.Header().Set(name, of.Headers[name])
	}
	for name, values := range of.MultiValueHeaders { // of version 1.0 alone: passed over, as by API Gateway
		if len(of.Headers) == 0 && len(values) > 0 {
			a.platform.failures.add("header %s is given in a way that API Gateway does not read", name)
		}
	}
	for _, c := range of.Cookies {
		w.Header().Add("Set-Cookie", c)
	}
	w.WriteHeader(of.StatusCode)
	_, _ = w.Write(body)
}
