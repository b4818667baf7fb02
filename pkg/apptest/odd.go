package apptest

import (
	"bytes"
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/route"
)

// Odd values for the places of a body and for parameters.
var (
	oddValues = []any{nil, "", " ", "\x00", "é\u2028", strings.Repeat("x", 3000), true, -1, 0, 1.5, json.Number("1e400"), json.Number("1e19"),
		json.Number("-9223372036854775808"), []any{}, []any{nil}, []any{map[string]any{"a": 1}, map[string]any{"a": 1}}, map[string]any{},
		map[string]any{"": ""}, map[string]any{"__proto__": []any{}}}
	oddTexts = []string{"", " ", "\x00", "\xff", "%", "'", "é", "-1", "0", "1e9", "99999999999999999999", "true", "null", ",", ",,", ":", "a:b:c", `\`, "../..",
		"0001-01-01", "9999-12-31", "2026-02-30", "NaN", strings.Repeat("x", 10_000)}
)

// Odd checks of every operation that odd values, each in every place of its example's body and parameters, are answered
// and break nothing.
func (a *App) Odd(t *testing.T, ops []route.Operation) {
	for _, op := range ops {
		t.Run(op.ID, func(t *testing.T) {
			values := map[string]string{"tenantId": string(a.Alice.Tenant), "projectId": string(a.Alice.Project)}
			r, err := op.NewRequest(t.Context(), a.URL, values)
			require.NoError(t, err)
			body, err := io.ReadAll(r.Body)
			require.NoError(t, err)
			if len(body) > 0 {
				a.oddBodies(t, r, body)
			}
			a.oddQueries(t, r, body, parameters(t, op, "query"))
		})
	}
}

func (a *App) oddBodies(t *testing.T, r *http.Request, body []byte) {
	var example any
	require.NoError(t, json.Unmarshal(body, &example))
	for _, odd := range oddValues {
		for i := 0; ; i++ {
			changed, at := replaced(example, i, odd)
			if at != 0 {
				break
			}
			b, err := json.Marshal(changed)
			require.NoError(t, err)
			a.survives(t, r, b)
		}
	}
	for i := range body { // cut off anywhere
		a.survives(t, r, body[:i])
	}
}

// replaced gives v with its n-th place, counted from 0 in depth first, replaced; left is above 0 where there is none.
func replaced(v any, n int, by any) (out any, left int) {
	if n == 0 {
		return by, 0
	}
	left = n
	switch v := v.(type) {
	case map[string]any:
		c := maps.Clone(v)
		for _, k := range slices.Sorted(maps.Keys(v)) {
			if c[k], left = replaced(v[k], left-1, by); left == 0 {
				return c, 0
			}
		}
	case []any:
		c := slices.Clone(v)
		for i := range v {
			if c[i], left = replaced(v[i], left-1, by); left == 0 {
				return c, 0
			}
		}
	}
	return v, left
}

func (a *App) oddQueries(t *testing.T, r *http.Request, body []byte, names []string) {
	for _, name := range names {
		for _, odd := range oddTexts {
			c := r.Clone(t.Context())
			q := c.URL.Query()
			q.Set(name, odd)
			c.URL.RawQuery = q.Encode()
			a.survives(t, c, body)
		}
	}
}

// survives sends the request with a body.
func (a *App) survives(t *testing.T, r *http.Request, body []byte) {
	t.Helper()
	c := r.Clone(t.Context())
	c.Body, c.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	answer := a.Alice.Send(t, c)
	require.Less(t, answer.Status, 500, "%s %s\n%.300s\n%s", r.Method, r.URL, body, answer.Body)
}
