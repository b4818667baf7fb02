package main

import (
	"context"
	"fmt"
	"io"
	"math"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tenantry/tenantry/infra/bench/bed"
	ids "github.com/tenantry/tenantry/pkg/tenant"
)

const (
	times = 50                     // of its rate that the loud tenant sends
	pause = 450 * time.Millisecond // between askings of the quiet one, which stays below its rate
	warm  = 3                      // requests of an asking before the one that is measured: else the loud one makes the quiet one quicker
)

// traffic counts requests by what became of them.
type traffic struct{ admitted, refused, other atomic.Int64 }

func (t *traffic) ask(ctx context.Context, b *bed.Platform, path string) time.Duration {
	begun := time.Now()
	status := b.Status(ctx, path)
	took := time.Since(begun)
	switch status {
	case http.StatusOK:
		t.admitted.Add(1)
	case http.StatusTooManyRequests:
		t.refused.Add(1)
	default:
		t.other.Add(1)
	}
	return took
}

// beside measures the quiet tenant with and without the loud one, by turns.
func beside(ctx context.Context, out io.Writer, b *bed.Platform, turn time.Duration, turns int) error {
	quiet, _, err := b.Tenant(ctx, []string{}, [][]string{{"1"}})
	if err != nil {
		return err
	}
	loud, _, err := b.Tenant(ctx, []string{}, [][]string{{"1"}})
	if err != nil {
		return err
	}
	var calm, noisy []time.Duration
	var sent, shouted traffic
	before := b.Adds()
	for i := range 2 * turns {
		stop := func() {}
		if i%2 == 1 {
			stop = shout(ctx, b, loud+"/projects", &shouted)
		}
		for end := time.Now().Add(turn); time.Now().Before(end); time.Sleep(pause) {
			for range warm {
				sent.ask(ctx, b, quiet+"/projects")
			}
			took := sent.ask(ctx, b, quiet+"/projects")
			if i%2 == 1 {
				noisy = append(noisy, took)
			} else {
				calm = append(calm, took)
			}
		}
		stop()
	}
	if sent.refused.Load()+sent.other.Load()+shouted.other.Load() > 0 {
		return fmt.Errorf("the quiet tenant was refused %d requests, and %d failed", sent.refused.Load(), sent.other.Load()+shouted.other.Load())
	}
	alone, with := median(calm), median(noisy)
	fmt.Fprintf(out, "a tenant of the plan free beside one at %d times its rate: %d requests admitted and %d refused of the loud one\n",
		times, shouted.admitted.Load(), shouted.refused.Load())
	fmt.Fprintf(out, "  median alone %v (%d requests), beside it %v (%d)\n", alone, len(calm), with, len(noisy))
	change := 100 * (float64(with)/float64(alone) - 1)
	figure(out, "change of the median, %", change, math.Abs(change) < 20, "< 20 either way")
	share(out, b.Adds()-before, sent.admitted.Load()+shouted.admitted.Load())
	return nil
}

// shout sends a tenant's requests at times its rate, whether they are answered or not, until it is stopped.
func shout(ctx context.Context, b *bed.Platform, path string, t *traffic) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	every := time.Minute / time.Duration(times*ids.Free.Limits().RequestsPerMinute)
	var group sync.WaitGroup
	group.Go(func() {
		tick := time.NewTicker(every)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
				group.Go(func() { t.ask(context.WithoutCancel(ctx), b, path) })
			}
		}
	})
	return func() {
		cancel()
		group.Wait()
	}
}

// whole has one tenant send a little more than its plan has in a minute.
func whole(ctx context.Context, out io.Writer, b *bed.Platform, plan ids.Plan) error {
	path, _, err := b.Tenant(ctx, []string{}, [][]string{{"1"}})
	if err != nil {
		return err
	}
	var sent traffic
	before := b.Adds()
	begun := time.Now()
	for range plan.Limits().RequestsPerMinute + 1000 {
		sent.ask(ctx, b, path+"/projects")
	}
	fmt.Fprintf(out, "one tenant of the plan %s: %d requests admitted and %d refused in %v\n", plan, sent.admitted.Load(), sent.refused.Load(),
		time.Since(begun).Round(time.Millisecond))
	share(out, b.Adds()-before, sent.admitted.Load())
	return nil
}

// share prints how many requests there are for each write of limiting and metering.
func share(out io.Writer, writes, admitted int64) {
	each := float64(admitted) / float64(max(writes, 1))
	figure(out, "admitted requests for each write of limiting and metering", each, each >= 20, ">= 20")
}

func figure(out io.Writer, name string, value float64, met bool, aim string) {
	fmt.Fprintf(out, "  %-58s %8.1f  %s", name, value, aim)
	if !met {
		fmt.Fprint(out, " MISSED")
	}
	fmt.Fprintln(out)
}

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}
