package member_test

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/audit"
	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/grant"
	"github.com/tenantry/tenantry/pkg/identity"
	"github.com/tenantry/tenantry/pkg/member"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

type body = map[string]any

// app is a server in whose tenant of Alice, the owner, others join.
type app struct{ *apptest.App }

func newApp(t *testing.T) app { return app{apptest.New(t)} }

// id is that of a subject's membership of Alice's tenant.
func (a app) id(subject string) string {
	return string(tenant.MemberIDOf(a.Alice.Tenant, a.URL, subject))
}

func (a app) member(subject string) string { return a.Alice.Path("/members/" + a.id(subject)) }

// join makes a subject a member of Alice's tenant, limited to projects where some are given.
func (a app) join(t *testing.T, subject string, role tenant.Role, projects ...tenant.ProjectID) *apptest.Client {
	return a.Join(t, a.Alice.Tenant, subject, role, projects...)
}

// invite makes an invitation, on Alice's behalf where it is nobody else's.
func (a app) invite(t *testing.T, by *apptest.Client, in body) (i member.Issued) {
	by.Do(t, "POST", a.Alice.Path("/invitations"), in).Is(t, 201).Into(t, &i)
	return i
}

func (a app) accept(t *testing.T, c *apptest.Client, token string, headers ...string) *apptest.Answer {
	return c.Do(t, "POST", "/v1/invitations/accept", body{"token": token}, headers...)
}

// roles are those of Alice's tenant by the ends of the members' subjects.
func (a app) roles(t *testing.T) map[string]tenant.Role {
	all := map[string]tenant.Role{}
	for path := a.Alice.Path("/members?limit=2"); path != ""; {
		var page route.Page[member.Member]
		a.Alice.Get(t, path).Is(t, 200).Into(t, &page)
		for _, m := range page.Items {
			all[m.Subject] = m.Role
		}
		if path = ""; page.Next != "" {
			path = a.Alice.Path("/members?limit=2&cursor=" + page.Next)
		}
	}
	return all
}

// rows are the changes in the audit log of Alice's tenant, from its beginning.
func (a app) rows(t *testing.T) (all []audit.Row) {
	m := tenant.Membership{Tenant: a.Alice.Tenant, Role: tenant.Owner}
	scope, err := identity.See(tenant.Principal{}, m)
	require.NoError(t, err)
	h, err := a.Store.Tenant(scope)
	require.NoError(t, err)
	from := time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC)
	page, err := h.Query(t.Context(), store.AuditRows(calendar.Date(2026, 3, 1).Month(), from, from.AddDate(0, 1, 0)), store.List{})
	require.NoError(t, err)
	for _, r := range page.Records {
		var row audit.Row
		require.NoError(t, r.Value.Decode(&row))
		if row.Outcome == audit.Done {
			all = append(all, row)
		}
	}
	return all
}

// last is the newest row, whose clock must have been moved since the one before.
func (a app) last(t *testing.T) audit.Row {
	rows := a.rows(t)
	require.NotEmpty(t, rows)
	return rows[len(rows)-1]
}

func (a app) project(t *testing.T, name string) tenant.ProjectID {
	var p struct {
		ID tenant.ProjectID `json:"id"`
	}
	a.Alice.Do(t, "POST", a.Alice.Path("/projects"), body{"name": name, "environment": "test"}).Is(t, 201).Into(t, &p)
	return p.ID
}

func TestMe(t *testing.T) {
	a := newApp(t)
	carol := a.As(t, "carol")
	require.JSONEq(t, `{"issuer":"`+a.URL+`","subject":"carol","credential":"token","tenants":[]}`, string(carol.Get(t, "/v1/me").Is(t, 200).Body))
	a.join(t, "carol", tenant.Viewer, a.Alice.Project)
	a.Join(t, a.Bob.Tenant, "carol", tenant.Admin)
	var me member.Me
	carol.Get(t, "/v1/me").Is(t, 200).Into(t, &me)
	require.Equal(t, []member.Place{
		{TenantID: a.Alice.Tenant, Name: "alice's", Status: tenant.Active, MemberID: tenant.MemberIDOf(a.Alice.Tenant, a.URL, "carol"),
			Grant: grant.Grant{Role: tenant.Viewer, Limited: true, Projects: []tenant.ProjectID{a.Alice.Project}}, Permissions: limited(tenant.Viewer)},
		{TenantID: a.Bob.Tenant, Name: "bob's", Status: tenant.Active, MemberID: tenant.MemberIDOf(a.Bob.Tenant, a.URL, "carol"),
			Grant: grant.Grant{Role: tenant.Admin}, Permissions: tenant.Admin.Permissions()},
	}, sorted(me.Tenants, a.Alice.Tenant))

	var seen []tenant.ID
	for path := "/v1/me?limit=1"; path != ""; {
		var page member.Me
		carol.Get(t, path).Is(t, 200).Into(t, &page)
		require.LessOrEqual(t, len(page.Tenants), 1)
		for _, p := range page.Tenants {
			seen = append(seen, p.TenantID)
		}
		if path = ""; page.Next != "" {
			path = "/v1/me?limit=1&cursor=" + page.Next
			a.Bob.Get(t, path).Fails(t, 400, "without it")
		}
	}
	require.ElementsMatch(t, []tenant.ID{a.Alice.Tenant, a.Bob.Tenant}, seen)
}

