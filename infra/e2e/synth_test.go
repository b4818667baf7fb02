package e2e_test

import (
	"encoding/json"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/identity/localissuer"
)

// synthesize runs the CDK app, which `make e2e-cloud` has built, and gives the folder that it has written.
func synthesize(t *testing.T, i *localissuer.Issuer, more ...string) string {
	root, err := filepath.Abs("../..")
	require.NoError(t, err)
	folder := t.TempDir()
	said := map[string]string{"stage": "e2e", "arch": map[string]string{"amd64": "x86_64", "arm64": "arm64"}[runtime.GOARCH], "plan": "enterprise",
		"issuer": i.URL, "clients": localissuer.ClientID, "build": filepath.Join(root, "build")}
	for _, pair := range more {
		key, value, _ := strings.Cut(pair, "=")
		said[key] = value
	}
	values, err := json.Marshal(said)
	require.NoError(t, err)
	app := exec.Command(filepath.Join(root, "build", "platform"))
	app.Dir = root
	app.Env = append(os.Environ(), "CDK_OUTDIR="+folder, "CDK_CONTEXT_JSON="+string(values))
	out, err := app.CombinedOutput()
	require.NoError(t, err, "%s: make e2e-cloud builds it", out)
	return folder
}
