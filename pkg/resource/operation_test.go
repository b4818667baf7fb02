package resource_test

import (
	"encoding/csv"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/resource"
	"github.com/tenantry/tenantry/pkg/tenant"
)

const account, other = "111122223333", "444455556666"

// fleet is what an account has.
func fleet() []resource.Sighting {
	created := time.Date(2025, 6, 1, 0, 0, 0, 0, time.UTC)
	return []resource.Sighting{
		{ARN: "arn:aws:ec2:eu-west-1:111122223333:instance/i-0123456789abcdef0", State: "running", Class: "m6i.xlarge", CreatedAt: created,
			Tags: map[string]string{"Name": "Web 1", "team": "web"}},
		{ARN: "arn:aws:ec2:us-east-1:111122223333:instance/i-0123456789abcdef1", State: "stopped", Class: "m6i.large", CreatedAt: created.Add(time.Hour),
			Tags: map[string]string{"Name": "Web 2", "team": "shop"}},
		{ARN: "arn:aws:rds:eu-west-1:111122223333:db:orders", State: "available", Class: "db.r6g.large", Tags: map[string]string{"team": "shop", "aws:x": "1"}},
		{ARN: "arn:aws:s3:::assets", Region: "eu-west-1", Tags: map[string]string{}},
	}
}

// path puts a query behind a path.
func path(below string, query ...string) string {
	v := url.Values{}
	for i := 0; i < len(query); i += 2 {
		v.Add(query[i], query[i+1])
	}
	return below + "?" + v.Encode()
}

func names(l resource.Listing) (all []string) {
	for _, r := range l.Items {
		all = append(all, r.Name)
	}
	return all
}

// stocked is a server whose alice has a fleet in her project, something of another account in none, and something that is gone.
func stocked(t *testing.T) *apptest.App {
	a := apptest.New(t)
	a.Alice.Do(t, "PATCH", a.Alice.Path("/projects/"+string(a.Alice.Project)), map[string]any{"accountIds": []string{account}}).Is(t, 200)
	a.Sight(t, a.Alice.Tenant, account, append(fleet(), resource.Sighting{ARN: "arn:aws:sqs:eu-west-1:111122223333:old", Aside: true})...)
	a.Sight(t, a.Alice.Tenant, other, resource.Sighting{ARN: "arn:aws:s3:::elsewhere", Region: "eu-west-1"})
	a.Advance(time.Hour)
	a.Sight(t, a.Alice.Tenant, account, fleet()...)
	return a
}

func TestListing(t *testing.T) {
	a := stocked(t)
	for name, c := range map[string]struct {
		query []string
		want  []string
	}{
		"all by name":                {nil, []string{"Web 1", "Web 2", "assets", "elsewhere", "orders"}},
		"by type, the highest first": {[]string{"sort", "-type"}, []string{"elsewhere", "assets", "orders", "Web 2", "Web 1"}},
		"by time":                    {[]string{"sort", "createdAt", "filter", "type:ec2:instance"}, []string{"Web 1", "Web 2"}},
		"a type":                     {[]string{"filter", "type:rds:db,s3:bucket"}, []string{"assets", "elsewhere", "orders"}},
		"not a type":                 {[]string{"filter", "!type:rds:db,s3:bucket"}, []string{"Web 1", "Web 2"}},
		"a region and a state":       {[]string{"filter", "region:eu-west-1", "filter", "state:running,available"}, []string{"Web 1", "orders"}},
		"without a state":            {[]string{"filter", "state:"}, []string{"assets", "elsewhere"}},
		"a class":                    {[]string{"filter", "class:m6i.large"}, []string{"Web 2"}},
		"an account":                 {[]string{"filter", "account:" + other}, []string{"elsewhere"}},
		"a project":                  {[]string{"filter", "project:unassigned"}, []string{"elsewhere"}},
		"a tag":                      {[]string{"filter", "tag:team:shop"}, []string{"Web 2", "orders"}},
		"a tag with a colon":         {[]string{"filter", `tag:aws\:x:1`}, []string{"orders"}},
		"not a tag's value":          {[]string{"filter", "!tag:team:shop"}, []string{"Web 1", "assets", "elsewhere"}},
		"without a tag":              {[]string{"filter", "tag:team:"}, []string{"assets", "elsewhere"}},
		"the tag Name":               {[]string{"filter", "tag:Name:Web 1"}, []string{"Web 1"}},
		"a name":                     {[]string{"filter", "name:assets"}, []string{"assets"}},
		"an ARN":                     {[]string{"filter", "arn:arn:aws:s3:::assets"}, []string{"assets"}},
		"a text of a name":           {[]string{"filter", "text:WEB"}, []string{"Web 1", "Web 2"}},
		"a text of a tag or an ARN":  {[]string{"filter", "text:shop,abcdef0"}, []string{"Web 1", "Web 2", "orders"}},
		"without a text":             {[]string{"filter", "!text:web,shop"}, []string{"assets", "elsewhere"}},
		"what is gone":               {[]string{"filter", "gone:true"}, []string{"old"}},
		"what is gone and what not":  {[]string{"filter", "gone:true,false", "filter", "region:eu-west-1"}, []string{"Web 1", "assets", "elsewhere", "old", "orders"}},
		"nothing":                    {[]string{"filter", "type:ec2:volume"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var l resource.Listing
			a.Alice.Get(t, path(a.Alice.Path("/resources"), c.query...)).Is(t, 200).Into(t, &l)
			require.Equal(t, c.want, names(l))
			require.Equal(t, len(c.want), *l.Total)
			var paged []string
			for cursor := ""; ; {
				var p resource.Listing
				a.Alice.Get(t, path(a.Alice.Path("/resources"), append(c.query, "limit", "1", "cursor", cursor)...)).Is(t, 200).Into(t, &p)
				paged = append(paged, names(p)...)
				if cursor = p.Next; cursor == "" {
					break
				}
			}
			require.Equal(t, c.want, paged)
		})
	}
}

