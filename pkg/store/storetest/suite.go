// Package storetest is the one suite that every engine passes, and the faults that tests put in front of an engine. Run
// holds every promise of package store's comments.
package storetest

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Run runs the suite on engines that open gives: an empty one each time, whose items expire by the clock.
func Run(t *testing.T, open func(t *testing.T, clock func() time.Time) store.Engine) {
	parts := []struct {
		name string
		run  func(*testing.T, *env)
	}{
		{"Get", testGet}, {"Query", testQuery}, {"Keys", testKeys}, {"Write", testWrite}, {"Load", testLoad},
		{"Add", testAdd}, {"Values", testValues}, {"Refused", testRefused}, {"TooLarge", testTooLarge}, {"Expiry", testExpiry},
		{"Context", testContext}, {"Concurrent", testConcurrent}, {"Meter", testMeter}, {"Faults", testFaults},
		{"Model", testModel},
	}
	for _, p := range parts {
		t.Run(p.name, func(t *testing.T) {
			c := NewClock()
			p.run(t, &env{Engine: open(t, c.Now), clock: c, ctx: t.Context()})
		})
	}
}

// Clock stands still until it is moved. It is safe for concurrent use.
type Clock struct{ seconds atomic.Int64 }

// NewClock gives a clock at 2040-01-01: so late that DynamoDB's own deletion of what has expired does not disturb.
func NewClock() *Clock {
	c := &Clock{}
	c.seconds.Store(time.Date(2040, 1, 1, 0, 0, 0, 0, time.UTC).Unix())
	return c
}

// Now is the clock's time, in UTC and whole seconds.
func (c *Clock) Now() time.Time { return time.Unix(c.seconds.Load(), 0).UTC() }

// Advance moves the clock by whole seconds.
func (c *Clock) Advance(d time.Duration) { c.seconds.Add(int64(d / time.Second)) }

// env is what a part of the suite works with.
type env struct {
	store.Engine
	clock *Clock
	ctx   context.Context
}

// thing is the suite's entity.
type thing struct {
	Name  string `json:"name"`
	Count int64  `json:"count"`
	Note  string `json:"note,omitempty"`
	Body  []byte `json:"body,omitempty"`
}

// Tenant owns the partition that most of the suite uses.
const Tenant tenant.ID = "ten_01J00000000000000000000000"

const partition = "T#" + string(Tenant)

func at(sk string) store.Address { return store.Address{Table: store.CoreTable, PK: partition, SK: sk} }

func put(sk string, v any, c store.Condition) store.Op {
	return store.Op{Action: store.Put, Address: at(sk), Value: v, Condition: c}
}

func remove(sk string, c store.Condition) store.Op {
	return store.Op{Action: store.Delete, Address: at(sk), Condition: c}
}

func check(sk string, c store.Condition) store.Op {
	return store.Op{Action: store.Check, Address: at(sk), Condition: c}
}

var anyway store.Condition

func (e *env) write(t require.TestingT, ops ...store.Op) {
	require.NoError(t, e.Write(e.ctx, ops))
}

// read gives an item and its version; 0 where there is none.
func (e *env) read(t require.TestingT, a store.Address) (thing, int64) {
	var v thing
	records, err := e.Get(e.ctx, []store.Address{a}, store.Strongly)
	require.NoError(t, err)
	require.Len(t, records, 1)
	if records[0] == nil {
		return v, 0
	}
	require.Equal(t, a, records[0].Address)
	require.NoError(t, records[0].Value.Decode(&v))
	return v, records[0].Version
}

// keys reads a whole range, page by page, and gives its sort keys.
func (e *env) keys(t require.TestingT, r store.Range) (keys []string) {
	for {
		page, err := e.Query(e.ctx, r)
		require.NoError(t, err)
		require.True(t, r.Limit == 0 || len(page.Records) <= r.Limit)
		for _, record := range page.Records {
			require.Equal(t, store.Address{Table: r.Table, PK: r.PK, SK: record.Address.SK}, record.Address)
			keys = append(keys, record.Address.SK)
		}
		if page.Next == "" {
			return keys
		}
		require.NotEqual(t, r.After, page.Next)
		r.After = page.Next
	}
}

func requireFailed(t require.TestingT, err error, failed ...int) {
	c := store.Conflicted(err)
	require.NotNil(t, c, "%v", err)
	require.False(t, c.Contended)
	require.Equal(t, failed, c.Failed)
}

// requireDefect holds where err is none of those that a program may meet.
func requireDefect(t require.TestingT, err error) {
	require.Error(t, err)
	require.Nil(t, store.Conflicted(err))
	for _, known := range []error{store.ErrThrottled, store.ErrUnavailable, store.ErrTooLarge, store.ErrDenied} {
		require.False(t, errors.Is(err, known), "%v", err)
	}
}
