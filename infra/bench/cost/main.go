// Command cost prints docs/cost.md: what the platform costs its operator at 1, 100 and 10,000 tenants, from what real flows were
// measured to use (measured, which a test measures again), a tenant's month as it is assumed (assumed), and AWS's prices. With -measure it
// measures the flows instead, on the embedded store, and prints what they use.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
)

func main() {
	again := flag.Bool("measure", false, "measure the flows and print what they use")
	flag.Parse()
	if err := run(context.Background(), os.Stdout, *again); err != nil {
		fmt.Fprintln(os.Stderr, "cost:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, again bool) error {
	if !again {
		return page(out)
	}
	u, err := measure(ctx)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintf(out, "%+v\n", u)
	return err
}
