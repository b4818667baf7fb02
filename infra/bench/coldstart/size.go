package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"path/filepath"
)

// largest is what a function's binary may have at most, in MB of 2^20 bytes, as it is deployed: for arm64.
var largest = []struct {
	function string
	mb       int64
}{{"api", 16}, {"admin", 16}, {"ingest", 16}, {"jobs", 16}, {"reconcile", 16}, {"collect", 24}}

// sizes builds each function and fails where one is over its size.
func sizes(ctx context.Context, out io.Writer, dir string) (err error) {
	for _, l := range largest {
		binary := filepath.Join(dir, l.function+"-arm64")
		if e := build(ctx, "functions/"+l.function, binary, "GOOS=linux", "GOARCH=arm64"); e != nil {
			return e
		}
		info, e := os.Stat(binary)
		if e != nil {
			return e
		}
		hundredths := (info.Size()*100 + 1<<19) >> 20
		fmt.Fprintf(out, "size: %-9s %2d.%02d MB (at most %d)\n", l.function, hundredths/100, hundredths%100, l.mb)
		if info.Size() > l.mb<<20 {
			err = errors.Join(err, fmt.Errorf("functions/%s has %d bytes, more than %d MB: see docs/decisions/2026-11-25-what-a-function-links.md", l.function, info.Size(), l.mb))
		}
		if e := os.Remove(binary); e != nil {
			return e
		}
	}
	return err
}

// build builds a package as it is deployed.
func build(ctx context.Context, pkg, binary string, env ...string) error {
	cmd := exec.CommandContext(ctx, "go", "build", "-tags", "lambda.norpc", "-trimpath", "-ldflags", "-s -w", "-o", binary, module+pkg)
	cmd.Env = append(append(os.Environ(), "CGO_ENABLED=0"), env...)
	if text, err := cmd.CombinedOutput(); err != nil {
		return fmt.Errorf("build %s: %w: %s", pkg, err, text)
	}
	return nil
}
