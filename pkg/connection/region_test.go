package connection_test

import (
	"encoding/json"
	"maps"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/connection"
)

// A new version of the SDK that knows more regions says so here.
func TestRegionsAreThoseThatTheSDKKnows(t *testing.T) {
	dir, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/aws/aws-sdk-go-v2").Output()
	require.NoError(t, err)
	b, err := os.ReadFile(filepath.Join(strings.TrimSpace(string(dir)), "internal", "endpoints", "awsrulesfn", "partitions.json"))
	require.NoError(t, err)
	var known struct {
		Partitions []struct {
			ID      string                     `json:"id"`
			Regions map[string]json.RawMessage `json:"regions"`
		} `json:"partitions"`
	}
	require.NoError(t, json.Unmarshal(b, &known))
	held := 0
	for _, p := range known.Partitions {
		if len(connection.Regions(p.ID)) == 0 {
			continue // no platform is there
		}
		held++
		names := slices.DeleteFunc(slices.Sorted(maps.Keys(p.Regions)), func(name string) bool { return strings.HasSuffix(name, "-global") })
		require.Equal(t, names, connection.Regions(p.ID), p.ID)
	}
	require.Equal(t, 3, held)
}
