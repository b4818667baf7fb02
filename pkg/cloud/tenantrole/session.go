package tenantrole

import (
	"context"
	"sync/atomic"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	"golang.org/x/sync/singleflight"
)

// session is one tenant's credentials, renewed when they are needed and near their end. The SDK's own cache has no clock
// that can be set, and cannot be asked for credentials that last.
type session struct {
	current atomic.Pointer[aws.Credentials]
	calls   singleflight.Group
}

// lasting gives the credentials that are there if they last, else those that renew gives.
func (s *session) lasting(ctx context.Context, least time.Duration, clock func() time.Time, renew func(context.Context) (aws.Credentials, error)) (aws.Credentials, error) {
	if err := ctx.Err(); err != nil {
		return aws.Credentials{}, err
	}
	if c, ok := s.good(clock().Add(least)); ok {
		return c, nil
	}
	call := s.calls.DoChan("", func() (any, error) {
		if c, ok := s.good(clock().Add(least)); ok {
			return c, nil // renewed since
		}
		c, err := renew(context.WithoutCancel(ctx)) // others wait for it too
		if err == nil {
			s.current.Store(&c)
		}
		return c, err
	})
	select {
	case <-ctx.Done():
		return aws.Credentials{}, ctx.Err()
	case answer := <-call:
		c, _ := answer.Val.(aws.Credentials)
		return c, answer.Err
	}
}

// good gives the credentials that are there if they last beyond that time.
func (s *session) good(until time.Time) (aws.Credentials, bool) {
	c := s.current.Load()
	if c == nil || !c.Expires.After(until) {
		return aws.Credentials{}, false
	}
	return *c, true
}
