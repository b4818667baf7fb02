package inventory_test

import (
	"context"
	"crypto/rand"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/collect"
	"github.com/tenantry/tenantry/pkg/collect/aws/inventory"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// tagging is an account that has buckets, and a list of what has tags that is answered by a function: the token after a page, or
// "over" for one that is no longer taken.
type tagging struct {
	next  func(token string, n int64) string
	pages atomic.Int64
}

func (a *tagging) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	switch {
	case strings.Contains(r.Header.Get("X-Amz-Target"), "GetResources"):
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		_, token, _ := strings.Cut(string(body), `"PaginationToken":"`)
		token, _, _ = strings.Cut(token, `"`)
		n := a.pages.Add(1)
		next := a.next(token, n)
		if next == "over" {
			w.WriteHeader(http.StatusBadRequest)
			fmt.Fprint(w, `{"__type":"PaginationTokenExpiredException","message":"over"}`)
			return
		}
		fmt.Fprintf(w, `{"PaginationToken":%q,"ResourceTagMappingList":[{"ResourceARN":"arn:aws:sqs:eu-west-1:111122223333:q%d","Tags":[{"Key":"a","Value":"b"}]}]}`, next, n)
	case strings.Contains(string(body), "DescribeRegions"):
		w.Header().Set("Content-Type", "text/xml")
		fmt.Fprint(w, `<DescribeRegionsResponse><regionInfo><item><regionName>eu-west-1</regionName><optInStatus>opt-in-not-required</optInStatus></item></regionInfo></DescribeRegionsResponse>`)
	case r.Method == http.MethodGet && strings.HasPrefix(r.URL.RawQuery, "max-buckets"):
		w.Header().Set("Content-Type", "application/xml")
		fmt.Fprint(w, `<ListAllMyBucketsResult><Buckets><Bucket><Name>there</Name><BucketRegion>eu-west-1</BucketRegion></Bucket></Buckets></ListAllMyBucketsResult>`)
	case strings.Contains(string(body), "Version=2016-11-15"): // the other services are denied: EC2,
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `<Response><Errors><Error><Code>UnauthorizedOperation</Code><Message>no</Message></Error></Errors></Response>`)
	case strings.Contains(string(body), "Version="): // others of XML
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `<ErrorResponse><Error><Type>Sender</Type><Code>AccessDenied</Code><Message>no</Message></Error></ErrorResponse>`)
	default: // and those of JSON
		w.Header().Set("Content-Type", "application/x-amz-json-1.1")
		w.Header().Set("X-Amzn-Errortype", "AccessDenied")
		w.WriteHeader(http.StatusForbidden)
		fmt.Fprint(w, `{"__type":"AccessDenied","message":"no"}`)
	}
}

func TestAListWithoutEndIsSkippedAndTheOthersAreRead(t *testing.T) {
	for name, test := range map[string]struct {
		next  func(token string, n int64) string
		says  string
		pages int64
	}{
		"the same token":   {func(string, int64) string { return "t" }, "The list comes to no end", 3},
		"tokens in a ring": {func(_ string, n int64) string { return fmt.Sprint(n % 3) }, "The list comes to no end", 12},
		"a new token each": {func(_ string, n int64) string { return fmt.Sprint(n) }, "The list comes to no end", 5000},
		"tokens that end": {func(token string, _ int64) string {
			return map[string]string{"": "t", "t": "over"}[token]
		}, "AWS has ended the list 3 times", 6},
		"tokens that end twice": {func(token string, n int64) string {
			return map[int64]string{1: "a", 2: "over", 3: "a", 4: "over", 5: "a"}[n]
		}, "", 6},
	} {
		for _, steps := range []string{"in one step", "in steps of a page"} {
			if name == "a new token each" && steps != "in one step" {
				continue // has 5,000 pages
			}
			t.Run(name+" "+steps, func(t *testing.T) {
				account := &tagging{next: test.next}
				cloud := httptest.NewServer(account)
				defer cloud.Close()
				app := apptest.New(t)
				scope, err := tenant.Work(app.Alice.Tenant, "test")
				require.NoError(t, err)
				h, err := app.Store.Tenant(scope)
				require.NoError(t, err)
				c := &inventory.Collector{Clock: app.Now, Random: rand.Reader, Retryer: func() aws.Retryer { return aws.NopRetryer{} },
					Config: func(context.Context, *tenant.Scope, connection.Connection) (aws.Config, error) {
						return aws.Config{Region: "eu-west-1", BaseEndpoint: &cloud.URL, Credentials: credentials.NewStaticCredentialsProvider("A", "s", "")}, nil
					}}
				task := &collect.Task{Scope: scope, Tenant: h, Slot: app.Now(), Connection: connection.Connection{ID: "con_01J00000000000000000000001", AccountID: "111122223333",
					Partition: "aws", Regions: []string{"eu-west-1"}}}
				if steps != "in one step" {
					task.Until = app.Now()
				}
				more := true
				for begun := time.Now(); more; {
					require.Less(t, time.Since(begun), 2*time.Minute, "it comes to no end")
					more, err = c.Collect(t.Context(), task)
					require.NoError(t, err)
				}
				require.LessOrEqual(t, account.pages.Load(), test.pages)
				var arns []string
				for arn := range list(t, app.Alice) {
					arns = append(arns, arn)
				}
				want := []string{"arn:aws:s3:::there"}
				if test.says == "" {
					want = append(want, "arn:aws:sqs:eu-west-1:111122223333:q5", "arn:aws:sqs:eu-west-1:111122223333:q6")
				}
				require.ElementsMatch(t, want, arns, "what broken lists have told is not taken")
				skipped := (&yard{App: app}).skipped(t)
				require.Contains(t, skipped, test.says)
				require.Equal(t, test.says != "", strings.Contains(skipped, "eu-west-1/resources with tags"), skipped)
			})
		}
	}
}
