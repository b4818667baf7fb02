package api_test

import (
	"flag"
	"os"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/api"
	"github.com/tenantry/tenantry/pkg/route"
)

var update = flag.Bool("update", false, "write docs/openapi.json")

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
