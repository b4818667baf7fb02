package project_test

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/organization"
	"github.com/tenantry/tenantry/pkg/project"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/storetest"
	"github.com/tenantry/tenantry/pkg/tenant"
)

type body = map[string]any

func create(t *testing.T, h *apptest.Home, b body) (p project.Project) {
	if b["environment"] == nil {
		b["environment"] = "staging"
	}
	h.Do(t, "POST", h.Path("/projects"), b).Is(t, 201).Into(t, &p)
	return p
}

func of(h *apptest.Home, p project.Project) string { return h.Path("/projects/" + string(p.ID)) }

func roster(t *testing.T, a *apptest.App, id tenant.ID) project.Roster {
	s, err := organization.Work(t.Context(), a.Store, id, "test")
	require.NoError(t, err)
	h, err := a.Store.Tenant(s)
	require.NoError(t, err)
	r, _, err := project.Read(t.Context(), h)
	require.NoError(t, err)
	return r
}

func TestCreate(t *testing.T) {
	a := apptest.New(t)
	answer := a.Alice.Do(t, "POST", a.Alice.Path("/projects"), body{"name": " shop ", "environment": "production", "labels": body{"team": "a", "empty": ""},
		"accountIds": []string{"1", "2"}, "tagSelector": body{"env": "prod", "app": "shop"}, "regions": []string{"eu-west-1"}}).Is(t, 201)
	var p project.Project
	answer.Into(t, &p)
	want := project.Project{ID: p.ID, Name: "shop", Environment: "production", Labels: map[string]string{"team": "a", "empty": ""},
		AccountIDs: []string{"1", "2"}, TagSelector: map[string]string{"env": "prod", "app": "shop"}, Regions: []string{"eu-west-1"},
		CreatedAt: a.Now(), UpdatedAt: a.Now()}
	require.Equal(t, want, p)
	require.Equal(t, `"v1"`, answer.Header.Get("ETag"))
	require.Equal(t, of(a.Alice, p), answer.Header.Get("Location"))
	var got project.Project
	a.Alice.Get(t, of(a.Alice, p)).Is(t, 200).Into(t, &got)
	require.Equal(t, want, got)
	r := roster(t, a, a.Alice.Tenant)
	require.Equal(t, want, r.Projects[1])
	require.EqualValues(t, 1, r.Rules)
}

func TestCreateRefuses(t *testing.T) {
	a := apptest.New(t)
	many := func(n int) (all []string) {
		for i := range n {
			all = append(all, fmt.Sprint(i))
		}
		return all
	}
	pairs := func(n int) body {
		m := body{}
		for i := range n {
			m[fmt.Sprint("k", i)] = "v"
		}
		return m
	}
	for name, b := range map[string]body{
		"no environment":          {"environment": nil},
		"another environment":     {"environment": "prod"},
		"no name":                 {"name": " "},
		"a long name":             {"name": strings.Repeat("n", 101)},
		"51 labels":               {"labels": pairs(51)},
		"a label without a key":   {"labels": body{"": "v"}},
		"a label of a long key":   {"labels": body{strings.Repeat("k", 64): "v"}},
		"a label of a long value": {"labels": body{"k": strings.Repeat("v", 256)}},
		"a label that is a list":  {"labels": body{"k": []string{"v"}}},
		"1,001 accounts":          {"accountIds": many(1001)},
		"an account twice":        {"accountIds": []string{"1", "1"}},
		"an account of nothing":   {"accountIds": []string{""}},
		"a long account":          {"accountIds": []string{strings.Repeat("1", 257)}},
		"accounts as objects":     {"accountIds": []any{body{"id": "1"}}},
		"a number for an account": {"accountIds": []any{1}},
		"6 tags":                  {"tagSelector": pairs(6)},
		"a tag of no value":       {"tagSelector": body{"k": ""}},
		"a tag of no key":         {"tagSelector": "=v"},
		"a tag without =":         {"tagSelector": "k"},
		"tags as a list":          {"tagSelector": []string{"k=v"}},
		"a region twice":          {"regions": []string{"a", "a"}},
		"a control character":     {"accountIds": []string{"1\n"}},
		"an ID":                   {"id": "prj_01ARZ3NDEKTSV4RRFFQ69G5FAV"},
	} {
		t.Run(name, func(t *testing.T) {
			all := body{"name": "x", "environment": "test"}
			for k, v := range b {
				if all[k] = v; v == nil {
					delete(all, k)
				}
			}
			p := a.Alice.Do(t, "POST", a.Alice.Path("/projects"), all).Fails(t, 422, "")
			require.NotEmpty(t, p.Errors)
		})
	}
	require.Len(t, roster(t, a, a.Alice.Tenant).Projects, 1)
	create(t, a.Alice, body{"name": "most", "labels": pairs(50), "accountIds": many(1000), "tagSelector": pairs(5)})
}

