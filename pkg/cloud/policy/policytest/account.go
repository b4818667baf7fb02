package policytest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"
)

// AccountID is the account's ID.
const AccountID = "123456789012"

// The same, and the one region of what it has.
const (
	id     = AccountID
	region = "us-east-1"
)

// Table gives the ARN of a table in the account.
func Table(name string) string { return "arn:aws:dynamodb:" + region + ":" + id + ":table/" + name }

// Bucket gives the ARN of a bucket.
func Bucket(name string) string { return "arn:aws:s3:::" + name }

// Queue gives the ARN of a queue in the account.
func Queue(name string) string { return "arn:aws:sqs:" + region + ":" + id + ":" + name }

// Schedule gives the ARN of a schedule in the account.
func Schedule(group, name string) string {
	return "arn:aws:scheduler:" + region + ":" + id + ":schedule/" + group + "/" + name
}

// Role gives the ARN of a role of the account.
func Role(name string) string { return "arn:aws:iam::" + id + ":role/" + name }

// Account is an address that speaks for AWS: it knows roles and sessions, asks their policies about every request, and
// forwards to an emulator what they allow. It believes the access key of a request without its signature, as emulators do.
type Account struct {
	URL              string
	dynamodb, others *httputil.ReverseProxy
	beyond           Others
	mu               sync.Mutex
	rules            []Rule
	law              *Law
	sessions         map[string]session // by access key
	denied           []Request
	decisions        map[string]*Decided
	keys             map[string]string                                        // by the ARN of what is encrypted with them
	calls            map[string]int                                           // by service
	after            func(r *http.Request, service, role string, body []byte) // what is told of calls that went well
}

// Others are what lies beyond the account: other accounts, customertest.Clouds.
type Others interface {
	http.Handler
	// Admit lets an access key speak for a role of this account.
	Admit(accessKey, role string)
	// Knows tells whether a session of theirs has the access key.
	Knows(accessKey string) bool
}

type session struct {
	role string
	tags map[string]string
	ends time.Time
}

// Start starts an account before DynamoDB Local and moto, for as long as the test runs.
func Start(t testing.TB, dynamodb, others string) *Account {
	t.Helper()
	a := &Account{
		dynamodb: forward(t, dynamodb), others: forward(t, others),
		sessions: map[string]session{}, decisions: map[string]*Decided{}, calls: map[string]int{},
	}
	a.Enact(t)
	server := httptest.NewServer(a)
	t.Cleanup(server.Close)
	a.URL = server.URL
	return a
}

func forward(t testing.TB, to string) *httputil.ReverseProxy {
	target, err := url.Parse(to)
	require.NoError(t, err)
	return &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }, ModifyResponse: hide}
}

// Add makes a role, or one in another account that has a trust policy and nothing else; trust is empty where nobody takes it by STS.
func (a *Account) Add(t testing.TB, arn string, policy, trust []byte) {
	t.Helper()
	a.mu.Lock()
	rules := slices.DeleteFunc(slices.Clone(a.rules), func(r Rule) bool { return r.Of == arn })
	a.mu.Unlock()
	rules = append(rules, Rule{Identity, arn, arn, policy})
	if len(trust) > 0 {
		rules = append(rules, Rule{Trust, arn, arn, trust})
	}
	a.Enact(t, rules...)
}

// Enact has these rules, and no others, hold from now on.
func (a *Account) Enact(t testing.TB, rules ...Rule) {
	t.Helper()
	law, err := NewLaw(rules...)
	require.NoError(t, err)
	a.mu.Lock()
	defer a.mu.Unlock()
	a.rules, a.law = rules, law
}

// Beyond has roles of other accounts be taken from those, if the role that asks may take them, and their sessions be theirs. Without it a
// role of another account is one that Add has made.
func (a *Account) Beyond(o Others) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.beyond = o
}

// Key gives the access key of a session of a role with those tags, as Lambda gives one to a function.
func (a *Account) Key(role string, tags map[string]string) string {
	key := "ASIA" + rand.Text()[:16]
	a.remember(key, session{role: role, tags: tags, ends: time.Now().Add(time.Hour)})
	return key
}

