package route

import (
	"fmt"
	"net/http"
	"slices"

	"github.com/danielgtaylor/huma/v2"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// kinds are those of all failures that an operation can be answered with: what its Spec and its In imply, and what Fails adds.
func (o Operation) kinds() []fault.Kind {
	kinds := []fault.Kind{fault.Malformed, fault.TooLong, fault.TooLarge, fault.Invalid, fault.Internal, fault.Unavailable}
	if o.caller != anybody {
		kinds = append(kinds, fault.Unauthenticated, fault.Limited)
	}
	if o.caller == member {
		kinds = append(kinds, fault.Forbidden, fault.NotFound)
	}
	if o.Permission == tenant.Person {
		kinds = append(kinds, fault.Forbidden)
	}
	if o.Method != http.MethodGet {
		kinds = append(kinds, fault.Conflict)
	}
	if _, ok := o.in.FieldByName("IfMatch"); ok {
		kinds = append(kinds, fault.Stale)
	}
	if _, ok := o.in.FieldByName("Body"); ok {
		kinds = append(kinds, fault.Unsupported)
	}
	kinds = append(kinds, o.Fails...)
	slices.Sort(kinds)
	return slices.Compact(kinds)
}

// Answers lists the statuses that an operation can be answered with, in ascending order. The OpenAPI document has each of them.
func (o Operation) Answers() []int {
	all := []int{o.status()}
	for _, k := range o.kinds() {
		all = append(all, Status(k))
	}
	slices.Sort(all)
	return slices.Compact(all)
}

// The headers that every answer may have, in the components of the document.
const (
	requestIDHeader  = "X-Request-Id"
	rateHeader       = "RateLimit"
	policyHeader     = "RateLimit-Policy"
	retryHeader      = "Retry-After"
	challengeHeader  = "WWW-Authenticate"
	headerComponents = "#/components/headers/"
)

// headers are the document's, by name.
func headers() map[string]*huma.Header {
	text := func(doc, example string) *huma.Header {
		return &huma.Header{Description: doc, Schema: &huma.Schema{Type: huma.TypeString}, Example: example}
	}
	return map[string]*huma.Header{
		requestIDHeader: text("Names the request; report it with what went wrong.", "5f2b8c0d9e1a4b7c6d3e2f10"),
		rateHeader: text("How many requests (r) the organization may still make until its rate is whole again in t seconds; of the IETF's "+
			"httpapi draft. Each server process counts a share of its own, so it may be less than what is left.", `"requests";r=598;t=12`),
		policyHeader: text("How many requests (q) the plan gives in how many seconds (w).", `"requests";q=600;w=60`),
		retryHeader: {Description: "How many seconds to wait before the same request.", Schema: &huma.Schema{Type: huma.TypeInteger},
			Example: 12},
		challengeHeader: text("Asks for a Bearer token, and says whether one was sent that does not hold.", `Bearer error="invalid_token"`),
	}
}

// bears notes that an answer has headers of the components.
func bears(r *huma.Response, names ...string) {
	if r.Headers == nil {
		r.Headers = map[string]*huma.Param{}
	}
	for _, name := range names {
		r.Headers[name] = &huma.Param{Ref: headerComponents + name}
	}
}

// bearsAll says what headers an operation's success has.
func (o Operation) bearsAll(success *huma.Response) {
	bears(success, requestIDHeader)
	if o.caller == member {
		bears(success, rateHeader, policyHeader)
	}
}

// problems are the answers of failures, one for each kind.
func problems() map[string]*huma.Response {
	all := map[string]*huma.Response{}
	for k := range statuses {
		kind := fault.Kind(k)
		r := &huma.Response{
			Description: fmt.Sprintf("%s. The code is %s, where none says more.", http.StatusText(statuses[k]), kind.Code()),
			Content: map[string]*huma.MediaType{(*Problem)(nil).ContentType(""): {
				Schema: &huma.Schema{Ref: "#/components/schemas/Problem"}}},
		}
		bears(r, requestIDHeader)
		switch kind {
		case fault.Unauthenticated:
			bears(r, challengeHeader)
		case fault.Limited, fault.Unavailable:
			bears(r, rateHeader, policyHeader, retryHeader)
		default:
			bears(r, rateHeader, policyHeader)
		}
		all[responseName(kind)] = r
	}
	return all
}
