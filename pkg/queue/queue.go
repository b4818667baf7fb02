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
	"time"

	"github.com/tenantry/tenantry/pkg/fault"
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

// Worker handles the body of a message, which may hold several. The wait is how long Later should take. What goes wrong is
// logged; a panic is a failure.
type Worker func(ctx context.Context, log *slog.Logger, body []byte) (Verdict, time.Duration)

// Of makes the Worker of messages of one type, from what reads them and what does one. *Busy asks for the message again later,
// errors of the kinds that pass ask for it again; all others mean that no repetition mends it.
func Of[M any](parse func(body []byte) ([]M, error), handle func(context.Context, M) error) Worker {
	return func(ctx context.Context, log *slog.Logger, body []byte) (Verdict, time.Duration) {
		messages, err := parse(body)
		if err != nil {
			log.ErrorContext(ctx, "message cannot be read", "error", err)
			return Again, 0
		}
		verdict, wait := Done, time.Duration(0)
		for _, m := range messages {
			v, w := judge(ctx, log.With("asked", m), call(ctx, handle, m))
			if v == Again || verdict == Done {
				verdict = v
			}
			wait = max(wait, w)
		}
		return verdict, wait
	}
}

func judge(ctx context.Context, log *slog.Logger, err error) (Verdict, time.Duration) {
	if err == nil {
		return Done, 0
	}
	log = log.With("error", err)
	if busy, ok := errors.AsType[*Busy](err); ok {
		log.InfoContext(ctx, "message waits", "wait", busy.Wait)
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
