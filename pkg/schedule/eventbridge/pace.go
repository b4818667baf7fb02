package eventbridge

import (
	"context"
	"errors"
	"math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws/retry"
	awshttp "github.com/aws/aws-sdk-go-v2/aws/transport/http"
	"github.com/aws/aws-sdk-go-v2/service/scheduler/types"
)

// Quotas of an account in a region, in calls a second of each of CreateSchedule, UpdateSchedule, DeleteSchedule and GetSchedule, and of
// ListSchedules (docs.aws.amazon.com/scheduler/latest/UserGuide/scheduler-quotas.html; some regions have more by now).
const (
	quotaLarge = 1000 // in the regions below
	quotaSmall = 250
	quotaList  = 50
)

var large = []string{"us-east-1", "us-east-2", "us-west-2", "ap-northeast-1", "ap-south-1", "ap-southeast-1", "ap-southeast-2", "eu-central-1",
	"eu-west-1", "eu-west-2", "sa-east-1"}

// share is the part of a quota that one process takes, so that two of them at work stay within it.
const share = 2

// paces hold the calls of one process below its share of the quotas.
type paces struct{ create, update, remove, get, list *pace }

func newPaces(o Options) paces {
	quota := quotaSmall
	if slices.Contains(large, o.Region) {
		quota = quotaLarge
	}
	of := func(quota int) *pace { return &pace{every: time.Second * share / time.Duration(quota)} }
	return paces{of(quota), of(quota), of(quota), of(quota), of(quotaList)}
}

// pace is a bucket of tokens that is filled with one at each interval, and holds a tenth of a second's at most.
type pace struct {
	every time.Duration
	mu    sync.Mutex
	next  time.Time // when the next token is there
}

// take takes a token, and tells how long it is until it is there.
func (p *pace) take(now time.Time) time.Duration {
	p.mu.Lock()
	defer p.mu.Unlock()
	if earliest := now.Add(-time.Second / 10); p.next.Before(earliest) {
		p.next = earliest
	}
	p.next = p.next.Add(p.every)
	return p.next.Sub(now)
}

// delay holds back all further calls.
func (p *pace) delay(until time.Time) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.next.Before(until) {
		p.next = until
	}
}

const (
	attempts     = 8
	firstBackoff = 100 * time.Millisecond // doubled with each attempt
	maxBackoff   = 5 * time.Second
)

// call makes a call within its pace, and again after a pause where it was throttled or did not reach the service. On a throttled one
// the whole process waits: others that go on would only be throttled too.
func (s *Scheduler) call(ctx context.Context, p *pace, do func() error) (err error) {
	for n := range attempts {
		if wait := p.take(s.Clock()); wait > 0 {
			if err := s.Sleep(ctx, wait); err != nil {
				return err
			}
		}
		if err = do(); err == nil || ctx.Err() != nil || !passing(err) {
			return err
		}
		pause := min(firstBackoff<<n, maxBackoff)
		pause = pause/2 + time.Duration(float64(pause/2)*s.Random())
		if throttled(err) {
			p.delay(s.Clock().Add(pause))
		} else if err := s.Sleep(ctx, pause); err != nil {
			return err
		}
	}
	return err
}

// throttled tells whether a call came too soon.
func throttled(err error) bool {
	_, is := errors.AsType[*types.ThrottlingException](err)
	return is || retry.IsErrorThrottles(retry.DefaultThrottles).IsErrorThrottle(err).Bool()
}

// passing tells whether the same call may succeed a moment later. A conflict of CreateSchedule is no such: the schedule is there.
func passing(err error) bool {
	if throttled(err) {
		return true
	}
	if r, ok := errors.AsType[*awshttp.ResponseError](err); ok {
		return r.HTTPStatusCode() >= http.StatusInternalServerError
	}
	return (retry.IsErrorRetryables(retry.DefaultRetryables)).IsErrorRetryable(err).Bool()
}

// whole gives the options with what is left out.
func (o Options) whole() Options {
	if o.Clock == nil {
		o.Clock = time.Now
	}
	if o.Sleep == nil {
		o.Sleep = sleep
	}
	if o.Random == nil {
		o.Random = rand.Float64
	}
	return o
}

func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-timer.C:
		return nil
	}
}
