// Package mototest starts moto, which answers for S3, SQS, STS and others of AWS, for tests.
package mototest

import (
	"bufio"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/credentials"
)

// Region is where the tests' resources are.
const Region = "us-east-1"

const (
	version       = "5.2.1"
	installWithin = 5 * time.Minute
)

// serve listens on a free port of loopback, says where, and ends with the process that holds its standard input.
const serve = `
import logging, sys
from moto.server import ThreadedMotoServer
logging.getLogger("werkzeug").setLevel(logging.ERROR)
server = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
server.start()
print("http://%s:%d" % server.get_host_and_port(), flush=True)
sys.stdin.read()
`

// Start gives the address of a moto server that lasts as long as the test process and that all its tests share: name what
// you make after the test. Where moto cannot be had, the test fails if CI is "true" and is skipped if not.
func Start(tb testing.TB) string {
	tb.Helper()
	s, err := start()
	switch {
	case err == nil:
		return s.url
	case os.Getenv("CI") == "true":
		tb.Fatalf("moto is needed: %v", err)
	default:
		tb.Skipf("SKIPPED, moto cannot be had: %v", err)
	}
	return ""
}

// Config is an SDK configuration whose every service is the server at url.
func Config(url string) aws.Config {
	return aws.Config{
		Region:       Region,
		BaseEndpoint: aws.String(url),
		Credentials:  credentials.NewStaticCredentialsProvider("AKIDTEST", "test", ""),
	}
}

// Env is the same for a process: variables for its environment.
func Env(url string) []string {
	return []string{
		"AWS_REGION=" + Region, "AWS_ACCESS_KEY_ID=AKIDTEST", "AWS_SECRET_ACCESS_KEY=test", "AWS_ENDPOINT_URL=" + url,
	}
}

// server is a moto that runs for as long as cmd, whose standard input nobody closes, is held on to.
type server struct {
	cmd *exec.Cmd
	url string
}

var start = sync.OnceValues(func() (*server, error) {
	bin, err := install("moto-"+version, "moto[server]=="+version)
	if err != nil {
		return nil, err
	}
	cmd := exec.Command(filepath.Join(bin, "python"), "-c", serve)
	cmd.Stderr = os.Stderr
	_, err1 := cmd.StdinPipe()
	out, err2 := cmd.StdoutPipe()
	if err := errors.Join(err1, err2, cmd.Start()); err != nil {
		return nil, err
	}
	line, err := bufio.NewReader(out).ReadString('\n')
	if err != nil {
		return nil, errors.Join(fmt.Errorf("moto did not start: %w", err), cmd.Wait())
	}
	return &server{cmd, strings.TrimSpace(line)}, nil
})

// Python gives a Python that has a package, by name and version. Where it cannot be had, the test fails if CI is "true" and
// is skipped if not.
func Python(tb testing.TB, name, version string) string {
	tb.Helper()
	bin, err := install(name+"-"+version, name+"=="+version)
	if err == nil {
		return filepath.Join(bin, "python")
	}
	if os.Getenv("CI") == "true" {
		tb.Fatalf("%s is needed: %v", name, err)
	}
	tb.Skipf("SKIPPED, %s cannot be had: %v", name, err)
	return ""
}

// install gives the folder of programs of a virtual environment with a package, under .cache of the repository.
func install(name, requirement string) (bin string, err error) {
	root, err := repository()
	if err != nil {
		return "", err
	}
	cache := filepath.Join(root, ".cache")
	home := filepath.Join(cache, name)
	bin = filepath.Join(home, "bin")
	if _, err := os.Stat(filepath.Join(bin, "python")); err == nil {
		return bin, nil
	}
	if err := os.MkdirAll(cache, 0o755); err != nil {
		return "", err
	}
	// Several test processes may be here: the first one whole wins, and nobody sees half an environment.
	temp, err := os.MkdirTemp(cache, name+"-new-")
	if err != nil {
		return "", err
	}
	defer func() { _ = os.RemoveAll(temp) }()
	if err := run("python3", "-m", "venv", temp); err != nil {
		return "", err
	}
	if err := run(filepath.Join(temp, "bin", "python"), "-m", "pip", "install", "--quiet", requirement); err != nil {
		return "", err
	}
	if err := os.Rename(temp, home); err != nil && !errors.Is(err, fs.ErrExist) {
		return "", err
	}
	return bin, nil
}

func run(name string, args ...string) error {
	ctx, stop := context.WithTimeout(context.Background(), installWithin)
	defer stop()
	if out, err := exec.CommandContext(ctx, name, args...).CombinedOutput(); err != nil {
		return fmt.Errorf("%s %s: %w: %s", name, strings.Join(args, " "), err, out)
	}
	return nil
}

func repository() (string, error) {
	dir, err := os.Getwd()
	if err != nil {
		return "", err
	}
	for {
		if _, err := os.Stat(filepath.Join(dir, "go.mod")); err == nil {
			return dir, nil
		}
		if dir == filepath.Dir(dir) {
			return "", errors.New("no go.mod above the working directory")
		}
		dir = filepath.Dir(dir)
	}
}
