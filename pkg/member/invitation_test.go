package member_test

import (
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/audit"
	"github.com/tenantry/tenantry/pkg/grant"
	"github.com/tenantry/tenantry/pkg/member"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/storetest"
	"github.com/tenantry/tenantry/pkg/tenant"
)

func TestInviteAndAccept(t *testing.T) {
	a := newApp(t)
	a.Advance(time.Second)
	i := a.invite(t, a.Alice.Client, body{"name": "Vera", "role": "viewer", "projects": []any{a.Alice.Project}})
	given := grant.Grant{Role: tenant.Viewer, Limited: true, Projects: []tenant.ProjectID{a.Alice.Project}}
	want := member.Invitation{ID: i.ID, Name: "Vera", Grant: given, Status: member.Open, InvitedBy: audit.Actor{Issuer: a.URL, Subject: "alice"}, Days: 7,
		CreatedAt: a.Now(), ValidUntil: a.Now().AddDate(0, 0, 7)}
	require.Equal(t, want, i.Invitation)
	var page route.Page[member.Invitation]
	list := a.Alice.Get(t, a.Alice.Path("/invitations")).Is(t, 200).Into(t, &page)
	require.Equal(t, []member.Invitation{want}, page.Items)
	require.Equal(t, "createInvitation invitation/"+string(i.ID), a.last(t).Operation+" "+a.last(t).Target)

	a.Advance(time.Second)
	vera := a.As(t, "vera")
	var place member.Place
	answer := a.accept(t, vera, i.Token).Is(t, 201).Into(t, &place)
	require.Equal(t, a.Alice.Path(""), answer.Header.Get("Location"))
	require.Equal(t, member.Place{TenantID: a.Alice.Tenant, Name: "alice's", Status: tenant.Active, MemberID: tenant.MemberID(a.id("vera")), Grant: given,
		Permissions: limited(tenant.Viewer)}, place)
	vera.Get(t, a.Alice.Path("/projects/"+string(a.Alice.Project))).Is(t, 200)
	var m member.Member
	a.Alice.Get(t, a.member("vera")).Is(t, 200).Into(t, &m)
	require.Equal(t, member.Member{ID: place.MemberID, Name: "Vera", Grant: given, Issuer: a.URL, Subject: "vera", CreatedAt: a.Now()}, m)
	row := a.last(t)
	require.Equal(t, "acceptInvitation member/"+a.id("vera"), row.Operation+" "+row.Target)
	require.Equal(t, "vera", row.Actor.Subject)
	require.Contains(t, row.Changes, audit.Field{Name: "invitation", After: audit.JSON(`"` + i.ID + `"`)})
	require.JSONEq(t, `{"items":[]}`, string(a.Alice.Get(t, a.Alice.Path("/invitations")).Is(t, 200).Body))

	for _, r := range a.rows(t) {
		for _, f := range r.Changes {
			require.NotContains(t, f.Before+f.After, i.Token[4:])
		}
	}
	require.NotContains(t, a.Log.String()+string(list.Body), i.Token[4:])
}

