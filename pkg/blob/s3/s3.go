// Package s3 keeps the files of deliveries in an S3 bucket. How the bucket encrypts them is the bucket's own setting.
package s3

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/tenantry/tenantry/pkg/delivery"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Files is a delivery.Files on one bucket. It is safe for concurrent use.
type Files struct {
	client  *s3.Client
	presign *s3.PresignClient
	bucket  string
}

var _ delivery.Files = (*Files)(nil)

// New makes Files; it calls nothing.
func New(client *s3.Client, bucket string) *Files {
	presign := s3.NewPresignClient(client, func(o *s3.PresignOptions) {
		o.ClientOptions = append(o.ClientOptions, func(o *s3.Options) {
			// Whoever uploads the file has its checksum, whoever signs the address has not.
			o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
		})
	})
	return &Files{client: client, presign: presign, bucket: bucket}
}

// UploadURL presigns a PUT of exactly size bytes. The address ends with the credentials that signed it, if that is sooner.
func (f *Files) UploadURL(ctx context.Context, s *tenant.Scope, name string, size int64, expires time.Duration) (string, error) {
	key, err := keyOf(s, name)
	if err != nil {
		return "", err
	}
	if size <= 0 || size > delivery.MaxFile {
		return "", fault.New(fault.Invalid, "a file has 1 to %d bytes", int64(delivery.MaxFile))
	}
	in := &s3.PutObjectInput{Bucket: &f.bucket, Key: &key, ContentLength: &size}
	signed, err := f.presign.PresignPutObject(ctx, in, s3.WithPresignExpires(expires))
	if err != nil {
		return "", fault.Wrap(err, fault.Unavailable, "no upload address can be given now: try again later")
	}
	return signed.URL, nil
}

// Open opens a file for reads under ctx, which must live as long as the file. Reads give fault.Unavailable where the file
// was replaced after it was opened: opening it again reads the new one.
func (f *Files) Open(ctx context.Context, s *tenant.Scope, name string) (delivery.File, error) {
	key, err := keyOf(s, name)
	if err != nil {
		return nil, err
	}
	head, err := f.client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &f.bucket, Key: &key})
	if err != nil {
		return nil, failed("open a file", err)
	}
	return newReader(ctx, aws.ToInt64(head.ContentLength), aws.ToString(head.ETag), func(ctx context.Context, off, n int64) ([]byte, error) {
		return f.get(ctx, key, head.ETag, off, n)
	}), nil
}

// Remove removes a file.
func (f *Files) Remove(ctx context.Context, s *tenant.Scope, name string) error {
	key, err := keyOf(s, name)
	if err != nil {
		return err
	}
	if _, err := f.client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &f.bucket, Key: &key}); err != nil {
		return failed("remove a file", err)
	}
	return nil
}

// keyOf gives the object key, below the scope's tenant whatever the name.
func keyOf(s *tenant.Scope, name string) (string, error) {
	if s.Tenant() == "" {
		return "", fault.New(fault.Forbidden, "files belong to a tenant, and none was opened")
	}
	if !fs.ValidPath(name) || name == "." {
		return "", fault.New(fault.NotFound, "there is no such file")
	}
	return delivery.ObjectKey(s.Tenant(), name), nil
}

// failed gives an S3 failure its kind; what is neither missing nor the caller's defect may pass.
func failed(doing string, err error) error {
	status := 0
	var response *smithyhttp.ResponseError
	if errors.As(err, &response) {
		status = response.HTTPStatusCode()
	}
	var api smithy.APIError
	switch {
	case status == http.StatusNotFound && !(errors.As(err, &api) && api.ErrorCode() == "NoSuchBucket"):
		return fault.Wrap(err, fault.NotFound, "the file has not been uploaded")
	case status == http.StatusPreconditionFailed:
		return fault.Wrap(err, fault.Unavailable, "the file was replaced while it was read")
	case status >= 400 && status < 500 && status != http.StatusTooManyRequests && status != http.StatusRequestTimeout:
		return fmt.Errorf("%s: %w", doing, err)
	}
	return fault.Wrap(err, fault.Unavailable, "the files cannot be reached now: try again later")
}
