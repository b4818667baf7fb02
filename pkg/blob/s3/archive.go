package s3

import (
	"bytes"
	"context"
	"errors"
	"io"
	"mime"
	"net/http"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/s3/types"
	"github.com/aws/smithy-go"

	"github.com/tenantry/tenantry/pkg/blob"
	"github.com/tenantry/tenantry/pkg/export"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/observe"
	"github.com/tenantry/tenantry/pkg/tenant"
)

var _ export.Files = (*Files)(nil)

// Begin begins a multipart upload. What of it is neither finished nor dropped, the bucket's lifecycle has to end
// (AbortIncompleteMultipartUpload).
func (f *Files) Begin(ctx context.Context, s *tenant.Scope, name string) (string, error) {
	key, err := blob.Key(s, name)
	if err != nil {
		return "", err
	}
	out, err := f.of(s).CreateMultipartUpload(ctx, &s3.CreateMultipartUploadInput{Bucket: &f.bucket, Key: &key})
	if err != nil {
		return "", failed("begin a file", err)
	}
	return aws.ToString(out.UploadId), nil
}

// Part uploads a part.
func (f *Files) Part(ctx context.Context, s *tenant.Scope, name, writing string, n int, body []byte) (string, error) {
	key, err := blob.Key(s, name)
	if err != nil {
		return "", err
	}
	out, err := f.of(s).UploadPart(ctx, &s3.UploadPartInput{Bucket: &f.bucket, Key: &key, UploadId: &writing,
		PartNumber: aws.Int32(int32(n)), Body: bytes.NewReader(body)})
	if err != nil {
		return "", lost("write a part of a file", err)
	}
	observe.In(ctx).Wrote(int64(len(body)))
	return aws.ToString(out.ETag), nil
}

// Finish completes the upload.
func (f *Files) Finish(ctx context.Context, s *tenant.Scope, name, writing string, tags []string) error {
	key, err := blob.Key(s, name)
	if err != nil {
		return err
	}
	parts := make([]types.CompletedPart, len(tags))
	for i := range tags {
		parts[i] = types.CompletedPart{ETag: &tags[i], PartNumber: aws.Int32(int32(i + 1))}
	}
	_, err = f.of(s).CompleteMultipartUpload(ctx, &s3.CompleteMultipartUploadInput{Bucket: &f.bucket, Key: &key, UploadId: &writing,
		MultipartUpload: &types.CompletedMultipartUpload{Parts: parts}})
	if err != nil {
		return lost("finish a file", err)
	}
	return nil
}

// Drop aborts the upload.
func (f *Files) Drop(ctx context.Context, s *tenant.Scope, name, writing string) error {
	key, err := blob.Key(s, name)
	if err != nil {
		return err
	}
	_, err = f.of(s).AbortMultipartUpload(ctx, &s3.AbortMultipartUploadInput{Bucket: &f.bucket, Key: &key, UploadId: &writing})
	if err = lost("drop a file", err); err != nil && !fault.Is(err, fault.NotFound) {
		return err
	}
	return nil
}

// Put puts a small file.
func (f *Files) Put(ctx context.Context, s *tenant.Scope, name string, body []byte) error {
	key, err := blob.Key(s, name)
	if err != nil {
		return err
	}
	if _, err := f.of(s).PutObject(ctx, &s3.PutObjectInput{Bucket: &f.bucket, Key: &key, Body: bytes.NewReader(body)}); err != nil {
		return failed("write a file", err)
	}
	observe.In(ctx).Wrote(int64(len(body)))
	return nil
}

// Get gets a small file.
func (f *Files) Get(ctx context.Context, s *tenant.Scope, name string) ([]byte, error) {
	key, err := blob.Key(s, name)
	if err != nil {
		return nil, err
	}
	client := f.of(s)
	out, err := client.GetObject(ctx, &s3.GetObjectInput{Bucket: &f.bucket, Key: &key})
	if statusOf(err) == http.StatusForbidden {
		err = f.missing(ctx, client, key, err)
	}
	if err != nil {
		return nil, failed("read a file", err)
	}
	body, err := io.ReadAll(out.Body)
	if err = errors.Join(err, out.Body.Close()); err != nil {
		return nil, fault.Wrap(err, fault.Unavailable, "the files cannot be reached now: try again later")
	}
	observe.In(ctx).Read(int64(len(body)))
	return body, nil
}

// DownloadURL presigns a GET with the tenant's own credentials, for as long as they last.
func (f *Files) DownloadURL(ctx context.Context, s *tenant.Scope, name, as string, expires time.Duration) (string, error) {
	key, err := blob.Key(s, name)
	if err != nil {
		return "", err
	}
	signer, err := f.signer(ctx, s, expires)
	if err != nil {
		return "", fault.Wrap(err, fault.Unavailable, noAddress)
	}
	signed, err := signer.PresignGetObject(ctx, &s3.GetObjectInput{Bucket: &f.bucket, Key: &key,
		ResponseContentDisposition: aws.String(mime.FormatMediaType("attachment", map[string]string{"filename": as})),
		ResponseCacheControl:       aws.String("private, no-store"),
		ResponseContentType:        aws.String("application/octet-stream")})
	if err != nil {
		return "", fault.Wrap(err, fault.Unavailable, noAddress)
	}
	return signed.URL, nil
}

const noAddress = "No download address can be given now: try again later."

// lost is failed, and fault.NotFound where S3 knows no such upload, or not the part that was named.
func lost(doing string, err error) error {
	if err == nil {
		return nil
	}
	if api, ok := errors.AsType[smithy.APIError](err); ok {
		switch api.ErrorCode() {
		case "NoSuchUpload", "InvalidPart":
			return fault.Wrap(err, fault.NotFound, "what was written of the file is gone")
		}
	}
	return failed(doing, err)
}
