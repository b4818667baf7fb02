package inventory_test

import (
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"strings"
	"sync"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/stretchr/testify/require"
)

// front is the way to customers. It notes which calls are made, and denies some.
type front struct {
	url   string
	mu    sync.Mutex
	calls []call
	deny  func(service, region, action string) (code string) // "" lets through; nil lets all through
}

// call is one of a service in a region.
type call struct{ service, region, action string }

var credential = regexp.MustCompile(`Credential=[^/]+/[^/]+/([^/]+)/([^/]+)/`)

func newFront(t *testing.T, to string) *front {
	moto, err := url.Parse(to)
	require.NoError(t, err)
	f, through := &front{}, httputil.NewSingleHostReverseProxy(moto)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		c := call{action: r.Header.Get("X-Amz-Target") + r.URL.Path}
		if m := credential.FindStringSubmatch(r.Header.Get("Authorization")); m != nil {
			c.region, c.service = m[1], m[2]
		}
		if form, err := url.ParseQuery(string(body)); err == nil && form.Get("Action") != "" {
			c.action = form.Get("Action")
		}
		f.mu.Lock()
		f.calls = append(f.calls, c)
		code := ""
		if f.deny != nil {
			code = f.deny(c.service, c.region, c.action)
		}
		f.mu.Unlock()
		if code != "" {
			refuse(w, c.service, code)
			return
		}
		r.Body = io.NopCloser(strings.NewReader(string(body)))
		through.ServeHTTP(w, r)
	}))
	t.Cleanup(server.Close)
	f.url = server.URL
	return f
}

// refuse answers with a code, in the words of the service.
func refuse(w http.ResponseWriter, service, code string) {
	switch service {
	case "ec2":
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(w, `<Response><Errors><Error><Code>%s</Code><Message>no</Message></Error></Errors><RequestID>1</RequestID></Response>`, code)
	case "rds", "elasticloadbalancing":
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(w, `<ErrorResponse><Error><Code>%s</Code><Message>no</Message></Error></ErrorResponse>`, code)
	case "s3":
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprintf(w, `<Error><Code>%s</Code><Message>no</Message></Error>`, code)
	default:
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.Header().Set("X-Amzn-Errortype", code)
		w.WriteHeader(http.StatusBadRequest)
		fmt.Fprintf(w, `{"__type":"%s","message":"no"}`, code)
	}
}

// take gives the calls since it was asked last.
func (f *front) take() []call {
	f.mu.Lock()
	defer f.mu.Unlock()
	calls := f.calls
	f.calls = nil
	return calls
}

func (f *front) denies(deny func(service, region, action string) string) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.deny = deny
}

// in is the configuration in a region.
func in(config aws.Config, region string) aws.Config {
	config = config.Copy()
	config.Region = region
	return config
}