func TestShorthandOfATag(t *testing.T) {
	a := apptest.New(t)
	p := create(t, a.Alice, body{"name": "x", "tagSelector": "env=a=b"})
	require.Equal(t, map[string]string{"env": "a=b"}, p.TagSelector)
	a.Alice.Do(t, "PATCH", of(a.Alice, p), body{"tagSelector": body{}}).Is(t, 200).Into(t, &p)
	var q project.Project
	a.Alice.Get(t, of(a.Alice, p)).Into(t, &q)
	require.Empty(t, q.TagSelector)
}

func TestNamesAreUnlikeWhileNotArchived(t *testing.T) {
	a := apptest.New(t)
	p := create(t, a.Alice, body{"name": "Shop"})
	a.Alice.Do(t, "POST", a.Alice.Path("/projects"), body{"name": "sHOP", "environment": "test"}).Fails(t, 409, `"Shop"`)
	a.Alice.Do(t, "POST", of(a.Alice, p)+"/archive", nil).Is(t, 200)
	q := create(t, a.Alice, body{"name": "shop"})
	a.Alice.Do(t, "PATCH", of(a.Alice, p), body{"archived": false}).Fails(t, 409, `"shop"`)
	a.Alice.Do(t, "PATCH", of(a.Alice, q), body{"name": "web"}).Fails(t, 409, `"web"`)
	a.Alice.Do(t, "PATCH", of(a.Alice, q), body{"name": "SHOP"}).Is(t, 200)
	create(t, a.Bob, body{"name": "shop"})
}

func TestArchive(t *testing.T) {
	a := apptest.New(t)
	p := create(t, a.Alice, body{"name": "x", "accountIds": []string{"1"}})
	for range 2 {
		answer := a.Alice.Do(t, "POST", of(a.Alice, p)+"/archive", nil).Is(t, 200)
		require.Equal(t, `"v2"`, answer.Header.Get("ETag"), "archiving again changes nothing")
	}
	require.Equal(t, p.ID, roster(t, a, a.Alice.Tenant).Assign("1", func(string) string { return "" }), "it keeps counting")
	a.Alice.Do(t, "POST", a.Alice.Path("/projects"), body{"name": "y", "environment": "test", "accountIds": []string{"1"}}).Fails(t, 409, `"x"`)
	a.Alice.Do(t, "PATCH", of(a.Alice, p), body{"archived": false}).Is(t, 200).Into(t, &p)
	require.False(t, p.Archived)
}

func TestUpdate(t *testing.T) {
	a := apptest.New(t)
	p := create(t, a.Alice, body{"name": "x", "labels": body{"a": "1"}, "accountIds": []string{"1"}})
	a.Advance(time.Minute)
	answer := a.Alice.Do(t, "PATCH", of(a.Alice, p), body{"environment": "shared", "labels": body{"b": "2"}}).Is(t, 200)
	want := p
	want.Environment, want.Labels, want.UpdatedAt = "shared", map[string]string{"b": "2"}, a.Now()
	var got project.Project
	answer.Into(t, &got)
	require.Equal(t, want, got)
	require.Equal(t, `"v2"`, answer.Header.Get("ETag"))
	require.Equal(t, want, roster(t, a, a.Alice.Tenant).Projects[1])
	require.EqualValues(t, 1, roster(t, a, a.Alice.Tenant).Rules, "no rule has changed")
	a.Alice.Do(t, "PATCH", of(a.Alice, p), body{"accountIds": []string{}}).Is(t, 200)
	require.EqualValues(t, 2, roster(t, a, a.Alice.Tenant).Rules)
	a.Alice.Do(t, "PATCH", of(a.Alice, p), body{"name": "y"}, `If-Match: "v1"`).Fails(t, 412, "Read it again")
	a.Alice.Do(t, "PATCH", of(a.Alice, p), body{"name": "y"}, `If-Match: "v3"`).Is(t, 200)
	require.Equal(t, `"v4"`, a.Alice.Do(t, "PATCH", of(a.Alice, p), body{}).Is(t, 200).Header.Get("ETag"), "nothing changes nothing")
	a.Alice.Do(t, "PATCH", of(a.Alice, p), body{"name": ""}).Fails(t, 422, "")
	a.Alice.Do(t, "PATCH", a.Alice.Path("/projects/unassigned"), body{"name": "y"}).Fails(t, 409, "unassigned")
	a.Alice.Do(t, "PATCH", a.Alice.Path("/projects/prj_7ZZZZZZZZZZZZZZZZZZZZZZZZZ"), body{"name": "y"}).Fails(t, 404, "")
}

