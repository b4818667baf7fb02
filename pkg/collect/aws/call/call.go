// Package call has what all calls of AWS's services have in common: what an error that they end with means, and how they are sent.
package call

import (
	"context"
	"errors"
	"fmt"
	"net"
	"net/http"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/tenantry/tenantry/pkg/collect"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/store"
)

// Meaning is what an error means.
type Meaning int

// The meanings of errors. Each error has one, the first of them that fits.
const (
	Nothing Meaning = iota // there is none
	Untaken                // the connection's role cannot be taken
	Ours                   // not of AWS: a context that ended, a fault, a condition of the store, what a collector says itself
	Absent                 // the service is not in the region
	Silent                 // no answer
	Slow                   // throttled
	Denied                 // the role may not
	Foreign                // the credentials are not known, as in a region that the account has not opted in to
	Closed                 // the account does not have the service
	Over                   // the token to go on with is too old
	Ended                  // the session ended, or the service failed
	Other                  // whatever else AWS says
)

var codes = map[Meaning][]string{
	Denied: {"AccessDenied", "AccessDeniedException", "AllAccessDisabled", "UnauthorizedOperation", "AuthorizationError", "AuthorizationErrorException",
		"Client.UnauthorizedOperation", "UnauthorizedException", "NotAuthorized"},
	Foreign: {"AuthFailure", "InvalidClientTokenId", "UnrecognizedClientException"},
	Closed:  {"OptInRequired", "SubscriptionRequiredException", "AWSOrganizationsNotInUseException", "UnknownOperationException"},
	Over: {"InvalidNextToken", "InvalidNextTokenException", "InvalidPaginationToken", "InvalidPaginationTokenException", "PaginationTokenExpiredException",
		"ExpiredNextTokenException", "InvalidMarker"},
	Ended: {"RequestExpired", "ServiceUnavailable", "ServiceUnavailableException"},
}

// Code is the code of an error that AWS answered, "" of any other.
func Code(err error) string {
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		return api.ErrorCode()
	}
	return ""
}

// Status is the HTTP status that an error was answered with, 0 where there was no answer.
func Status(err error) int {
	if answer, ok := errors.AsType[*smithyhttp.ResponseError](err); ok {
		return answer.HTTPStatusCode()
	}
	return 0
}

// Expired tells whether a call failed as its session had ended.
func Expired(err error) bool { return strings.HasPrefix(Code(err), "ExpiredToken") }

// Of tells what an error means.
func Of(err error) Meaning {
	if err == nil {
		return Nothing
	}
	if _, ok := errors.AsType[*connection.Refusal](err); ok {
		return Untaken
	}
	if ours(err) {
		return Ours
	}
	if none, ok := errors.AsType[*net.DNSError](err); ok && none.IsNotFound {
		return Absent
	}
	api, answered := errors.AsType[smithy.APIError](err)
	if !answered {
		return Silent
	}
	code := api.ErrorCode()
	if _, slow := retry.DefaultThrottleErrorCodes[code]; slow {
		return Slow
	}
	for meaning, all := range codes {
		if slices.Contains(all, code) {
			return meaning
		}
	}
	if Expired(err) || strings.HasPrefix(code, "Internal") || api.ErrorFault() == smithy.FaultServer || Status(err) >= http.StatusInternalServerError {
		return Ended
	}
	return Other
}

func ours(err error) bool {
	var own *fault.Error
	var denied *collect.Denied
	var slow *collect.Throttled
	return errors.Is(err, context.Canceled) || errors.Is(err, context.DeadlineExceeded) || errors.As(err, &own) || errors.As(err, &denied) || errors.As(err, &slow) ||
		store.Conflicted(err) != nil
}

// Explain says what an error of a service means to a run, where the collector has nothing of its own to say of it. The service is named as
// people know it.
func Explain(err error, service string) error {
	switch code := Code(err); Of(err) {
	case Nothing, Ours:
		return err
	case Untaken:
		refusal, _ := errors.AsType[*connection.Refusal](err)
		return &collect.Denied{Reason: refusal.Error()}
	case Absent, Silent:
		return fault.Wrap(err, fault.Unavailable, "%s cannot be reached now.", service)
	case Slow:
		return &collect.Throttled{After: time.Minute}
	case Denied:
		return &collect.Denied{Reason: fmt.Sprintf("The role does not allow what %s is asked (%s). Update the stack of its template.", service, code)}
	case Foreign:
		return &collect.Denied{Reason: "AWS does not take the credentials of the role (" + code + "). Verify the connection."}
	case Over, Ended:
		return fault.Wrap(err, fault.Unavailable, "%s ended an answer midway (%s).", service, code)
	default:
		return fmt.Errorf("%s refused a call: %w", service, err)
	}
}

// Elsewhere says why a region cannot be read though others can, by what a role must allow; "" where that is not so.
func Elsewhere(err error, actions ...string) string {
	switch code := Code(err); Of(err) {
	case Denied:
		return fmt.Sprintf("The role does not allow %s (%s). Update the stack of its template, or leave it so: what is known stays as it is.",
			strings.Join(actions, ", "), code)
	case Foreign:
		return "The region does not take the account's credentials (" + code + "), as it is disabled there, or was enabled just now."
	case Closed:
		return fmt.Sprintf("The account does not have the service (%s).", code)
	case Absent:
		return "The service is not in the region."
	}
	return ""
}
