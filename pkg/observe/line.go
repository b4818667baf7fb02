// Package observe is what every invocation says of itself: one line in the log, the same on AWS and on one machine, with
// whose it was, what it did, how it ended and what it took. A line holds IDs, names of ours and numbers, and nothing that a caller
// or a provider wrote. docs/observe.md says what each field is.
package observe

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"sync"
	"time"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/money"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

// Message is the message of every invocation's line.
const Message = "invocation"

// Outcome says how an invocation ended.
type Outcome string

// The outcomes.
const (
	OK      Outcome = "ok"
	Refused Outcome = "refused" // for a reason that is the caller's, or that no repetition mends
	Waits   Outcome = "waits"   // another worker is at it, or its time has not come: the message comes again
	Failed  Outcome = "failed"  // for a reason that is ours or passes; a message comes again
)

// Subject is what an invocation is about. What is no ID is left out of the line, so that nobody's text comes into it.
type Subject struct {
	Operation string // the operationId of a request, or <function>.<what a message asks for>
	Tenant    tenant.ID
	Project   tenant.ProjectID
}

// Start is what is known of an invocation when it begins.
type Start struct {
	Function  string // the Lambda function's; on one machine, that which would serve it
	RequestID string // "" where the logger says it, or there is none
	Cold      bool   // it is the first of its process
	Clock     func() time.Time
}

// Line is an invocation that is under way. What happens in it is told to the Line in its context. All methods may be called on nil,
// and at the same time.
type Line struct {
	Start
	begun time.Time
	meter *store.Meter
	trace Trace

	mu      sync.Mutex
	subject Subject
	plan    tenant.Plan
	sts     int64
	pages   int64
	metrics int64
	price   money.Amount
	in, out int64
}

type lineKey struct{}

// Begin begins a line and gives the context that everything of the invocation is done in. Its calls of the store are metered, and it has
// the trace of ctx, or a new one where ctx has none.
func Begin(ctx context.Context, s Start) (context.Context, *Line) {
	l := &Line{Start: s, begun: s.Clock()}
	if l.trace = TraceIn(ctx); l.trace == (Trace{}) {
		l.trace = newTrace(l.begun)
		ctx = WithTrace(ctx, l.trace)
	}
	ctx, l.meter = store.WithMeter(ctx)
	return context.WithValue(ctx, lineKey{}, l), l
}

// In gives the line of ctx, nil where there is none.
func In(ctx context.Context) *Line {
	l, _ := ctx.Value(lineKey{}).(*Line)
	return l
}

// Used is what the invocation has used of the store so far.
func (l *Line) Used() store.Use { return l.meter.Total() }

// tell changes what the line says.
func (l *Line) tell(change func()) {
	if l == nil {
		return
	}
	l.mu.Lock()
	defer l.mu.Unlock()
	change()
}

// About says what the invocation is about.
func (l *Line) About(s Subject) { l.tell(func() { l.subject = s }) }

// On says whose plan the invocation is on, by the scope that it was found with.
func (l *Line) On(s *tenant.Scope) {
	if s != nil {
		l.tell(func() { l.plan = s.Standing().Plan })
	}
}

// STS counts a call of STS.
func (l *Line) STS() { l.tell(func() { l.sts++ }) }

// Collected counts what was asked of a customer's account that is paid for by the piece: pages of Cost Explorer, metrics of
// GetMetricData, and their price in USD.
func (l *Line) Collected(pages, metrics int64, price money.Amount) {
	l.tell(func() {
		if sum, err := l.price.Add(price); err == nil {
			l.price = sum
		}
		l.pages += pages
		l.metrics += metrics
	})
}

// Read counts bytes that came in: of a request's body, or of files that were read.
func (l *Line) Read(bytes int64) { l.tell(func() { l.in += bytes }) }

// Wrote counts bytes that went out: of an answer's body, or of files that were written.
func (l *Line) Wrote(bytes int64) { l.tell(func() { l.out += bytes }) }

// Ending is how an invocation ended.
type Ending struct {
	Outcome Outcome
	Err     error       // why, where it did not end well; its text is in the line unless it is Quiet
	Quiet   bool        // of Err its code alone is told: its text is the caller's affair
	More    []slog.Attr // what else there is to say, nothing of which a caller or a provider wrote
}

// levels are those of the lines, by outcome; what is not in it is told as information.
var levels = map[Outcome]slog.Level{Failed: slog.LevelError, Refused: slog.LevelWarn}

// End writes the line.
func (l *Line) End(ctx context.Context, log *slog.Logger, e Ending) {
	level := levels[e.Outcome]
	if e.Quiet {
		level = slog.LevelInfo
	}
	attrs := append(l.attrs(e.Outcome), e.More...)
	if e.Err != nil {
		code := fault.KindOf(e.Err).Code()
		attrs = append(attrs, slog.String("code", string(code)))
		if !e.Quiet {
			attrs = append(attrs, slog.String("error", e.Err.Error()))
		}
	}
	log.LogAttrs(ctx, level, Message, attrs...)
}

func (l *Line) attrs(o Outcome) []slog.Attr {
	l.mu.Lock()
	defer l.mu.Unlock()
	s, use := l.subject.clean(), l.meter.Total()
	failures := 0
	if o == Failed {
		failures = 1
	}
	attrs := []slog.Attr{
		slog.String("function", or(l.Function)),
		slog.String("operation", or(s.Operation)),
		slog.String("plan", or(string(l.plan))),
		slog.String("tenant", string(s.Tenant)),
		slog.String("project", string(s.Project)),
		slog.String("outcome", string(o)),
		slog.Any("duration", thousandths(l.Clock().Sub(l.begun).Microseconds())),
		slog.Bool("coldStart", l.Cold),
		slog.Int("failures", failures),
		slog.Any("readUnits", halves(use.Read)),
		slog.Any("writeUnits", halves(use.Write)),
		slog.Int64("stsCalls", l.sts),
		slog.Int64("costExplorerPages", l.pages),
		slog.Int64("metricsRequested", l.metrics),
		slog.String("collectionPrice", l.price.String()),
		slog.Int64("bytesIn", l.in),
		slog.Int64("bytesOut", l.out),
		slog.String("traceId", l.trace.ID()),
	}
	if l.RequestID != "" {
		attrs = append(attrs, slog.String("requestId", l.RequestID))
	}
	return attrs
}

// or stands in for what is not known: the dimensions of metrics must not be empty.
func or(s string) string {
	if s == "" {
		return "none"
	}
	return s
}

// halves writes units, which may have halves, as a number in JSON.
func halves(n store.HalfUnits) json.Number {
	return json.Number(money.FromScaled(int64(n)*5, 1).String())
}

// thousandths writes microseconds as milliseconds.
func thousandths(n int64) json.Number {
	n = max(n, 0)
	return json.Number(fmt.Sprintf("%d.%03d", n/1000, n%1000))
}

// longest is how long the name of an operation is at most.
const longest = 64

// clean leaves out what is none of ours.
func (s Subject) clean() Subject {
	if _, err := tenant.ParseID(string(s.Tenant)); err != nil {
		s.Tenant = ""
	}
	if _, err := tenant.ParseProjectID(string(s.Project)); err != nil {
		s.Project = ""
	}
	for _, c := range []byte(s.Operation) {
		if c != '.' && c != '-' && (c < '0' || c > '9') && (c < 'A' || c > 'Z') && (c < 'a' || c > 'z') || len(s.Operation) > longest {
			s.Operation = "unknown"
			break
		}
	}
	return s
}
