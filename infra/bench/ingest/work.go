package main

import (
	"bufio"
	"context"
	"encoding/csv"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime/pprof"
	"strconv"

	"github.com/tenantry/tenantry/infra/bench/bed"
	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/delivery"
	"github.com/tenantry/tenantry/pkg/demo"
	"github.com/tenantry/tenantry/pkg/focus"
	"github.com/tenantry/tenantry/pkg/focus/columnar"
)

// revision changes with what is generated, so that older files are not taken for it.
const revision = "2"

// billed is what follows a file's name in that of its total.
const billed = ".billed"

const month = calendar.Month(2026*12 + 5) // June has 30 days

// recorder is a writer of either format.
type recorder interface {
	Write(focus.Record) error
	Close() error
}

// writer writes Parquet as AWS exports are: amounts as DOUBLE, tags as MAP.
func writer(w io.Writer, format string) recorder {
	if format == "parquet" {
		return columnar.NewWriter(w, demo.Version, columnar.AmountsAs(columnar.DoubleAmounts), columnar.TagsAs(columnar.MapTags))
	}
	return focus.NewCSVWriter(w, demo.Version)
}

// makeFile writes the file args[0] in the format args[1] with args[2] lines, of at most args[3] hours in a row.
func makeFile(_ context.Context, args []string) error {
	if len(args) != 4 || !known(args[1]) {
		return errors.New("make takes a file, a format and two numbers")
	}
	lines, err := strconv.Atoi(args[2])
	if err != nil {
		return err
	}
	hours, err := strconv.Atoi(args[3])
	if err != nil {
		return err
	}
	bill := demo.Bench{Seed: 1, Month: month, Lines: lines, Resources: demo.BenchResources, Hours: hours}
	return write(bill, args[0], args[1])
}

// write writes a bill's file and, beside it, its total.
func write(bill demo.Bench, name, format string) error {
	unfinished := name + ".part"
	file, err := os.Create(unfinished)
	if err != nil {
		return err
	}
	buffered := bufio.NewWriterSize(file, 1<<20)
	w := writer(buffered, format)
	totals, err := bill.Each(func(r *focus.Record) error { return w.Write(*r) })
	if err = errors.Join(err, w.Close(), buffered.Flush(), file.Close()); err != nil {
		return errors.Join(err, os.Remove(unfinished))
	}
	all := totals.By(func(demo.Key) string { return "" })[""]
	if err := os.WriteFile(name+billed, []byte(all.Amount(focus.BilledCost).String()), 0o644); err != nil {
		return err
	}
	return errors.Join(os.Rename(unfinished, name), bed.Print(int64(bill.Lines)))
}

// importFile does the worker's message args[1] on the platform in args[0]. BENCH_PROFILE names a folder for CPU
// profiles.
func importFile(ctx context.Context, args []string) (err error) {
	var m delivery.Message
	if err := json.Unmarshal([]byte(args[1]), &m); err != nil {
		return err
	}
	if folder := os.Getenv("BENCH_PROFILE"); folder != "" {
		profile, err := os.CreateTemp(folder, "import-*.prof")
		if err != nil {
			return err
		}
		if err := pprof.StartCPUProfile(profile); err != nil {
			return err
		}
		defer func() { pprof.StopCPUProfile(); err = errors.Join(err, profile.Close()) }()
	}
	p, err := bed.Open(args[0])
	if err != nil {
		return err
	}
	if err := errors.Join(p.Worker.Handle(ctx, m), p.Close()); err != nil {
		return err
	}
	return bed.Print(0)
}

// readCSV reads the file args[0] as encoding/csv does by itself: a new record for every line.
func readCSV(_ context.Context, args []string) error { return countCSV(args[0], false) }

// reuseCSV reads it with ReuseRecord.
func reuseCSV(_ context.Context, args []string) error { return countCSV(args[0], true) }

func countCSV(name string, reuse bool) error {
	file, err := os.Open(name)
	if err != nil {
		return err
	}
	r := csv.NewReader(file)
	r.ReuseRecord = reuse
	for rows := int64(0); ; rows++ {
		if _, err := r.Read(); err == io.EOF {
			return errors.Join(file.Close(), bed.Print(rows-1)) // the header is no line
		} else if err != nil {
			return fmt.Errorf("read %s: %w", name, err)
		}
	}
}
