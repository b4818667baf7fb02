package dynamo

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb"
	"github.com/aws/aws-sdk-go-v2/service/dynamodb/types"
	"github.com/aws/smithy-go"

	"github.com/tenantry/tenantry/pkg/store"
)

var deniedCodes = []string{"AccessDenied", "AccessDeniedException", "ExpiredToken", "ExpiredTokenException",
	"IncompleteSignature", "InvalidClientTokenId", "InvalidSignatureException", "MissingAuthenticationToken",
	"MissingAuthenticationTokenException", "NotAuthorized", "UnrecognizedClientException"}

// failure makes an error of package store of one of the SDK; others are left as they are. Messages of DynamoDB are left out: they may quote keys.
func failure(ctx context.Context, call string, err error) error {
	if ctx.Err() != nil {
		return fmt.Errorf("dynamo: %s: %w", call, ctx.Err())
	}
	var operation *smithy.OperationError
	if !errors.As(err, &operation) {
		return err
	}
	var api smithy.APIError
	if !errors.As(err, &api) {
		return fmt.Errorf("dynamo: %s: %v: %w", call, err, store.ErrUnavailable)
	}
	text := fmt.Sprintf("dynamo: %s: %s", call, api.ErrorCode())
	var response *awshttp.ResponseError
	if errors.As(err, &response) {
		text += " (request " + response.ServiceRequestID() + ")"
	}
	if kind := kindOf(api, response); kind != nil {
		return fmt.Errorf("%s: %w", text, kind)
	}
	return errors.New(text)
}

// kindOf gives nil for what only a defect can cause.
func kindOf(api smithy.APIError, response *awshttp.ResponseError) error {
	_, throttled := retry.DefaultThrottleErrorCodes[api.ErrorCode()]
	switch {
	case throttled, isConflict(api):
		return store.ErrThrottled
	case slices.Contains(deniedCodes, api.ErrorCode()):
		return store.ErrDenied
	case api.ErrorCode() == "ValidationException" && strings.Contains(strings.ToLower(api.ErrorMessage()), "size"):
		return store.ErrTooLarge
	case api.ErrorFault() == smithy.FaultServer,
		response != nil && response.HTTPStatusCode() >= http.StatusInternalServerError:
		return store.ErrUnavailable
	}
	return nil
}

// isConflict tells whether a transaction under way kept a call from being made.
func isConflict(err error) bool {
	var conflict *types.TransactionConflictException
	return errors.As(err, &conflict)
}

func isConditional(err error) bool {
	var failed *types.ConditionalCheckFailedException
	return errors.As(err, &failed)
}

// cancelled gives what kept a transaction from being made; nil where err is something else.
func cancelled(err error) error {
	var cancel *types.TransactionCanceledException
	if !errors.As(err, &cancel) {
		return nil
	}
	reasons := map[string][]int{}
	for i, r := range cancel.CancellationReasons {
		reasons[aws.ToString(r.Code)] = append(reasons[aws.ToString(r.Code)], i)
	}
	switch {
	case reasons["ConditionalCheckFailed"] != nil:
		return &store.ConditionError{Failed: reasons["ConditionalCheckFailed"]}
	case reasons["TransactionConflict"] != nil:
		return &store.ConditionError{Contended: true}
	case reasons["ProvisionedThroughputExceeded"] != nil, reasons["ThrottlingError"] != nil:
		return fmt.Errorf("dynamo: TransactWriteItems: %w", store.ErrThrottled)
	case reasons["ItemCollectionSizeLimitExceeded"] != nil, reasons["ValidationError"] != nil:
		return fmt.Errorf("dynamo: TransactWriteItems: %w", store.ErrTooLarge)
	}
	return nil
}

// attempter is the client's retryer for one call that is not idempotent. It remembers whether an attempt may have been made
// although it failed; with once such an attempt is the last.
type attempter struct {
	aws.Retryer
	once   bool
	unsure bool
}

func (a *attempter) IsErrorRetryable(err error) bool {
	var response *awshttp.ResponseError
	known := errors.As(err, &response) && response.HTTPStatusCode()/100 == 4
	a.unsure = a.unsure || !known
	return a.Retryer.IsErrorRetryable(err) && !(a.once && a.unsure)
}

func (a *attempter) option(o *dynamodb.Options) { a.Retryer, o.Retryer = o.Retryer, a }
