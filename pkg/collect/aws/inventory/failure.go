package inventory

import (
	"context"
	"errors"
	"fmt"
	"slices"

	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/smithy-go/middleware"

	"github.com/tenantry/tenantry/pkg/collect"
	"github.com/tenantry/tenantry/pkg/collect/aws/call"
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

// refused says why a list cannot be read though others can: the role may not, the service is not there, or the list has no end.
func refused(err error, l lister) (reason string, skipped bool) {
	if errors.Is(err, call.ErrEndless) {
		return fmt.Sprintf("The list comes to no end: it gives the same pages again and again, or more than %d. What is known stays as it is.", call.MaxPages), true
	}
	reason = call.Elsewhere(err, l.actions...)
	return reason, reason != ""
}

// stale tells whether a token to go on with is no longer taken.
func stale(err error) bool { return call.Of(err) == call.Over }

// explain says what an error means to the run.
func explain(err error) error {
	if call.Of(err) == call.Denied {
		return &collect.Denied{Reason: "The role does not allow ec2:DescribeRegions, and the connection names no regions. Update the stack of its template, or name regions."}
	}
	return call.Explain(err, "AWS")
}
