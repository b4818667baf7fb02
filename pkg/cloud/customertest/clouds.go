// Package customertest is the AWS of customers, for tests: any number of accounts with roles, before which stands an STS that
// does what moto's does not. It evaluates a role's trust policy, ExternalId and all, before it gives a session, and lets a
// session do what the role's policies allow and nothing else.
package customertest

import (
	"bytes"
	"cmp"
	"context"
	"crypto/rand"
	"encoding/xml"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"net/http/httputil"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/cloud/mototest"
	"github.com/tenantry/tenantry/pkg/cloud/policy/policytest"
)

// Platform is the account that the platform is in, as customers' roles trust it.
const Platform = "arn:aws:iam::123456789012:root"

const (
	platformRole = "arn:aws:iam::123456789012:role/platform"
	platformKey  = "AKIDTEST"
)

// Call is a request that was let through to an account.
type Call struct {
	Action  string // as IAM calls it
	Account string
	Role    string // ARN of the role whose session it was made in
	Session string // its name
}

// Clouds are the accounts of all customers, at one address that speaks for every service. It believes the access key of a
// request without its signature, as moto does.
type Clouds struct {
	URL string

	moto     string // "": there are roles and sessions alone
	behind   *httputil.ReverseProxy
	mu       sync.Mutex
	roles    map[string]string // trust policies by ARN, where there is no moto
	sessions map[string]session
	admitted map[string]string // roles of the platform's account by access key
	calls    []Call
	refused  []Call
	fault    string // the code that STS fails with, if any
	bills    Bills
}

// Bills is a Cost Explorer for all accounts, which knows by a request's access key whose it is: cesim.Sim.
type Bills interface {
	http.Handler
	Know(accessKey, account string)
}

type session struct{ role, account, name string }

// Start starts accounts that have roles and nothing else, for as long as the test runs.
func Start(t testing.TB) *Clouds { return start(t, "") }

// Over starts accounts that moto, at the address, has: with everything in them that moto knows of.
func Over(t testing.TB, moto string) *Clouds { return start(t, moto) }

func start(t testing.TB, moto string) *Clouds {
	t.Helper()
	c := &Clouds{moto: moto, roles: map[string]string{}, sessions: map[string]session{},
		admitted: map[string]string{platformKey: platformRole}}
	target, err := url.Parse(moto)
	require.NoError(t, err)
	c.behind = &httputil.ReverseProxy{Rewrite: func(r *httputil.ProxyRequest) { r.SetURL(target) }}
	server := httptest.NewServer(c)
	t.Cleanup(server.Close)
	c.URL = server.URL
	return c
}

// Config is the platform's own configuration.
func (c *Clouds) Config() aws.Config { return mototest.Config(c.URL) }

// Account is the configuration of an account's owner, who may do everything in it. There must be a moto.
func (c *Clouds) Account(t testing.TB, account string) aws.Config {
	t.Helper()
	require.NotEmpty(t, c.moto, "these accounts have roles alone")
	var begun begun
	require.NoError(t, c.Ask(t.Context(), account, "sts", url.Values{"Action": {"AssumeRole"}, "Version": {"2011-06-15"},
		"RoleArn": {"arn:aws:iam::" + account + ":role/owner"}, "RoleSessionName": {"owner"}}, &begun))
	out := mototest.Config(c.moto)
	k := begun.Result.Credentials
	out.Credentials = credentials.NewStaticCredentialsProvider(k.AccessKeyId, k.SecretAccessKey, k.SessionToken)
	return out
}

// Ask asks moto as the owner of an account, of a service that speaks AWS's query protocol, and reads the XML of its answer.
func (c *Clouds) Ask(ctx context.Context, account, service string, form url.Values, into any) error {
	return c.askIn(ctx, mototest.Region, account, service, form, into)
}

