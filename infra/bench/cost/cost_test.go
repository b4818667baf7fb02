package main

import (
	"bytes"
	"flag"
	"fmt"
	"os"
	"testing"

	"github.com/stretchr/testify/require"
)

const document = "../../../docs/cost.md"

var update = flag.Bool("update", false, "write docs/cost.md")

func TestTheDocumentIsWhatTheProgramPrints(t *testing.T) {
	var out bytes.Buffer
	require.NoError(t, page(&out))
	if *update {
		require.NoError(t, os.WriteFile(document, out.Bytes(), 0o644))
	}
	is, err := os.ReadFile(document)
	require.NoError(t, err)
	require.Equal(t, out.String(), string(is), "go test ./infra/bench/cost -update writes it")
}

// Sums that are too large for 64 bits would show.
func TestWhatTenantsCostGrowsWithThem(t *testing.T) {
	few, err := bill(1, assumed, measured)
	require.NoError(t, err)
	many, err := bill(10_000, assumed, measured)
	require.NoError(t, err)
	for i, r := range few {
		require.Positive(t, r.pico, r.name)
		require.Contains(t, []int64{r.pico, 10_000 * r.pico}, many[i].pico, r.name)
	}
}

// Of what the page counts with no flow may take a twentieth, and two units, more or less.
func TestTheFlowsTakeWhatThePageCountsWith(t *testing.T) {
	t.Chdir(t.TempDir())
	is, err := measure(t.Context())
	require.NoError(t, err)
	for name, pair := range map[string][2]int64{
		"query, read": {measured.query.read, is.query.read}, "query, written": {measured.query.write, is.query.write},
		"request, read": {measured.request.read, is.request.read}, "request, written": {measured.request.write, is.request.write},
		"import, read": {measured.imports.read, is.imports.read}, "import, written": {measured.imports.write, is.imports.write},
	} {
		require.InDelta(t, pair[0], pair[1], float64(pair[0]/20+4), name)
	}
}

func TestFunctionsHaveTheMemoryThatThePageCountsWith(t *testing.T) {
	source, err := os.ReadFile("../../aws/platform/function.go")
	require.NoError(t, err)
	for function, mb := range map[string]int{"string(route.API)": requestMB, "ingest": importMB, "collect": runMB} {
		require.Contains(t, string(source), fmt.Sprintf("\t%s: {%d, ", function, mb))
	}
}
