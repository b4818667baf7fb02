package route_test

import (
	"io"
	"net/http/httptest"
	"testing"

	"github.com/stretchr/testify/require"
)

func FuzzBody(f *testing.F) {
	h := serve(f, &shop{}, io.Discard)
	for _, seed := range []string{"", "{}", `{"name":"a","parts":["x"]}`, `{"name":"a","name":"b"}`, `[[`, "\xef\xbb\xbf{}", `{"size":1e400}`} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, body string) {
		w := ask(t, h, "POST "+things, body, editor, asJSON)
		require.Contains(t, []int{201, 400, 413, 422}, w.Code, w.Body.String())
	})
}

func FuzzQuery(f *testing.F) {
	h := serve(f, &shop{}, io.Discard)
	for _, seed := range []string{"", "limit=3&filter=a&filter=b", "a&b=1", "limit", "%zz", "cursor=;", "limit=1&limit=2", "since=2026-01-02"} {
		f.Add(seed)
	}
	f.Fuzz(func(t *testing.T, query string) {
		r := httptest.NewRequest("GET", things, nil)
		r.URL.RawQuery = query
		r.Header.Set("Authorization", "Bearer viewer")
		w := httptest.NewRecorder()
		h.ServeHTTP(w, r)
		require.Contains(t, []int{200, 400, 414, 422}, w.Code, w.Body.String())
	})
}
