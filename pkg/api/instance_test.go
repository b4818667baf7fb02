package api_test

import (
	"log/slog"
	"net/http"
	"net/http/httptest"
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/api"
	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/route"
)

// instance is another server on an app's store, with caches of its own and without a network.
type instance struct {
	*apptest.App
	http.Handler
}

func newInstance(t testing.TB, a *apptest.App) *instance {
	return &instance{a, a.Another(t, func(d *api.Deps) { d.Log = slog.New(slog.DiscardHandler) })}
}

// ask sends an operation's example, in Alice's tenant and project where ids do not say otherwise.
func (i *instance) ask(t testing.TB, token string, op route.Operation, ids map[string]string, query url.Values) *httptest.ResponseRecorder {
	values := map[string]string{"tenantId": string(i.Alice.Tenant), "projectId": string(i.Alice.Project)}
	for name, id := range ids {
		values[name] = id
	}
	r, err := op.NewRequest(t.Context(), "http://instance", values)
	require.NoError(t, err)
	q := r.URL.Query()
	for name, v := range query {
		q[name] = v
	}
	r.URL.RawQuery = q.Encode()
	r.Header.Set("Authorization", "Bearer "+token)
	w := httptest.NewRecorder()
	i.ServeHTTP(w, r)
	return w
}
