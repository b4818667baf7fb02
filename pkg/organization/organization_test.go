package organization_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/organization"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/store/storetest"
	"github.com/tenantry/tenantry/pkg/tenant"
)

type body = map[string]any

func names(t *testing.T, c *apptest.Client) (all []string) {
	var page route.Page[organization.Organization]
	c.Get(t, "/v1/tenants").Is(t, 200).Into(t, &page)
	for _, o := range page.Items {
		all = append(all, o.Name)
	}
	return all
}

func TestCreate(t *testing.T) {
	a := apptest.New(t)
	carol := a.As(t, "carol")
	answer := carol.Do(t, "POST", "/v1/tenants", body{"name": " ABC "}).Is(t, 201)
	var made organization.Organization
	answer.Into(t, &made)
	limits := tenant.Enterprise.Limits()
	want := organization.Organization{ID: made.ID, Limits: &limits, Name: "ABC", Status: "active", Plan: tenant.Enterprise, Role: tenant.Owner, CreatedAt: a.Now(), UpdatedAt: a.Now()}
	require.Equal(t, want, made)
	require.Equal(t, `"v1"`, answer.Header.Get("ETag"))
	require.Equal(t, "/v1/tenants/"+string(made.ID), answer.Header.Get("Location"))

	answer = carol.Get(t, answer.Header.Get("Location")).Is(t, 200)
	var got organization.Organization
	answer.Into(t, &got)
	require.Equal(t, want, got)
	require.Equal(t, `"v1"`, answer.Header.Get("ETag"))
}

func TestCreateUntilAPersonOwnsTwenty(t *testing.T) {
	a := apptest.New(t)
	carol := a.Join(t, a.Alice.Tenant, "carol", tenant.Viewer)
	const requests = 30
	var made, refused atomic.Int32
	var all sync.WaitGroup
	for i := range requests {
		all.Go(func() {
			for range requests { // who founds many at once is asked to try again
				switch carol.Do(t, "POST", "/v1/tenants", body{"name": fmt.Sprintf("T%d", i)}).Status {
				case 201:
					made.Add(1)
					return
				case 403:
					refused.Add(1)
					return
				}
			}
		})
	}
	all.Wait()
	require.Equal(t, []int32{20, 10}, []int32{made.Load(), refused.Load()}, "those that others own do not count")
	carol.Do(t, "POST", "/v1/tenants", body{"name": "More"}).Fails(t, 403, "You own 20 organizations")
	a.As(t, "dave").Do(t, "POST", "/v1/tenants", body{"name": "Another's"}).Is(t, 201)
}

func TestCreateRefuses(t *testing.T) {
	a := apptest.New(t)
	for name, text := range map[string]string{
		"no name": "", "blanks": "  \t", "101 characters": strings.Repeat("é", 101), "a line break": "a\nb", "a line separator": "a\u2028b", "NUL": "a\x00",
	} {
		t.Run(name, func(t *testing.T) {
			a.As(t, "carol").Do(t, "POST", "/v1/tenants", body{"name": text}).Fails(t, 422, "name")
		})
	}
	a.As(t, "carol").Do(t, "POST", "/v1/tenants", body{"name": "a", "status": "active"}).Fails(t, 422, "status")
	require.Empty(t, names(t, a.As(t, "carol")))
	a.As(t, "carol").Do(t, "POST", "/v1/tenants", body{"name": strings.Repeat("é", 100)}).Is(t, 201)
}

func TestCreateOnceUnderAKey(t *testing.T) {
	a := apptest.New(t)
	carol := a.As(t, "carol")
	first := carol.Do(t, "POST", "/v1/tenants", body{"name": "ABC"}, "Idempotency-Key: k").Is(t, 201)
	again := carol.Do(t, "POST", "/v1/tenants", body{"name": "ABC"}, "Idempotency-Key: k").Is(t, 201)
	require.Equal(t, string(first.Body), string(again.Body))
	require.Equal(t, first.Header.Get("Location"), again.Header.Get("Location"))
	carol.Do(t, "POST", "/v1/tenants", body{"name": "ABD"}, "Idempotency-Key: k").Fails(t, 422, "another request")
	require.Len(t, names(t, carol), 1)
	a.As(t, "dave").Do(t, "POST", "/v1/tenants", body{"name": "ABC"}, "Idempotency-Key: k").Is(t, 201)
	require.Len(t, names(t, a.As(t, "dave")), 1, "another's key is another key")
	a.Advance(25 * time.Hour)
	a.As(t, "carol").Do(t, "POST", "/v1/tenants", body{"name": "ABC"}, "Idempotency-Key: k").Is(t, 201)
	require.Len(t, names(t, a.As(t, "carol")), 2, "after a day the key is free")
}

func TestCreateAtOnceUnderAKeyIsOne(t *testing.T) {
	a := apptest.New(t)
	carol := a.As(t, "carol")
	var group sync.WaitGroup
	ids := make([]string, 8)
	for i := range ids {
		group.Go(func() {
			var o organization.Organization
			carol.Do(t, "POST", "/v1/tenants", body{"name": "ABC"}, "Idempotency-Key: k").Is(t, 201).Into(t, &o)
			ids[i] = string(o.ID)
		})
	}
	group.Wait()
	for _, id := range ids {
		require.Equal(t, ids[0], id)
	}
	require.Len(t, names(t, carol), 1)
}

