package apikey_test

import (
	"crypto/sha256"
	"encoding/hex"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/apikey"
	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/audit"
	"github.com/tenantry/tenantry/pkg/grant"
	"github.com/tenantry/tenantry/pkg/identity"
	"github.com/tenantry/tenantry/pkg/member"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/storetest"
	"github.com/tenantry/tenantry/pkg/tenant"
)

type body = map[string]any

// app is a server in whose tenant of Alice, the owner, keys are made.
type app struct {
	*apptest.App
	engine apptest.Engine
}

func newApp(t *testing.T) *app {
	a := &app{}
	a.App = apptest.On(t, func(t testing.TB, clock func() time.Time) apptest.Engine {
		a.engine = apptest.Bolt(t, clock)
		return a.engine
	})
	return a
}

func (a *app) make(t *testing.T, in body) (k apikey.Issued) {
	a.Alice.Do(t, "POST", a.Alice.Path("/api-keys"), in).Is(t, 201).Into(t, &k)
	return k
}

func (a *app) path(k apikey.Issued) string { return a.Alice.Path("/api-keys/" + string(k.ID)) }

func (a *app) shown(t *testing.T, k apikey.Issued) (is apikey.Key) {
	a.Alice.Get(t, a.path(k)).Is(t, 200).Into(t, &is)
	return is
}

func (a *app) list(t *testing.T) []apikey.Key {
	var page route.Page[apikey.Key]
	a.Alice.Get(t, a.Alice.Path("/api-keys")).Is(t, 200).Into(t, &page)
	return page.Items
}

func TestAKey(t *testing.T) {
	a := newApp(t)
	a.Advance(time.Second)
	k := a.make(t, body{"name": " nightly  report ", "role": "viewer", "projects": []any{a.Alice.Project}, "days": 90})
	until := a.Now().AddDate(0, 0, 90)
	want := apikey.Key{ID: k.ID, Name: "nightly  report", Grant: grant.Grant{Role: tenant.Viewer, Limited: true, Projects: []tenant.ProjectID{a.Alice.Project}},
		Status: apikey.Active, CreatedBy: audit.Actor{Issuer: a.URL, Subject: "alice"}, CreatedAt: a.Now(), ValidUntil: &until}
	t.Run("is shown once", func(t *testing.T) {
		require.Regexp(t, `^tnt_[a-z2-7]{40}$`, k.Secret)
		require.Equal(t, want, k.Key)
		require.Equal(t, want, a.shown(t, k))
		require.Equal(t, []apikey.Key{want}, a.list(t))
		require.NotContains(t, string(a.Alice.Get(t, a.path(k)).Body), "tnt_")
	})
	t.Run("is somebody, in its tenant alone", func(t *testing.T) {
		c := a.With(k.Secret)
		var me member.Me
		c.Get(t, "/v1/me").Is(t, 200).Into(t, &me)
		require.Equal(t, member.Me{Issuer: tenant.KeyIssuer, Subject: string(k.ID), Credential: tenant.APIKey, Tenants: []member.Place{{
			TenantID: a.Alice.Tenant, Name: "alice's", Status: tenant.Active, Grant: want.Grant, Permissions: me.Tenants[0].Permissions,
		}}}, me)
		require.Contains(t, me.Tenants[0].Permissions, tenant.ReadCost)
		for _, p := range me.Tenants[0].Permissions {
			require.True(t, tenant.Viewer.May(p) && !p.Personal(), p)
		}
		var tenants struct{ Items []struct{ ID, Role string } }
		c.Get(t, "/v1/tenants").Is(t, 200).Into(t, &tenants)
		require.Equal(t, []struct{ ID, Role string }{{string(a.Alice.Tenant), "viewer"}}, tenants.Items)
		c.Get(t, a.Alice.Path("/projects/"+string(a.Alice.Project))).Is(t, 200)
		c.Get(t, a.Bob.Path("/projects")).Fails(t, 404, "no such organization")
	})
	t.Run("is kept as its SHA-256 alone", func(t *testing.T) {
		sum := sha256.Sum256([]byte(k.Secret))
		digests := 0
		for at, item := range a.engine.Items(t) {
			require.NotContains(t, at+item, k.Secret)
			require.NotContains(t, at+item, "tnt_")
			digests += strings.Count(at, hex.EncodeToString(sum[:])) + strings.Count(item, string(sum[:]))
		}
		require.Equal(t, 2, digests, "as a key, and below the tenant for whoever erases it")
		require.NotContains(t, a.Log.String(), "tnt_")
	})
}

