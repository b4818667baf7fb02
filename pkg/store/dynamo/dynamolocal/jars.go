package dynamolocal

import (
	_ "embed"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"syscall"
)

// folderEnv names the folder of the jars; without it they are in the repository's .cache.
const folderEnv = "TENANTRY_DYNAMODB_LOCAL"

//go:embed pom.xml
var pom []byte

// jars gives the folder that the jars are in, and fetches them where it is missing. Processes that fetch at the same time
// take turns, and the folder appears whole.
func jars() (string, error) {
	folder := os.Getenv(folderEnv)
	if folder == "" {
		root, err := repository()
		if err != nil {
			return "", err
		}
		folder = filepath.Join(root, ".cache", "dynamodb-local")
	}
	if _, err := os.Stat(folder); err == nil {
		return folder, nil
	}
	mvn, err := exec.LookPath("mvn")
	if err != nil {
		return "", fmt.Errorf("no jars in %s, and mvn, which would fetch them, is not installed", folder)
	}
	return folder, fetch(mvn, folder)
}

func fetch(mvn, folder string) error {
	if err := os.MkdirAll(filepath.Dir(folder), 0o755); err != nil {
		return err
	}
	lock, err := os.OpenFile(folder+".lock", os.O_CREATE|os.O_RDWR, 0o644)
	if err != nil {
		return err
	}
	defer lock.Close()
	if err := syscall.Flock(int(lock.Fd()), syscall.LOCK_EX); err != nil {
		return err
	}
	if _, err := os.Stat(folder); err == nil {
		return nil
	}
	work, err := os.MkdirTemp(filepath.Dir(folder), "dynamodb-local-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(work)
	if err := os.WriteFile(filepath.Join(work, "pom.xml"), pom, 0o644); err != nil {
		return err
	}
	cmd := exec.Command(mvn, "-q", "-B", "-f", filepath.Join(work, "pom.xml"), "dependency:copy-dependencies",
		"-DincludeScope=runtime", "-DoutputDirectory="+filepath.Join(work, "jars"))
	if output, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("fetch the jars: %w: %s", err, output)
	}
	return os.Rename(filepath.Join(work, "jars"), folder)
}

// repository gives the folder of go.mod.
func repository() (string, error) {
	folder, err := os.Getwd()
	for err == nil {
		if _, missing := os.Stat(filepath.Join(folder, "go.mod")); missing == nil {
			return folder, nil
		}
		if filepath.Dir(folder) == folder {
			return "", fmt.Errorf("no go.mod above the working directory")
		}
		folder = filepath.Dir(folder)
	}
	return "", err
}
