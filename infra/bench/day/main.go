// Command day simulates a day of collection: 20,000 projects of 1,000 tenants, each with its three schedules as they are by default,
// through workers of the shape of functions/collect. No call is made and nobody waits: calls take injected latencies on a simulated
// clock, and shared limits hold. It prints how long it takes with how many workers, and what it costs whom; all that is assumed is
// printed too, and stands in this program once.
package main

import (
	"fmt"
	"io"
	"os"
	"time"

	"github.com/tenantry/tenantry/pkg/collect"
	"github.com/tenantry/tenantry/pkg/schedule"
)

func main() {
	if err := run(os.Stdout); err != nil {
		fmt.Fprintln(os.Stderr, "day:", err)
		os.Exit(1)
	}
}

// assumed is what the simulation takes for granted. Latencies are medians; each call takes half to one and a half of it, and one in
// a hundred takes five times as long.
var assumed = assumptions{
	tenants: 1000, projects: 20, connections: 4, memory: 512,
	schedule: 1000, sts: 600, // a second: EventBridge Scheduler's invocations, STS's AssumeRole in a region
	overhead: 60 * time.Millisecond, // of a run: its records in DynamoDB, with the lease, about 12 calls
	assume:   80 * time.Millisecond,
	work: map[collect.Kind]work{
		collect.Costs:     {calls: 6, latency: 700 * time.Millisecond, price: 6 * cent, writes: 40},
		collect.Resources: {calls: 17 * 12, latency: 90 * time.Millisecond, writes: 60},
		collect.Metrics:   {calls: 6, latency: 500 * time.Millisecond, price: 3000 * cent / 1000, writes: 60},
	},
}

func run(out io.Writer) error {
	a := assumed
	fmt.Fprintf(out, "A day of %d projects: %d tenants of %d projects and unassigned, each tenant with %d connections, each of which a project's run goes through one.\n",
		a.tenants*a.projects, a.tenants, a.projects, a.connections)
	for _, k := range collect.Kinds {
		w, s := a.work[k], schedule.Default(k)
		fmt.Fprintf(out, "  %-9s %s within %d minutes; a connection once a slot: %d calls of %s, %d items written\n", k, s.Expression, s.WindowMinutes, w.calls, w.latency, w.writes)
	}
	fmt.Fprintf(out, "  a run %s beside that, AssumeRole %s; at most %d messages a second and %d AssumeRole a second; workers of %d MB, one run at a time\n\n",
		a.overhead, a.assume, a.schedule, a.sts, a.memory)
	fmt.Fprintf(out, "%8s %12s %12s %12s %12s %10s\n", "workers", "last done", "wait p50", "wait p99", "longest", "busy")
	var last outcome
	for _, workers := range []int{5, 10, 20, 40, 80, 160} {
		o, err := a.simulate(workers)
		if err != nil {
			return err
		}
		fmt.Fprintf(out, "%8d %12s %12s %12s %12s %9d%%\n", workers, o.done.Format("15:04:05"), round(o.p50), round(o.p99), round(o.longest), o.busy)
		last = o
	}
	fmt.Fprintf(out, "\nwait: from when a message comes until its run begins. busy: of the workers' time until the last run is done.\n")
	fmt.Fprintf(out, "%d runs fetched %d times, an account once a slot; %s of workers' time.\n", last.runs, last.fetched, last.worked.Round(time.Minute))
	fmt.Fprintf(out, "The platform pays a day, before free tiers: Lambda %s, EventBridge Scheduler %s, SQS %s, DynamoDB %s.\n",
		dollars(last.lambda), dollars(last.scheduler), dollars(last.sqs), dollars(last.dynamodb))
	fmt.Fprintf(out, "The customers pay AWS a day: Cost Explorer %s, GetMetricData %s; a connection %s.\n",
		dollars(last.paid[collect.Costs]), dollars(last.paid[collect.Metrics]), dollars((last.paid[collect.Costs]+last.paid[collect.Metrics])/int64(a.tenants*a.connections)))
	return nil
}

func round(d time.Duration) time.Duration {
	if d > time.Minute {
		return d.Round(time.Second)
	}
	return d.Round(time.Millisecond)
}

// dollars shows picodollars.
func dollars(p int64) string { return fmt.Sprintf("$%d.%02d", p/(100*cent), p/cent%100) }