// sorted has the first tenant first: two that were made within a millisecond have no order.
func sorted(places []member.Place, first tenant.ID) []member.Place {
	if len(places) == 2 && places[0].TenantID != first {
		places[0], places[1] = places[1], places[0]
	}
	return places
}

func TestMeInATenantThatRests(t *testing.T) {
	a := newApp(t)
	a.stands(t, tenant.Suspended)
	var me member.Me
	a.Alice.Get(t, "/v1/me").Is(t, 200).Into(t, &me)
	require.Equal(t, tenant.Suspended, me.Tenants[0].Status)
	require.Contains(t, me.Tenants[0].Permissions, tenant.ReadCost)
	require.NotContains(t, me.Tenants[0].Permissions, tenant.WriteMember)
}

// stands writes how Alice's tenant stands.
func (a app) stands(t *testing.T, status tenant.Status, plan ...tenant.Plan) {
	scope, err := identity.See(tenant.Principal{}, tenant.Membership{Tenant: a.Alice.Tenant, Role: tenant.Owner})
	require.NoError(t, err)
	h, err := a.Store.Tenant(scope)
	require.NoError(t, err)
	meta := map[string]string{"name": "alice's", "status": string(status), "plan": string(append(plan, tenant.Enterprise)[0])}
	require.NoError(t, h.Write(t.Context(), store.Change{Key: store.Meta(), Value: meta}))
	a.Advance(identity.Fresh)
}

func TestMembersAreListed(t *testing.T) {
	a := newApp(t)
	want := map[string]tenant.Role{"alice": tenant.Owner}
	for i := range 5 {
		subject := fmt.Sprint("m", i)
		a.join(t, subject, tenant.Editor)
		want[subject] = tenant.Editor
	}
	require.Equal(t, want, a.roles(t))
	var alice member.Member
	answer := a.Alice.Get(t, a.member("alice")).Is(t, 200).Into(t, &alice)
	require.Equal(t, `"v1"`, answer.Header.Get("ETag"))
	require.Equal(t, member.Member{ID: tenant.MemberID(a.id("alice")), Grant: grant.Grant{Role: tenant.Owner}, Issuer: a.URL, Subject: "alice", CreatedAt: a.Now()}, alice)
	a.Bob.Get(t, a.Bob.Path("/members/"+a.id("alice"))).Fails(t, 404, "no such member")
}

func TestWhoIsLimitedSeesNoOtherProjects(t *testing.T) {
	a := newApp(t)
	secret := a.project(t, "secret")
	a.join(t, "ed", tenant.Editor, a.Alice.Project, secret)
	vic := a.join(t, "vic", tenant.Viewer, a.Alice.Project)
	a.invite(t, a.Alice.Client, body{"role": "viewer", "projects": []any{secret, a.Alice.Project}})
	for _, path := range []string{"/members", "/members/" + a.id("ed"), "/invitations"} {
		require.Contains(t, string(a.Alice.Get(t, a.Alice.Path(path)).Is(t, 200).Body), secret)
		answer := string(vic.Get(t, a.Alice.Path(path)).Is(t, 200).Body)
		require.NotContains(t, answer, secret)
		require.Contains(t, answer, a.Alice.Project)
	}
}