func TestTokensThatOpenNothingAreAnsweredAlike(t *testing.T) {
	a := newApp(t)
	eve := a.As(t, "eve")
	want := a.accept(t, eve, aToken)
	want.Fails(t, 404, "not valid")
	a.join(t, "adam", tenant.Admin)
	tokens := map[string]string{"empty": "", "not a token": "x", "padded": aToken + " ", "an API key": "tnt_" + aToken[4:], "endless": strings.Repeat("a", 10_000)}
	of := func(name string, end func(i member.Issued, path string)) {
		i := a.invite(t, a.Alice.Client, body{"role": "viewer"})
		tokens[name] = i.Token
		end(i, a.Alice.Path("/invitations/"+string(i.ID)))
	}
	of("used", func(i member.Issued, _ string) { a.accept(t, a.As(t, "vera"), i.Token).Is(t, 201) })
	of("revoked", func(_ member.Issued, path string) { a.Alice.Do(t, "DELETE", path, nil).Is(t, 204) })
	of("renewed", func(_ member.Issued, path string) { a.Alice.Do(t, "POST", path+"/renew", nil).Is(t, 200) })
	of("in capitals", func(i member.Issued, _ string) { tokens["in capitals"] = strings.ToUpper(i.Token) })
	tokens["of one who was removed"] = a.invite(t, a.As(t, "adam"), body{"role": "viewer"}).Token
	a.Alice.Do(t, "DELETE", a.member("adam"), nil).Is(t, 204)
	expired := a.invite(t, a.Alice.Client, body{"role": "viewer", "days": 1})
	for name, token := range tokens {
		t.Run(name, func(t *testing.T) {
			require.Equal(t, string(want.Body), string(a.accept(t, eve, token).Is(t, 404).Body))
		})
	}
	a.Advance(24*time.Hour - time.Second)
	eve = a.As(t, "eve")
	a.Alice.Client = a.As(t, "alice")
	a.accept(t, a.As(t, "late"), expired.Token).Is(t, 201)
	expired = a.invite(t, a.Alice.Client, body{"role": "viewer", "days": 1})
	a.Advance(24 * time.Hour)
	require.Equal(t, string(want.Body), string(a.accept(t, a.As(t, "eve"), expired.Token).Is(t, 404).Body))
}

func TestWhoInvitesMustStillBeAbleTo(t *testing.T) {
	a := newApp(t)
	other := a.project(t, "other")
	for name, c := range map[string]struct {
		gives  body
		became body
		status int
	}{
		"an admin who is one no more":       {body{"role": "viewer"}, body{"role": "editor"}, 404},
		"an admin who sees less":            {body{"role": "viewer"}, body{"projects": []any{other}}, 404},
		"an admin who sees what is enough":  {body{"role": "viewer", "projects": []any{other}}, body{"projects": []any{other}}, 201},
		"an admin who has another name now": {body{"role": "admin"}, body{"name": "Adam"}, 201},
	} {
		t.Run(name, func(t *testing.T) {
			by := "by " + name
			token := a.invite(t, a.join(t, by, tenant.Admin), c.gives).Token
			a.Alice.Do(t, "PATCH", a.member(by), c.became).Is(t, 200)
			a.accept(t, a.As(t, name), token).Is(t, c.status)
		})
	}
}

func TestInviteRefuses(t *testing.T) {
	a := newApp(t)
	for name, c := range map[string]struct {
		in   body
		says string
	}{
		"no role":              {body{}, "role"},
		"no such role":         {body{"role": "root"}, "role"},
		"no days":              {body{"role": "viewer", "days": 0}, "days"},
		"too many days":        {body{"role": "viewer", "days": 31}, "days"},
		"no projects":          {body{"role": "viewer", "projects": []any{}}, "projects"},
		"null for projects":    {body{"role": "viewer", "projects": nil}, "null at body.projects"},
		"a project of another": {body{"role": "viewer", "projects": []any{a.Alice.Project, a.Bob.Project}}, "not in this organization"},
		"a limited owner":      {body{"role": "owner", "projects": []any{a.Alice.Project}}, "sees all projects"},
		"a name of two lines":  {body{"role": "viewer", "name": "a\nb"}, "name"},
	} {
		t.Run(name, func(t *testing.T) { a.Alice.Do(t, "POST", a.Alice.Path("/invitations"), c.in).Fails(t, 422, c.says) })
	}
	a.invite(t, a.Alice.Client, body{"role": "viewer", "days": 30, "projects": []any{"unassigned"}})
}

