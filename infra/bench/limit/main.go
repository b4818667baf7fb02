// Command limit measures what limiting costs: the latency of a tenant of the plan free while another of it sends fifty times its
// requests per minute, against the same tenant's while nobody else sends anything, by turns in one run; and how many requests
// there are for each write that limiting and metering make, in the same run and of one tenant of each plan that uses all it has.
// It calls the platform in process, on the embedded store.
//
// BENCH=quick takes less time, to see that the program works.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/tenantry/tenantry/infra/bench/bed"
	ids "github.com/tenantry/tenantry/pkg/tenant"
)

func main() {
	if err := run(context.Background(), os.Stdout, os.Getenv("BENCH") == "quick"); err != nil {
		fmt.Fprintln(os.Stderr, "limit:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, quick bool) error {
	turn, turns := 5*time.Second, 8
	if quick {
		turn, turns = time.Second, 2
	}
	err := bed.Temporary("limit", ids.Free, func(b *bed.Platform) error { return beside(ctx, out, b, turn, turns) })
	for _, plan := range []ids.Plan{ids.Free, ids.Team, ids.Enterprise} {
		err = errors.Join(err, bed.Temporary("limit", plan, func(b *bed.Platform) error { return whole(ctx, out, b, plan) }))
	}
	return err
}