func TestOverlappingRulesAreRefused(t *testing.T) {
	for name, c := range map[string]struct {
		a, b    body
		overlap bool
	}{
		"no rules":                          {body{}, body{}, false},
		"no rule and one":                   {body{}, body{"accountIds": []string{"1"}}, false},
		"the same account":                  {body{"accountIds": []string{"1", "2"}}, body{"accountIds": []string{"2", "3"}}, true},
		"other accounts":                    {body{"accountIds": []string{"1"}}, body{"accountIds": []string{"2"}}, false},
		"other values of a tag":             {body{"tagSelector": "env=a"}, body{"tagSelector": "env=b"}, false},
		"other values in the same account":  {body{"accountIds": []string{"1"}, "tagSelector": "env=a"}, body{"accountIds": []string{"1"}, "tagSelector": "env=b"}, false},
		"other tags":                        {body{"tagSelector": "env=a"}, body{"tagSelector": "app=b"}, true},
		"the same tag":                      {body{"tagSelector": "env=a"}, body{"tagSelector": "env=a"}, true},
		"the same tag in other accounts":    {body{"accountIds": []string{"1"}, "tagSelector": "env=a"}, body{"accountIds": []string{"2"}, "tagSelector": "env=a"}, false},
		"an account and a tag anywhere":     {body{"accountIds": []string{"1"}}, body{"tagSelector": "env=a"}, true},
		"an account and a tag of it":        {body{"accountIds": []string{"1"}}, body{"accountIds": []string{"1"}, "tagSelector": "env=a"}, true},
		"one of several tags tells them":    {body{"tagSelector": body{"env": "a", "app": "x"}}, body{"tagSelector": body{"env": "a", "app": "y"}}, false},
		"more tags do not, that they share": {body{"tagSelector": body{"env": "a", "app": "x"}}, body{"tagSelector": body{"env": "a"}}, true},
	} {
		t.Run(name, func(t *testing.T) {
			a := apptest.New(t)
			c.a["name"], c.b["name"], c.b["environment"] = "first", "second", "test"
			create(t, a.Alice, c.a)
			if !c.overlap {
				create(t, a.Alice, c.b)
				return
			}
			a.Alice.Do(t, "POST", a.Alice.Path("/projects"), c.b).Fails(t, 409, `"first"`)
			p := create(t, a.Alice, body{"name": "second"})
			delete(c.b, "environment")
			a.Alice.Do(t, "PATCH", of(a.Alice, p), c.b).Fails(t, 409, `"first"`)
		})
	}
}

func TestUnassigned(t *testing.T) {
	a := apptest.New(t)
	var p project.Project
	a.Alice.Get(t, a.Alice.Path("/projects/unassigned")).Is(t, 200).Into(t, &p)
	require.Equal(t, project.Project{ID: "unassigned", Name: "unassigned", Environment: "other", CreatedAt: a.Now(), UpdatedAt: a.Now()}, p)
}

func TestListPages(t *testing.T) {
	a := apptest.New(t)
	want := []string{"web"}
	for i := range 4 {
		a.Advance(time.Millisecond)
		want = append(want, create(t, a.Alice, body{"name": fmt.Sprint("p", i)}).Name)
	}
	var got []string
	for path := a.Alice.Path("/projects?limit=2"); path != ""; {
		var page route.Page[project.Project]
		a.Alice.Get(t, path).Is(t, 200).Into(t, &page)
		for _, p := range page.Items {
			got = append(got, p.Name)
		}
		if path = ""; page.Next != "" {
			path = a.Alice.Path("/projects?limit=2&cursor=") + page.Next
			a.Bob.Get(t, a.Bob.Path("/projects?cursor=")+page.Next).Fails(t, 400, "without it")
		}
	}
	require.Equal(t, want, got)
}