func TestListsOfProjectsAndMembers(t *testing.T) {
	a := stocked(t)
	t.Run("of a project", func(t *testing.T) {
		var l resource.Listing
		a.Alice.Get(t, a.Alice.Path("/projects/"+string(a.Alice.Project)+"/resources")).Is(t, 200).Into(t, &l)
		require.Equal(t, []string{"Web 1", "Web 2", "assets", "orders"}, names(l))
		require.Equal(t, []resource.Origin{{ID: account, CollectedAt: a.Now(), Skipped: []resource.Skipped{}}}, l.Accounts)
		require.Equal(t, &resource.Facets{
			Type:   []resource.Facet{{"ec2:instance", 2}, {"rds:db", 1}, {"s3:bucket", 1}},
			Region: []resource.Facet{{"eu-west-1", 3}, {"us-east-1", 1}}, Account: []resource.Facet{{account, 4}},
			Project: []resource.Facet{{string(a.Alice.Project), 4}}, State: []resource.Facet{{"available", 1}, {"running", 1}, {"stopped", 1}},
			TagKey: []resource.Facet{{"team", 3}, {"Name", 2}, {"aws:x", 1}},
		}, l.Facets)
		first := l.Items[0]
		require.Equal(t, tenant.ResourceIDOf(a.Alice.Tenant, first.ARN), first.ID)
		require.Equal(t, a.Now().Add(-time.Hour), first.FirstSeenAt)
		require.Equal(t, a.Now(), first.LastSeenAt)
		a.Alice.Get(t, a.Alice.Path("/projects/unassigned/resources")).Is(t, 200).Into(t, &l)
		require.Equal(t, []string{"elsewhere"}, names(l))
	})
	t.Run("of a member of one project", func(t *testing.T) {
		limited := a.Join(t, a.Alice.Tenant, "limited", tenant.Viewer, tenant.Unassigned)
		var l resource.Listing
		limited.Get(t, a.Alice.Path("/resources")).Is(t, 200).Into(t, &l)
		require.Equal(t, []string{"elsewhere"}, names(l))
		require.Len(t, l.Accounts, 1)
		limited.Get(t, a.Alice.Path("/projects/"+string(a.Alice.Project)+"/resources")).Is(t, 404)
		web := tenant.ResourceIDOf(a.Alice.Tenant, fleet()[0].ARN)
		limited.Get(t, a.Alice.Path("/projects/unassigned/resources/"+string(web))).Fails(t, 404, "no such resource")
	})
	t.Run("of another tenant", func(t *testing.T) {
		var l resource.Listing
		a.Bob.Get(t, a.Bob.Path("/resources")).Is(t, 200).Into(t, &l)
		require.Empty(t, l.Items)
		require.Empty(t, l.Accounts)
		a.Bob.Get(t, a.Alice.Path("/resources")).Is(t, 404)
	})
	t.Run("refuses", func(t *testing.T) {
		for query, says := range map[string]string{
			"colour:red": "there is no such dimension; there are: type, region", "type": "as tag:environment:production", "project:web": "GET projects tells the IDs", "tag::x": "asks for a key", "gone:maybe": "true or false",
			"text:": "something to look for", strings.Repeat("x", 4001): "at most 4000",
		} {
			p := a.Alice.Get(t, path(a.Alice.Path("/resources"), "filter", query)).Fails(t, 422, "errors says why")
			require.Contains(t, p.Errors[0].Message, says)
		}
		a.Alice.Get(t, a.Alice.Path("/resources?sort=colour")).Is(t, 422)
		var l resource.Listing
		a.Alice.Get(t, a.Alice.Path("/resources?limit=1")).Is(t, 200).Into(t, &l)
		a.Alice.Get(t, path(a.Alice.Path("/resources"), "cursor", l.Next, "sort", "type")).Fails(t, 400, "cursor")
	})
}