func TestUpdate(t *testing.T) {
	a := newApp(t)
	other := a.project(t, "other")
	ed := a.join(t, "ed", tenant.Editor)
	ed.Get(t, a.Alice.Path("/projects")).Is(t, 200) // known by now
	a.Advance(time.Second)
	var m member.Member
	answer := a.Alice.Do(t, "PATCH", a.member("ed"), body{"name": " Ed ", "role": "viewer", "projects": []any{other, a.Alice.Project, other}}, `If-Match: "v1"`).Is(t, 200).Into(t, &m)
	require.Equal(t, `"v2"`, answer.Header.Get("ETag"))
	projects := []tenant.ProjectID{a.Alice.Project, other}
	if other < a.Alice.Project {
		projects = []tenant.ProjectID{other, a.Alice.Project}
	}
	require.Equal(t, grant.Grant{Role: tenant.Viewer, Limited: true, Projects: projects}, m.Grant)
	require.Equal(t, "Ed", m.Name)
	ed.Do(t, "POST", a.Alice.Path("/projects"), body{"name": "new", "environment": "test"}).Fails(t, 403, "project:write")

	row := a.last(t)
	require.Equal(t, "updateMember member/"+a.id("ed"), row.Operation+" "+row.Target)
	listed, err := json.Marshal(projects)
	require.NoError(t, err)
	require.Equal(t, []audit.Field{{Name: "limited", Before: "false", After: "true"}, {Name: "name", After: `"Ed"`},
		{Name: "projects", After: audit.JSON(listed)}, {Name: "role", Before: `"editor"`, After: `"viewer"`}}, row.Changes)

	rows := len(a.rows(t))
	require.Equal(t, `"v2"`, a.Alice.Do(t, "PATCH", a.member("ed"), body{"role": "viewer"}).Is(t, 200).Header.Get("ETag"))
	a.Alice.Do(t, "PATCH", a.member("ed"), body{}).Is(t, 200)
	require.Len(t, a.rows(t), rows, "what changes nothing writes nothing")
	a.Alice.Do(t, "PATCH", a.member("ed"), body{"role": "editor"}, `If-Match: "v1"`).Fails(t, 412, "changed since")
	a.Alice.Do(t, "PATCH", a.member("ed"), body{"limited": false, "name": "", "role": "owner"}, `If-Match: "v2"`).Is(t, 200).Into(t, &m)
	a.Alice.Get(t, a.member("ed")).Is(t, 200)
	ed.Do(t, "PATCH", a.member("alice"), body{"role": "viewer"}).Is(t, 200)
	a.Alice.Do(t, "PATCH", a.member("ed"), body{"role": "viewer"}).Fails(t, 403, "member:write")
}

func TestUpdateRefuses(t *testing.T) {
	a := newApp(t)
	a.join(t, "ed", tenant.Editor)
	for name, c := range map[string]struct {
		patch  body
		status int
		says   string
	}{
		"no such role":              {body{"role": "root"}, 422, "role"},
		"a project of another":      {body{"projects": []any{a.Bob.Project}}, 422, "not in this organization"},
		"a project that is none":    {body{"projects": []any{"x"}}, 422, "not in this organization"},
		"no projects":               {body{"projects": []any{}}, 422, "projects"},
		"null for projects":         {body{"projects": nil, "role": "editor"}, 422, "null at body.projects"},
		"limited to nothing said":   {body{"limited": true}, 422, "which projects"},
		"limited and not":           {body{"limited": false, "projects": []any{a.Alice.Project}}, 422, "different things"},
		"an owner who is limited":   {body{"role": "owner", "projects": []any{a.Alice.Project}}, 422, "sees all projects"},
		"a name of two lines":       {body{"name": "a\nb"}, 422, "name"},
		"a name of 101 characters":  {body{"name": strings.Repeat("é", 101)}, 422, "name"},
		"what does not belong here": {body{"subject": "eve"}, 422, "subject"},
	} {
		t.Run(name, func(t *testing.T) { a.Alice.Do(t, "PATCH", a.member("ed"), c.patch).Fails(t, c.status, c.says) })
	}
	never := a.Alice.Do(t, "PATCH", a.member("ed"), body{"projects": []any{"prj_7ZZZZZZZZZZZZZZZZZZZZZZZZZ"}}).Is(t, 422)
	bobs := a.Alice.Do(t, "PATCH", a.member("ed"), body{"projects": []any{a.Bob.Project}}).Is(t, 422)
	require.Equal(t, string(never.Body), string(bobs.Body))
	require.Equal(t, tenant.Editor, a.roles(t)["ed"])
}

