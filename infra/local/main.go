// Command local is the whole platform in one process, with everything it keeps in one folder: no account, no other
// program. It is for one machine and its people: whoever reaches it can sign in as anybody.
package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"os/signal"
	"syscall"
	"time"

	"github.com/tenantry/tenantry/pkg/delivery"
)

const grace = 10 * time.Second // for what is under way when the process is told to end

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	delivery.CollectOften(os.Getenv("GOGC"))
	if err := run(ctx, ReadConfig(os.Getenv), os.Stdout, os.Stderr); err != nil {
		fmt.Fprintln(os.Stderr, "tenantry:", err)
		os.Exit(1)
	}
}

// run is the program, from configuration to the end of ctx.
func run(ctx context.Context, c Config, out, lines io.Writer) error {
	if err := c.Validate(); err != nil {
		return err
	}
	p, err := open(c, c.logger(lines))
	if err != nil {
		return err
	}
	p.greet(out)
	err = p.serve(ctx, grace)
	if e := p.close(); err == nil {
		err = e
	}
	return err
}

// greet says where to look.
func (p *platform) greet(out io.Writer) {
	fmt.Fprintf(out, `Tenantry answers at %[1]s and keeps its data in %[2]s

  API reference   %[1]s/docs
  OpenAPI         %[1]s/v1/openapi.json
  Sign in         curl -s %[1]s/dev/token -d subject=alice -d email=alice@example.com
                  answers {"access_token": ...}, for the header  Authorization: Bearer ...
                  Anybody is who they say here. On a new store alice owns ABC and bob owns Globex, whose costs are
                  being made up in the background.

`, p.url(), p.config.Data)
	if !p.loopback() {
		fmt.Fprintln(out, "  Mind: others on the network reach this address, and can sign in as anybody.")
	}
}
