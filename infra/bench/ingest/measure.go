package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/tenantry/tenantry/infra/bench/bed"
)

// Targets.
const (
	mostRatio  = 2.0
	mostMemory = 300 << 20
	mostGrowth = 1.2 // of the memory, from the smaller file to the larger
)

// measure prints the figures.
func measure(ctx context.Context, out io.Writer, sizes []int) error {
	fmt.Fprintln(out, "import of generated lines (50 accounts, 15 regions, 300 SKUs, 2 tags of 500 values, 200,000 resources), CPU user+system of whole processes")
	fmt.Fprintf(out, "%-8s %9s  %-26s %9s %9s %7s  %s\n", "format", "lines", "against", "import", "bare", "ratio", "target")
	for _, f := range formats {
		var peaks []int64
		for _, lines := range sizes {
			peak, err := compare(ctx, out, f, lines)
			if err != nil {
				return err
			}
			peaks = append(peaks, peak)
		}
		for i, peak := range peaks {
			fmt.Fprintf(out, "%-8s %9d  %-26s %42s\n", f, sizes[i], "peak memory of the import",
				verdict(fmt.Sprintf("%d MiB", peak>>20), "300 MiB", peak <= mostMemory))
		}
		growth := float64(slices.Max(peaks)) / float64(slices.Min(peaks))
		fmt.Fprintf(out, "%-8s %9s  %-26s %42s\n", f, "", "largest peak by smallest", verdict(fmt.Sprintf("%.2f times", growth), "1.20", growth <= mostGrowth))
	}
	return nil
}

func verdict(figure, target string, met bool) string {
	if met {
		return fmt.Sprintf("%s  <= %s", figure, target)
	}
	return fmt.Sprintf("%s  <= %s MISSED", figure, target)
}

// compare imports a file, reads it bare, and gives the import's peak of memory.
func compare(ctx context.Context, out io.Writer, f format, lines int) (peak int64, err error) {
	file, err := cached(ctx, f, lines)
	if err != nil {
		return 0, err
	}
	imported, err := imported(ctx, f, file)
	if err != nil {
		return 0, err
	}
	for i, r := range f.readings {
		bare, err := bed.Child(ctx, r.child, file)
		if err != nil {
			return 0, err
		}
		if bare.Rows != int64(lines) || imported.Rows != int64(lines) {
			return 0, fmt.Errorf("%s: %d lines were imported and %d read of %d", file, imported.Rows, bare.Rows, lines)
		}
		ratio, target := imported.CPU.Seconds()/bare.CPU.Seconds(), ""
		if i == 0 {
			target = verdict("", fmt.Sprintf("%.1f", mostRatio), ratio <= mostRatio)
		}
		fmt.Fprintf(out, "%-8s %9d  %-26s %9s %9s %7.2f%s\n", f, lines, r.name, seconds(imported.CPU), seconds(bare.CPU), ratio, target)
	}
	return imported.Peak, nil
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

// cached gives a file of generated lines, which a child makes where it is not there.
func cached(ctx context.Context, f format, lines int) (string, error) {
	path := filepath.Join(bed.Root, fmt.Sprintf("lines-%s-%d.%s", revision, lines, f))
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := os.MkdirAll(bed.Root, 0o755); err != nil {
		return "", err
	}
	_, err := bed.Child(ctx, "make", path, f.name, fmt.Sprint(lines))
	return path, err
}
