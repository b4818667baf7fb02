package apptest

import (
	"net/http"
	"path"
	"slices"
	"testing"

	"github.com/tenantry/tenantry/pkg/api"
	"github.com/tenantry/tenantry/pkg/route"
)

// promises fails the test when an operation answers with a status that its OpenAPI document does not name.
func promises(t testing.TB, served http.Handler) http.Handler {
	ops, patterns := map[string]route.Operation{}, http.NewServeMux()
	for _, op := range api.Operations() {
		ops[op.Method+" "+op.Path] = op
		patterns.Handle(op.Method+" "+op.Path, served)
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		seen := &seen{ResponseWriter: w}
		served.ServeHTTP(seen, r)
		_, pattern := patterns.Handler(r)
		op, known := ops[pattern]
		if known && r.Method == op.Method && r.URL.EscapedPath() == path.Clean(r.URL.EscapedPath()) && seen.status != 0 && !slices.Contains(op.Answers(), seen.status) {
			t.Errorf("operation %s answers %d, which its document does not name: add the kind of the failure to Fails in its Spec", op, seen.status)
		}
	})
}

// seen notes the status.
type seen struct {
	http.ResponseWriter
	status int
}

// WriteHeader notes the first one.
func (s *seen) WriteHeader(status int) {
	if s.status == 0 {
		s.status = status
	}
	s.ResponseWriter.WriteHeader(status)
}

// Unwrap is for http.ResponseController.
func (s *seen) Unwrap() http.ResponseWriter { return s.ResponseWriter }
