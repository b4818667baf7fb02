package main_test

import (
	"archive/zip"
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"
)

// TestTheReadmesFlow runs the commands that README shows, as they stand there, and looks for the answers that it promises.
func TestTheReadmesFlow(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		require.Empty(t, os.Getenv("CI"), "CI needs curl")
		t.Skip("there is no curl here")
	}
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	var flow string
	for i, block := range strings.Split(string(readme), "```sh\n")[1:] {
		commands, _, found := strings.Cut(block, "```")
		require.True(t, found, "block %d", i)
		flow += commands
	}

	sample, err := filepath.Abs("../../../shared/data/focus_sample.csv")
	require.NoError(t, err)
	_, missing := os.Stat(sample)
	if missing != nil {
		sample = filepath.Join(t.TempDir(), "costs.csv")
		require.NoError(t, os.WriteFile(sample, []byte(file(100)), 0o600))
	}
	p := start(t, t.TempDir())
	shell := exec.Command("bash", "-euo", "pipefail", "-c", flow)
	shell.Dir = t.TempDir()
	shell.Env = append(os.Environ(), "BASE="+p.url, "FILE="+sample)
	out, err := shell.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), `"status":"succeeded"`)
	require.Contains(t, string(out), `"status":404`, "bob sees nothing")
	archive, err := zip.OpenReader(filepath.Join(shell.Dir, "export.zip"))
	require.NoError(t, err)
	require.NoError(t, archive.Close())
	require.Contains(t, string(out), "providerName,regionId,date,billedCost,currency")
	if missing != nil {
		t.Log("the sample is not beside the repository: its totals were not compared")
		return
	}
	for _, line := range strings.Split(flow, "\n") {
		_, promise, _ := strings.Cut(line, "# ")
		if !strings.HasPrefix(line, "api ") {
			continue
		}
		for i, amount := range strings.Split(promise, `"`) {
			if i%2 == 1 && strings.ContainsAny(amount, "0123456789") {
				require.Contains(t, string(out), `"`+amount+`"`, line)
			}
		}
	}
}

func TestTheReadmeListsEveryOperation(t *testing.T) {
	readme, err := os.ReadFile("../../README.md")
	require.NoError(t, err)
	document, err := os.ReadFile("../../docs/openapi.json")
	require.NoError(t, err)
	var api struct {
		Paths map[string]map[string]struct{ Summary string }
	}
	require.NoError(t, json.Unmarshal(document, &api))
	require.NotEmpty(t, api.Paths)
	for path, methods := range api.Paths {
		for method, op := range methods {
			require.Contains(t, string(readme), "| `"+strings.ToUpper(method)+" "+path+"` | "+op.Summary+" |")
		}
	}
}
