package connection_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/cloud/customertest"
	"github.com/tenantry/tenantry/pkg/connection"
	"github.com/tenantry/tenantry/pkg/project"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

type body = map[string]any

const account = "111122223333"

// connecting makes a connection to the account.
func connecting(t testing.TB, h *apptest.Home, account string) connection.Connection {
	var c connection.Connection
	h.Do(t, "POST", h.Path("/connections"), body{"name": "production", "accountId": account}).Is(t, 201).Into(t, &c)
	return c
}

// path is that of a connection.
func path(h *apptest.Home, c connection.Connection) string {
	return h.Path("/connections/" + string(c.ID))
}

// connected makes a connection and the role that it asks for, and verifies it.
func connected(t testing.TB, a *apptest.App, h *apptest.Home, account string) connection.Connection {
	c := connecting(t, h, account)
	arn := a.Clouds.Role(t, account, string(c.ID), customertest.Trust(customertest.Platform, c.ExternalID))
	h.Do(t, "PATCH", path(h, c), body{"roleArn": arn}).Is(t, 200).Into(t, &c)
	require.Equal(t, connection.Connected, c.Status)
	return c
}

// read reads a connection again.
func read(t testing.TB, h *apptest.Home, c connection.Connection) connection.Connection {
	var again connection.Connection
	h.Get(t, path(h, c)).Is(t, 200).Into(t, &again)
	return again
}

func TestCreate(t *testing.T) {
	a := apptest.New(t)
	answer := a.Alice.Do(t, "POST", a.Alice.Path("/connections"), body{"name": " production ", "accountId": account, "kind": "payer",
		"regions": []string{"eu-west-1", "us-east-1"}}, "Idempotency-Key: k").Is(t, 201)
	var c connection.Connection
	answer.Into(t, &c)
	require.Regexp(t, `^tne_[a-z2-7]{32}$`, c.ExternalID)
	require.Equal(t, connection.Connection{ID: c.ID, Name: "production", AccountID: account, Kind: connection.Payer, Partition: "aws", ExternalID: c.ExternalID,
		Regions: []string{"eu-west-1", "us-east-1"}, Status: connection.Pending, CreatedAt: a.Now(), UpdatedAt: a.Now()}, c)
	require.Equal(t, path(a.Alice, c), answer.Header.Get("Location"))
	require.Equal(t, c, read(t, a.Alice, c))

	again := a.Alice.Do(t, "POST", a.Alice.Path("/connections"), body{"name": " production ", "accountId": account, "kind": "payer",
		"regions": []string{"eu-west-1", "us-east-1"}}, "Idempotency-Key: k").Is(t, 201)
	require.Equal(t, string(answer.Body), string(again.Body))
	a.Advance(time.Millisecond)
	other := connecting(t, a.Alice, account)
	require.NotEqual(t, c.ExternalID, other.ExternalID, "each has its own")
	require.Equal(t, connection.Member, other.Kind)
	var page route.Page[connection.Connection]
	a.Alice.Get(t, a.Alice.Path("/connections")).Is(t, 200).Into(t, &page)
	require.Equal(t, []connection.Connection{c, other}, page.Items)
	require.Empty(t, a.Clouds.Calls(), "nothing of AWS is called")
}

func TestCreateRefuses(t *testing.T) {
	a := apptest.New(t)
	for name, test := range map[string]struct {
		body   body
		says   string
		status int
	}{
		"no account":                    {body{"name": "x"}, "accountId", 422},
		"an account of 11 digits":       {body{"name": "x", "accountId": "11112222333"}, "an account ID of 12 digits", 422},
		"an account in letters":         {body{"name": "x", "accountId": "11112222333a"}, "an account ID of 12 digits", 422},
		"an ExternalId of one's own":    {body{"name": "x", "accountId": account, "externalId": "tne_mine"}, "externalId", 422},
		"a role at once":                {body{"name": "x", "accountId": account, "roleArn": "arn"}, "roleArn", 422},
		"no name":                       {body{"name": " ", "accountId": account}, "1 to 100 characters", 422},
		"a region that is none":         {body{"name": "x", "accountId": account, "regions": []string{"Frankfurt"}}, "body.regions[0]", 422},
		"an account that is nobody's":   {body{"name": "x", "accountId": "000000000000"}, "No AWS account has this ID", 422},
		"a region of China":             {body{"name": "x", "accountId": account, "regions": []string{"eu-west-1", "cn-north-1"}}, "is a region of the partition aws-cn, and the account is in aws", 422},
		"a region that AWS has not":     {body{"name": "x", "accountId": account, "regions": []string{"eu-west-9"}}, "is no region of aws that is known here", 422},
		"a region twice":                {body{"name": "x", "accountId": account, "regions": []string{"eu-west-1", "eu-west-1"}}, "is there twice", 422},
		"another partition":             {body{"name": "x", "accountId": account, "partition": "aws-cn"}, "The platform is in the partition aws of AWS, and roles of aws-cn cannot be taken from there", 422},
		"a project's name that is none": {body{"name": "x", "accountId": account, "project": body{"name": " ", "environment": "test"}}, "body.project.name", 422},
		"a payer whose project selects nothing": {body{"name": "x", "accountId": account, "kind": "payer", "project": body{"name": "org", "environment": "shared"}},
			"A payer brings the costs of every account below it", 422},
		"a project that is there": {body{"name": "x", "accountId": account, "project": body{"name": "web", "environment": "test"}}, "web", 409},
	} {
		t.Run(name, func(t *testing.T) {
			answer := a.Alice.Do(t, "POST", a.Alice.Path("/connections"), test.body)
			answer.Fails(t, test.status, "")
			require.Contains(t, string(answer.Body), test.says)
		})
	}
	var page route.Page[connection.Connection]
	a.Alice.Get(t, a.Alice.Path("/connections")).Is(t, 200).Into(t, &page)
	require.Empty(t, page.Items)
}

