package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"time"

	"github.com/tenantry/tenantry/infra/bench/bed"
)

// Targets.
const (
	mostRatio  = 2.0
	mostMemory = 300_000_000
	mostGrowth = 1.2 // of the memory, from the smaller file to the larger
)

// bill is a generated file. Its resources are billed for 1 to hours hours of a day in a row.
type bill struct {
	format format
	lines  int
	hours  int
}

// A resource is billed for five hours in a row on average, so that a million lines have all of them. Of scattered lines nearly
// every one makes a cell of its own in two views, which is the most that can be made of a line; there is no target for them.
const (
	hourly    = 9
	scattered = 1
)

// measure prints the figures.
func measure(ctx context.Context, out io.Writer, sizes []int) error {
	fmt.Fprintln(out, "import of generated lines (50 accounts, 15 regions, 300 SKUs, 2 tags of 500 values, 200,000 resources), CPU user+system of whole processes,\nthe least of three turns up to 1,000,000 lines")
	fmt.Fprintf(out, "%-8s %9s  %-26s %9s %9s %7s  %s\n", "format", "lines", "against", "import", "bare", "ratio", "target")
	for _, f := range formats {
		var peaks []int64
		for _, lines := range sizes {
			peak, err := compare(ctx, out, bill{f, lines, hourly})
			if err != nil {
				return err
			}
			peaks = append(peaks, peak)
		}
		for i, peak := range peaks {
			fmt.Fprintf(out, "%-8s %9d  %-26s %42s\n", f, sizes[i], "peak memory of the import",
				verdict(sizes[i], fmt.Sprintf("%d MB", peak/1_000_000), "300 MB", peak <= mostMemory))
		}
		growth := float64(slices.Max(peaks)) / float64(slices.Min(peaks))
		fmt.Fprintf(out, "%-8s %9s  %-26s %42s\n", f, "", "largest peak by smallest", verdict(sizes[0], fmt.Sprintf("%.2f times", growth), "1.20", growth <= mostGrowth))
	}
	fmt.Fprintln(out, "scattered lines, nearly every one in a cell of its own:")
	_, err := compare(ctx, out, bill{formats[0], sizes[0], scattered})
	return err
}

// judged is the number of lines from which on targets hold: fewer are taken to see that the program works.
const judged = 1_000_000

func verdict(lines int, figure, target string, met bool) string {
	if lines < judged {
		return figure
	}
	if met {
		return fmt.Sprintf("%s  <= %s", figure, target)
	}
	return fmt.Sprintf("%s  <= %s MISSED", figure, target)
}

// turns is how often smaller files are imported and read, in turns: the least CPU time of each is taken, for what else runs
// on the machine makes it more, and the most memory.
const turns = 3

// compare imports a file, reads it bare, and gives the import's peak of memory.
func compare(ctx context.Context, out io.Writer, b bill) (peak int64, err error) {
	file, err := cached(ctx, b)
	if err != nil {
		return 0, err
	}
	if err := warm(file); err != nil {
		return 0, err
	}
	all := make([]least, 1+len(b.format.readings))
	for done := 0; done < max(1, min(turns, turns*1_000_000/b.lines)); done++ {
		if err := all[0].see(b, file, func() (bed.Use, error) { return imported(ctx, b.format, file) }); err != nil {
			return 0, err
		}
		for i, r := range b.format.readings {
			if err := all[1+i].see(b, file, func() (bed.Use, error) { return bed.Child(ctx, r.child, file) }); err != nil {
				return 0, err
			}
		}
	}
	for i, r := range b.format.readings {
		ratio, target := all[0].cpu.Seconds()/all[1+i].cpu.Seconds(), ""
		if i == 0 && b.hours == hourly {
			target = verdict(b.lines, "", fmt.Sprintf("%.1f", mostRatio), ratio <= mostRatio)
		}
		fmt.Fprintf(out, "%-8s %9d  %-26s %9s %9s %7.2f%s\n", b.format, b.lines, r.name, seconds(all[0].cpu), seconds(all[1+i].cpu), ratio, target)
	}
	return all[0].peak, nil
}

// least is the least time and the most memory of several turns.
type least struct {
	cpu  time.Duration
	peak int64
}

func (l *least) see(b bill, file string, take func() (bed.Use, error)) error {
	u, err := take()
	if err != nil {
		return err
	}
	if u.Rows != int64(b.lines) {
		return fmt.Errorf("%d lines were read of the %d in %s", u.Rows, b.lines, file)
	}
	if l.cpu == 0 || u.CPU < l.cpu {
		l.cpu = u.CPU
	}
	l.peak = max(l.peak, u.Peak)
	return nil
}

// warm has the system keep the file in memory, so that the disk is nobody's work.
func warm(name string) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	_, err = io.Copy(io.Discard, file)
	return errors.Join(err, file.Close())
}

func seconds(d time.Duration) string { return fmt.Sprintf("%.2f s", d.Seconds()) }

// cached gives a bill's file, which a child makes where it is not there.
func cached(ctx context.Context, b bill) (string, error) {
	path := filepath.Join(bed.Root, fmt.Sprintf("lines-%s-%dh-%d.%s", revision, b.hours, b.lines, b.format))
	if _, err := os.Stat(path); err == nil {
		return path, nil
	}
	if err := os.MkdirAll(bed.Root, 0o755); err != nil {
		return "", err
	}
	_, err := bed.Child(ctx, "make", path, b.format.name, strconv.Itoa(b.lines), strconv.Itoa(b.hours))
	return path, err
}
