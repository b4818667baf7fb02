package main

import (
	"context"
	"log/slog"
	"time"

	"github.com/tenantry/tenantry/pkg/api"
	"github.com/tenantry/tenantry/pkg/job"
	"github.com/tenantry/tenantry/pkg/observe"
	"github.com/tenantry/tenantry/pkg/queue"
	"github.com/tenantry/tenantry/pkg/queue/bolt"
)

const (
	workers    = 2               // that read deliveries at the same time, and as many that do long work
	collectors = 2               // that collect at the same time, so that an account that does not answer holds up nobody else's
	turn       = 5 * time.Second // of long work for one tenant, before others have theirs
	longest    = time.Second     // that a message waits for the other worker: to ask again costs nothing here
	asked      = time.Hour       // and one of a run, which waits for another or for AWS, and says until when
)

// work handles the queue's messages until ctx ends; the message in hand then stays in the queue. One that asks to wait does, so long at most.
func work(ctx context.Context, q *bolt.Queue, do queue.Worker, longest time.Duration, log *slog.Logger) {
	for ctx.Err() == nil {
		m, err := q.Receive(ctx)
		if err != nil {
			if ctx.Err() == nil {
				log.ErrorContext(ctx, "queue cannot be read", "error", err)
				pause(ctx, time.Second)
			}
			continue
		}
		verdict, wait := do(observe.Follow(ctx, m.Trace), log, m.Body)
		if ctx.Err() != nil && verdict == queue.Again {
			verdict = queue.Later // what failed is that we are stopping
		}
		if err := q.Settle(context.WithoutCancel(ctx), m, verdict, min(wait, longest)); err != nil {
			log.ErrorContext(ctx, "message cannot be settled and will come again", "error", err)
		}
	}
}

const (
	tick = 2 * time.Second // between looks at what is due
	// quiet is how long what writes of a tenant goes on after its end. In one process that is the time in which a worker finds
	// its lease gone, and in which requests under way come to their end: new ones and uploads are refused at once.
	quiet = 10 * time.Second
)

// tick queues what is due, as a schedule does on AWS.
func (p *platform) tick(ctx context.Context) {
	for ctx.Err() == nil {
		if err := p.due(ctx); err != nil && ctx.Err() == nil {
			p.log.ErrorContext(ctx, "what is due cannot be queued", "error", err)
		}
		pause(ctx, tick)
	}
}

// keepTime sends what the schedules have due, as EventBridge Scheduler does on AWS.
func (p *platform) keepTime(ctx context.Context) {
	for ; ctx.Err() == nil; pause(ctx, tick) {
		if _, err := p.schedules.Tick(ctx); err != nil && ctx.Err() == nil {
			p.log.ErrorContext(ctx, "what schedules have due cannot be queued", "error", err)
		}
	}
}

// reconcile makes schedules match once an hour, and at first: what was lost when the process was killed is made good for.
func (p *platform) reconcile(ctx context.Context) {
	for ctx.Err() == nil {
		r, err := p.follow(ctx, time.Now().Add(time.Minute))
		switch {
		case err != nil && ctx.Err() == nil: // a process that was killed may seem to be at it
			p.log.WarnContext(ctx, "schedules cannot be reconciled now", "error", err)
			pause(ctx, time.Minute)
		case r.Done:
			pause(ctx, time.Hour)
		}
	}
}

// remind asks once an hour, and at first, for the work that the clock asks for.
func (p *platform) remind(ctx context.Context) {
	jobs := queue.Sender[job.Message]{Queue: p.jobs}
	for ; ctx.Err() == nil; pause(ctx, time.Hour) {
		for _, m := range api.Hourly() {
			if err := jobs.Send(ctx, m); err != nil {
				p.log.WarnContext(ctx, "work of the hour cannot be asked for", "kind", m.Kind, "error", err)
			}
		}
	}
}

func pause(ctx context.Context, d time.Duration) {
	select {
	case <-ctx.Done():
	case <-time.After(d):
	}
}
