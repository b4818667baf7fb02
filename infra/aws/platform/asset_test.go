package platform_test

import (
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	"github.com/aws/aws-cdk-go/awscdk/v2"
	"github.com/stretchr/testify/require"
)

// The hash of an asset is of its content: a function whose source has not changed is not deployed again, wherever it was built.
func TestTheSameSourceInTwoFoldersIsTheSameAsset(t *testing.T) {
	source := filepath.Join("..", "..", "..")
	build := func(arch string) string {
		dir := t.TempDir()
		for _, part := range []string{"pkg", "functions"} {
			require.NoError(t, os.CopyFS(filepath.Join(dir, part), os.DirFS(filepath.Join(source, part))))
		}
		for _, file := range []string{"go.mod", "go.sum", "Makefile"} {
			b, err := os.ReadFile(filepath.Join(source, file))
			require.NoError(t, err)
			require.NoError(t, os.WriteFile(filepath.Join(dir, file), b, 0o644))
		}
		out, err := exec.CommandContext(t.Context(), "make", "-C", dir, "build", "ARCHS="+arch, "FUNCTIONS=reconcile").CombinedOutput()
		require.NoError(t, err, string(out))
		asset := filepath.Join(dir, "build", arch, "reconcile")
		require.FileExists(t, filepath.Join(asset, "bootstrap"))
		return *awscdk.FileSystem_Fingerprint(&asset, nil)
	}
	one := build("arm64")
	require.Equal(t, one, build("arm64"))
	require.NotEqual(t, one, build("amd64"))
}
