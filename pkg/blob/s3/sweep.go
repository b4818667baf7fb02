package s3

import (
	"context"
	"sync/atomic"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/s3"
	"golang.org/x/sync/errgroup"

	"github.com/tenantry/tenantry/pkg/blob"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// version names one version of a file, or the mark that a file was removed.
type version struct{ key, id *string }

// Left counts the first page of what the tenant has: versions of files, and marks of those that were removed. 0 says that there
// is nothing.
func (f *Files) Left(ctx context.Context, s *tenant.Scope) (int, error) {
	all, err := f.versions(ctx, f.of(s), s)
	return len(all), err
}

// Sweep removes what Left counts, and tells how many.
func (f *Files) Sweep(ctx context.Context, s *tenant.Scope) (int, error) {
	client := f.of(s)
	all, err := f.versions(ctx, client, s)
	if err != nil {
		return 0, err
	}
	var removed atomic.Int64
	g, ctx := errgroup.WithContext(ctx)
	g.SetLimit(atOnce)
	for _, v := range all {
		g.Go(func() error {
			if _, err := client.DeleteObject(ctx, &s3.DeleteObjectInput{Bucket: &f.bucket, Key: v.key, VersionId: v.id}); err != nil {
				return failed("remove a file", err)
			}
			removed.Add(1)
			return nil
		})
	}
	err = g.Wait()
	return int(removed.Load()), err
}

const atOnce = 16 // calls

// versions lists the first page of what is in the tenant's folder: at most 1,000.
func (f *Files) versions(ctx context.Context, client *s3.Client, s *tenant.Scope) (all []version, err error) {
	dir, err := blob.Folder(s)
	if err != nil {
		return nil, err
	}
	out, err := client.ListObjectVersions(ctx, &s3.ListObjectVersionsInput{Bucket: &f.bucket, Prefix: aws.String(dir + "/")})
	if err != nil {
		return nil, failed("list files", err)
	}
	for _, v := range out.Versions {
		all = append(all, version{v.Key, v.VersionId})
	}
	for _, m := range out.DeleteMarkers {
		all = append(all, version{m.Key, m.VersionId})
	}
	return all, nil
}