// Every write of a creation fails in turn, before and after it is done: what is visible is whole, and the same request
// again under its key makes it one.
func TestCreateThatBreaksLeavesNothingBroken(t *testing.T) {
	for _, f := range []storetest.Fault{storetest.NotWritten, storetest.Written, storetest.Throttled} {
		for n := 1; n <= 2; n++ {
			t.Run(fmt.Sprintf("write %d, fault %d", n, f), func(t *testing.T) {
				a := apptest.New(t)
				carol := a.As(t, "carol")
				a.Faults.Plan(storetest.At(storetest.Write, n, f))
				carol.Do(t, "POST", "/v1/tenants", body{"name": "ABC"}, "Idempotency-Key: k").Fails(t, 503, "")
				a.Faults.Plan(nil)
				require.Len(t, names(t, carol), map[bool]int{true: 1}[n == 2 && f == storetest.Written])
				carol.Do(t, "POST", "/v1/tenants", body{"name": "ABC"}, "Idempotency-Key: k").Is(t, 201)
				require.Equal(t, []string{"ABC"}, names(t, carol))
			})
		}
	}
}

func TestListPagesThroughOnesOwn(t *testing.T) {
	a := apptest.New(t)
	carol := a.As(t, "carol")
	var want []string
	for i := range 5 {
		a.Advance(time.Millisecond)
		want = append(want, fmt.Sprint("T", i))
		carol.Do(t, "POST", "/v1/tenants", body{"name": want[i]}).Is(t, 201)
	}
	a.Join(t, a.Alice.Tenant, "carol", tenant.Viewer)
	var got []string
	var roles []tenant.Role
	for path := "/v1/tenants?limit=2"; path != ""; {
		var page route.Page[organization.Organization]
		carol.Get(t, path).Is(t, 200).Into(t, &page)
		for _, o := range page.Items {
			got, roles = append(got, o.Name), append(roles, o.Role)
		}
		if path = ""; page.Next != "" {
			path = "/v1/tenants?limit=2&cursor=" + page.Next
			a.Bob.Get(t, path).Fails(t, 400, "without it")
		}
	}
	require.Equal(t, append([]string{"alice's"}, want...), got)
	require.Equal(t, tenant.Viewer, roles[0])
	require.Equal(t, tenant.Owner, roles[1])
	require.JSONEq(t, `{"items":[]}`, string(a.As(t, "nobody").Get(t, "/v1/tenants").Is(t, 200).Body))
}

func TestUpdate(t *testing.T) {
	a := apptest.New(t)
	path := a.Alice.Path("")
	a.Advance(time.Hour)
	answer := a.Alice.Do(t, "PATCH", path, body{"name": " New "}).Is(t, 200)
	require.Equal(t, `"v2"`, answer.Header.Get("ETag"))
	var o organization.Organization
	a.Alice.Get(t, path).Is(t, 200).Into(t, &o)
	require.Equal(t, "New", o.Name)
	require.Equal(t, a.Now(), o.UpdatedAt)
	require.Equal(t, a.Now().Add(-time.Hour), o.CreatedAt)
	for name, c := range map[string]struct {
		match  string
		status int
	}{
		"of an old version is stale": {`"v1"`, 412},
		"of another's tag is stale":  {`"x"`, 412},
		"of no tag is malformed":     {`v2`, 400},
	} {
		t.Run(name, func(t *testing.T) {
			a.Alice.Do(t, "PATCH", path, body{"name": "Newer"}, "If-Match: "+c.match).Fails(t, c.status, "")
		})
	}
	a.Alice.Do(t, "PATCH", path, body{"name": "\n"}).Fails(t, 422, "name")
	a.Alice.Do(t, "PATCH", path, body{}).Fails(t, 422, "name")
	require.Equal(t, []string{"New"}, names(t, a.Alice.Client))
	a.Alice.Do(t, "PATCH", path, body{"name": "Newer"}, `If-Match: "v2"`).Is(t, 200)
}

func TestUpdatesAtOnceAllCount(t *testing.T) {
	a := apptest.New(t)
	var group sync.WaitGroup
	for i := range 3 {
		group.Go(func() { a.Alice.Do(t, "PATCH", a.Alice.Path(""), body{"name": fmt.Sprint(i)}).Is(t, 200) })
	}
	group.Wait()
	require.Equal(t, `"v4"`, a.Alice.Get(t, a.Alice.Path("")).Header.Get("ETag"))
}

func TestWork(t *testing.T) {
	a := apptest.New(t)
	s, err := organization.Work(t.Context(), a.Store, a.Alice.Tenant, "ingest")
	require.NoError(t, err)
	require.Equal(t, a.Alice.Tenant, s.Tenant())
	for _, id := range []tenant.ID{"", "x", "ten_7ZZZZZZZZZZZZZZZZZZZZZZZZZ"} {
		s, err := organization.Work(t.Context(), a.Store, id, "ingest")
		require.Nil(t, s)
		require.True(t, fault.Is(err, fault.NotFound), "%v", err)
	}
	h, err := a.Store.Tenant(s)
	require.NoError(t, err)
	var o organization.Organization
	_, err = h.Read(t.Context(), store.Meta(), &o)
	require.NoError(t, err)
	o.Status = "suspended"
	require.NoError(t, h.Write(t.Context(), store.Change{Key: store.Meta(), Value: o}))
	_, err = organization.Work(t.Context(), a.Store, a.Alice.Tenant, "ingest")
	require.True(t, fault.Is(err, fault.NotFound))
	a.Faults.Plan(storetest.Every(storetest.Get, storetest.Throttled))
	_, err = organization.Work(t.Context(), a.Store, a.Alice.Tenant, "ingest")
	require.ErrorIs(t, err, store.ErrThrottled)
}

func TestStoredFormHoldsNoRole(t *testing.T) {
	b, err := json.Marshal(organization.Organization{})
	require.NoError(t, err)
	require.NotContains(t, string(b), "role")
}
