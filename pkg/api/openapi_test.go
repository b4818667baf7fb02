package api_test

import (
	"encoding/json"
	"flag"
	"os"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/api"
	"github.com/tenantry/tenantry/pkg/route"
)

var update = flag.Bool("update", false, "write docs/openapi.json and docs/isolation.md")

const golden = "../../docs/openapi.json"

func TestOperationsAreWhole(t *testing.T) {
	require.NoError(t, route.Check(api.Operations()))
}

func TestOpenAPI(t *testing.T) {
	doc, err := api.OpenAPI()
	require.NoError(t, err)
	if *update {
		require.NoError(t, os.WriteFile(golden, doc, 0o644))
	}
	want, err := os.ReadFile(golden)
	require.NoError(t, err)
	require.Equal(t, string(want), string(doc), "the contract has moved: if it was meant to, run `make openapi` and commit docs/openapi.json")
}

func TestOpenAPIRefersToWhatItHolds(t *testing.T) {
	b, err := api.OpenAPI()
	require.NoError(t, err)
	var doc any
	require.NoError(t, json.Unmarshal(b, &doc))
	refs := 0
	var walk func(any)
	walk = func(v any) {
		switch v := v.(type) {
		case []any:
			for _, item := range v {
				walk(item)
			}
		case map[string]any:
			if ref, ok := v["$ref"].(string); ok {
				refs++
				at := doc
				for _, name := range strings.Split(strings.TrimPrefix(ref, "#/"), "/") {
					at = at.(map[string]any)[name]
				}
				require.NotNil(t, at, ref)
			}
			for _, item := range v {
				walk(item)
			}
		}
	}
	walk(doc)
	require.Greater(t, refs, 50)
}

func TestEveryParameterIsDescribed(t *testing.T) {
	b, err := api.OpenAPI()
	require.NoError(t, err)
	var doc struct {
		Paths map[string]map[string]struct {
			Parameters []struct{ Name, In, Description string }
		}
	}
	require.NoError(t, json.Unmarshal(b, &doc))
	seen := 0
	for path, methods := range doc.Paths {
		for method, op := range methods {
			for _, p := range op.Parameters {
				require.NotEmpty(t, p.Description, "%s %s: %s in %s", method, path, p.Name, p.In)
				seen++
			}
		}
	}
	require.Greater(t, seen, 100)
}
