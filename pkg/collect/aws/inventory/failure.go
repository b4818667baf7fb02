package inventory

import (
	"context"
	"errors"
	"fmt"
	"net"
	"slices"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go"
	"github.com/aws/smithy-go/middleware"

	"github.com/tenantry/tenantry/pkg/collect"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/store"
)

// meter has every call spent before it is made, over connections that all share.
func (s *step) meter() {
	spend := middleware.InitializeMiddlewareFunc("Spend", func(ctx context.Context, in middleware.InitializeInput, next middleware.InitializeHandler) (
		middleware.InitializeOutput, middleware.Metadata, error) {
		if err := s.task.Spend(ctx, collect.Use{Calls: 1}); err != nil {
			return middleware.InitializeOutput{}, middleware.Metadata{}, err
		}
		return next.HandleInitialize(ctx, in)
	})
	s.base = s.base.Copy()
	if s.base.HTTPClient == nil {
		s.base.HTTPClient = awshttp.NewBuildableClient() // one for all services, so that connections are used again
	}
	s.base.APIOptions = append(slices.Clone(s.base.APIOptions), func(stack *middleware.Stack) error { return stack.Initialize.Add(spend, middleware.Before) })
	if s.Retryer != nil {
		s.base.Retryer = s.Retryer
	}
}

func codeOf(err error) string {
	var api smithy.APIError
	if errors.As(err, &api) {
		return api.ErrorCode()
	}
	return ""
}

// denials are the codes by which services say that the role may not; foreign those of a region that does not know the account, as
// disabled ones; closed those of a service that the account has not; over those of a token that is too old.
var (
	denials = []string{"AccessDenied", "AccessDeniedException", "UnauthorizedOperation", "AuthorizationError", "AuthorizationErrorException", "Client.UnauthorizedOperation",
		"UnauthorizedException", "NotAuthorized"}
	foreign = []string{"AuthFailure", "InvalidClientTokenId", "UnrecognizedClientException"}
	closed  = []string{"OptInRequired", "SubscriptionRequiredException", "AWSOrganizationsNotInUseException", "UnknownOperationException"}
	over    = []string{"InvalidNextToken", "InvalidNextTokenException", "InvalidPaginationToken", "InvalidPaginationTokenException", "PaginationTokenExpiredException",
		"ExpiredNextTokenException", "InvalidMarker"}
)

// refused says why a list cannot be read though others can: the role may not, or the service is not there.
func refused(err error, l lister) (reason string, skipped bool) {
	var none *net.DNSError
	switch code := codeOf(err); {
	case err == nil:
		return "", false
	case slices.Contains(denials, code):
		return fmt.Sprintf("The role does not allow %s (%s). Update the stack of its template, or leave it so: what is known of them stays as it is.",
			strings.Join(l.actions, ", "), code), true
	case slices.Contains(foreign, code):
		return "The region does not take the account's credentials (" + code + "), as it is disabled there, or was enabled just now.", true
	case slices.Contains(closed, code):
		return fmt.Sprintf("The account does not have the service (%s).", code), true
	case errors.As(err, &none) && none.IsNotFound:
		return "The service is not in the region.", true
	}
	return "", false
}

// stale tells whether a token to go on with is no longer taken.
func stale(err error) bool { return slices.Contains(over, codeOf(err)) }

// explain says what an error means to the run.
func (s *step) explain(err error) error {
	var own *fault.Error
	var denied *collect.Denied
	var api smithy.APIError
	if refusal, ok := errors.AsType[*connection.Refusal](err); ok {
		return &collect.Denied{Reason: refusal.Error()}
	}
	switch {
	case err == nil, errors.Is(err, context.Canceled), errors.Is(err, context.DeadlineExceeded), errors.As(err, &own), errors.As(err, &denied), store.Conflicted(err) != nil:
		return err
	case !errors.As(err, &api):
		return fault.Wrap(err, fault.Unavailable, "AWS cannot be reached now.")
	}
	code := api.ErrorCode()
	if _, slow := retry.DefaultThrottleErrorCodes[code]; slow {
		return &collect.Throttled{After: time.Minute}
	}
	switch {
	case slices.Contains(denials, code):
		return &collect.Denied{Reason: "The role does not allow ec2:DescribeRegions, and the connection names no regions. Update the stack of its template, or name regions."}
	case slices.Contains(foreign, code):
		return &collect.Denied{Reason: "AWS does not take the credentials of the role (" + code + "). Verify the connection."}
	case strings.HasPrefix(code, "ExpiredToken"), code == "RequestExpired", api.ErrorFault() == smithy.FaultServer, code == "InternalError", code == "ServiceUnavailable":
		return fault.Wrap(err, fault.Unavailable, "AWS ended a list midway (%s).", code)
	}
	return fmt.Errorf("AWS refused a list: %w", err)
}
