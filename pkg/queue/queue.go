// Package queue is what every ingest worker does with a message, wherever it came from: read it, have it handled, and
// tell what must come again from what is done with.
package queue

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"time"

	"github.com/tenantry/tenantry/pkg/delivery"
	"github.com/tenantry/tenantry/pkg/fault"
)

// Handler does what one message asks; delivery.Service.Handle is one.
type Handler func(context.Context, delivery.Message) error

// Verdict says what becomes of a message.
type Verdict int

// The verdicts.
const (
	Done  Verdict = iota // it is done with
	Again                // it must come again, and to the dead letters if that happens too often
	Later                // as Again, but nothing is wrong: another worker is at it
)

// Process handles the body of a message, which may hold several. The wait is how long Later should take. What goes wrong
// is logged here; a panic of the handler is a failure.
func Process(ctx context.Context, log *slog.Logger, handle Handler, body []byte) (Verdict, time.Duration) {
	messages, err := delivery.ParseMessages(body)
	if err != nil {
		log.ErrorContext(ctx, "message cannot be read", "error", err)
		return Again, 0
	}
	verdict, wait := Done, time.Duration(0)
	for _, m := range messages {
		v, w := judge(ctx, log, m, call(ctx, handle, m))
		if v == Again || verdict == Done {
			verdict = v
		}
		wait = max(wait, w)
	}
	return verdict, wait
}

func judge(ctx context.Context, log *slog.Logger, m delivery.Message, err error) (Verdict, time.Duration) {
	if err == nil {
		return Done, 0
	}
	log = log.With("kind", m.Kind, "tenant", m.Tenant, "delivery", m.Delivery, "error", err)
	if busy, ok := errors.AsType[*delivery.Busy](err); ok {
		log.InfoContext(ctx, "message waits for another worker", "wait", busy.Wait)
		return Later, busy.Wait
	}
	if repeatable(err) {
		log.ErrorContext(ctx, "message failed")
		return Again, 0
	}
	log.WarnContext(ctx, "message dropped: no repetition mends it")
	return Done, 0
}

// repeatable tells whether the same message may succeed later: what passes, and defects, which a later version may not have.
func repeatable(err error) bool {
	switch fault.KindOf(err) {
	case fault.Internal, fault.Limited, fault.Unavailable:
		return true
	}
	return false
}

func call(ctx context.Context, handle Handler, m delivery.Message) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the handler panicked: %v\n%s", p, debug.Stack())
		}
	}()
	return handle(ctx, m)
}