func TestInviteOnceUnderAKey(t *testing.T) {
	a := newApp(t)
	first := a.Alice.Do(t, "POST", a.Alice.Path("/invitations"), body{"role": "viewer"}, "Idempotency-Key: k").Is(t, 201)
	var i, again member.Issued
	first.Into(t, &i)
	a.Alice.Do(t, "POST", a.Alice.Path("/invitations"), body{"role": "viewer"}, "Idempotency-Key: k").Is(t, 201).Into(t, &again)
	require.NotEmpty(t, i.Token)
	require.Empty(t, again.Token, "it is shown once")
	require.Equal(t, i.Invitation, again.Invitation)
	a.Alice.Do(t, "POST", a.Alice.Path("/invitations"), body{"role": "admin"}, "Idempotency-Key: k").Fails(t, 422, "another request")
	rows := len(a.rows(t))
	vera := a.As(t, "vera")
	want := a.accept(t, vera, i.Token, "Idempotency-Key: k").Is(t, 201)
	require.Equal(t, string(want.Body), string(a.accept(t, vera, i.Token, "Idempotency-Key: k").Is(t, 201).Body))
	a.accept(t, a.As(t, "eve"), i.Token, "Idempotency-Key: k").Is(t, 404)
	require.Len(t, a.rows(t), rows+1)
}

func TestAMemberDoesNotUseAnInvitationUp(t *testing.T) {
	a := newApp(t)
	vic := a.join(t, "vic", tenant.Viewer)
	i := a.invite(t, a.Alice.Client, body{"role": "admin"})
	rows := len(a.rows(t))
	a.accept(t, vic, i.Token).Fails(t, 409, "already, as viewer")
	a.accept(t, a.Alice.Client, i.Token).Fails(t, 409, "already, as owner")
	require.Len(t, a.rows(t), rows)
	a.accept(t, a.As(t, "vera"), i.Token).Is(t, 201)
}

func TestNobodyJoinsATenantThatRests(t *testing.T) {
	a := newApp(t)
	i := a.invite(t, a.Alice.Client, body{"role": "viewer"})
	a.stands(t, tenant.Suspended)
	a.accept(t, a.As(t, "vera"), i.Token).Fails(t, 403, "suspended")
	a.Alice.Get(t, a.Alice.Path("/invitations")).Is(t, 200)
	a.stands(t, tenant.Active)
	a.accept(t, a.As(t, "vera"), i.Token).Is(t, 201)
}

func TestRenew(t *testing.T) {
	a := newApp(t)
	old := a.invite(t, a.Alice.Client, body{"role": "viewer", "days": 2})
	path := a.Alice.Path("/invitations/" + string(old.ID))
	a.Advance(10 * 24 * time.Hour)
	alice := a.As(t, "alice")
	var page route.Page[member.Invitation]
	alice.Get(t, a.Alice.Path("/invitations")).Is(t, 200).Into(t, &page)
	require.Equal(t, member.Expired, page.Items[0].Status)
	a.Join(t, a.Alice.Tenant, "olga", tenant.Owner)
	var i member.Issued
	a.As(t, "olga").Do(t, "POST", path+"/renew", nil).Is(t, 200).Into(t, &i)
	require.Equal(t, old.ID, i.ID)
	require.Equal(t, "olga", i.InvitedBy.Subject)
	require.Equal(t, a.Now().AddDate(0, 0, 2), i.ValidUntil)
	require.NotEqual(t, old.Token, i.Token)
	require.Equal(t, "renewInvitation invitation/"+string(i.ID), a.last(t).Operation+" "+a.last(t).Target)
	a.accept(t, a.As(t, "vera"), old.Token).Is(t, 404)
	a.accept(t, a.As(t, "vera"), i.Token).Is(t, 201)
	alice.Do(t, "POST", path+"/renew", nil).Fails(t, 404, "no such invitation")
	alice.Do(t, "DELETE", path, nil).Fails(t, 404, "no such invitation")
}

func TestExpiredInvitationsGoAfterAMonth(t *testing.T) {
	a := newApp(t)
	i := a.invite(t, a.Alice.Client, body{"role": "viewer", "days": 1})
	a.Advance(31 * 24 * time.Hour)
	require.JSONEq(t, `{"items":[]}`, string(a.As(t, "alice").Get(t, a.Alice.Path("/invitations")).Is(t, 200).Body))
	a.As(t, "alice").Do(t, "POST", a.Alice.Path("/invitations/"+string(i.ID)+"/renew"), nil).Fails(t, 404, "no such invitation")
}

