package aws_test

import (
	"bytes"
	"compress/gzip"
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/aws/aws-sdk-go-v2/service/s3"
	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/collect/aws/cesim"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/focus"
)

// deliver delivers a ledger as AWS does: a billing period's files, and last the manifest that names them.
func (y *story) deliver(account string, e connection.Export, ledger []cesim.Charge) {
	config := y.Clouds.Account(y, account)
	config.Region, config.HTTPClient = "us-east-1", http.DefaultClient
	client := s3.NewFromConfig(config, func(o *s3.Options) { o.UsePathStyle = true })
	put := func(key string, body []byte) {
		_, err := client.PutObject(y.Context(), &s3.PutObjectInput{Bucket: &e.Bucket, Key: &key, Body: bytes.NewReader(body)})
		require.NoError(y, err)
	}
	months := map[string][]focus.Record{}
	for _, c := range ledger {
		if c.SubAccountID == account {
			month := c.BillingPeriodStart.Format("2006-01")
			months[month] = append(months[month], c.Record)
		}
	}
	for month, lines := range months {
		var files []string
		for n := range 2 { // one line of each two
			var b bytes.Buffer
			z := gzip.NewWriter(&b)
			w := focus.NewCSVWriter(z, "1.2")
			for i, line := range lines {
				if i%2 == n {
					require.NoError(y, w.Write(line))
				}
			}
			require.NoError(y, w.Close())
			require.NoError(y, z.Close())
			key := fmt.Sprintf("%s/%s/data/BILLING_PERIOD=%s/%s-%05d.csv.gz", e.Prefix, e.Name, month, e.Name, n+1)
			put(key, b.Bytes())
			files = append(files, "s3://"+e.Bucket+"/"+key)
		}
		manifest, err := json.Marshal(body{"dataFiles": files, "columns": []any{}})
		require.NoError(y, err)
		put(fmt.Sprintf("%s/%s/metadata/BILLING_PERIOD=%s/%s-Manifest.json", e.Prefix, e.Name, month, e.Name), manifest)
	}
}

// told is what the API tells of a tenant's costs, by account, service and day.
type told struct {
	Total  string
	Groups []struct {
		Key    map[string]string
		Total  string
		Points []struct{ Date, Amount string }
	}
	Shadows []struct {
		Source   string
		Accounts []string
	}
}

func (y *story) told(h *apptest.Home) (a told) {
	h.Get(y, h.Path("/costs?start=2026-01-01&end=2026-05-01&metric=billedCost&granularity=daily&groupBy=subAccountId,serviceName")).Is(y, 200).Into(y, &a)
	return a
}

// delivery is what a tenant is told of one.
type delivery struct{ ID, Source, Status string }

func (y *story) deliveries(h *apptest.Home) (of map[string][]delivery) {
	var page struct{ Items []delivery }
	h.Get(y, h.Path("/imports?limit=200")).Is(y, 200).Into(y, &page)
	of = map[string][]delivery{}
	for _, d := range page.Items {
		of[d.Source] = append(of[d.Source], d)
	}
	return of
}

// exported has an account whose costs came from Cost Explorer deliver the same as an export: it counts, once.
func (y *whole) exported() {
	con, e := y.con[y.a1], connection.Export{Name: "focus", Bucket: "story-" + y.a1, Prefix: "billing"}
	own, kept := "export:"+string(con.ID)+"/focus", "ce:"+string(con.ID)
	before, bobs := y.told(y.Alice), y.told(y.Bob)
	require.Equal(y, "63.7500000003", before.Total)
	require.Empty(y, before.Shadows)
	y.Alice.Do(y, "PATCH", y.Alice.Path("/connections/"+string(con.ID)), body{"exports": []connection.Export{e}}).Is(y, 200)
	days := []string{"2026-02-27", "2026-03-02", "2026-03-03"}
	y.deliver(y.a1, e, y.ledger(days...))
	calls := len(y.Clouds.Calls())
	y.night()
	y.work()
	made := y.through(y.Clouds.Calls()[calls:], y.of)
	require.Equal(y, 2*(1+2), made[y.a1+" s3:GetObject"], "of two months the manifest and two files, by the role of their account")
	require.Zero(y, made[y.a2+" s3:GetObject"]+made[y.b1+" s3:GetObject"])
	require.Positive(y, made[y.a1+" ce:GetCostAndUsage"], "Cost Explorer is asked as before")
	after := y.told(y.Alice)
	require.Equal(y, before.Total, after.Total, "the same, counted once")
	require.Equal(y, before.Groups, after.Groups)
	require.Len(y, after.Shadows, 2, "one of each month")
	for _, s := range after.Shadows {
		require.Equal(y, kept, s.Source, "kept aside as the control")
		require.Equal(y, []string{y.a1}, s.Accounts, "the other account has no export")
	}
	require.Len(y, y.deliveries(y.Alice)[own], 1)
	require.Equal(y, "succeeded", y.deliveries(y.Alice)[own][0].Status)

	require.Equal(y, bobs, y.told(y.Bob), "the other customer's costs are as they were")
	for source := range y.deliveries(y.Bob) {
		require.False(y, strings.Contains(source, string(con.ID)), source)
	}
	y.Bob.Get(y, y.Alice.Path("/imports/"+y.deliveries(y.Alice)[own][0].ID)).Is(y, 404)
	y.Bob.Get(y, y.Bob.Path("/imports/"+y.deliveries(y.Alice)[own][0].ID)).Is(y, 404)

	time.Sleep(1100 * time.Millisecond) // S3 tells the second of an object
	y.deliver(y.a1, e, append(y.ledger(days...), charge(y.a1, "2026-03-03", "Amazon S3", "0.5")))
	y.night()
	y.work()
	require.Equal(y, map[string]string{y.a1: "4.2500000003", y.a2: "60"}, y.costs(y.Alice), "where they differ, the export counts")
	require.Len(y, y.deliveries(y.Alice)[own], 2)
	require.Equal(y, bobs, y.told(y.Bob))
}