func TestNobodyGivesMoreThanTheyHold(t *testing.T) {
	a := newApp(t)
	other := a.project(t, "other")
	adam := a.join(t, "adam", tenant.Admin)
	lim := a.join(t, "lim", tenant.Admin, a.Alice.Project)
	a.join(t, "ed", tenant.Editor)
	a.join(t, "vic", tenant.Viewer, a.Alice.Project)
	a.join(t, "vera", tenant.Viewer, a.Alice.Project, other)
	own, all, both := body{"role": "editor", "projects": []any{a.Alice.Project}}, body{"role": "editor"}, body{"role": "editor", "projects": []any{a.Alice.Project, other}}
	for name, c := range map[string]struct {
		by     *apptest.Client
		whom   string
		patch  body
		status int
	}{
		"an admin makes no owner":                              {adam, "ed", body{"role": "owner"}, 403},
		"an admin changes no owner":                            {adam, "alice", body{"role": "viewer"}, 403},
		"an admin makes an admin":                              {adam, "ed", body{"role": "admin"}, 200},
		"who is limited gives what they see":                   {lim, "vic", own, 200},
		"who is limited does not give all":                     {lim, "vic", body{"limited": false}, 403},
		"who is limited does not give what they do not see":    {lim, "vic", both, 422},
		"who is limited does not change who sees all":          {lim, "ed", body{"name": "x"}, 403},
		"who is limited does not change who sees more":         {lim, "vera", own, 403},
		"who is limited does not change themselves to see all": {lim, "lim", body{"limited": false}, 403},
		"an owner does all":                                    {a.Alice.Client, "vera", all, 200},
	} {
		t.Run(name, func(t *testing.T) { require.Equal(t, c.status, c.by.Do(t, "PATCH", a.member(c.whom), c.patch).Status) })
	}
	require.Equal(t, 403, adam.Do(t, "DELETE", a.member("alice"), nil).Status)
	require.Equal(t, 403, lim.Do(t, "DELETE", a.member("ed"), nil).Status)
	require.Equal(t, 204, lim.Do(t, "DELETE", a.member("vic"), nil).Status)

	invitations := a.Alice.Path("/invitations")
	for by, refused := range map[*apptest.Client][]body{adam: {{"role": "owner"}}, lim: {all, {"role": "viewer"}, both, {"role": "owner"}}} {
		for _, in := range refused {
			require.Contains(t, []int{403, 422}, by.Do(t, "POST", invitations, in).Status, in)
		}
	}
	a.invite(t, lim, own)
	for _, in := range []body{{"role": "owner"}, both} {
		i := a.invite(t, a.Alice.Client, in)
		require.Equal(t, 403, lim.Do(t, "POST", invitations+"/"+string(i.ID)+"/renew", nil).Status, "a new token would be theirs to use")
		require.Equal(t, 403, lim.Do(t, "DELETE", invitations+"/"+string(i.ID), nil).Status)
	}
}

func TestRemove(t *testing.T) {
	a := newApp(t)
	ed := a.join(t, "ed", tenant.Editor)
	ed.Get(t, a.Alice.Path("")).Is(t, 200)
	a.Advance(time.Second)
	require.Empty(t, a.Alice.Do(t, "DELETE", a.member("ed"), nil).Is(t, 204).Body)
	ed.Get(t, a.Alice.Path("")).Fails(t, 404, "no such organization")
	require.NotContains(t, a.roles(t), "ed")
	row := a.last(t)
	require.Equal(t, "removeMember member/"+a.id("ed"), row.Operation+" "+row.Target)
	require.Contains(t, row.Changes, audit.Field{Name: "role", Before: `"editor"`})
	a.Alice.Do(t, "DELETE", a.member("ed"), nil).Fails(t, 404, "no such member")
	a.accept(t, ed, a.invite(t, a.Alice.Client, body{"role": "viewer"}).Token).Is(t, 201)
	require.Equal(t, tenant.Viewer, a.roles(t)["ed"], "one can come back")
}

// Another instance has the removed member's place in its cache.
func TestRemovalIsKnownEverywhereWithinAMinute(t *testing.T) {
	a := newApp(t)
	elsewhere, err := identity.New(identity.Config{Issuers: []identity.Issuer{a.Issuer.Trust()}, Store: a.Store, Clock: a.Now})
	require.NoError(t, err)
	ed := a.join(t, "ed", tenant.Editor)
	ask := func() error {
		_, err := elsewhere.Scope(t.Context(), "Bearer "+ed.Token, string(a.Alice.Tenant), tenant.ReadCost)
		return err
	}
	require.NoError(t, ask())
	a.Alice.Do(t, "DELETE", a.member("ed"), nil).Is(t, 204)
	a.Advance(time.Minute)
	require.Error(t, ask())
}

func TestLeave(t *testing.T) {
	a := newApp(t)
	vic := a.join(t, "vic", tenant.Viewer)
	a.Advance(time.Second)
	vic.Do(t, "POST", a.Alice.Path("/leave"), nil).Is(t, 204)
	require.Equal(t, "leaveTenant member/"+a.id("vic"), a.last(t).Operation+" "+a.last(t).Target)
	vic.Do(t, "POST", a.Alice.Path("/leave"), nil).Fails(t, 404, "no such organization")
	for _, last := range []*apptest.Answer{
		a.Alice.Do(t, "POST", a.Alice.Path("/leave"), nil), a.Alice.Do(t, "DELETE", a.member("alice"), nil),
		a.Alice.Do(t, "PATCH", a.member("alice"), body{"role": "admin"}),
	} {
		last.Fails(t, 409, "without an owner")
	}
	a.stands(t, tenant.Suspended)
	olga := a.join(t, "olga", tenant.Owner)
	olga.Do(t, "POST", a.Alice.Path("/leave"), nil).Is(t, 204)
}

// limited are the permissions of a member who is limited to projects.
func limited(r tenant.Role) []tenant.Permission {
	return slices.DeleteFunc(r.Permissions(), tenant.Permission.OfWhole)
}
