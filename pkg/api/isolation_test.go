package api_test

import (
	"context"
	"crypto/rand"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/api"
	"github.com/tenantry/tenantry/pkg/apptest"
	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/tenant"
)

const isolation = "../../docs/isolation.md"

// Every operation is attacked on both engines. What that came to is in docs/isolation.md.
func TestIsolation(t *testing.T) {
	var report *apptest.Report
	t.Run("on bolt", func(t *testing.T) { report = attack(t, apptest.New(t)) })
	t.Run("on DynamoDB", func(t *testing.T) {
		r := attack(t, apptest.On(t, apptest.DynamoDB))
		if report != nil {
			require.Equal(t, report.Table(), r.Table())
		}
	})
	if t.Failed() {
		return
	}
	if *update {
		t.Log("\n" + report.Table())
		require.NoError(t, os.WriteFile(isolation, []byte(report.Document()), 0o644))
	}
	written, err := os.ReadFile(isolation)
	require.NoError(t, err)
	require.Equal(t, string(written), report.Document(), "operations have changed: run `make isolation` and commit docs/isolation.md")
}

func attack(t *testing.T, a *apptest.App) *apptest.Report {
	r := a.Matrix(t, "", api.Operations())
	for _, leak := range r.Leaks {
		t.Error(leak)
	}
	return r
}

func TestHandlerServesTheOperationsOfItsFunction(t *testing.T) {
	a := apptest.New(t)
	for _, f := range []route.Function{route.API, route.Admin, ""} {
		h, err := api.Handler(api.Deps{Store: a.Store, Auth: nobody{}, Clock: a.Now, Random: rand.Reader, Log: slog.New(slog.DiscardHandler)}, f)
		require.NoError(t, err)
		for _, op := range api.Operations() {
			r, err := op.NewRequest(t.Context(), "", nil)
			require.NoError(t, err)
			w := httptest.NewRecorder()
			h.ServeHTTP(w, r)
			served := w.Code != http.StatusNotFound && w.Code != http.StatusMethodNotAllowed
			require.Equal(t, f == "" || f == op.Function, served, "%s at %q: %d", op, f, w.Code)
		}
	}
}

// nobody lets nobody in.
type nobody struct{}

func (nobody) Principal(context.Context, string) (tenant.Principal, error) {
	return tenant.Principal{}, fault.New(fault.Unauthenticated, "nobody")
}

func (nobody) Forget(tenant.Principal, tenant.ID) {}

func (nobody) Scope(context.Context, string, string, tenant.Permission) (*tenant.Scope, error) {
	return nil, fault.New(fault.Unauthenticated, "nobody")
}

func TestHealthNeedsNoToken(t *testing.T) {
	a := apptest.New(t)
	require.JSONEq(t, `{"status":"ok"}`, string(a.With("").Get(t, "/v1/health").Is(t, 200).Body))
	require.JSONEq(t, `{"status":"ok"}`, string(a.With("bad").Get(t, "/v1/health").Is(t, 200).Body))
}

// Over requests of every sort of secret, refused ones too, and over the workers: the handler that takes what looks like a secret out of
// what errors say has no part in it here.
func TestLogHoldsNoSecrets(t *testing.T) {
	a := apptest.New(t)
	secrets := []string{a.Alice.Token, a.Bob.Token, "alice", "Very Private", "very-private", "Bearer", "carol@mail.example", "A Very Secret Issuer", "7654.321", "555566667777"}
	made := func(path string, in map[string]any, out any) {
		a.Alice.Do(t, "POST", a.Alice.Path(path), in).Is(t, 201).Into(t, out)
	}
	made("/projects", map[string]any{"name": "Very Private", "environment": "test"}, new(any))
	a.Alice.Get(t, a.Alice.Path("/projects?cursor=very-private")).Is(t, 400)
	a.Bob.Get(t, a.Alice.Path("/projects?cursor=very-private")).Is(t, 404)
	var invited, key struct{ Token, Key string }
	made("/invitations", map[string]any{"name": "carol@mail.example", "role": "viewer"}, &invited)
	made("/api-keys", map[string]any{"name": "Very Private", "role": "viewer"}, &key)
	secrets = append(secrets, invited.Token, key.Key)
	viewer, _ := a.Alice.Key(t, tenant.Viewer)
	viewer.Do(t, "DELETE", a.Alice.Path(""), nil).Is(t, 403)
	a.With("tnt_"+strings.Repeat("a", 40)).Get(t, a.Alice.Path("/projects")).Is(t, 401)
	for _, token := range a.BadTokens(t, "alice") {
		a.With(token).Get(t, "/v1/me").Is(t, 401)
		if len(token) > 8 {
			secrets = append(secrets, token)
		}
	}
	var c struct{ ExternalID string }
	made("/connections", map[string]any{"name": "Very Private", "accountId": "777788889999"}, &c)
	a.Connect(t, a.Alice.Tenant)
	secrets = append(secrets, viewer.Token, c.ExternalID)
	a.Alice.Bill(t, "555566667777", "A Very Secret Issuer", "7654.321")
	a.Alice.Do(t, "POST", a.Alice.Path("/exports"), nil).Is(t, 202)
	a.WorkJobs(t)
	a.Alice.Do(t, "POST", a.Alice.Path("/projects/"+string(a.Alice.Project)+"/runs"), map[string]any{"kind": "costs"})
	_ = a.WorkRuns(t)
	log := a.Log.String()
	for _, said := range []string{string(a.Alice.Tenant), `"writeUnits":`, `"operation":"ingest.uploaded"`, `"operation":"jobs.export"`, `"outcome":"refused"`} {
		require.Contains(t, log, said)
	}
	for _, secret := range secrets {
		require.NotEmpty(t, secret)
		require.False(t, strings.Contains(log, secret), "the log has %q", secret)
	}
}

func TestOddValuesBreakNothing(t *testing.T) {
	a := apptest.New(t)
	a.Odd(t, api.Operations())
}