func TestAKeyDoesNothingThatOnlyPeopleMay(t *testing.T) {
	a := newApp(t)
	c, id := a.Alice.Key(t, tenant.Admin)
	for _, try := range []struct {
		method, path string
		body         body
	}{
		{"POST", a.Alice.Path("/api-keys"), body{"name": "x", "role": "viewer"}},
		{"PATCH", a.Alice.Path("/api-keys/" + string(id)), body{"name": "x"}},
		{"DELETE", a.Alice.Path("/api-keys/" + string(id)), nil},
		{"POST", a.Alice.Path("/invitations"), body{"role": "viewer"}},
		{"POST", a.Alice.Path("/leave"), nil},
		{"POST", "/v1/tenants", body{"name": "x"}},
		{"POST", "/v1/invitations/accept", body{"token": "tni_aaaabbbbccccddddeeeeffffgggghhhh"}},
	} {
		c.Do(t, try.method, try.path, try.body).Fails(t, 403, "An API key cannot do this")
	}
	c.Get(t, a.Alice.Path("/api-keys")).Is(t, 200)
	c.Do(t, "PATCH", a.Alice.Path(""), body{"name": "renamed"}).Is(t, 200)
	viewer, _ := a.Alice.Key(t, tenant.Viewer)
	viewer.Get(t, a.Alice.Path("/api-keys")).Fails(t, 403, "key:read")
	a.Alice.Do(t, "POST", a.Alice.Path("/api-keys"), body{"name": "x", "role": "owner"}).Is(t, 422)
}

func TestNobodyGivesAKeyMoreThanTheyHold(t *testing.T) {
	a := newApp(t)
	limited := a.Join(t, a.Alice.Tenant, "carol", tenant.Admin, a.Alice.Project)
	keys := a.Alice.Path("/api-keys")
	limited.Do(t, "POST", keys, body{"name": "x", "role": "viewer"}).Fails(t, 403, "only what you hold")
	limited.Do(t, "POST", keys, body{"name": "x", "role": "viewer", "projects": []any{"unassigned"}}).Is(t, 422)
	limited.Do(t, "POST", keys, body{"name": "x", "role": "viewer", "projects": []any{a.Alice.Project}}).Is(t, 201)
	for _, none := range []any{nil, []any{}} {
		a.Alice.Do(t, "POST", keys, body{"name": "x", "role": "viewer", "projects": none}).Fails(t, 422, "body.projects")
	}
	whole := a.make(t, body{"name": "x", "role": "viewer"})
	limited.Do(t, "DELETE", a.path(whole), nil).Fails(t, 403, "only what you hold")
	limited.Do(t, "PATCH", a.path(whole), body{"name": "y"}).Fails(t, 403, "only what you hold")
	a.Join(t, a.Alice.Tenant, "eddy", tenant.Editor).Do(t, "POST", keys, body{"name": "x", "role": "viewer"}).Fails(t, 403, "key:write")
}

func TestTheMakerGoesAndTheKeyStays(t *testing.T) {
	a := newApp(t)
	admin := a.Join(t, a.Alice.Tenant, "carol", tenant.Admin)
	var k apikey.Issued
	admin.Do(t, "POST", a.Alice.Path("/api-keys"), body{"name": "x", "role": "admin"}).Is(t, 201).Into(t, &k)
	carol := tenant.MemberIDOf(a.Alice.Tenant, a.URL, "carol")
	a.Alice.Do(t, "DELETE", a.Alice.Path("/members/"+string(carol)), nil).Is(t, 204)
	a.With(k.Secret).Get(t, a.Alice.Path("/projects")).Is(t, 200)
	require.Equal(t, "carol", a.shown(t, k).CreatedBy.Subject)
	a.Alice.Do(t, "DELETE", a.path(k), nil).Is(t, 204)
	a.With(k.Secret).Get(t, a.Alice.Path("/projects")).Is(t, 401)
}

