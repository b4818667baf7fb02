// Package cesim stands in for AWS Cost Explorer in tests: GetCostAndUsage over a ledger of FOCUS charges, with its checks, pages
// and failures. https://docs.aws.amazon.com/aws-cost-management/latest/APIReference/API_GetCostAndUsage.html
package cesim

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"regexp"
	"slices"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/tenantry/tenantry/pkg/calendar"
)

// Options of a Sim.
type Options struct {
	Clock    func() time.Time
	PageRows int // groups of single days (or months) on a page; 0 is 200
	// Series has a page hold so many groups with all their days, instead of so many groups of single days: which of both Cost
	// Explorer does is nowhere written, and the latter makes more pages.
	Series bool
}

// Sim is Cost Explorer. Its fields may be changed between requests, under Change.
type Sim struct {
	URL string
	// Unfiltered answers as if requests had no filter, so that groups come to more than the total. Set between requests, by Unfilter, or
	// by a plan of Fail.
	Unfiltered bool
	options    Options

	mu        sync.Mutex
	ledger    []Charge
	members   map[string][]string // accounts by payer
	keys      map[string]string   // accounts by access key
	expired   map[string]bool
	denied    map[string]bool
	estimated calendar.Day // this day and later ones
	fault     func(Call) *Fault
	calls     []Call
}

// Call is one request that was answered or refused, for billing and for tests.
type Call struct {
	Account   string
	Request   Request
	Page      int // of its request, from 1 on
	Refused   string
	AccessKey string
}

// Fault is how a request is refused.
type Fault struct {
	Status        int // 0 is 400
	Code, Message string
}

// Throttle is what Cost Explorer says to too many requests.
var Throttle = &Fault{Code: "LimitExceededException", Message: "Rate exceeded"}

// New starts a Sim that ends with the test.
func New(t testing.TB, o Options) *Sim {
	if o.PageRows == 0 {
		o.PageRows = 200
	}
	s := &Sim{options: o, members: map[string][]string{}, keys: map[string]string{}, expired: map[string]bool{}, denied: map[string]bool{},
		estimated: calendar.DayOf(o.Clock()).Month().First()}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.URL = server.URL
	return s
}

// Set puts a ledger in the place of the one there was.
func (s *Sim) Set(ledger []Charge) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.ledger = slices.Clone(ledger)
}

// Organize makes accounts members below a payer, which then sees the charges of all.
func (s *Sim) Organize(payer string, members ...string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.members[payer] = members
}

// Know has an access key act in an account.
func (s *Sim) Know(accessKey, account string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys[accessKey] = account
}

// Expire ends the session of an access key.
func (s *Sim) Expire(accessKey string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.expired[accessKey] = true
}

// Deny refuses an account, or no longer does.
func (s *Sim) Deny(account string, denied bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.denied[account] = denied
}

// Estimate calls a day and all later ones an estimate.
func (s *Sim) Estimate(from calendar.Day) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.estimated = from
}

// Unfilter answers as if requests had no filter, or no longer does: then groups come to more than the total.
func (s *Sim) Unfilter(on bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.Unfiltered = on
}

// Fail asks plan of every request before it is answered; nil answers it. It is not called at once for two requests, and may
// change the Sim by Edit alone.
func (s *Sim) Fail(plan func(Call) *Fault) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.fault = plan
}

// Calls are all requests since the last Forget: what is billed is those that were not refused.
func (s *Sim) Calls() []Call {
	s.mu.Lock()
	defer s.mu.Unlock()
	return slices.Clone(s.calls)
}

// Pages is how many requests were answered since the last Forget: $0.01 each.
func (s *Sim) Pages() (n int) {
	for _, c := range s.Calls() {
		if c.Refused == "" {
			n++
		}
	}
	return n
}

// Forget forgets the calls.
func (s *Sim) Forget() {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.calls = nil
}

var credential = regexp.MustCompile(`Credential=([^/]+)/\d{8}/us-east-1/ce/aws4_request`)

// ServeHTTP answers a request of the AWS JSON 1.1 protocol. Signatures are not checked; the access key says whose request it is.
func (s *Sim) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	s.mu.Lock()
	answer, fault := s.serve(r, body)
	s.mu.Unlock()
	w.Header().Set("Content-Type", "application/x-amz-json-1.1")
	if fault != nil {
		w.Header().Set("X-Amzn-Errortype", fault.Code)
		w.WriteHeader(max(fault.Status, http.StatusBadRequest))
		_ = json.NewEncoder(w).Encode(map[string]string{"__type": fault.Code, "message": fault.Message})
		return
	}
	b, err := json.Marshal(answer)
	if err != nil {
		panic(err)
	}
	w.Header().Set("Content-Length", strconv.Itoa(len(b)))
	_, _ = w.Write(b)
}

func (s *Sim) serve(r *http.Request, body []byte) (*Answer, *Fault) {
	call := Call{}
	answer, fault := s.judge(r, body, &call)
	if fault != nil {
		call.Refused = fault.Code
	}
	s.calls = append(s.calls, call)
	return answer, fault
}

func (s *Sim) judge(r *http.Request, body []byte, call *Call) (*Answer, *Fault) {
	if target := r.Header.Get("X-Amz-Target"); target != "AWSInsightsIndexService.GetCostAndUsage" {
		return nil, &Fault{Code: "UnknownOperationException", Message: target}
	}
	found := credential.FindStringSubmatch(r.Header.Get("Authorization"))
	if found == nil {
		return nil, &Fault{Code: "IncompleteSignatureException", Message: "Credential should be scoped to us-east-1 and ce"}
	}
	call.AccessKey = found[1]
	account, known := s.keys[found[1]]
	switch {
	case !known:
		return nil, &Fault{Code: "UnrecognizedClientException", Message: "The security token included in the request is invalid."}
	case s.expired[found[1]]:
		return nil, &Fault{Code: "ExpiredTokenException", Message: "The security token included in the request is expired"}
	case s.denied[account]:
		return nil, &Fault{Code: "AccessDeniedException", Message: "User is not authorized to perform: ce:GetCostAndUsage"}
	}
	call.Account = account
	if err := decode(body, &call.Request); err != nil {
		return nil, invalid("%s", err)
	}
	asked, fault := s.check(&call.Request)
	if fault != nil {
		return nil, fault
	}
	call.Page = asked.offset/s.options.PageRows + 1
	if s.fault != nil {
		if f := s.fault(*call); f != nil {
			return nil, f
		}
	}
	return s.answer(account, asked), nil
}

// Edit is Set for a plan of Fail.
func (s *Sim) Edit(change func([]Charge) []Charge) { s.ledger = change(slices.Clone(s.ledger)) }

func invalid(format string, args ...any) *Fault {
	return &Fault{Code: "ValidationException", Message: fmt.Sprintf(format, args...)}
}
