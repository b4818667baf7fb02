// Command coldstart measures functions/api and functions/admin against the least that a function could be, which makes a DynamoDB
// client and answers: from exec to the first answer, and each one after it. Both are invoked by an emulator of the Lambda
// Runtime API, in turns, and compared by pairs. It measures the size of every function too, and fails where one is too large.
package main

import (
	"cmp"
	"context"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"github.com/tenantry/tenantry/pkg/cloud/runtimeapi"
)

const (
	module      = "github.com/tenantry/tenantry/"
	coldRounds  = 60
	warmRounds  = 5
	warmTurns   = 40
	warmAnswers = 100 // a turn
)

// program is one of the two that are compared.
type program struct{ name, pkg, binary string }

// cost is what answering took: processor time of the function, and time on the clock.
type cost struct{ cpu, wall time.Duration }

func main() {
	if err := run(context.Background(), os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "coldstart:", err)
		os.Exit(1)
	}
}

func run(ctx context.Context, out io.Writer) error {
	dir, err := os.MkdirTemp("", "coldstart")
	if err != nil {
		return err
	}
	defer func() { _ = os.RemoveAll(dir) }()
	if err := sizes(ctx, out, dir); err != nil {
		return err
	}
	least := &program{name: "minimal", pkg: "infra/bench/coldstart/minimal"}
	if err := build(ctx, least.pkg, least.in(dir)); err != nil {
		return err
	}
	for _, p := range []*program{{name: "api", pkg: "functions/api"}, {name: "admin", pkg: "functions/admin"}} {
		if err := build(ctx, p.pkg, p.in(dir)); err != nil {
			return err
		}
		if err := compare(ctx, out, [2]*program{p, least}); err != nil {
			return err
		}
	}
	return nil
}

// compare measures the two, cold and warm. The event is one that both answer without calling anybody: admin says that there is nothing
// at the path.
func compare(ctx context.Context, out io.Writer, pair [2]*program) error {
	event, err := os.ReadFile("events/api-health.json")
	if err != nil {
		return fmt.Errorf("run this in the repository's root: %w", err)
	}
	cold, err := repeat(coldRounds, func(round int) (c [2]cost, err error) {
		for i := range pair {
			i = (i + round) % 2
			if c[i], err = pair[i].cold(ctx, event); err != nil {
				return c, err
			}
		}
		return c, nil
	})
	if err != nil {
		return err
	}
	report(out, pair[0].name, "cold", cold, "1.6")
	warm, err := repeat(warmRounds, func(int) ([2]cost, error) { return warm(ctx, pair, event) })
	if err != nil {
		return err
	}
	report(out, pair[0].name, "warm", warm, "1.3")
	return nil
}

// repeat measures the two so many times, after once that reads the files.
func repeat(rounds int, measure func(round int) ([2]cost, error)) (all [][2]cost, err error) {
	for round := range rounds + 1 {
		c, err := measure(round)
		if err != nil {
			return nil, err
		}
		all = append(all, c)
	}
	return all[1:], nil
}

// in names the program's binary in a folder.
func (p *program) in(dir string) string {
	p.binary = filepath.Join(dir, p.name)
	return p.binary
}

// cold is a process from exec to its first answer.
func (p *program) cold(ctx context.Context, event []byte) (c cost, err error) {
	begin := time.Now()
	f, err := runtimeapi.Start(p.binary, environment, io.Discard)
	if err != nil {
		return c, err
	}
	_, err = f.Invoke(ctx, event)
	c.wall = time.Since(begin)
	c.cpu = f.Stop()
	return c, err
}

// warm is an answer of processes that have answered before, on the average of many given in turns. Processor time is
// measured from exec, and a cold start taken off.
func warm(ctx context.Context, pair [2]*program, event []byte) (c [2]cost, err error) {
	var functions [2]*runtimeapi.Function
	for i, p := range pair {
		first, err := p.cold(ctx, event)
		if err != nil {
			return c, err
		}
		c[i].cpu = -first.cpu
		if functions[i], err = runtimeapi.Start(p.binary, environment, io.Discard); err != nil {
			return c, err
		}
	}
	for range warmTurns {
		for i, f := range functions {
			begin := time.Now()
			for n := 0; n < warmAnswers && err == nil; n++ {
				_, err = f.Invoke(ctx, event)
			}
			c[i].wall += time.Since(begin) / warmTurns / warmAnswers
		}
	}
	for i, f := range functions {
		c[i].cpu = (c[i].cpu + f.Stop()) / warmTurns / warmAnswers
	}
	return c, err
}

var environment = []string{
	"AWS_REGION=eu-west-1", "TENANTRY_STAGE=bench", "AWS_ACCESS_KEY_ID=AKIDBENCH", "AWS_SECRET_ACCESS_KEY=bench",
}

func report(out io.Writer, name, what string, all [][2]cost, target string) {
	for _, kind := range []struct {
		name, target string
		of           func(cost) time.Duration
	}{
		{"CPU", " (target " + target + ")", func(c cost) time.Duration { return c.cpu }},
		{"clock", "", func(c cost) time.Duration { return c.wall }},
	} {
		byRatio := func(a, b [2]cost) int {
			return cmp.Compare(kind.of(a[0])*kind.of(b[1]), kind.of(b[0])*kind.of(a[1]))
		}
		slices.SortFunc(all, byRatio)
		m := all[len(all)/2]
		fmt.Fprintf(out, "%s, %-5s: %s %8s, minimal %8s, median ratio %s%s\n", what, kind.name, name,
			kind.of(m[0]).Round(time.Microsecond), kind.of(m[1]).Round(time.Microsecond), ratio(kind.of(m[0]), kind.of(m[1])), kind.target)
	}
}

// ratio writes a quotient with two decimals.
func ratio(a, b time.Duration) string {
	hundredths := (a*100 + b/2) / b
	return fmt.Sprintf("%d.%02d", hundredths/100, hundredths%100)
}
