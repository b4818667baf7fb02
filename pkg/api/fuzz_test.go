package api_test

import (
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/api"
	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// target is a server without a network, of which Alice asks.
type target struct {
	*apptest.App
	http.Handler
}

func newTarget(f *testing.F) *target {
	a := apptest.New(f)
	auth, err := a.Authorizer()
	require.NoError(f, err)
	h, err := api.Handler(api.Deps{Store: a.Store, Auth: auth, Clock: a.Now, Random: rand.Reader, Plan: tenant.Enterprise,
		Log: slog.New(slog.DiscardHandler)}, "")
	require.NoError(f, err)
	return &target{a, h}
}

// ask sends an operation's example as Alice, with IDs and parameters of the query changed.
func (a *target) ask(t *testing.T, op route.Operation, ids map[string]string, query url.Values) *httptest.ResponseRecorder {
	values := map[string]string{"tenantId": string(a.Alice.Tenant), "projectId": string(a.Alice.Project)}
	for name, id := range ids {
		values[name] = id
	}
	r, err := op.NewRequest(t.Context(), "http://fuzz", values)
	require.NoError(t, err)
	q := r.URL.Query()
	for name, v := range query {
		q[name] = v
	}
	r.URL.RawQuery = q.Encode()
	r.Header.Set("Authorization", "Bearer "+a.Alice.Token)
	w := httptest.NewRecorder()
	a.ServeHTTP(w, r)
	return w
}

// FuzzPathIDs asks with any text as any ID of any path: whatever is no ID of the caller's is answered as an ID that never was.
func FuzzPathIDs(f *testing.F) {
	a := newTarget(f)
	type place struct {
		op   route.Operation
		name string
	}
	var places []place
	for _, op := range api.Operations() {
		for segment := range strings.SplitSeq(op.Path, "/") {
			if name := strings.Trim(segment, "{}"); name != segment && strings.HasSuffix(name, "Id") {
				places = append(places, place{op, name})
			}
		}
	}
	for i := range places {
		f.Add(uint(i), string(a.Bob.Project))
	}
	for _, id := range []string{string(a.Bob.Tenant), "x", "..", "a/b", "%2F", "#", "\x00", "\xff", strings.ToLower(string(a.Alice.Tenant)),
		string(a.Alice.Tenant) + "#P#" + string(a.Alice.Project)} {
		f.Add(uint(0), id)
	}
	f.Fuzz(func(t *testing.T, which uint, id string) {
		p := places[which%uint(len(places))]
		if slices.Contains([]string{"", string(a.Alice.Tenant), string(a.Alice.Project), string(tenant.Unassigned)}, id) {
			return
		}
		got := a.ask(t, p.op, map[string]string{p.name: id}, nil)
		require.Equal(t, http.StatusNotFound, got.Code, "%s", got.Body)
		if clean := path.Clean("/" + id); clean == "/"+id { // at the others there is no path
			want := a.ask(t, p.op, map[string]string{p.name: apptest.Never(p.name)}, nil)
			require.Equal(t, want.Body.String(), got.Body.String())
		}
	})
}

// FuzzCursors asks every list for the page after any text: what is no cursor of the caller's is refused, whoever made it.
func FuzzCursors(f *testing.F) {
	a := newTarget(f)
	var lists []route.Operation
	for _, op := range api.Operations() {
		if slices.Contains(apptest.QueryParameters(f, op), "cursor") {
			lists = append(lists, op)
		}
	}
	require.NotEmpty(f, lists)
	for i, op := range lists {
		for _, by := range []string{string(a.Alice.Tenant), string(a.Bob.Tenant)} {
			f.Add(uint(i), route.NewCursors(op.ID, by).Make("PROJECT#"+string(a.Bob.Project)))
		}
		f.Add(uint(i), "")
		f.Add(uint(i), "AAAAAAAAAAAAAAAAAAAAAAAA")
	}
	f.Fuzz(func(t *testing.T, which uint, cursor string) {
		got := a.ask(t, lists[which%uint(len(lists))], nil, url.Values{"cursor": {cursor}})
		require.Contains(t, []int{http.StatusOK, http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusRequestURITooLong}, got.Code, "%s", got.Body)
		require.NotContains(t, got.Body.String(), string(a.Bob.Project))
		require.NotContains(t, got.Body.String(), string(a.Bob.Tenant))
	})
}