func TestAKeyIsChanged(t *testing.T) {
	a := newApp(t)
	k := a.make(t, body{"name": "x", "role": "editor", "days": 1})
	c, project := a.With(k.Secret), body{"name": "new", "environment": "test"}
	c.Do(t, "POST", a.Alice.Path("/projects"), project).Is(t, 201)
	etag := a.Alice.Get(t, a.path(k)).Header.Get("ETag")
	changed := a.Alice.Do(t, "PATCH", a.path(k), body{"role": "viewer", "projects": []any{a.Alice.Project}}, "If-Match: "+etag).Is(t, 200)
	require.Equal(t, changed.Header.Get("ETag"), a.Alice.Get(t, a.path(k)).Header.Get("ETag"))
	a.Alice.Do(t, "PATCH", a.path(k), body{"name": "y"}, "If-Match: "+etag).Is(t, 412)
	c.Do(t, "POST", a.Alice.Path("/projects"), project).Fails(t, 403, "project:write")
	c.Get(t, a.Alice.Path("/projects/unassigned")).Is(t, 404)
	a.Alice.Do(t, "PATCH", a.path(k), body{"limited": false, "name": "y"}).Is(t, 200)
	c.Get(t, a.Alice.Path("/projects/unassigned")).Is(t, 200)
	a.Advance(24 * time.Hour)
	a.Alice.Token = a.As(t, "alice").Token
	c.Get(t, a.Alice.Path("/projects")).Is(t, 401)
	require.Equal(t, apikey.Expired, a.shown(t, k).Status)
	a.Alice.Do(t, "PATCH", a.path(k), body{"name": "z"}).Fails(t, 409, "expired")
	a.Alice.Do(t, "DELETE", a.path(k), nil).Is(t, 204)
	require.Empty(t, a.list(t))
	a.Alice.Get(t, a.path(k)).Fails(t, 404, "no such API key")
}

func TestTheSameRequestAgainAnswersWithoutTheKey(t *testing.T) {
	a := newApp(t)
	post := func(name string) *apptest.Answer {
		return a.Alice.Do(t, "POST", a.Alice.Path("/api-keys"), body{"name": name, "role": "viewer"}, "Idempotency-Key: k")
	}
	var first, second apikey.Issued
	post("x").Is(t, 201).Into(t, &first)
	post("x").Is(t, 201).Into(t, &second)
	require.NotEmpty(t, first.Secret)
	require.Empty(t, second.Secret)
	require.Equal(t, first.Key, second.Key)
	post("y").Fails(t, 422, "Idempotency-Key")
	require.Len(t, a.list(t), 1)
}

func TestARequestThatFailedIsRepeated(t *testing.T) {
	for name, c := range map[string]struct {
		fault   storetest.Fault
		secrets int
	}{"not written": {storetest.NotWritten, 1}, "written": {storetest.Written, 0}, "throttled": {storetest.Throttled, 1}} {
		t.Run(name, func(t *testing.T) {
			a := newApp(t)
			post := func() *apptest.Answer {
				return a.Alice.Do(t, "POST", a.Alice.Path("/api-keys"), body{"name": "x", "role": "viewer"}, "Idempotency-Key: k")
			}
			a.Faults.Plan(storetest.Every(storetest.Write, c.fault))
			post().Is(t, 503)
			a.Faults.Plan(nil)
			var k apikey.Issued
			post().Is(t, 201).Into(t, &k)
			require.Equal(t, c.secrets == 1, k.Secret != "", "what nobody was shown can be revoked")
			require.Len(t, a.list(t), 1)
			a.Alice.Do(t, "DELETE", a.path(k), nil).Is(t, 204)
		})
	}
}

func TestTheLimitCountsKeysThatCanBeUsed(t *testing.T) {
	a := newApp(t)
	c := a.As(t, "frida")
	var made struct{ ID tenant.ID }
	c.Do(t, "POST", "/v1/tenants", body{"name": "small"}).Is(t, 201).Into(t, &made)
	keys := "/v1/tenants/" + string(made.ID) + "/api-keys"
	scope, err := identity.Found(tenant.Principal{}, made.ID, tenant.Free)
	require.NoError(t, err)
	h, err := a.Store.Tenant(scope)
	require.NoError(t, err)
	require.NoError(t, h.Write(t.Context(), store.Change{Key: store.Meta(), Value: body{"name": "small", "status": "active", "plan": "free"}}))
	a.Advance(identity.Fresh)
	var k apikey.Issued
	c.Do(t, "POST", keys, body{"name": "a", "role": "viewer"}).Is(t, 201).Into(t, &k)
	c.Do(t, "POST", keys, body{"name": "b", "role": "viewer", "days": 1}).Is(t, 201)
	c.Do(t, "POST", keys, body{"name": "c", "role": "viewer"}).Fails(t, 403, "The plan free has a limit of apiKeys of 2")
	c.Do(t, "DELETE", keys+"/"+string(k.ID), nil).Is(t, 204)
	c.Do(t, "POST", keys, body{"name": "c", "role": "viewer"}).Is(t, 201)
	c.Do(t, "POST", keys, body{"name": "d", "role": "viewer"}).Is(t, 403)
	a.Advance(24 * time.Hour)
	a.As(t, "frida").Do(t, "POST", keys, body{"name": "d", "role": "viewer"}).Is(t, 201)
}