func TestPlansLimitMembersAndOpenInvitations(t *testing.T) {
	a := newApp(t)
	a.stands(t, tenant.Active, tenant.Free)
	var first member.Issued
	var tokens []string
	for i := range 5 {
		made := a.invite(t, a.Alice.Client, body{"role": "viewer", "days": 1})
		if tokens = append(tokens, made.Token); i == 0 {
			first = made
		}
	}
	more := func() *apptest.Answer {
		return a.As(t, "alice").Do(t, "POST", a.Alice.Path("/invitations"), body{"role": "viewer", "days": 1})
	}
	more().Fails(t, 403, "plan free has a limit of members of 5")
	a.Alice.Do(t, "POST", a.Alice.Path("/invitations/"+string(first.ID)+"/renew"), nil).Is(t, 200).Into(t, &first)
	tokens[0] = first.Token
	for i, token := range tokens[:4] {
		a.accept(t, a.As(t, "m"+string(rune('0'+i))), token).Is(t, 201)
	}
	a.accept(t, a.As(t, "late"), tokens[4]).Fails(t, 403, "limit of members: 5 in the plan free")
	require.Len(t, a.roles(t), 5)
	a.Alice.Do(t, "DELETE", a.member("m0"), nil).Is(t, 204)
	a.accept(t, a.As(t, "late"), tokens[4]).Is(t, 201)
	for range 5 {
		more().Is(t, 201)
	}
	more().Is(t, 403)
	a.Advance(24 * time.Hour)
	more().Is(t, 201)
}

// Every write fails in turn, before and after it is done: what is there is whole, and the same request again ends well.
func TestWritesThatBreakLeaveNothingBroken(t *testing.T) {
	for _, f := range []storetest.Fault{storetest.NotWritten, storetest.Written, storetest.Throttled} {
		a := newApp(t)
		broken := func(do func() *apptest.Answer) {
			a.Faults.Plan(storetest.At(storetest.Write, 1, f))
			do().Fails(t, 503, "")
			a.Faults.Plan(nil)
		}
		vera := a.As(t, "vera")
		i := a.invite(t, a.Alice.Client, body{"role": "viewer"})
		accept := func() *apptest.Answer { return a.accept(t, vera, i.Token, "Idempotency-Key: k") }
		broken(accept)
		accept().Is(t, 201)
		vera.Get(t, a.Alice.Path("")).Is(t, 200)
		change := func() *apptest.Answer { return a.Alice.Do(t, "PATCH", a.member("vera"), body{"role": "editor"}) }
		broken(change)
		change().Is(t, 200)
		remove := func() *apptest.Answer { return a.Alice.Do(t, "DELETE", a.member("vera"), nil) }
		broken(remove)
		if f == storetest.Written {
			vera.Get(t, a.Alice.Path("")).Fails(t, 404, "")
			remove().Is(t, 404)
		} else {
			remove().Is(t, 204)
		}
		vera.Get(t, a.Alice.Path("")).Fails(t, 404, "")
	}
}

// What is kept of a token is its SHA-256 alone.
func TestTokensAreNotKept(t *testing.T) {
	a := newApp(t)
	i := a.invite(t, a.Alice.Client, body{"role": "viewer"})
	token, err := member.ParseToken(i.Token)
	require.NoError(t, err)
	var kept map[string]any
	for _, k := range []store.DirectoryKey{store.Invitation(token.Sum()), store.OrgInvitation(a.Alice.Tenant, i.ID)} {
		version, err := a.Store.Directory().Read(t.Context(), k, &kept)
		require.NoError(t, err)
		require.EqualValues(t, 1, version)
	}
	for name, v := range kept {
		require.NotEqual(t, i.Token, v, name)
		if b, ok := v.([]byte); ok {
			require.NotEqual(t, token[:], b, name)
		}
	}
}