func TestCreateWithItsProject(t *testing.T) {
	a := apptest.New(t)
	said := body{"name": "shop", "accountId": account, "project": body{"name": "shop", "environment": "production", "labels": body{"team": "a"}}}
	var c, again connection.Connection
	a.Alice.Do(t, "POST", a.Alice.Path("/connections"), said, "Idempotency-Key: k").Is(t, 201).Into(t, &c)
	a.Alice.Do(t, "POST", a.Alice.Path("/connections"), said, "Idempotency-Key: k").Is(t, 201).Into(t, &again)
	require.Equal(t, c, again)
	var p project.Project
	a.Alice.Get(t, a.Alice.Path("/projects/"+string(c.ProjectID))).Is(t, 200).Into(t, &p)
	require.Equal(t, "shop", p.Name)
	require.Equal(t, []string{account}, p.AccountIDs, "the account is the project's")
	var projects route.Page[project.Project]
	a.Alice.Get(t, a.Alice.Path("/projects")).Is(t, 200).Into(t, &projects)
	require.Len(t, projects.Items, 2, "once")

	// The rules of two projects must not select the same line: neither is made.
	said["name"], said["project"] = "other", body{"name": "other", "environment": "test"}
	a.Alice.Do(t, "POST", a.Alice.Path("/connections"), said).Fails(t, 409, "")
	var page route.Page[connection.Connection]
	a.Alice.Get(t, a.Alice.Path("/connections")).Is(t, 200).Into(t, &page)
	require.Len(t, page.Items, 1)
}

// What a payer brings is of many accounts: the project selects those that it says, and the payer's own is not put among them.
func TestCreateAPayerWithAProject(t *testing.T) {
	a := apptest.New(t)
	for name, test := range map[string]struct {
		rule body
		ids  []string
	}{
		"by accounts": {body{"accountIds": []string{"777700000001", account}}, []string{"777700000001", account}},
		"by a tag":    {body{"accountIds": []string{}, "tagSelector": "team=a"}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			test.rule["name"], test.rule["environment"] = name, "shared"
			var c connection.Connection
			h := a.Alice
			if name == "by a tag" {
				h = a.Bob
			}
			h.Do(t, "POST", h.Path("/connections"), body{"name": "org", "accountId": account, "kind": "payer", "project": test.rule}).Is(t, 201).Into(t, &c)
			var p project.Project
			h.Get(t, h.Path("/projects/"+string(c.ProjectID))).Is(t, 200).Into(t, &p)
			require.Equal(t, test.ids, p.AccountIDs)
		})
	}
}