func TestWhatIsNoKeyIsAnsweredAlike(t *testing.T) {
	a := newApp(t)
	bad := a.Alice.BadKeys(t)
	want := a.With("tnt_").Get(t, "/v1/me").Fails(t, 401, "The API key is not valid")
	for what, key := range bad {
		for _, path := range []string{"/v1/me", a.Alice.Path("/projects"), a.Bob.Path("/projects")} {
			require.Equal(t, want, a.With(key).Get(t, path).Fails(t, 401, ""), what)
		}
	}
}

// uses are the items that say when keys were used.
func (a *app) uses(t *testing.T) map[string]string {
	all := a.engine.Items(t)
	maps.DeleteFunc(all, func(at, _ string) bool { return !strings.Contains(at, "KEYUSE#") })
	return all
}

func TestLastUse(t *testing.T) {
	a := newApp(t)
	a.Advance(time.Second)
	k := a.make(t, body{"name": "x", "role": "viewer"})
	require.Nil(t, a.shown(t, k).LastUsedAt)
	first := a.Now()
	use := func() { a.With(k.Secret).Get(t, a.Alice.Path("/projects")).Is(t, 200) }
	use()
	require.Equal(t, first, *a.shown(t, k).LastUsedAt)
	require.Equal(t, first, *a.list(t)[0].LastUsedAt)
	written := a.uses(t)
	for range 59 {
		a.Advance(time.Minute)
		use()
	}
	a.Alice.Token = a.As(t, "alice").Token
	require.Equal(t, first, *a.shown(t, k).LastUsedAt)
	require.Len(t, written, 1)
	require.Equal(t, written, a.uses(t), "once in an hour")
	a.Advance(time.Minute)
	use()
	require.Equal(t, first.Add(time.Hour), *a.shown(t, k).LastUsedAt)
}

func TestAKeyIsBelievedForAMinuteElsewhereAndNotHere(t *testing.T) {
	a := newApp(t)
	c, id := a.Alice.Key(t, tenant.Viewer)
	there, err := a.Authorizer()
	require.NoError(t, err)
	ask := func() error {
		_, err := there.Scope(t.Context(), "Bearer "+c.Token, string(a.Alice.Tenant), tenant.ReadCost)
		return err
	}
	require.NoError(t, ask())
	c.Get(t, a.Alice.Path("/projects")).Is(t, 200)
	a.Alice.Do(t, "DELETE", a.Alice.Path("/api-keys/"+string(id)), nil).Is(t, 204)
	c.Get(t, a.Alice.Path("/projects")).Is(t, 401)
	a.Advance(identity.Fresh - time.Millisecond)
	require.NoError(t, ask())
	a.Advance(time.Millisecond)
	require.Error(t, ask())
}

func TestAKeyTellsThatItsMakerIsNoMemberAnyMore(t *testing.T) {
	a := newApp(t)
	a.Join(t, a.Alice.Tenant, "gone", tenant.Owner)
	gone := a.As(t, "gone")
	var left apikey.Issued
	gone.Do(t, "POST", a.Alice.Path("/api-keys"), body{"name": "theirs", "role": "viewer"}).Is(t, 201).Into(t, &left)
	own := a.make(t, body{"name": "own", "role": "viewer"})
	orphans := func() map[string]bool {
		all := map[string]bool{}
		for _, k := range a.list(t) {
			require.Equal(t, k.Orphan, a.shown(t, apikey.Issued{Key: k}).Orphan)
			all[string(k.ID)] = k.Orphan
		}
		return all
	}
	require.Equal(t, map[string]bool{string(left.ID): false, string(own.ID): false}, orphans())
	id := tenant.MemberIDOf(a.Alice.Tenant, a.URL, "gone")
	a.Alice.Do(t, "DELETE", a.Alice.Path("/members/"+string(id)), nil).Is(t, 204)
	require.Equal(t, map[string]bool{string(left.ID): true, string(own.ID): false}, orphans())
}