func TestCSV(t *testing.T) {
	a := apptest.New(t)
	a.Sight(t, a.Alice.Tenant, account, append(fleet(), resource.Sighting{ARN: "arn:aws:s3:::x", Name: `=cmd|"x"`, Tags: map[string]string{"a,b": "c\nd"}})...)
	answer := a.Alice.Do(t, "GET", a.Alice.Path("/resources"), nil, "Accept: text/csv").Is(t, 200)
	require.Equal(t, "text/csv; charset=utf-8; header=present", answer.Header.Get("Content-Type"))
	rows, err := csv.NewReader(strings.NewReader(string(answer.Body))).ReadAll()
	require.NoError(t, err)
	require.Len(t, rows, 6)
	require.Equal(t, "id,arn,type,region,accountId,projectId,name,state,class,createdAt,firstSeenAt,lastSeenAt,goneAt,tags", strings.Join(rows[0], ","))
	require.Equal(t, `'=cmd|"x"`, rows[1][6])
	var tags map[string]string
	require.NoError(t, json.Unmarshal([]byte(rows[1][13]), &tags))
	require.Equal(t, map[string]string{"a,b": "c\nd"}, tags)
	require.Equal(t, []string{"running", "m6i.xlarge", "2025-06-01T00:00:00Z", "2026-03-02T12:00:00Z", "2026-03-02T12:00:00Z", ""}, rows[2][7:13])
}

func TestAResourceAndItsCosts(t *testing.T) {
	a := apptest.New(t)
	project := a.Alice.Path("/projects/" + string(a.Alice.Project))
	a.Alice.Do(t, "PATCH", project, map[string]any{"accountIds": []string{account}}).Is(t, 200)
	a.Sight(t, a.Alice.Tenant, account, fleet()...)
	var file strings.Builder
	file.WriteString("BilledCost,EffectiveCost,ListCost,ContractedCost,BillingAccountId,SubAccountId,BillingCurrency,BillingPeriodStart,BillingPeriodEnd," +
		"ChargePeriodStart,ChargePeriodEnd,ChargeCategory,ServiceName,ProviderName,ResourceId\n")
	for _, line := range [][3]string{{"0.1", "01-05", "i-0123456789abcdef0"}, {"0.2", "01-06", fleet()[0].ARN}, {"5", "01-06", fleet()[2].ARN}, {"7", "01-06", "assets"}} {
		fmt.Fprintf(&file, "%[1]s,%[1]s,%[1]s,%[1]s,payer,%[4]s,USD,2026-01-01T00:00:00Z,2026-02-01T00:00:00Z,2026-%[2]sT00:00:00Z,2026-%[2]sT12:00:00Z,Usage,s,AWS,%[3]s\n",
			line[0], line[1], line[2], account)
	}
	var made struct{ ID, UploadURL, Status string }
	a.Alice.Do(t, "POST", project+"/imports", map[string]any{"format": "csv", "source": "s", "name": "s.csv", "sizeBytes": file.Len()}).Is(t, 201).Into(t, &made)
	r, err := http.NewRequestWithContext(t.Context(), http.MethodPut, a.URL+made.UploadURL, strings.NewReader(file.String()))
	require.NoError(t, err)
	a.With("").Send(t, r)
	a.Work(t)
	a.Alice.Get(t, project+"/imports/"+made.ID).Is(t, 200).Into(t, &made)
	require.Equal(t, "succeeded", made.Status)

	get := func(of resource.Sighting, query string) (d resource.Costed) {
		id := tenant.ResourceIDOf(a.Alice.Tenant, of.ARN)
		a.Alice.Get(t, project+"/resources/"+string(id)+query).Is(t, 200).Into(t, &d)
		require.Equal(t, of.ARN, d.ARN)
		return d
	}
	instance := get(fleet()[0], "")
	require.Equal(t, "Web 1", instance.Name)
	require.Equal(t, "0.3", instance.Cost.Total.String(), "by its ARN and by its ID, exactly")
	require.Equal(t, "USD", instance.Cost.Currency)
	require.Equal(t, "2025-10-01", instance.Cost.Start.String())
	require.Equal(t, "2026-04-01", instance.Cost.End.String())
	require.Len(t, instance.Cost.Months, 1)
	require.Equal(t, "2026-01-01", instance.Cost.Months[0].Date.String())
	require.Equal(t, "0.3", instance.Cost.Months[0].Amount.String())
	require.Equal(t, "7", get(fleet()[3], "").Cost.Total.String(), "a bucket by its name")
	none := get(fleet()[1], "?start=2026-01-01&end=2026-02-01")
	require.Nil(t, none.Cost.Total)
	require.Empty(t, none.Cost.Months)

	web := project + "/resources/" + string(instance.ID)
	a.Alice.Get(t, web+"?start=2026-01-02").Fails(t, 422, "errors says why")
	a.Alice.Get(t, web+"?start=x").Is(t, 422)
	a.Alice.Get(t, web+"?start=2026-01-01&end=2026-01-01").Is(t, 422)
	a.Alice.Get(t, project+"/resources/res_7ZZZZZZZZZZZZZZZZZZZZZZZZZ").Fails(t, 404, "no such resource")
	a.Alice.Get(t, project+"/resources/x").Fails(t, 404, "no such resource")
	a.Alice.Get(t, a.Alice.Path("/projects/unassigned/resources/"+string(instance.ID))).Fails(t, 404, "no such resource")
}