func TestLimitedMembersSeeTheirProjectsOnly(t *testing.T) {
	a := apptest.New(t)
	hidden := create(t, a.Alice, body{"name": "hidden", "accountIds": []string{"1"}})
	eve := a.Join(t, a.Alice.Tenant, "eve", tenant.Editor, a.Alice.Project)
	var page route.Page[project.Project]
	eve.Get(t, a.Alice.Path("/projects")).Is(t, 200).Into(t, &page)
	require.Len(t, page.Items, 1)
	eve.Get(t, a.Alice.Path("/projects/"+string(a.Alice.Project))).Is(t, 200)
	want := eve.Get(t, a.Alice.Path("/projects/prj_7ZZZZZZZZZZZZZZZZZZZZZZZZZ"))
	for _, path := range []string{of(a.Alice, hidden), a.Alice.Path("/projects/unassigned")} {
		require.Equal(t, string(want.Body), string(eve.Get(t, path).Is(t, 404).Body))
		eve.Do(t, "PATCH", path, body{"name": "x"}).Is(t, 404)
		eve.Do(t, "POST", path+"/archive", nil).Is(t, 404)
	}
	eve.Do(t, "POST", a.Alice.Path("/projects"), body{"name": "x", "environment": "test"}).Fails(t, 403, "limited")
	own := a.Alice.Path("/projects/" + string(a.Alice.Project))
	require.NotContains(t, eve.Do(t, "PATCH", own, body{"name": "hidden"}).Fails(t, 409, "name is taken").Detail, "project")
	eve.Do(t, "PATCH", own, body{"name": "shown", "labels": body{"a": "b"}}).Is(t, 200)
}

func TestLimitedMembersSetNoRules(t *testing.T) {
	a := apptest.New(t)
	create(t, a.Alice, body{"name": "hidden", "accountIds": []string{"1"}})
	own := a.Alice.Path("/projects/" + string(a.Alice.Project))
	a.Alice.Do(t, "PATCH", own, body{"accountIds": []string{"3"}}).Is(t, 200)
	key, _ := a.Alice.Key(t, tenant.Editor, a.Alice.Project)
	before := roster(t, a, a.Alice.Tenant)
	for _, c := range []*apptest.Client{a.Join(t, a.Alice.Tenant, "eve", tenant.Admin, a.Alice.Project), key} {
		want := c.Do(t, "PATCH", own, body{"accountIds": []string{"2"}})
		want.Fails(t, 403, "limited")
		for _, b := range []body{{"accountIds": []string{"1"}}, {"accountIds": []string{}}, {"tagSelector": "team=a"}, {"name": "x", "tagSelector": body{}}} {
			require.Equal(t, string(want.Body), string(c.Do(t, "PATCH", own, b).Is(t, 403).Body), b)
		}
		c.Do(t, "PATCH", a.Alice.Path("/projects/unassigned"), body{"accountIds": []string{"1"}}).Is(t, 404)
	}
	require.Equal(t, before, roster(t, a, a.Alice.Tenant))
}

func TestCreateOnceUnderAKey(t *testing.T) {
	a := apptest.New(t)
	b := body{"name": "x", "environment": "test"}
	first := a.Alice.Do(t, "POST", a.Alice.Path("/projects"), b, "Idempotency-Key: k").Is(t, 201)
	again := a.Alice.Do(t, "POST", a.Alice.Path("/projects"), b, "Idempotency-Key: k").Is(t, 201)
	require.Equal(t, string(first.Body), string(again.Body))
	a.Alice.Do(t, "POST", a.Alice.Path("/projects"), body{"name": "y", "environment": "test"}, "Idempotency-Key: k").Fails(t, 422, "another request")
	a.Bob.Do(t, "POST", a.Bob.Path("/projects"), b, "Idempotency-Key: k").Is(t, 201)
	require.Len(t, roster(t, a, a.Alice.Tenant).Projects, 2)
}

