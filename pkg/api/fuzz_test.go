package api_test

import (
	"net/http"
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

// FuzzPathIDs asks with any text as any ID of any path: whatever is no ID of the caller's is answered as an ID that never was.
func FuzzPathIDs(f *testing.F) {
	a := newInstance(f, apptest.New(f))
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
		got := a.ask(t, a.Alice.Token, p.op, map[string]string{p.name: id}, nil)
		require.Equal(t, http.StatusNotFound, got.Code, "%s", got.Body)
		if clean := path.Clean("/" + id); clean == "/"+id { // at the others there is no path
			want := a.ask(t, a.Alice.Token, p.op, map[string]string{p.name: apptest.Never(p.name)}, nil)
			require.Equal(t, want.Body.String(), got.Body.String())
		}
	})
}

// FuzzCursors asks every list for the page after any text: what is no cursor of the caller's is refused, whoever made it.
func FuzzCursors(f *testing.F) {
	a := newInstance(f, apptest.New(f))
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
		got := a.ask(t, a.Alice.Token, lists[which%uint(len(lists))], nil, url.Values{"cursor": {cursor}})
		require.Contains(t, []int{http.StatusOK, http.StatusBadRequest, http.StatusUnprocessableEntity, http.StatusRequestURITooLong}, got.Code, "%s", got.Body)
		require.NotContains(t, got.Body.String(), string(a.Bob.Project))
		require.NotContains(t, got.Body.String(), string(a.Bob.Tenant))
	})
}
