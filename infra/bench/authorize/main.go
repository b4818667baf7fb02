// Command authorize measures what it costs, in CPU time, to find out who calls and whether they may: by API key and by token,
// where both are known, and by a token that is seen for the first time. It fails where an aim is missed, and where what is
// known makes a call to the issuer or a read of the store.
//
// BENCH=quick takes fewer requests, to see that the program works.
package main

import (
	"context"
	"fmt"
	"io"
	"os"

	"github.com/tenantry/tenantry/infra/bench/bed"
)

func main() {
	if err := run(context.Background(), os.Stdout, os.Getenv("BENCH") == "quick"); err != nil {
		fmt.Fprintln(os.Stderr, "authorize:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer, quick bool) error {
	p := plan{turns: 9, warm: 100_000, requests: 20_000, first: 400}
	if quick {
		p = plan{turns: 3, warm: 2_000, requests: 500, first: 20}
	}
	return bed.Temporary("authorize", "", func(b *bed.Platform) error {
		d, err := knock(ctx, b)
		if err != nil {
			return err
		}
		return d.measure(ctx, out, p)
	})
}
