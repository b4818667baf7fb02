// Package credential keeps credentials that end: renewed early, given for as long as they are good, and never after.
package credential

import (
	"context"
	"errors"
	"math/rand/v2"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"golang.org/x/sync/singleflight"
)

const (
	early  = 5 * time.Minute  // before their end credentials are renewed, up to as much again earlier, so that not all are at once
	margin = time.Minute      // before their end they are not given any more: a call takes its time, and clocks differ
	pause  = 15 * time.Second // after STS has not answered, for as long as there are credentials
)

// Session is the credentials of one purpose, renewed when they are needed and near their end. The SDK's own cache has no
// clock that can be set, and cannot be asked for credentials that last. The zero Session has none yet; it is safe for
// concurrent use.
type Session struct {
	current atomic.Pointer[held]
	calls   singleflight.Group
}

// held are credentials, whose Expires is when they are not given any more. Before wait no others are asked for, from renew
// on others are wanted.
type held struct {
	aws.Credentials
	wait, renew time.Time
}

// Source gives new credentials that expire; an error that is ErrDenied where there are to be none.
type Source func(context.Context) (aws.Credentials, error)

// ErrDenied says that those who gave credentials give none any more: the ones that are there are not given either.
var ErrDenied = errors.New("access is denied")

// Lasting gives the credentials that are there if they are good for at least so long, else new ones, else those that are
// there for as long as they do: until their Expires, which is a minute before their end. They are renewed ten to five
// minutes before it; where the source fails, they are given until then, and where it denies, none are. Calls at the same
// time ask the source once.
func (s *Session) Lasting(ctx context.Context, least time.Duration, clock func() time.Time, from Source) (aws.Credentials, error) {
	if err := ctx.Err(); err != nil {
		return aws.Credentials{}, err
	}
	if h := s.current.Load(); h.good(clock(), least) {
		return h.Credentials, nil
	}
	call := s.calls.DoChan("", func() (any, error) {
		h := s.current.Load()
		if !h.good(clock(), least) {
			var err error
			h, err = h.next(context.WithoutCancel(ctx), clock, from) // others wait for it too
			s.current.Store(h)
			if err != nil {
				return aws.Credentials{}, err
			}
		}
		return h.Credentials, nil
	})
	select {
	case <-ctx.Done():
		return aws.Credentials{}, ctx.Err()
	case answer := <-call:
		c, _ := answer.Val.(aws.Credentials)
		return c, answer.Err
	}
}

// Drop has the credentials with an access key be given no more, as those that AWS has ended before their time. Others are left.
func (s *Session) Drop(accessKeyID string) {
	if h := s.current.Load(); h != nil && h.AccessKeyID == accessKeyID {
		s.current.CompareAndSwap(h, nil)
	}
}

// good tells whether the credentials are to be given without asking for others.
func (h *held) good(now time.Time, least time.Duration) bool {
	if h == nil || !now.Before(h.Expires) {
		return false
	}
	return now.Before(h.wait) || now.Before(h.renew) && now.Add(least).Before(h.Expires)
}

// next gives what is held after h: new credentials, or the same for a while where the source says nothing.
func (h *held) next(ctx context.Context, clock func() time.Time, from Source) (*held, error) {
	c, err := from(ctx)
	now := clock()
	if err == nil {
		c.Expires = c.Expires.Add(-margin)
		if !c.CanExpire || !now.Before(c.Expires) {
			err = errors.New("the session that was given has ended")
		}
	}
	switch {
	case err == nil:
		return &held{Credentials: c, renew: c.Expires.Add(margin - early - rand.N(early))}, nil
	case h == nil, errors.Is(err, ErrDenied), !now.Before(h.Expires):
		return nil, err
	}
	return &held{Credentials: h.Credentials, wait: now.Add(pause), renew: h.renew}, nil
}