// Denied gives what was denied so far.
func (a *Account) Denied() []Request {
	a.mu.Lock()
	defer a.mu.Unlock()
	return append([]Request(nil), a.denied...)
}

// Calls is how often a service was called.
func (a *Account) Calls(service string) int {
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.calls[service]
}

func (a *Account) remember(key string, s session) {
	a.mu.Lock()
	defer a.mu.Unlock()
	a.sessions[key] = s
}

// credential is how a signature names its key and service, in a header or in an address.
var credential = regexp.MustCompile(`([A-Z0-9]+)/\d{8}/[a-z0-9-]+/([a-z0-9]+)/aws4_request`)

// ServeHTTP answers a request of any service.
func (a *Account) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	signed := credential.FindStringSubmatch(r.Header.Get("Authorization") + r.URL.Query().Get("X-Amz-Credential"))
	body, err := io.ReadAll(r.Body)
	if signed == nil || err != nil {
		http.Error(w, "not signed", http.StatusForbidden)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	service := signed[2]
	a.mu.Lock()
	a.calls[service]++
	s, known := a.sessions[signed[1]]
	law, beyond := a.law, a.beyond
	a.mu.Unlock()
	if !known && beyond != nil && beyond.Knows(signed[1]) {
		beyond.ServeHTTP(w, r)
		return
	}
	if !known || time.Now().After(s.ends) {
		refuse(w, service, "ExpiredToken")
		return
	}
	requests, err := requestsOf(service, r, body)
	if err != nil {
		http.Error(w, err.Error(), http.StatusNotImplemented)
		return
	}
	for _, request := range a.withKeys(requests) {
		s.into(&request)
		if request.Action == "sts:GetCallerIdentity" {
			continue // needs no permission
		}
		if !a.decide(law, request).Allowed {
			refuse(w, service, "AccessDenied")
			return
		}
	}
	if elsewhere(requests[0]) && beyond != nil {
		beyond.Admit(signed[1], s.role)
		beyond.ServeHTTP(w, r)
		return
	}
	a.pass(w, r, s, service, requests, body)
}

// pass hands on what is allowed.
func (a *Account) pass(w http.ResponseWriter, r *http.Request, s session, service string, requests []Request, body []byte) {
	if service == "sts" {
		if requests[0].Action == "sts:GetCallerIdentity" {
			whoIs(w, s)
		} else {
			a.assume(w, body)
		}
		return
	}
	seen := &status{ResponseWriter: w}
	if service == "dynamodb" {
		a.dynamodb.ServeHTTP(seen, r)
	} else {
		a.others.ServeHTTP(seen, r.WithContext(context.WithValue(r.Context(), mayList{}, a.lists(s.role, requests[0]))))
	}
	a.mu.Lock()
	after := a.after
	a.mu.Unlock()
	if after != nil && seen.code < 300 {
		after(r, service, s.role, body)
	}
}

// status notes with what a call was answered.
type status struct {
	http.ResponseWriter
	code int
}

// WriteHeader notes it.
func (s *status) WriteHeader(code int) {
	s.code = code
	s.ResponseWriter.WriteHeader(code)
}

// elsewhere tells whether a role of another account is asked for.
func elsewhere(r Request) bool {
	return strings.HasPrefix(r.Action, "sts:") && strings.HasPrefix(r.Resource, "arn:aws:iam::") && !strings.HasPrefix(r.Resource, "arn:aws:iam::"+id+":")
}

// mayList is the key of whether who asks for an object may list its bucket, whole.
type mayList struct{}

func (a *Account) lists(role string, of Request) bool {
	bucket, _, _ := strings.Cut(of.Resource, "/")
	a.mu.Lock()
	defer a.mu.Unlock()
	return a.law.Decide(Request{Action: "s3:ListBucket", Principal: role, Resource: bucket, Context: map[string][]string{}}).Allowed
}