func TestWhoSeesAndChangesConnections(t *testing.T) {
	a := apptest.New(t)
	c := connected(t, a, a.Alice, account)
	one := path(a.Alice, c)
	viewer := a.Join(t, a.Alice.Tenant, "vera", tenant.Viewer)
	var seen connection.Connection
	viewer.Get(t, one).Is(t, 200).Into(t, &seen)
	require.Empty(t, seen.ExternalID, "what opens the role is for those who set it up")
	require.Equal(t, c.Public(), seen)
	require.NotContains(t, string(viewer.Get(t, a.Alice.Path("/connections")).Is(t, 200).Body), "tne_")
	editor := a.Join(t, a.Alice.Tenant, "eddie", tenant.Editor)
	for _, below := range []*apptest.Client{viewer, editor} {
		below.Get(t, one+"/setup").Fails(t, 403, "connection:setup")
		below.Get(t, one+"/template").Fails(t, 403, "connection:setup")
		below.Do(t, "PATCH", one, body{"paused": true}).Fails(t, 403, "connection:write")
		below.Do(t, "DELETE", one, nil).Fails(t, 403, "connection:write")
	}
	limited := a.Join(t, a.Alice.Tenant, "lena", tenant.Admin, a.Alice.Project)
	require.JSONEq(t, `{"items":[]}`, string(limited.Get(t, a.Alice.Path("/connections")).Is(t, 200).Body))
	never := limited.Get(t, a.Alice.Path("/connections/con_7ZZZZZZZZZZZZZZZZZZZZZZZZZ")).Is(t, 404)
	require.Equal(t, string(never.Body), string(limited.Get(t, one).Is(t, 404).Body))
	for method, below := range map[string]string{"GET": "/setup", "PATCH": "", "POST": "/verify", "DELETE": ""} {
		var sent any
		if method == "PATCH" {
			sent = body{"paused": true}
		}
		limited.Do(t, method, one+below, sent).Fails(t, 404, "no such connection")
	}
	limited.Do(t, "POST", a.Alice.Path("/connections"), body{"name": "x", "accountId": account}).Fails(t, 403, "limited to named projects")
	require.Equal(t, c, read(t, a.Alice, c))
	a.Join(t, a.Alice.Tenant, "adam", tenant.Admin).Do(t, "PATCH", one, body{"name": "by adam"}).Is(t, 200)
}

func TestChanges(t *testing.T) {
	a := apptest.New(t)
	c := connected(t, a, a.Alice, account)
	calls := len(a.Clouds.Calls())
	got := a.Alice.Get(t, path(a.Alice, c))
	tag := "If-Match: " + got.Header.Get("ETag")
	a.Advance(time.Minute)
	changed := a.Alice.Do(t, "PATCH", path(a.Alice, c), body{"name": "new", "regions": []string{"eu-west-1"}, "kind": "payer"}, tag).Is(t, 200)
	require.NotEqual(t, got.Header.Get("ETag"), changed.Header.Get("ETag"))
	want := c
	want.Name, want.Regions, want.Kind, want.UpdatedAt = "new", []string{"eu-west-1"}, connection.Payer, a.Now()
	require.Equal(t, want, read(t, a.Alice, c))
	for _, method := range []string{"PATCH", "DELETE"} {
		var sent any
		if method == "PATCH" {
			sent = body{"name": "late"}
		}
		a.Alice.Do(t, method, path(a.Alice, c), sent, tag).Fails(t, 412, "changed since it was read")
	}
	a.Alice.Do(t, "POST", path(a.Alice, c)+"/verify", nil, tag).Fails(t, 412, "changed since it was read")
	a.Alice.Do(t, "PATCH", path(a.Alice, c), body{"regions": []string{}}).Is(t, 200)
	require.Empty(t, read(t, a.Alice, c).Regions)
	require.Len(t, a.Clouds.Calls(), calls, "what needs no look at AWS takes none")
	for name, test := range map[string]struct {
		body body
		says string
	}{
		"another account":            {body{"accountId": "444455556666"}, "accountId"},
		"another ExternalId":         {body{"externalId": "tne_mine"}, "externalId"},
		"a role beside a profile":    {body{"roleArn": c.RoleARN, "profile": "default"}, "give one of them"},
		"a profile's name of a path": {body{"profile": "../x"}, "A profile's name has 1 to 64 letters"},
	} {
		t.Run(name, func(t *testing.T) { a.Alice.Do(t, "PATCH", path(a.Alice, c), test.body).Fails(t, 422, test.says) })
	}
}

func TestAPausedConnection(t *testing.T) {
	a := apptest.New(t)
	c := connected(t, a, a.Alice, account)
	a.Alice.Do(t, "PATCH", path(a.Alice, c), body{"paused": true}).Is(t, 200)
	require.Equal(t, connection.Paused, read(t, a.Alice, c).Status)
	a.Alice.Do(t, "POST", path(a.Alice, c)+"/verify", nil).Fails(t, 409, "The connection is paused. Resume it with `paused: false`")

	a.Clouds.RemoveRole(t, account, string(c.ID))
	a.Alice.Do(t, "PATCH", path(a.Alice, c), body{"paused": false}).Fails(t, 422, "cannot be taken with the ExternalId of this connection")
	require.Equal(t, connection.Paused, read(t, a.Alice, c).Status, "it is resumed only where it works")
	a.Clouds.Role(t, account, string(c.ID), customertest.Trust(customertest.Platform, c.ExternalID))
	a.Advance(time.Hour)
	a.Alice.Do(t, "PATCH", path(a.Alice, c), body{"paused": false}).Is(t, 200)
	c = read(t, a.Alice, c)
	require.Equal(t, connection.Connected, c.Status)
	require.Equal(t, a.Now(), *c.VerifiedAt)

	pending := connecting(t, a.Alice, "444455556666")
	a.Alice.Do(t, "PATCH", path(a.Alice, pending), body{"paused": true}).Is(t, 200)
	a.Alice.Do(t, "PATCH", path(a.Alice, pending), body{"paused": false}).Is(t, 200)
	require.Equal(t, connection.Pending, read(t, a.Alice, pending).Status)
}

