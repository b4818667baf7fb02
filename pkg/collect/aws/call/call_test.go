package call_test

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"testing"

	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/collect"
	"github.com/tenantry/tenantry/pkg/collect/aws/call"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/store"
)

// answered is an error as a client of the SDK gives it: an answer with a status and a code.
func answered(status int, code string) error {
	return &smithy.OperationError{ServiceID: "X", OperationName: "Y", Err: &smithyhttp.ResponseError{
		Response: &smithyhttp.Response{Response: &http.Response{StatusCode: status}}, Err: &smithy.GenericAPIError{Code: code, Message: "secret of theirs"}}}
}

func TestWhatErrorsMean(t *testing.T) {
	const denied, slow, later, other = "denied", "slow", "later", "other"
	refusal := &connection.Refusal{}
	for name, c := range map[string]struct {
		err       error
		means     call.Meaning
		run       string // what it means to the run
		says      string
		elsewhere string // why a region alone is left out
	}{
		"nothing":                            {nil, call.Nothing, "", "", ""},
		"a role that cannot be taken":        {fmt.Errorf("get credentials: %w", refusal), call.Untaken, denied, "", ""},
		"an end of the run":                  {fmt.Errorf("canceled: %w", context.Canceled), call.Ours, "", "", ""},
		"a step that is over":                {&smithy.OperationError{Err: context.DeadlineExceeded}, call.Ours, "", "", ""},
		"a cap":                              {collect.ErrCapped, call.Ours, "", "", ""},
		"a lease that was lost":              {&store.ConditionError{Failed: []int{0}}, call.Ours, "", "", ""},
		"a fault that AWS's answer is in":    {fault.Wrap(answered(403, "AccessDenied"), fault.Unavailable, "The files cannot be reached."), call.Ours, later, "", ""},
		"a host that is not there":           {&smithy.OperationError{Err: &net.DNSError{IsNotFound: true}}, call.Absent, later, "cannot be reached now", "is not in the region"},
		"a name server that does not answer": {&net.DNSError{IsTimeout: true}, call.Silent, later, "cannot be reached now", ""},
		"a connection that breaks":           {io.ErrUnexpectedEOF, call.Silent, later, "cannot be reached now", ""},
		"AccessDenied":                       {answered(403, "AccessDenied"), call.Denied, denied, "The role does not allow", "does not allow a:B, c:D (AccessDenied)"},
		"AccessDeniedException":              {answered(400, "AccessDeniedException"), call.Denied, denied, "The role does not allow", "does not allow a:B"},
		"EC2's":                              {answered(403, "UnauthorizedOperation"), call.Denied, denied, "The role does not allow", "does not allow a:B"},
		"a bucket's owner's":                 {answered(403, "AllAccessDisabled"), call.Denied, denied, "The role does not allow", "does not allow a:B"},
		"a region not opted in to":           {answered(403, "UnrecognizedClientException"), call.Foreign, denied, "does not take the credentials", "does not take the account's"},
		"such, of the query protocol":        {answered(403, "InvalidClientTokenId"), call.Foreign, denied, "does not take the credentials", "does not take the account's"},
		"such, of EC2":                       {answered(401, "AuthFailure"), call.Foreign, denied, "does not take the credentials", "does not take the account's"},
		"a service that was not ordered":     {answered(400, "SubscriptionRequiredException"), call.Closed, other, "refused a call", "does not have the service"},
		"throttling":                         {answered(400, "ThrottlingException"), call.Slow, slow, "", ""},
		"throttling of Cost Explorer":        {answered(400, "LimitExceededException"), call.Slow, slow, "", ""},
		"throttling of S3":                   {answered(503, "SlowDown"), call.Slow, slow, "", ""},
		"throttling of EC2":                  {answered(503, "RequestLimitExceeded"), call.Slow, slow, "", ""},
		"a session that ended":               {answered(400, "ExpiredTokenException"), call.Ended, later, "ended an answer midway (ExpiredTokenException)", ""},
		"a session that ended, of S3":        {answered(400, "ExpiredToken"), call.Ended, later, "midway", ""},
		"a service that fails":               {answered(500, "InternalFailure"), call.Ended, later, "midway", ""},
		"a service that says so badly":       {answered(400, "InternalServiceFault"), call.Ended, later, "midway", ""},
		"a gateway":                          {answered(502, "BadGateway"), call.Ended, later, "midway", ""},
		"a token that is too old":            {answered(400, "InvalidNextTokenException"), call.Over, later, "midway", ""},
		"a question that is wrong":           {answered(400, "ValidationException"), call.Other, other, "refused a call", ""},
	} {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, c.means, call.Of(c.err))
			elsewhere := call.Elsewhere(c.err, "a:B", "c:D")
			require.Contains(t, elsewhere, c.elsewhere)
			require.Equal(t, c.elsewhere == "", elsewhere == "")
			err := call.Explain(c.err, "The service")
			if c.means == call.Ours || c.means == call.Nothing {
				require.Equal(t, c.err, err)
				return
			}
			no, isDenied := errors.AsType[*collect.Denied](err)
			wait, isSlow := errors.AsType[*collect.Throttled](err)
			require.Equal(t, c.run == denied, isDenied, "%v", err)
			require.Equal(t, c.run == slow, isSlow, "%v", err)
			require.Equal(t, c.run == later, fault.Is(err, fault.Unavailable), "%v", err)
			require.Contains(t, err.Error(), c.says)
			if isSlow {
				require.Positive(t, wait.After)
			}
			if isDenied {
				require.False(t, strings.Contains(no.Reason, "secret of theirs"))
			}
		})
	}
}

// kept notes whether a request's body was closed before its answer was read.
type kept struct{ closed bool }

func (k *kept) Do(r *http.Request) (*http.Response, error) {
	return &http.Response{StatusCode: 200}, r.Body.Close()
}

func (k *kept) Read([]byte) (int, error) { return 0, io.EOF }

func (k *kept) Close() error { k.closed = true; return nil }

func TestBodiesAreNotClosedBeforeTheyAreSent(t *testing.T) {
	k := &kept{}
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPost, "http://localhost", k)
	require.NoError(t, err)
	_, err = call.Unhurried{HTTPClient: k}.Do(r)
	require.NoError(t, err)
	require.False(t, k.closed)
}
