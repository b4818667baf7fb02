package connection_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/connection"
)

func TestExportsAreNamedAndReplaced(t *testing.T) {
	a := apptest.New(t)
	var c connection.Connection
	daily := connection.Export{Name: "daily", Bucket: "abc-data-exports", Prefix: "focus/payer", Region: "eu-west-1", Format: "parquet"}
	a.Alice.Do(t, "POST", a.Alice.Path("/connections"), body{"name": "x", "accountId": account, "exports": []body{
		{"name": "daily", "bucket": "abc-data-exports", "prefix": "/focus/payer/", "region": "eu-west-1", "format": "parquet"}}}).Is(t, 201).Into(t, &c)
	require.Equal(t, []connection.Export{daily}, c.Exports, "slashes around a prefix do not count")
	require.Equal(t, c, read(t, a.Alice, c))

	before := c.UpdatedAt
	a.Advance(1e9)
	a.Alice.Do(t, "PATCH", path(a.Alice, c), body{"exports": []connection.Export{daily}}).Is(t, 200).Into(t, &c)
	require.Equal(t, before, c.UpdatedAt, "the same again changes nothing")
	a.Alice.Do(t, "PATCH", path(a.Alice, c), body{"name": "y"}).Is(t, 200).Into(t, &c)
	require.Len(t, c.Exports, 1, "what is left out stays")
	hourly := connection.Export{Name: "hourly", Bucket: "other-data-exports"}
	a.Alice.Do(t, "PATCH", path(a.Alice, c), body{"exports": []connection.Export{daily, hourly}}).Is(t, 200).Into(t, &c)
	require.Equal(t, []connection.Export{daily, hourly}, c.Exports)

	var s connection.Setup
	a.Alice.Get(t, path(a.Alice, c)+"/setup").Is(t, 200).Into(t, &s)
	_, text := "", string(a.Alice.Get(t, path(a.Alice, c)+"/template").Is(t, 200).Body)
	for _, bucket := range []string{"abc-data-exports", "other-data-exports"} {
		require.Contains(t, s.Permissions, `"arn:aws:s3:::`+bucket+`"`)
		require.Contains(t, s.Permissions, `"arn:aws:s3:::`+bucket+`/*"`)
		require.Contains(t, text, `!Sub "arn:${AWS::Partition}:s3:::`+bucket+`/*"`)
	}
	require.Equal(t, 4, strings.Count(s.Permissions, "arn:aws:s3:::"), "these buckets and no others")
	require.Equal(t, 4, strings.Count(text, ":s3:::"))

	a.Alice.Do(t, "PATCH", path(a.Alice, c), body{"exports": []body{}}).Is(t, 200).Into(t, &c)
	require.Empty(t, read(t, a.Alice, c).Exports)
	require.NotContains(t, string(a.Alice.Get(t, path(a.Alice, c)+"/template").Is(t, 200).Body), "s3:GetObject")
}

func TestExportsAreRefused(t *testing.T) {
	a := apptest.New(t)
	c := connecting(t, a.Alice, account)
	for name, test := range map[string]struct {
		export body
		says   string
	}{
		"no name":                      {body{"bucket": "abc"}, "name"},
		"a name with a slash":          {body{"name": "a/b", "bucket": "abc"}, "exports[0].name"},
		"a name that climbs":           {body{"name": "..", "bucket": "abc"}, "exports[0].name"},
		"no bucket":                    {body{"name": "a"}, "bucket"},
		"a bucket of two letters":      {body{"name": "a", "bucket": "ab"}, "exports[0].bucket"},
		"a bucket in capitals":         {body{"name": "a", "bucket": "Abc"}, "exports[0].bucket"},
		"a bucket's ARN":               {body{"name": "a", "bucket": "arn:aws:s3:::abc"}, "exports[0].bucket"},
		"a bucket that is an address":  {body{"name": "a", "bucket": "10.0.0.1"}, "exports[0].bucket"},
		"a bucket with two dots":       {body{"name": "a", "bucket": "a..b"}, "exports[0].bucket"},
		"an alias of an access point":  {body{"name": "a", "bucket": "x-abc-s3alias"}, "exports[0].bucket"},
		"a bucket with a wildcard":     {body{"name": "a", "bucket": "abc*"}, "exports[0].bucket"},
		"a prefix that climbs":         {body{"name": "a", "bucket": "abc", "prefix": "x/../y"}, "exports[0].prefix"},
		"a prefix with two slashes":    {body{"name": "a", "bucket": "abc", "prefix": "x//y"}, "exports[0].prefix"},
		"a prefix with a line's end":   {body{"name": "a", "bucket": "abc", "prefix": "x\ny"}, "exports[0].prefix"},
		"a region that is none":        {body{"name": "a", "bucket": "abc", "region": "Frankfurt"}, "exports[0].region"},
		"a region of China":            {body{"name": "a", "bucket": "abc", "region": "cn-north-1"}, "is a region of the partition aws-cn"},
		"a rule that is told":          {body{"name": "a", "bucket": "a_b"}, "3 to 63 lower-case letters"},
		"a format that is none":        {body{"name": "a", "bucket": "abc", "format": "orc"}, "format"},
		"a role of its own":            {body{"name": "a", "bucket": "abc", "roleArn": "x"}, "roleArn"},
		"a name that is there already": {nil, "is there twice"},
	} {
		t.Run(name, func(t *testing.T) {
			given := []body{test.export}
			if test.export == nil {
				given = []body{{"name": "a", "bucket": "abc"}, {"name": "a", "bucket": "abd"}}
			}
			for _, answer := range []*apptest.Answer{a.Alice.Do(t, "PATCH", path(a.Alice, c), body{"exports": given}),
				a.Alice.Do(t, "POST", a.Alice.Path("/connections"), body{"name": "x", "accountId": account, "exports": given})} {
				answer.Fails(t, 422, "")
				require.Contains(t, string(answer.Body), test.says)
			}
		})
	}
	require.Empty(t, read(t, a.Alice, c).Exports)
}