// The ExternalId is in answers to those who set connections up, in the template, and nowhere else.
func TestTheExternalIdIsNotTold(t *testing.T) {
	a := apptest.New(t)
	c := connected(t, a, a.Alice, account)
	a.Alice.Get(t, path(a.Alice, c)+"/setup").Is(t, 200)
	a.Alice.Do(t, "POST", path(a.Alice, c)+"/verify", nil).Is(t, 200)
	a.Alice.Do(t, "DELETE", path(a.Alice, c), nil).Is(t, 204)
	require.NotContains(t, a.Log.String(), c.ExternalID)
	log := a.Alice.Get(t, a.Alice.Path("/audit")).Is(t, 200)
	require.NotContains(t, string(log.Body), "tne_")
	var rows struct {
		Items []struct {
			Operation string
			Changes   []struct{ Name string }
		}
	}
	log.Into(t, &rows)
	changes := map[string][]string{}
	for _, row := range rows.Items {
		for _, f := range row.Changes {
			changes[row.Operation] = append(changes[row.Operation], f.Name)
		}
	}
	require.Contains(t, changes["createConnection"], "accountId")
	require.Equal(t, []string{"roleArn", "status", "verifiedAt"}, changes["updateConnection"])
	require.Contains(t, changes["deleteConnection"], "roleArn")
}

func TestATenantThatRestsConnectsNothing(t *testing.T) {
	a := apptest.New(t)
	c := connecting(t, a.Alice, account)
	a.Alice.Do(t, "POST", a.Alice.Path("/suspend"), nil).Is(t, 200)
	before := a.Holdings(t)
	a.Alice.Do(t, "POST", a.Alice.Path("/connections"), body{"name": "x", "accountId": account}).Fails(t, 403, "suspended")
	a.Alice.Do(t, "PATCH", path(a.Alice, c), body{"roleArn": "arn:aws:iam::111122223333:role/tenantry/r"}).Fails(t, 403, "suspended")
	a.Alice.Do(t, "POST", path(a.Alice, c)+"/verify", nil).Fails(t, 403, "suspended")
	a.Alice.Do(t, "DELETE", path(a.Alice, c), nil).Fails(t, 403, "suspended")
	var s connection.Setup
	a.Alice.Get(t, path(a.Alice, c)+"/setup").Is(t, 200).Into(t, &s)
	require.Equal(t, c.ExternalID, s.ExternalID)
	require.Empty(t, a.Clouds.Calls())
	for name, bytes := range a.Holdings(t) {
		if strings.Contains(name, "CONNECTION#") || strings.Contains(name, "ACCT#") || strings.HasPrefix(name, "file/") {
			require.Equal(t, before[name], bytes, name)
		}
	}
}

// claims is what the directory holds of accounts.
func claims(t testing.TB, a *apptest.App) (all []string) {
	for name := range a.Holdings(t) {
		if strings.Contains(name, "ACCT#") {
			all = append(all, name)
		}
	}
	return all
}

func TestHowManyConnections(t *testing.T) {
	a := apptest.New(t)
	scope, err := tenant.Work(a.Alice.Tenant, "test")
	require.NoError(t, err)
	h, err := a.Store.Tenant(scope)
	require.NoError(t, err)
	var all []store.Change
	for i := range connection.MaxConnections - 1 {
		id, err := tenant.NewConnectionID(a.Now().Add(-time.Duration(i+1)*time.Second), strings.NewReader("0123456789"))
		require.NoError(t, err)
		all = append(all, store.Change{Key: store.Connection(id), Value: connection.Connection{ID: id}})
	}
	require.NoError(t, h.Load(t.Context(), all))
	connecting(t, a.Alice, account)
	a.Alice.Do(t, "POST", a.Alice.Path("/connections"), body{"name": "x", "accountId": account}).Fails(t, 403, "at most 1000 connections")
}
