// Command ingest measures the import of a large bill: the processor time of a whole import, from the file to documents in
// the embedded store, against that of bare reading of the same file, and the memory that it takes. Each figure is that of a
// child process from its start to its end. The files are made once, below .cache/bench.
//
// BENCH=quick takes fewer lines, to see that the program works; BENCH=1000000,5000000 is what it takes by itself.
package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"slices"
	"strconv"
	"strings"
)

func main() {
	if err := run(context.Background(), os.Args[1:]); err != nil {
		fmt.Fprintln(os.Stderr, "ingest:", err)
		os.Exit(1)
	}
}

// run measures, or is the child that the arguments name.
func run(ctx context.Context, args []string) error {
	if len(args) == 0 {
		lines, err := sizes(os.Getenv("BENCH"))
		if err != nil {
			return err
		}
		return measure(ctx, os.Stdout, lines)
	}
	child, ok := children[args[0]]
	if !ok || len(args) < 2 {
		return errors.New("takes no arguments")
	}
	return child(ctx, args[1:])
}

// sizes are the numbers of lines that are imported.
func sizes(bench string) (all []int, err error) {
	switch bench {
	case "":
		bench = "1000000,5000000"
	case "quick":
		bench = "50000,200000"
	}
	for text := range strings.SplitSeq(bench, ",") {
		n, err := strconv.Atoi(text)
		if err != nil || n <= 0 {
			return nil, fmt.Errorf("BENCH is %q: it must be quick, or numbers of lines", bench)
		}
		all = append(all, n)
	}
	return all, nil
}

// children are what a child process may be told to do, with the rest of its arguments.
var children = map[string]func(context.Context, []string) error{
	"make": makeFile, "import": importFile, "read-csv": readCSV, "read-csv-reuse": reuseCSV, "read-parquet": readParquet,
}

// formats are those that are compared, each with its bare reading.
var formats = []format{
	{"csv", []reading{{"encoding/csv", "read-csv"}, {"encoding/csv, ReuseRecord", "read-csv-reuse"}}},
	{"parquet", []reading{{"parquet-go GenericReader", "read-parquet"}}},
}

type format struct {
	name     string
	readings []reading // the first is what the target is for
}

type reading struct{ name, child string }

// names of the formats.
func (f format) String() string { return f.name }

func known(name string) bool {
	return slices.ContainsFunc(formats, func(f format) bool { return f.name == name })
}
