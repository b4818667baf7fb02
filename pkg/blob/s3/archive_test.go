package s3_test

import (
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/blob/blobtest"
)

func TestArchives(t *testing.T) {
	blobtest.Archives(t, open(t), scope(t, 1), scope(t, 2), "")
}

func TestADownloadAddressSignsNothingAClientCannotKnow(t *testing.T) {
	a := scope(t, 1)
	url, err := open(t).DownloadURL(ctx, a, "exports/e/0.zip", "a.zip", time.Minute)
	require.NoError(t, err)
	require.Contains(t, url, "X-Amz-SignedHeaders=host&")
	require.Contains(t, url, "X-Amz-Expires=60")
	require.Contains(t, url, "response-content-disposition=attachment%3B%20filename%3Da.zip")
	require.Contains(t, url, "AKID"+string(a.Tenant()), "with the tenant's credentials")
}
