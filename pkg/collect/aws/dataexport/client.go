package dataexport

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/aws/aws-sdk-go-v2/service/s3"

	"github.com/tenantry/tenantry/pkg/collect/aws/call"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/fault"
)

// client calls S3 in the account, in the bucket's region.
func (s *step) client(ctx context.Context, e connection.Export) (*s3.Client, error) {
	if s.config == nil {
		config, err := s.collector.Config(ctx, s.task.Scope, s.task.Connection)
		if err != nil {
			return nil, err
		}
		s.config = &config
	}
	config := s.config.Copy()
	if e.Region != "" {
		config.Region = e.Region
	}
	if s.collector.Retryer != nil {
		config.Retryer = s.collector.Retryer
	}
	return s3.NewFromConfig(config, func(o *s3.Options) {
		o.UsePathStyle = config.BaseEndpoint != nil || strings.Contains(e.Bucket, ".") // the certificate is for one label
	}), nil
}

// asked is a call that failed, with what IAM calls it and what it is on.
type asked struct {
	action, on string
	cause      error
}

// Error says what failed.
func (a *asked) Error() string { return a.action + " on " + a.on + ": " + a.cause.Error() }

// Unwrap gives the cause.
func (a *asked) Unwrap() error { return a.cause }

// failure is what is wrong with an export, in words for people.
type failure struct{ reason string }

// Error gives the reason.
func (f *failure) Error() string { return f.reason }

// wrong says what is wrong with an export, and what to do; "" where that is not the export's or the role's.
func (s *step) wrong(e connection.Export, err error) string {
	action, on := "s3:GetObject", "arn:"+s.task.Connection.Partition+":s3:::"+e.Bucket+"/*"
	if a, ok := errors.AsType[*asked](err); ok {
		action, on = a.action, a.on
	}
	if f, ok := errors.AsType[*failure](err); ok {
		return f.reason
	}
	switch code := call.Code(err); {
	case call.Of(err) == call.Denied || code == "" && call.Status(err) == http.StatusForbidden:
		return fmt.Sprintf("the role does not allow %s on %s. Update the stack of the connection's template; where the bucket is another account's or has a KMS key of "+
			"its own, allow the role there too.", action, on)
	case code == "NoSuchBucket":
		return "there is no bucket " + e.Bucket + "."
	case call.Status(err) == http.StatusMovedPermanently || code == "AuthorizationHeaderMalformed" || code == "IllegalLocationConstraintException":
		return "the bucket " + e.Bucket + " is in another region. Give the export its region."
	}
	return ""
}

// left goes on without an export that something is wrong with, and says what; other errors end the step.
func (s *step) left(ctx context.Context, e connection.Export, err error) error {
	if why := s.wrong(e, err); why != "" {
		s.task.Aside("The export " + e.Name + " cannot be read: " + why)
		return s.skip(ctx)
	}
	return explain(err)
}

// explain says what an error means to the run. What is not of AWS is of the platform's own files.
func explain(err error) error {
	switch call.Of(err) {
	case call.Untaken, call.Slow:
		return call.Explain(err, "S3")
	case call.Ours, call.Silent:
		return err
	}
	return fault.Wrap(err, fault.Unavailable, "The bucket of an export cannot be read now.")
}
