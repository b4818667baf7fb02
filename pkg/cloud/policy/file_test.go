package policy_test

import (
	"context"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awss3 "github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/aws/aws-sdk-go-v2/service/sts"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/blob/s3"
	"github.com/tenantry/tenantry/pkg/cloud/mototest"
	"github.com/tenantry/tenantry/pkg/cloud/tenantrole"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// scope is that of a worker in a tenant.
func scope(t *testing.T, id tenant.ID) *tenant.Scope {
	s, err := tenant.Work(id, "test")
	require.NoError(t, err)
	return s
}

// files are what a function has of them, which becomes the tenant that as gives for the one whose files are asked for.
func (d *deployed) files(t *testing.T, function, role string, as func(tenant.ID) tenant.ID) *s3.Files {
	r, err := tenantrole.New(sts.NewFromConfig(d.config(function)), tenantrole.Options{ARN: role})
	require.NoError(t, err)
	return s3.New(awss3.NewFromConfig(d.config(function)), "imports", func(ctx context.Context, id tenant.ID, least time.Duration) (aws.Credentials, error) {
		return r.Lasting(ctx, as(id), least)
	})
}

func send(t *testing.T, address, body string) int {
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, address, strings.NewReader(body))
	require.NoError(t, err)
	answer, err := http.DefaultClient.Do(r)
	require.NoError(t, err)
	_, err = io.Copy(io.Discard, answer.Body)
	require.NoError(t, err)
	require.NoError(t, answer.Body.Close())
	return answer.StatusCode
}

func TestFilesUnderThePolicy(t *testing.T) {
	_, err := awss3.NewFromConfig(mototest.Config(mototest.Start(t))).CreateBucket(t.Context(), &awss3.CreateBucketInput{Bucket: aws.String("imports")})
	require.NoError(t, err)
	d := deploy(t, time.Now)
	a, b := scope(t, alpha), scope(t, beta)
	own := d.files(t, "api", resources.TenantRole, func(id tenant.ID) tenant.ID { return id })
	mixed := d.files(t, "api", resources.TenantRole, func(tenant.ID) tenant.ID { return alpha })
	const name = "deliveries/d/0"
	for _, s := range []*tenant.Scope{a, b} {
		address, err := own.UploadURL(t.Context(), s, name, 3, 45*time.Minute)
		require.NoError(t, err)
		require.Equal(t, 200, send(t, address, "abc"))
	}
	t.Run("a tenant's are read", func(t *testing.T) {
		f, err := own.Open(t.Context(), a, name)
		require.NoError(t, err)
		require.Equal(t, int64(3), f.Size())
		require.NoError(t, f.Close())
	})
	t.Run("one that is missing is told from one that is denied", func(t *testing.T) {
		_, err := own.Open(t.Context(), a, "deliveries/d/1")
		require.True(t, fault.Is(err, fault.NotFound), err)
	})
	t.Run("another tenant's session opens, writes and removes nothing", func(t *testing.T) {
		_, err := mixed.Open(t.Context(), b, name)
		require.Error(t, err)
		require.False(t, fault.Is(err, fault.NotFound))
		address, err := mixed.UploadURL(t.Context(), b, name, 3, 45*time.Minute)
		require.NoError(t, err)
		require.Equal(t, 403, send(t, address, "xyz"))
		require.Error(t, mixed.Remove(t.Context(), b, name))
	})
	t.Run("are removed by jobs alone", func(t *testing.T) {
		require.Error(t, own.Remove(t.Context(), a, name))
		require.NoError(t, d.files(t, "jobs", resources.ErasureRole, func(id tenant.ID) tenant.ID { return id }).Remove(t.Context(), a, name))
		_, err := own.Open(t.Context(), a, name)
		require.True(t, fault.Is(err, fault.NotFound), err)
		_, err = own.Open(t.Context(), b, name)
		require.NoError(t, err)
	})
}
