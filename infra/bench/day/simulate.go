package main

import (
	"container/heap"
	"fmt"
	"hash/fnv"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/tenantry/tenantry/pkg/collect"
	"github.com/tenantry/tenantry/pkg/schedule"
)

// Money is in picodollars: whole numbers of the prices in us-east-1.
const (
	cent           = int64(10_000_000_000)
	lambdaGBSecond = int64(13_333_400) // arm64
	lambdaRequest  = int64(200_000)
	schedulerCall  = int64(1_000_000)
	sqsRequest     = int64(400_000)
	dynamodbWrite  = int64(625_000)
	dynamodbRead   = int64(125_000)
)

const (
	runWrites, runReads = 6, 20 // of a run's own records
	sqsRequests         = 3     // send, receive and delete, of a message
)

// assumptions are what a simulation is of.
type assumptions struct {
	tenants, projects, connections int
	memory                         int64 // MB of a worker
	schedule, sts                  int   // a second
	overhead, assume               time.Duration
	work                           map[collect.Kind]work
}

// work is what one connection takes of a kind and slot.
type work struct {
	calls   int
	latency time.Duration
	price   int64 // that AWS asks of the customer
	writes  int64
}

// outcome is what came of it.
type outcome struct {
	done                             time.Time
	p50, p99, longest                time.Duration
	busy                             int64 // percent
	runs, fetched                    int
	worked                           time.Duration
	lambda, scheduler, sqs, dynamodb int64
	paid                             map[collect.Kind]int64
}

// message is one that comes to the queue.
type message struct {
	at         time.Time
	kind       collect.Kind
	connection int
}

// messages are those of a day, as they come: within their schedule's window, spread as names are, and no more a second than are sent.
func (a assumptions) messages(day time.Time) ([]message, error) {
	var all []message
	for _, k := range collect.Kinds {
		s := schedule.Default(k)
		e, err := schedule.ParseExpression(s.Expression)
		if err != nil {
			return nil, err
		}
		for slot := e.Next(day.Add(-time.Second)); slot.Before(day.AddDate(0, 0, 1)); slot = e.Next(slot) {
			for t := range a.tenants {
				for p := range a.projects + 1 {
					h := fnv.New64a()
					_, _ = fmt.Fprint(h, t, "/", p, "/", k)
					late := time.Duration(h.Sum64()%uint64(s.WindowMinutes*60)) * time.Second
					all = append(all, message{slot.Add(late), k, t*a.connections + p%a.connections})
				}
			}
		}
	}
	slices.SortStableFunc(all, func(x, y message) int { return x.at.Compare(y.at) })
	sent := &limit{every: time.Second / time.Duration(a.schedule)}
	for i := range all {
		all[i].at = sent.take(all[i].at)
	}
	return all, nil
}

// limit lets so many through a second.
type limit struct {
	every time.Duration
	next  time.Time
}

// take gives when who comes at a time is let through.
func (l *limit) take(at time.Time) time.Time {
	if l.next.Before(at) {
		l.next = at
	}
	through := l.next
	l.next = l.next.Add(l.every)
	return through
}

// free is when each worker is free again, the first one first.
type free []time.Time

func (f free) Len() int           { return len(f) }
func (f free) Less(i, j int) bool { return f[i].Before(f[j]) }
func (f free) Swap(i, j int)      { f[i], f[j] = f[j], f[i] }
func (f *free) Push(v any)        { *f = append(*f, v.(time.Time)) }
func (f *free) Pop() any          { last := (*f)[len(*f)-1]; *f = (*f)[:len(*f)-1]; return last }

// simulate has a day's messages done by so many workers, in the order in which they come.
func (a assumptions) simulate(workers int) (o outcome, err error) {
	day := time.Date(2026, 3, 2, 0, 0, 0, 0, time.UTC)
	all, err := a.messages(day)
	if err != nil {
		return o, err
	}
	random := rand.New(rand.NewPCG(1, 1))
	took := func(median time.Duration) time.Duration {
		if random.IntN(100) == 0 {
			return 5 * median
		}
		return median/2 + time.Duration(random.Int64N(int64(median)))
	}
	idle := make(free, workers)
	for i := range idle {
		idle[i] = day
	}
	heap.Init(&idle)
	sts := &limit{every: time.Second / time.Duration(a.sts)}
	type fetch struct {
		kind       collect.Kind
		connection int
	}
	fetched := map[fetch]time.Time{} // when it was done with
	waits := make([]time.Duration, 0, len(all))
	o.paid = map[collect.Kind]int64{}
	for _, m := range all {
		begin := heap.Pop(&idle).(time.Time)
		if begin.Before(m.at) {
			begin = m.at
		}
		waits = append(waits, begin.Sub(m.at))
		now := begin.Add(took(a.overhead))
		switch done, there := fetched[fetch{m.kind, m.connection}]; {
		case !there:
			w := a.work[m.kind]
			now = sts.take(now).Add(took(a.assume))
			for range w.calls {
				now = now.Add(took(w.latency))
			}
			fetched[fetch{m.kind, m.connection}] = now
			o.fetched++
			o.paid[m.kind] += w.price
			o.dynamodb += w.writes * dynamodbWrite
		case done.After(now): // somebody is at it: the message comes again, and is done with as soon as it does
			o.sqs += 2 * sqsRequest
			now = now.Add(took(a.overhead))
		}
		heap.Push(&idle, now)
		o.worked += now.Sub(begin)
		if now.After(o.done) {
			o.done = now
		}
	}
	slices.Sort(waits)
	o.runs, o.p50, o.p99, o.longest = len(all), waits[len(waits)/2], waits[len(waits)*99/100], waits[len(waits)-1]
	o.busy = int64(100 * o.worked / (o.done.Sub(all[0].at) * time.Duration(workers)))
	o.lambda = o.worked.Milliseconds()*lambdaGBSecond/1000*a.memory/1024 + int64(o.runs)*lambdaRequest
	o.scheduler, o.sqs = int64(o.runs)*schedulerCall, o.sqs+int64(o.runs)*sqsRequests*sqsRequest
	o.dynamodb += int64(o.runs) * (runWrites*dynamodbWrite + runReads*dynamodbRead)
	return o, nil
}
