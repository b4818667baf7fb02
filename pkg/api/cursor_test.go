package api_test

import (
	"net/http"
	"net/url"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/api"
	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Cursors have no secret, so that anybody can make one that stands anywhere. Wherever that is, a list answers with what it would show
// without it, or refuses it.
func TestCursorsThatCallersMake(t *testing.T) {
	a := apptest.New(t)
	served := newInstance(t, a)
	hidden := a.Alice.Project
	var shown struct{ ID string }
	a.Alice.Do(t, "POST", a.Alice.Path("/projects"), map[string]any{"name": "shown", "environment": "test"}).Is(t, 201).Into(t, &shown)
	limited := a.Join(t, a.Alice.Tenant, "eve", tenant.Admin, tenant.ProjectID(shown.ID))
	stands := []string{"0", "A", "\x00", "\U0010FFFF", "-", "=x", "-1 abc", "9999999999 abc", "META", "FENCE", "MEMBER#", "APIKEY#", "PROJECT#" + string(hidden),
		"PROJECT#prj_", "DELIVERY#imp_7ZZZZZZZZZZZZZZZZZZZZZZZZZ", "7ZZZZZZZZZZZZZZZZZZZZZZZZZ", strings.Repeat("0", 26), strings.Repeat("x", 1024),
		strings.Repeat("x", 1025), strings.Repeat("x", 1500), "2026-01-01T00:00:00Z#costs"}
	lists := 0
	for _, op := range api.Operations() {
		if !slices.Contains(apptest.QueryParameters(t, op), "cursor") {
			continue
		}
		lists++
		ids, taken := map[string]string{"projectId": shown.ID}, 0
		for _, c := range bindings(a, op, shown.ID) {
			for _, at := range stands {
				query := url.Values{"cursor": {c.Make(at)}}
				for _, token := range []string{a.Alice.Token, limited.Token} {
					got := served.ask(t, token, op, ids, query)
					require.Contains(t, []int{http.StatusOK, http.StatusBadRequest, http.StatusForbidden, http.StatusUnprocessableEntity}, got.Code,
						"%s at %.40q: %s", op, at, got.Body)
					if token == limited.Token {
						require.NotContains(t, got.Body.String(), string(hidden), "%s at %.40q", op, at)
					}
					if got.Code == http.StatusOK {
						taken++
					}
				}
			}
		}
		require.True(t, taken > 0 || slices.Contains(ofAnswers, op.ID), "%s takes none of these cursors: add to `bindings` what its cursors are bound to", op)
	}
	require.Greater(t, lists, 10)
}

// ofAnswers are the lists whose cursors are bound to a whole question and stand in its answer, not at keys of the store.
var ofAnswers = []string{"getCosts", "listResources", "listProjectResources", "listMetrics"}

// bindings are what an operation's cursors may be bound to, as its example asks.
func bindings(a *apptest.App, op route.Operation, project string) []route.Cursors {
	id := string(a.Alice.Tenant)
	return []route.Cursors{
		route.NewCursors(op.ID, id), route.NewCursors(op.ID, a.URL, "alice"), route.NewCursors(op.ID, id, project), route.NewCursors(op.ID, id, "2026-01"),
		route.NewCursors(op.ID, id, project, "costs", "failed"),
		route.NewCursors(op.ID, id, "serviceName", "2026-01-01", "2026-02-01", "Amazon"), route.NewCursors(op.ID, id, "2026-01-01", "2026-02-01", "", "refused"),
	}
}
