package storetest

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/tenantry/tenantry/pkg/store"
)

// Method names a method of an engine.
type Method string

// The methods.
const (
	Get   Method = "Get"
	Query Method = "Query"
	Write Method = "Write"
	Load  Method = "Load"
	Add   Method = "Add"
)

// Fault is how a call fails.
type Fault int

// The faults. Of a read, Written is as NotWritten.
const (
	None       Fault = iota
	NotWritten       // nothing is done, ErrUnavailable
	Written          // it is done, ErrUnavailable
	Throttled        // nothing is done, ErrThrottled
	Partly           // every second operation of a Load is done, ErrUnavailable; other methods as NotWritten
)

// Plan gives the fault of the n-th call of a method, counted from 1. It is called by one call at a time.
type Plan func(m Method, n int) Fault

// At fails one call.
func At(m Method, n int, f Fault) Plan {
	return func(method Method, call int) Fault {
		if method == m && call == n {
			return f
		}
		return None
	}
}

// Every fails all calls of a method.
func Every(m Method, f Fault) Plan {
	return func(method Method, _ int) Fault {
		if method == m {
			return f
		}
		return None
	}
}

// Faulty is an engine whose calls fail by plan.
type Faulty struct {
	engine store.Engine
	mu     sync.Mutex
	plan   Plan
	see    func(Method, []store.Op) Fault
	calls  map[Method]int
}

var _ store.Engine = (*Faulty)(nil)

// NewFaulty puts a plan in front of an engine; nil fails nothing.
func NewFaulty(e store.Engine, p Plan) *Faulty {
	return &Faulty{engine: e, plan: p, calls: map[Method]int{}}
}

// Plan sets another plan and counts calls from 1 again.
func (f *Faulty) Plan(p Plan) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.plan, f.calls = p, map[Method]int{}
}

// See sets what is shown all that is about to be written, an Add as one operation without a value, and says how it fails where the
// plan lets it; nil shows nothing. It is called by one call at a time.
func (f *Faulty) See(see func(m Method, ops []store.Op) Fault) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.see = see
}

// Calls is how often a method was called since the plan was set, failed calls included.
func (f *Faulty) Calls(m Method) int {
	f.mu.Lock()
	defer f.mu.Unlock()
	return f.calls[m]
}

// next counts a call that writes ops and gives its fault with the error that tells of it.
func (f *Faulty) next(m Method, ops ...store.Op) (Fault, error) {
	f.mu.Lock()
	defer f.mu.Unlock()
	f.calls[m]++
	fault := None
	if f.plan != nil {
		fault = f.plan(m, f.calls[m])
	}
	if fault == None && f.see != nil && len(ops) > 0 {
		fault = f.see(m, ops)
	}
	switch fault {
	case None:
		return None, nil
	case Throttled:
		return fault, fmt.Errorf("injected into %s %d: %w", m, f.calls[m], store.ErrThrottled)
	default:
		return fault, fmt.Errorf("injected into %s %d: %w", m, f.calls[m], store.ErrUnavailable)
	}
}

// Get reads, if the plan lets it.
func (f *Faulty) Get(ctx context.Context, at []store.Address, c store.Consistency) ([]*store.Record, error) {
	if _, err := f.next(Get); err != nil {
		return nil, err
	}
	return f.engine.Get(ctx, at, c)
}

// Query reads, if the plan lets it.
func (f *Faulty) Query(ctx context.Context, r store.Range) (store.Page, error) {
	if _, err := f.next(Query); err != nil {
		return store.Page{}, err
	}
	return f.engine.Query(ctx, r)
}

// Write writes, if the plan lets it. A Write whose own conditions do not hold says so, whatever the plan.
func (f *Faulty) Write(ctx context.Context, ops []store.Op) error {
	fault, fail := f.next(Write, ops...)
	if fault != None && fault != Written {
		return fail
	}
	if err := f.engine.Write(ctx, ops); err != nil {
		return err
	}
	return fail
}

// Load loads, if the plan lets it.
func (f *Faulty) Load(ctx context.Context, ops []store.Op) error {
	fault, fail := f.next(Load, ops...)
	switch fault {
	case NotWritten, Throttled:
		return fail
	case Partly:
		var some []store.Op
		for i := 0; i < len(ops); i += 2 {
			some = append(some, ops[i])
		}
		ops = some
	}
	if err := f.engine.Load(ctx, ops); err != nil {
		return err
	}
	return fail
}

// Add adds, if the plan lets it.
func (f *Faulty) Add(ctx context.Context, at store.Address, by map[string]int64, expires time.Time) (map[string]int64, error) {
	fault, fail := f.next(Add, store.Op{Address: at})
	if fault != None && fault != Written {
		return nil, fail
	}
	sums, err := f.engine.Add(ctx, at, by, expires)
	if err != nil {
		return nil, err
	}
	if fail != nil {
		return nil, fail
	}
	return sums, nil
}