// hide does as S3 does with an object that is missing: only who may list the bucket is told.
func hide(r *http.Response) error {
	if may, is := r.Request.Context().Value(mayList{}).(bool); is && !may && r.StatusCode == http.StatusNotFound {
		r.StatusCode, r.Status = http.StatusForbidden, ""
	}
	return nil
}

// into says who asks.
func (s session) into(r *Request) {
	r.Principal = s.role
	r.Context["aws:securetransport"], r.Context["s3:tlsversion"] = []string{"true"}, []string{"1.3"} // what AWS speaks; the emulators do not
	for key, value := range s.tags {
		r.Context["aws:principaltag/"+strings.ToLower(key)] = []string{value}
	}
}

// assume begins a session.
func (a *Account) assume(w http.ResponseWriter, body []byte) {
	form, _ := url.ParseQuery(string(body))
	seconds, err := strconv.Atoi(cmp.Or(form.Get("DurationSeconds"), "3600"))
	role, name := form.Get("RoleArn"), form.Get("RoleSessionName")
	if err != nil || seconds < 900 || seconds > 3600 || name == "" { // of whoever is in a role already: an hour at most
		refuse(w, "sts", "ValidationError")
		return
	}
	key, ends := "ASIA"+rand.Text()[:16], time.Now().Add(time.Duration(seconds)*time.Second)
	a.remember(key, session{role: role, tags: tagsOf(form), ends: ends})
	w.Header().Set("Content-Type", "text/xml")
	_, _ = fmt.Fprintf(w, `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>%s</AccessKeyId><SecretAccessKey>secret</SecretAccessKey>`+
		`<SessionToken>token</SessionToken><Expiration>%s</Expiration></Credentials><AssumedRoleUser><Arn>arn:aws:sts::%s:assumed-role/%s/%s</Arn>`+
		`<AssumedRoleId>AROA:%s</AssumedRoleId></AssumedRoleUser></AssumeRoleResult></AssumeRoleResponse>`,
		key, ends.UTC().Format(time.RFC3339), accountOf(role), role[strings.LastIndexByte(role, '/')+1:], name, name)
}

// accountOf is the account of an ARN.
func accountOf(arn string) string { return strings.Split(arn+"::::", ":")[4] }

// whoIs tells who is in a session.
func whoIs(w http.ResponseWriter, s session) {
	w.Header().Set("Content-Type", "text/xml")
	_, _ = fmt.Fprintf(w, `<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>arn:aws:sts::%[1]s:assumed-role/%[2]s/session</Arn><UserId>AROA:session</UserId>`+
		`<Account>%[1]s</Account></GetCallerIdentityResult></GetCallerIdentityResponse>`, accountOf(s.role), s.role[strings.LastIndexByte(s.role, '/')+1:])
}

// refuse answers as the service does.
func refuse(w http.ResponseWriter, service, code string) {
	switch service {
	case "dynamodb", "sqs":
		w.Header().Set("Content-Type", "application/x-amz-json-1.0")
		w.WriteHeader(http.StatusBadRequest)
		_, _ = fmt.Fprintf(w, `{"__type":"com.amazon.coral.service#%sException","message":"denied"}`, code)
	case "scheduler":
		w.Header().Set("X-Amzn-Errortype", code+"Exception")
		w.Header().Set("Content-Type", "application/json")
		w.WriteHeader(http.StatusForbidden)
		_, _ = fmt.Fprint(w, `{"Message":"denied"}`)
	case "sts":
		w.Header().Set("Content-Type", "text/xml")
		w.WriteHeader(http.StatusForbidden)
		_, _ = fmt.Fprintf(w, `<ErrorResponse><Error><Code>%s</Code><Message>denied</Message></Error></ErrorResponse>`, code)
	default:
		w.Header().Set("Content-Type", "application/xml")
		w.WriteHeader(http.StatusForbidden)
		_, _ = fmt.Fprintf(w, `<Error><Code>%s</Code><Message>denied</Message></Error>`, code)
	}
}
