// Command query measures questions on two years and more of costs of 20 projects with 250 cells a day in the view service,
// half of them with four different metrics, amounts of ten decimals: what of the store is read, and the time of an answer in
// process on the embedded store, authorization and JSON with it. Every alignment is asked, and the worst is printed.
//
// BENCH=quick takes fewer days and turns, to see that the program works.
package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/tenantry/tenantry/infra/bench/bed"
	"github.com/tenantry/tenantry/pkg/calendar"
	"github.com/tenantry/tenantry/pkg/store"
)

func main() {
	if err := run(context.Background(), os.Stdout, os.Getenv("BENCH") == "quick"); err != nil {
		fmt.Fprintln(os.Stderr, "query:", err)
		os.Exit(1)
	}
}

// plan is how much is measured.
type plan struct {
	first, last calendar.Month
	turns       int // of each question
	step        int // days from one start of 90 days to the next
}

func run(ctx context.Context, out io.Writer, quick bool) error {
	p := plan{first: 2024 * 12, last: 2026*12 + 2, turns: 21, step: 5}
	if quick {
		p = plan{first: 2024*12 + 9, last: 2025*12 + 10, turns: 3, step: 60}
	}
	return bed.Temporary("query", "", func(b *bed.Platform) error {
		t, err := fill(ctx, b, p)
		if err != nil {
			return err
		}
		return t.measure(ctx, out, p)
	})
}

// tenant is what is asked.
type tenant struct {
	*bed.Platform
	path     string
	projects []string
	handle   *store.Tenant
}
