package observe

import (
	"context"
	"crypto/rand"
	"encoding/binary"
	"encoding/hex"
	"strings"
	"time"
)

// Trace is what joins the lines of all that one cause brings about: of a request, and of the work that it queued. It is written both as
// W3C's traceparent (www.w3.org/TR/trace-context) and as X-Ray's header (docs.aws.amazon.com/xray/latest/devguide/xray-concepts.html);
// both name a trace by 16 bytes and what came before by 8. The zero Trace is none.
type Trace struct {
	id      [16]byte
	parent  [8]byte
	sampled bool
}

// newTrace begins one, in X-Ray's form, which has the time in the first four bytes.
func newTrace(now time.Time) (t Trace) {
	_, _ = rand.Read(t.id[4:])
	binary.BigEndian.PutUint32(t.id[:4], uint32(now.Unix()))
	return t
}

const longestTrace = 512 // bytes of a header; one in use has 74

// ParseTrace reads either form; false where text is neither. What else stands in X-Ray's is left out.
func ParseTrace(text string) (t Trace, ok bool) {
	if len(text) > longestTrace {
		return Trace{}, false
	}
	if strings.Contains(text, "=") {
		t, ok = parseXRay(text)
	} else {
		t, ok = parseW3C(text)
	}
	if !ok || t.id == [16]byte{} {
		return Trace{}, false
	}
	return t, true
}

// parseW3C reads version-id-parent-flags; later versions may say more after it.
func parseW3C(text string) (t Trace, ok bool) {
	parts := strings.Split(text, "-")
	if len(parts) < 4 || len(parts[0]) != 2 || parts[0] == "ff" || parts[0] == "00" && len(parts) != 4 || len(parts[3]) != 2 {
		return t, false
	}
	var flags, version [1]byte
	ok = unhex(version[:], parts[0]) && unhex(t.id[:], parts[1]) && unhex(t.parent[:], parts[2]) && unhex(flags[:], parts[3])
	t.sampled = flags[0]&1 == 1
	return t, ok && t.parent != [8]byte{}
}

// parseXRay reads Root=1-time-random;Parent=...;Sampled=...
func parseXRay(text string) (t Trace, ok bool) {
	for part := range strings.SplitSeq(text, ";") {
		name, value, _ := strings.Cut(strings.TrimSpace(part), "=")
		switch name {
		case "Root":
			rest, one := strings.CutPrefix(value, "1-")
			at, random, two := strings.Cut(rest, "-")
			ok = one && two && unhex(t.id[:4], at) && unhex(t.id[4:], random)
		case "Parent":
			if !unhex(t.parent[:], value) {
				t.parent = [8]byte{}
			}
		case "Sampled":
			t.sampled = value == "1"
		}
	}
	return t, ok
}

// unhex reads lower-case hex of exactly as many bytes.
func unhex(into []byte, text string) bool {
	if len(text) != 2*len(into) || strings.ToLower(text) != text {
		return false
	}
	_, err := hex.Decode(into, []byte(text))
	return err == nil
}

// ID is the trace's in 32 hex digits; X-Ray writes it 1-<the first 8>-<the others>. "" of none.
func (t Trace) ID() string {
	if t == (Trace{}) {
		return ""
	}
	return hex.EncodeToString(t.id[:])
}

// XRay is the trace in X-Ray's form, as SQS and Lambda hand it on; "" of none.
func (t Trace) XRay() string {
	if t == (Trace{}) {
		return ""
	}
	text := "Root=1-" + hex.EncodeToString(t.id[:4]) + "-" + hex.EncodeToString(t.id[4:])
	if t.parent != [8]byte{} {
		text += ";Parent=" + hex.EncodeToString(t.parent[:])
	}
	if t.sampled {
		return text + ";Sampled=1"
	}
	return text + ";Sampled=0"
}

type traceKey struct{}

// WithTrace gives a context that is of a trace.
func WithTrace(ctx context.Context, t Trace) context.Context {
	if t == (Trace{}) {
		return ctx
	}
	return context.WithValue(ctx, traceKey{}, t)
}

// Follow is WithTrace of the first text that is a trace's.
func Follow(ctx context.Context, texts ...string) context.Context {
	for _, text := range texts {
		if t, ok := ParseTrace(text); ok {
			return WithTrace(ctx, t)
		}
	}
	return ctx
}

// TraceIn gives the trace of ctx.
func TraceIn(ctx context.Context) Trace {
	t, _ := ctx.Value(traceKey{}).(Trace)
	return t
}
