// Package s3 keeps the files of deliveries in an S3 bucket. How the bucket encrypts them is the bucket's own setting.
package s3

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/smithy-go"
	smithyhttp "github.com/aws/smithy-go/transport/http"

	"github.com/tenantry/tenantry/pkg/blob"
	"github.com/tenantry/tenantry/pkg/delivery"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Files is a delivery.Files on one bucket. It is safe for concurrent use.
type Files struct {
	base        *s3.Client
	bucket      string
	credentials Credentials
}

var _ delivery.Files = (*Files)(nil)

// Credentials gives credentials that reach a tenant's files and no others, good for so long, or for as long as can be had.
type Credentials func(ctx context.Context, id tenant.ID, least time.Duration) (aws.Credentials, error)

// New makes Files; it calls nothing. What is done with a tenant's files is done with its credentials; the client's own are
// not used.
func New(client *s3.Client, bucket string, c Credentials) *Files {
	return &Files{base: client, bucket: bucket, credentials: c}
}

// client gives a client that calls with the credentials of c, on connections that all share.
func (f *Files) client(c aws.CredentialsProvider) *s3.Client {
	shared := f.base.Options()
	shared.ExpressCredentials = nil // New binds those it finds to the client that it makes
	return s3.New(shared, func(o *s3.Options) {
		o.HTTPClient = shared.HTTPClient // New has made another, whose connections would be its own
		o.Credentials = c
	})
}

// of gives a client for calls on the tenant's files: each has the credentials that are good when it is made.
func (f *Files) of(s *tenant.Scope) *s3.Client {
	return f.client(aws.CredentialsProviderFunc(func(ctx context.Context) (aws.Credentials, error) {
		return f.credentials(ctx, s.Tenant(), 0)
	}))
}

// UploadURL presigns a PUT of exactly size bytes. An address ends with the credentials that signed it, so it is signed with
// some that last as long, and promises less where there are none.
func (f *Files) UploadURL(ctx context.Context, s *tenant.Scope, name string, size int64, expires time.Duration) (string, error) {
	key, err := blob.Key(s, name)
	if err != nil {
		return "", err
	}
	if size <= 0 || size > delivery.MaxFile {
		return "", fault.New(fault.Invalid, "A file has 1 to %d bytes.", int64(delivery.MaxFile))
	}
	signed, err := f.sign(ctx, s, &s3.PutObjectInput{Bucket: &f.bucket, Key: &key, ContentLength: &size}, expires)
	if err != nil {
		return "", fault.Wrap(err, fault.Unavailable, "no upload address can be given now: try again later")
	}
	return signed, nil
}

func (f *Files) sign(ctx context.Context, s *tenant.Scope, in *s3.PutObjectInput, expires time.Duration) (string, error) {
	signer, err := f.signer(ctx, s, expires)
	if err != nil {
		return "", err
	}
	signed, err := signer.PresignPutObject(ctx, in)
	if err != nil {
		return "", err
	}
	return signed.URL, nil
}

// signer signs with credentials that last as long as its addresses, which end sooner where there are none.
func (f *Files) signer(ctx context.Context, s *tenant.Scope, expires time.Duration) (*s3.PresignClient, error) {
	c, err := f.credentials(ctx, s.Tenant(), expires)
	if err != nil {
		return nil, err
	}
	if c.CanExpire {
		expires = min(expires, time.Until(c.Expires)) // by the clock that signs
	}
	if expires < time.Second {
		return nil, errors.New("credentials have expired")
	}
	as := aws.CredentialsProviderFunc(func(context.Context) (aws.Credentials, error) { return c, nil })
	return s3.NewPresignClient(f.client(as), s3.WithPresignExpires(expires), func(o *s3.PresignOptions) {
		o.ClientOptions = append(o.ClientOptions, func(o *s3.Options) {
			// Whoever uploads the file has its checksum, whoever signs the address has not.
			o.RequestChecksumCalculation = aws.RequestChecksumCalculationWhenRequired
		})
	}), nil
}

// Open opens a file for reads under ctx, which must live as long as the file. Reads give fault.Unavailable where the file
// was replaced after it was opened: opening it again reads the new one.
func (f *Files) Open(ctx context.Context, s *tenant.Scope, name string) (delivery.File, error) {
	key, err := blob.Key(s, name)
	if err != nil {
		return nil, err
	}
	client := f.of(s)
	head, err := client.HeadObject(ctx, &s3.HeadObjectInput{Bucket: &f.bucket, Key: &key})
	if statusOf(err) == http.StatusForbidden {
		err = f.missing(ctx, client, key, err)
	}
	if err != nil {
		return nil, failed("open a file", err)
	}
	return newReader(ctx, aws.ToInt64(head.ContentLength), aws.ToString(head.ETag), func(ctx context.Context, off, n int64) ([]byte, error) {
		return f.get(ctx, client, key, head.ETag, off, n)
	}), nil
}

// missing tells whether S3 has denied a file because there is none: it says no more of it to those who may not list the
// whole bucket. The error is fault.NotFound then, else it stays.
func (f *Files) missing(ctx context.Context, client *s3.Client, key string, denied error) error {
	list, err := client.ListObjectsV2(ctx, &s3.ListObjectsV2Input{Bucket: &f.bucket, Prefix: &key, MaxKeys: aws.Int32(1)})
	if err != nil || len(list.Contents) > 0 && aws.ToString(list.Contents[0].Key) == key {
		return denied
	}
	return fault.Wrap(denied, fault.NotFound, notUploaded)
}

// Remove removes a file.
func (f *Files) Remove(ctx context.Context, s *tenant.Scope, name string) error {
	key, err := blob.Key(s, name)
	if err != nil {
		return err
	}
	if _, err := f.of(s).DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &f.bucket, Key: &key}); err != nil {
		return failed("remove a file", err)
	}
	return nil
}

const notUploaded = "the file has not been uploaded"

// statusOf gives the status that S3 has answered; 0 where it has not.
func statusOf(err error) int {
	var response *smithyhttp.ResponseError
	if errors.As(err, &response) {
		return response.HTTPStatusCode()
	}
	return 0
}

// failed gives an S3 failure its kind; what is neither missing nor the caller's defect may pass.
func failed(doing string, err error) error {
	var known *fault.Error
	if errors.As(err, &known) {
		return err
	}
	status := statusOf(err)
	var api smithy.APIError
	switch {
	case status == http.StatusNotFound && !(errors.As(err, &api) && api.ErrorCode() == "NoSuchBucket"):
		return fault.Wrap(err, fault.NotFound, notUploaded)
	case status == http.StatusPreconditionFailed:
		return fault.Wrap(err, fault.Unavailable, "the file was replaced while it was read")
	case status >= 400 && status < 500 && status != http.StatusTooManyRequests && status != http.StatusRequestTimeout:
		return fmt.Errorf("%s: %w", doing, err)
	}
	return fault.Wrap(err, fault.Unavailable, "the files cannot be reached now: try again later")
}
