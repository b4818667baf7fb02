package main_test

import (
	"archive/zip"
	"bytes"
	"encoding/json"
	"errors"
	"flag"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/demo"
)

var update = flag.Bool("update", false, "write docs/sample.csv")

const sample = "../../docs/sample.csv"

// readmeFlow gives the commands that README shows.
func readmeFlow() (flow string, err error) {
	text, err := os.ReadFile("../../README.md")
	if err != nil {
		return "", err
	}
	for _, block := range strings.Split(string(text), "```sh\n")[1:] {
		commands, _, found := strings.Cut(block, "```")
		if !found {
			return "", errors.New("a block of commands has no end")
		}
		flow += commands
	}
	return flow, nil
}

// TestTheReadmesFlow runs the commands that README shows, as they stand there, and looks for the answers that it promises.
func TestTheReadmesFlow(t *testing.T) {
	if _, err := exec.LookPath("curl"); err != nil {
		require.Empty(t, os.Getenv("CI"), "CI needs curl")
		t.Skip("there is no curl here")
	}
	flow, err := readmeFlow()
	require.NoError(t, err)
	docs, err := filepath.Abs("../../docs")
	require.NoError(t, err)
	p := start(t, t.TempDir())
	shell := exec.Command("bash", "-c", flow)
	shell.Dir = t.TempDir()
	require.NoError(t, os.Symlink(docs, filepath.Join(shell.Dir, "docs")), "the flow runs as from the repository's root")
	shell.Env = append(os.Environ(), "BASE="+p.url, "FILE=")
	out, err := shell.CombinedOutput()
	require.NoError(t, err, "%s", out)
	require.Contains(t, string(out), `"status":"succeeded"`)
	require.Contains(t, string(out), `"status":404`, "bob sees nothing")
	archive, err := zip.OpenReader(filepath.Join(shell.Dir, "export.zip"))
	require.NoError(t, err)
	require.NoError(t, archive.Close())
	require.Contains(t, string(out), "providerName,regionId,date,billedCost,currency")
	promises := 0
	for _, line := range strings.Split(flow, "\n") {
		_, promise, _ := strings.Cut(line, "# ")
		if !strings.HasPrefix(line, "api ") {
			continue
		}
		for i, amount := range strings.Split(promise, `"`) {
			if i%2 == 1 && strings.ContainsAny(amount, "0123456789") {
				promises++
				require.Contains(t, string(out), `"`+amount+`"`, line)
			}
		}
	}
	require.Greater(t, promises, 8)
}

// What the README's flow ends with where it cannot go on: soon, and with a word of why.
func TestTheReadmesFlowStopsWhereItCannotGoOn(t *testing.T) {
	flow, err := readmeFlow()
	require.NoError(t, err)
	p := start(t, t.TempDir())
	bad := filepath.Join(t.TempDir(), "bad.csv")
	require.NoError(t, os.WriteFile(bad, []byte("no,focus\n1,2\n"), 0o600))
	for name, c := range map[string]struct{ base, file, says string }{
		"without a file":       {p.url, "/there/is/none.csv", "there is no file"},
		"without a platform":   {"http://127.0.0.1:1", bad, "connect"},
		"with no file of ours": {p.url, bad, "not done"},
	} {
		t.Run(name, func(t *testing.T) {
			shell := exec.Command("bash", "-c", flow)
			shell.Dir = t.TempDir()
			shell.Env = append(os.Environ(), "BASE="+c.base, "FILE="+c.file)
			out, err := shell.CombinedOutput()
			require.Error(t, err, "%s", out)
			require.Contains(t, strings.ToLower(string(out)), c.says)
			require.NotContains(t, string(out), "groups", "it goes on")
		})
	}
}

// docs/sample.csv is a week that pkg/demo makes.
func TestTheSampleIsGenerated(t *testing.T) {
	made, err := demo.ABC().CSV(1, calendar.Date(2024, time.September, 1), calendar.Date(2024, time.September, 8))
	require.NoError(t, err)
	if *update {
		require.NoError(t, os.WriteFile(sample, made, 0o644))
	}
	there, err := os.ReadFile(sample)
	require.NoError(t, err)
	require.True(t, bytes.Equal(made, there), "run `go test ./infra/local -run Sample -update` and put the new amounts into README.md")
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
