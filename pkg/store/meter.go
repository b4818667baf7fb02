package store

import (
	"context"
	"sync"
)

// HalfUnits counts capacity in halves of a unit: an eventually consistent read of up to 4 KB is one.
type HalfUnits int64

// Use is what calls on one table took.
type Use struct {
	Read, Write HalfUnits
	Calls       int64
	Items       int64 // items read
}

// Meter adds up the capacity that the calls of one context use. It is safe for concurrent use.
type Meter struct {
	outer *Meter
	mu    sync.Mutex
	use   map[Table]Use
}

type meterKey struct{}

// WithMeter gives a context whose calls are metered, by the meter of ctx too where it has one.
func WithMeter(ctx context.Context) (context.Context, *Meter) {
	outer, _ := ctx.Value(meterKey{}).(*Meter)
	m := &Meter{outer: outer, use: map[Table]Use{}}
	return context.WithValue(ctx, meterKey{}, m), m
}

// MeterIn gives the meter in ctx; where there is none, one that nothing reports to.
func MeterIn(ctx context.Context) *Meter {
	if m, ok := ctx.Value(meterKey{}).(*Meter); ok {
		return m
	}
	return &Meter{use: map[Table]Use{}}
}

// Report adds a call's use to the meters of ctx, if there are any. Engines call it.
func Report(ctx context.Context, t Table, u Use) {
	m, _ := ctx.Value(meterKey{}).(*Meter)
	for ; m != nil; m = m.outer {
		m.add(t, u)
	}
}

func (m *Meter) add(t Table, u Use) {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.use[t] = m.use[t].plus(u)
}

// Of gives the use of one table so far.
func (m *Meter) Of(t Table) Use {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.use[t]
}

// Total gives the use of all tables so far.
func (m *Meter) Total() (sum Use) {
	for _, t := range Tables {
		sum = sum.plus(m.Of(t))
	}
	return sum
}

func (u Use) plus(v Use) Use {
	return Use{Read: u.Read + v.Read, Write: u.Write + v.Write, Calls: u.Calls + v.Calls, Items: u.Items + v.Items}
}
