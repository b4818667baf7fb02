package route_test

import (
	"context"
	"log/slog"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/route"
	"github.com/tenantry/tenantry/pkg/tenant"
)

func TestTargets(t *testing.T) {
	for path, want := range map[string]string{
		things + "/thg_01ARZ3NDEKTSV4RRFFQ69G5FAV":         "thing/thg_01ARZ3NDEKTSV4RRFFQ69G5FAV",
		things + "/unassigned":                             "thing/unassigned",
		things + "/%1b%5b2Jfine":                           "thing/%1B%5B2Jfine",
		things + "/x%0D%0A2026-01-01T00%3A00%3A00Z,forged": "thing/x%0D%0A2026-01-01T00:00:00Z%2Cforged",
		things + "/%E2%80%AEevil":                          "thing/%E2%80%AEevil",
		things + "/a%2Fb":                                  "thing/a%2Fb",
		things + "/%ff":                                    "thing/%FF",
		things:                                             "tenant/" + home,
	} {
		var got string
		h, err := route.Handler((&shop{}).operations(), door{}, route.Options{Log: slog.New(slog.DiscardHandler),
			Answered: func(ctx context.Context, _ *tenant.Scope) { got = route.RequestOf(ctx).Target }})
		require.NoError(t, err)
		r := httptest.NewRequest("GET", path, nil)
		r.Header.Set("Authorization", "Bearer viewer")
		h.ServeHTTP(httptest.NewRecorder(), r)
		require.Equal(t, want, got, path)
	}
}
