// Package queue is what every worker does with a message, wherever it came from: read it, have it handled, and tell what
// must come again from what is done with.
package queue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"runtime/debug"
	"sync/atomic"
	"time"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/observe"
)

// Verdict says what becomes of a message.
type Verdict int

// The verdicts.
const (
	Done  Verdict = iota // it is done with
	Again                // it must come again, and to the dead letters if that happens too often
	Later                // as Again, but nothing is wrong: another worker is at it, or its time has not come
)

// Busy is the error of a handler that wants the message again after the wait, since another worker is at what it asks, or
// its time has not come.
type Busy struct{ Wait time.Duration }

// Error says so.
func (b *Busy) Error() string { return "another worker is at it, or its time has not come" }

// Worker handles the body of a message, which may hold several. The wait is how long Later should take. Each message that
// it holds has its line in the log; a panic is a failure.
type Worker func(ctx context.Context, log *slog.Logger, body []byte) (Verdict, time.Duration)

// Message says what it asks for, and of whom.
type Message interface {
	// Subject is of the message's log line.
	Subject() observe.Subject
}

// Of makes the Worker of a function's messages of one type, from what reads them and what does one. *Busy asks for the message again
// later, errors of the kinds that pass ask for it again; all others mean that no repetition mends it.
func Of[M Message](function string, parse func(body []byte) ([]M, error), handle func(context.Context, M) error) Worker {
	var warm atomic.Bool
	begin := func(ctx context.Context) (context.Context, *observe.Line) {
		return observe.Begin(ctx, observe.Start{Function: function, Cold: !warm.Swap(true), Clock: time.Now})
	}
	return func(ctx context.Context, log *slog.Logger, body []byte) (Verdict, time.Duration) {
		messages, err := parse(body)
		if err != nil {
			ctx, l := begin(ctx)
			l.About(observe.Subject{Operation: function + ".unreadable"})
			l.End(ctx, log, observe.Ending{Outcome: observe.Failed, Err: fmt.Errorf("message cannot be read: %w", err)})
			return Again, 0
		}
		verdict, wait := Done, time.Duration(0)
		for _, m := range messages {
			ctx, l := begin(ctx)
			about := m.Subject()
			about.Operation = function + "." + about.Operation
			l.About(about)
			v, w := judge(ctx, l, log.With("asked", m), call(ctx, handle, m))
			if v == Again || verdict == Done {
				verdict = v
			}
			wait = max(wait, w)
		}
		return verdict, wait
	}
}

// judge writes the message's line and tells what becomes of the message.
func judge(ctx context.Context, l *observe.Line, log *slog.Logger, err error) (Verdict, time.Duration) {
	if err == nil {
		l.End(ctx, log, observe.Ending{Outcome: observe.OK})
		return Done, 0
	}
	if busy, ok := errors.AsType[*Busy](err); ok {
		l.End(ctx, log, observe.Ending{Outcome: observe.Waits, More: []slog.Attr{slog.Int64("waitSeconds", int64(busy.Wait/time.Second))}})
		return Later, busy.Wait
	}
	if repeatable(err) {
		l.End(ctx, log, observe.Ending{Outcome: observe.Failed, Err: err})
		return Again, 0
	}
	l.End(ctx, log, observe.Ending{Outcome: observe.Refused, Err: err})
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

func call[M any](ctx context.Context, handle func(context.Context, M) error, m M) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("the handler panicked: %v\n%s", p, debug.Stack())
		}
	}()
	return handle(ctx, m)
}

// Sender sends messages of one type as their JSON.
type Sender[M any] struct {
	Queue interface {
		// SendBody sends one message by its body, which is kept once it returns.
		SendBody(ctx context.Context, body []byte) error
	}
}

// Send sends the message; fault.Unavailable where that is not possible now.
func (s Sender[M]) Send(ctx context.Context, m M) error {
	body, err := json.Marshal(m)
	if err != nil {
		return fmt.Errorf("encode a message: %w", err)
	}
	return s.Queue.SendBody(ctx, body)
}
