package e2e_test

import (
	"context"
	"fmt"
	"net"
	"net/http"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/infra/e2e"
	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/identity/localissuer"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/dynamo"
	"github.com/tenantry/tenantry/pkg/store/dynamo/dynamolocal"
)

// remote gives an App that asks the platform, and looks at its tables and files past it.
func remote(t *testing.T, c *e2e.Cloud, p *e2e.Platform, i *localissuer.Issuer) *apptest.App {
	names := map[store.Table]string{}
	for _, table := range store.Tables {
		names[table] = p.Variable(t, "api", "TENANTRY_TABLE_"+strings.ToUpper(string(table)))
	}
	dynamolocal.Keep(t, c.DynamoDB, names)
	engine := apptest.Engine{Engine: dynamo.New(c.DynamoDB, dynamo.Options{Names: names}),
		Items: func(t testing.TB) map[string]string { return dynamolocal.Items(t, c.DynamoDB, names) }}
	return apptest.Over(apptest.Remote{URL: p.URL, Issuer: i, Engine: engine, Work: p.Drain, Settle: func() { p.Quiet(t); p.Recycle() }, Log: p.Log, Client: everywhere(),
		Files: func(t testing.TB) map[string]string { return files(t, c, p) }})
}

// files are all objects of all buckets, by their names.
func files(t testing.TB, c *e2e.Cloud, p *e2e.Platform) map[string]string {
	all := map[string]string{}
	for _, bucket := range p.Buckets() {
		for pages := s3.NewListObjectsV2Paginator(c.S3, &s3.ListObjectsV2Input{Bucket: &bucket}); pages.HasMorePages(); {
			page, err := pages.NextPage(t.Context())
			require.NoError(t, err)
			for _, o := range page.Contents {
				all["file/"+*o.Key] = *o.ETag
			}
		}
	}
	return all
}

// everywhere is a client whose connections come from addresses of this machine's own network in turn, each for a few requests: one address
// has a bound on what it may try.
func everywhere() *http.Client {
	var n atomic.Int64
	return &http.Client{Transport: &http.Transport{DisableKeepAlives: true, DialContext: func(ctx context.Context, network, address string) (net.Conn, error) {
		at := n.Add(1) / 10
		d := net.Dialer{LocalAddr: &net.TCPAddr{IP: net.ParseIP(fmt.Sprintf("127.%d.%d.%d", 1+at>>16&63, at>>8&255, 1+at&127))}}
		return d.DialContext(ctx, network, address)
	}}}
}
