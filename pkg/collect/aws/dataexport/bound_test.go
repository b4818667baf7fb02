package dataexport_test

import (
	"context"
	"fmt"
	"net/http"
	"net/http/httptest"
	"runtime"
	"strings"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// TestAnExportIsTakenAwayMidway has a connection changed between two steps of a slot.
func TestAnExportIsTakenAwayMidway(t *testing.T) {
	for name, change := range map[string]func(*connection.Connection){
		"away":  func(c *connection.Connection) { c.Exports = nil },
		"moved": func(c *connection.Connection) { c.Exports[0].Prefix = "elsewhere" },
	} {
		t.Run(name, func(t *testing.T) {
			w := newTester(t, daily())
			cost := &then{}
			w.collector.Then = cost
			w.deliver("2026-02", "", "csv.gz", "1.2", 3, w.lines("2026-02", "1", 60))
			w.app.Advance(15 * time.Minute)
			w.slot = w.app.Now().UTC()
			w.until = w.slot.Add(time.Minute)
			w.files.before = func(int) error {
				w.app.Advance(time.Minute) // the step's time is over in the midst of a delivery
				return nil
			}
			more, err := w.step()
			require.NoError(t, err)
			require.True(t, more)
			require.NotZero(t, w.files.writes)
			w.until, w.files.before = time.Time{}, nil
			change(&w.con)
			more, err = w.step()
			require.NoError(t, err)
			require.False(t, more)
			require.Equal(t, 1, cost.asked, "and the slot goes on")
			w.app.Work(t)
			require.Empty(t, w.raw(), "what was copied is given up")
			require.Equal(t, "0", w.total())
		})
	}
}

// TestAManifestOfManyNamesIsRefused bounds the work that a manifest of the largest size may be.
func TestAManifestOfManyNamesIsRefused(t *testing.T) {
	for name, test := range map[string]struct{ file, says string }{
		"files":       {"N.csv.gz", "more than 1500 files"},
		"folders":     {"N/a.csv.gz", "in more than 20 folders"},
		"one of them": {"a.csv.gz", "a.csv.gz, which is not there"},
	} {
		t.Run(name, func(t *testing.T) {
			w := newTester(t, daily())
			var b strings.Builder
			b.WriteString(`{"dataFiles":[`)
			for n := 0; b.Len() < 4<<20-100; n++ {
				fmt.Fprintf(&b, `"%sdata/%s",`, w.root(), strings.ReplaceAll(test.file, "N", fmt.Sprint(n)))
			}
			w.put(w.root()+"metadata/BILLING_PERIOD=2026-02/daily-Manifest.json", []byte(strings.TrimSuffix(b.String(), ",")+"]}"))
			begun := time.Now()
			calls := w.collect()
			require.Less(t, time.Since(begun), 30*time.Second)
			require.Contains(t, strings.Join(w.said, " "), test.says)
			require.LessOrEqual(t, calls["s3:ListBucket"], 2)
		})
	}
}

// TestAListIsNotHeldWhole has a bucket with many objects of long names below an export's manifests.
func TestAListIsNotHeldWhole(t *testing.T) {
	for name, test := range map[string]struct {
		pages, read int
		says        string
	}{
		"as many as are read": {20, 20, "has not been delivered yet"},
		"more":                {1000, 20, "are more than 20000 objects. Remove those of old deliveries."},
	} {
		t.Run(name, func(t *testing.T) {
			w, long, n := newTester(t, daily()), strings.Repeat("x", 900), 0
			var first, last runtime.MemStats
			bucket := httptest.NewServer(http.HandlerFunc(func(rw http.ResponseWriter, r *http.Request) {
				n++
				if at := map[int]*runtime.MemStats{2: &first, 20: &last}[n]; at != nil {
					runtime.GC()
					runtime.ReadMemStats(at)
				}
				rw.Header().Set("Content-Type", "application/xml")
				fmt.Fprintf(rw, `<ListBucketResult><IsTruncated>%t</IsTruncated><NextContinuationToken>t%d</NextContinuationToken>`, n < test.pages, n)
				for i := range 1000 {
					fmt.Fprintf(rw, `<Contents><Key>%smetadata/%s%d-%d</Key><LastModified>2026-02-01T00:00:00.000Z</LastModified><ETag>"d4"</ETag><Size>0</Size></Contents>`,
						w.root(), long, n, i)
				}
				fmt.Fprint(rw, `</ListBucketResult>`)
			}))
			defer bucket.Close()
			w.collector.Config = func(context.Context, *tenant.Scope, connection.Connection) (aws.Config, error) {
				return aws.Config{Region: "eu-west-1", BaseEndpoint: &bucket.URL, Credentials: credentials.NewStaticCredentialsProvider("A", "s", "")}, nil
			}
			w.collect()
			require.Contains(t, strings.Join(w.said, " "), test.says)
			require.Equal(t, test.read, n)
			require.Less(t, int64(last.HeapAlloc)-int64(first.HeapAlloc), int64(8<<20), "18 pages more are 18 MB of names")
		})
	}
}