func (c *Clouds) askIn(ctx context.Context, region, account, service string, form url.Values, into any) error {
	r, err := http.NewRequestWithContext(ctx, http.MethodPost, c.moto, strings.NewReader(form.Encode()))
	if err != nil {
		return err
	}
	r.Header.Set("Content-Type", "application/x-www-form-urlencoded")
	r.Header.Set("x-moto-account-id", account)
	r.Header.Set("Authorization", "AWS4-HMAC-SHA256 Credential="+platformKey+"/20260101/"+region+"/"+service+"/aws4_request, SignedHeaders=host, Signature=0")
	answer, err := http.DefaultClient.Do(r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	body, err := io.ReadAll(answer.Body)
	if err != nil {
		return err
	}
	if answer.StatusCode != http.StatusOK {
		return fmt.Errorf("%s %s: %d: %s", service, form.Get("Action"), answer.StatusCode, body)
	}
	return xml.Unmarshal(body, into)
}

// begun is STS's answer to AssumeRole.
type begun struct {
	Result struct {
		Credentials struct {
			AccessKeyId, SecretAccessKey, SessionToken string
		}
	} `xml:"AssumeRoleResult"`
}

// Calls gives what was let through to the accounts so far, and Refused what their roles' policies did not allow.
func (c *Clouds) Calls() []Call {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.calls)
}

// Refused gives what was asked in sessions and their roles' policies did not allow.
func (c *Clouds) Refused() []Call {
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.refused)
}

// Fail has STS fail with a code from now on: "Throttling", or "" for no longer.
func (c *Clouds) Fail(code string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.fault = code
}

// Bill has the accounts' Cost Explorer, which moto has none of, be another.
func (c *Clouds) Bill(b Bills) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.bills = b
}

// Admit lets an access key speak for a role of the platform's account.
func (c *Clouds) Admit(accessKey, role string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.admitted[accessKey] = role
}

// Knows tells whether a session in an account has the access key.
func (c *Clouds) Knows(accessKey string) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	_, known := c.sessions[accessKey]
	return known
}

// End ends all sessions there are, as time does.
func (c *Clouds) End() {
	c.mu.Lock()
	defer c.mu.Unlock()
	clear(c.sessions)
}

// credential is how a signature names its key and service, in a header or in an address.
var credential = regexp.MustCompile(`([A-Z0-9]+)/\d{8}/[a-z0-9-]+/([a-z0-9-]+)/aws4_request`)

// ServeHTTP answers a request of any service.
func (c *Clouds) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	signed := credential.FindStringSubmatch(r.Header.Get("Authorization") + r.URL.Query().Get("X-Amz-Credential"))
	body, err := io.ReadAll(r.Body)
	if signed == nil || err != nil {
		http.Error(w, "not signed", http.StatusForbidden)
		return
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	key, service := signed[1], signed[2]
	form, _ := url.ParseQuery(string(body))
	if service == "sts" && form.Get("Action") == "AssumeRole" {
		c.assume(w, r, key, form)
		return
	}
	c.mu.Lock()
	s, known := c.sessions[key]
	c.mu.Unlock()
	switch {
	case !known:
		refuse(w, service, "ExpiredToken")
	case service == "sts" && form.Get("Action") == "GetCallerIdentity":
		c.note(&c.calls, Call{"sts:GetCallerIdentity", s.account, s.role, s.name})
		c.identity(w, s)
	default:
		c.forward(w, r, s, key, service, body)
	}
}

// forward lets through what the session's role allows: to moto, or to who has the bills.
func (c *Clouds) forward(w http.ResponseWriter, r *http.Request, s session, key, service string, body []byte) {
	request, err := requestOf(service, r, body)
	if err != nil || c.moto == "" {
		http.Error(w, fmt.Sprintf("these accounts do not have %s: %v", service, err), http.StatusNotImplemented)
		return
	}
	call := Call{request.Action, s.account, s.role, s.name}
	if !c.may(r.Context(), s, request) {
		c.note(&c.refused, call)
		refuse(w, service, "AccessDenied")
		return
	}
	c.note(&c.calls, call)
	c.mu.Lock()
	bills := c.bills
	c.mu.Unlock()
	if service == "ce" && bills != nil {
		bills.Know(key, s.account)
		bills.ServeHTTP(w, r)
		return
	}
	if request.Action == "cloudwatch:GetMetricData" {
		c.measures(w, r, body)
		return
	}
	c.behind.ServeHTTP(w, r)
}