func TestChangesAtOnceAllCount(t *testing.T) {
	a := apptest.New(t)
	var group sync.WaitGroup
	for i := range 4 {
		group.Go(func() {
			a.Alice.Do(t, "POST", a.Alice.Path("/projects"), body{"name": fmt.Sprint(i), "environment": "test", "accountIds": []string{fmt.Sprint(i)}}).Is(t, 201)
		})
		group.Go(func() {
			status := a.Alice.Do(t, "POST", a.Alice.Path("/projects"), body{"name": "same", "environment": "test"}).Status
			require.Contains(t, []int{201, 409}, status)
		})
	}
	group.Wait()
	r := roster(t, a, a.Alice.Tenant)
	require.Len(t, r.Projects, 6)
	require.EqualValues(t, 4, r.Rules)
}

func TestCreateThatBreaksIsWholeOrNotAtAll(t *testing.T) {
	for _, f := range []storetest.Fault{storetest.NotWritten, storetest.Written} {
		a := apptest.New(t)
		b := body{"name": "x", "environment": "test"}
		a.Faults.Plan(storetest.At(storetest.Write, 1, f))
		a.Alice.Do(t, "POST", a.Alice.Path("/projects"), b, "Idempotency-Key: k").Fails(t, 503, "")
		a.Faults.Plan(nil)
		var p project.Project
		a.Alice.Do(t, "POST", a.Alice.Path("/projects"), b, "Idempotency-Key: k").Is(t, 201).Into(t, &p)
		r := roster(t, a, a.Alice.Tenant)
		require.Len(t, r.Projects, 2)
		require.Equal(t, p, r.Projects[1])
		a.Alice.Get(t, of(a.Alice, p)).Is(t, 200)
	}
}

func TestRulesChangedIsTold(t *testing.T) {
	a := apptest.New(t)
	var told int
	var fail error
	s := &project.Service{Store: a.Store, Clock: a.Now, Random: rand.Reader, RulesChanged: func(_ context.Context, scope *tenant.Scope) error {
		require.Equal(t, a.Alice.Tenant, scope.Tenant())
		told++
		return fail
	}}
	c := a.Serve(t, s.Operations(), a.Alice.Token)
	var p project.Project
	c.Do(t, "POST", a.Alice.Path("/projects"), body{"name": "x", "environment": "test"}).Is(t, 201).Into(t, &p)
	c.Do(t, "PATCH", of(a.Alice, p), body{"name": "y"}).Is(t, 200)
	c.Do(t, "POST", of(a.Alice, p)+"/archive", nil).Is(t, 200)
	require.Zero(t, told)
	c.Do(t, "PATCH", of(a.Alice, p), body{"tagSelector": "a=b"}).Is(t, 200)
	require.Equal(t, 1, told)
	b := body{"name": "z", "environment": "test", "accountIds": []string{"1"}, "tagSelector": "a=c"}
	fail = errors.New("no queue")
	c.Do(t, "POST", a.Alice.Path("/projects"), b, "Idempotency-Key: k").Fails(t, 500, "")
	fail = nil
	c.Do(t, "POST", a.Alice.Path("/projects"), b, "Idempotency-Key: k").Is(t, 201)
	require.Equal(t, 3, told, "a request sent again tells again")
}

func TestTooMuchTogether(t *testing.T) {
	a := apptest.New(t)
	long := func(p int) (all []string) {
		for i := range 1000 {
			all = append(all, fmt.Sprintf("%d-%0240d", p, i))
		}
		return all
	}
	create(t, a.Alice, body{"name": "a", "accountIds": long(1)})
	a.Alice.Do(t, "POST", a.Alice.Path("/projects"), body{"name": "b", "environment": "test", "accountIds": long(2)}).Fails(t, 422, "too much together")
	require.Len(t, roster(t, a, a.Alice.Tenant).Projects, 2)
}

func FuzzPathID(f *testing.F) {
	f.Add("prj_01ARZ3NDEKTSV4RRFFQ69G5FAV")
	f.Add("unassigned")
	f.Add("prj_01ARZ3NDEKTSV4RRFFQ69G5FAV#x")
	f.Add("../x")
	f.Add("")
	f.Fuzz(func(t *testing.T, id string) {
		p, err := tenant.ParseProjectID(id)
		if err != nil {
			return
		}
		require.Equal(t, id, string(p))
		require.NotContains(t, id, "#")
		require.Equal(t, "PROJECT#"+id, store.Project(p).Sort())
	})
}