func (c *Clouds) note(into *[]Call, call Call) {
	c.mu.Lock()
	defer c.mu.Unlock()
	*into = append(*into, call)
}

// assume begins a session where the role's trust policy allows it to who asks.
func (c *Clouds) assume(w http.ResponseWriter, r *http.Request, key string, form url.Values) {
	c.mu.Lock()
	by, fault := cmp.Or(c.sessions[key].role, c.admitted[key]), c.fault
	c.mu.Unlock()
	if fault != "" {
		refuse(w, "sts", fault)
		return
	}
	role, name := form.Get("RoleArn"), form.Get("RoleSessionName")
	request := policytest.Request{Action: "sts:AssumeRole", Principal: by, Context: map[string][]string{"sts:rolesessionname": {name}}}
	if form.Has("ExternalId") {
		request.Context["sts:externalid"] = []string{form.Get("ExternalId")}
	}
	if by == "" || !c.trusts(r.Context(), role, request) {
		refuse(w, "sts", "AccessDenied")
		return
	}
	account := strings.Split(role, ":")[4]
	if c.moto == "" {
		begin(w, c.remember("ASIA"+rand.Text()[:16], session{role, account, name}), c.user(session{role, account, name}))
		return
	}
	recorder := httptest.NewRecorder()
	c.behind.ServeHTTP(recorder, r)
	var out begun
	if err := xml.Unmarshal(recorder.Body.Bytes(), &out); err == nil && recorder.Code == http.StatusOK {
		c.remember(out.Result.Credentials.AccessKeyId, session{role, account, name})
	}
	w.Header().Set("Content-Type", "text/xml")
	w.WriteHeader(recorder.Code)
	_, _ = w.Write(recorder.Body.Bytes())
}

func (c *Clouds) remember(key string, s session) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.sessions[key] = s
	return key
}

// user is the ARN of who is in a session.
func (c *Clouds) user(s session) string {
	parts := strings.Split(s.role, ":")
	return fmt.Sprintf("arn:%s:sts::%s:assumed-role/%s/%s", parts[1], s.account, s.role[strings.LastIndexByte(s.role, '/')+1:], s.name)
}

// trusts asks the role's trust policy. What the evaluator does not know of it is as good as a policy that allows nothing.
func (c *Clouds) trusts(ctx context.Context, role string, request policytest.Request) bool {
	document, err := c.trust(ctx, role)
	if err != nil {
		return false
	}
	p, err := policytest.Parse([]byte(document))
	return err == nil && p.Allows(request)
}

func (c *Clouds) identity(w http.ResponseWriter, s session) {
	w.Header().Set("Content-Type", "text/xml")
	_, _ = fmt.Fprintf(w, `<GetCallerIdentityResponse><GetCallerIdentityResult><Arn>%s</Arn><UserId>AROA:%s</UserId><Account>%s</Account>`+
		`</GetCallerIdentityResult></GetCallerIdentityResponse>`, c.user(s), s.name, s.account)
}

func begin(w http.ResponseWriter, key, user string) {
	w.Header().Set("Content-Type", "text/xml")
	_, _ = fmt.Fprintf(w, `<AssumeRoleResponse><AssumeRoleResult><Credentials><AccessKeyId>%s</AccessKeyId><SecretAccessKey>s</SecretAccessKey>`+
		`<SessionToken>t</SessionToken><Expiration>%s</Expiration></Credentials><AssumedRoleUser><Arn>%s</Arn><AssumedRoleId>AROA:x</AssumedRoleId>`+
		`</AssumedRoleUser></AssumeRoleResult></AssumeRoleResponse>`, key, time.Now().Add(time.Hour).UTC().Format(time.RFC3339), user)
}
