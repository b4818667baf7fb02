package observe_test

import (
	"context"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/observe"
)

const (
	id   = "4bf92f3577b34da6a3ce929d0e0e4736"
	w3c  = "00-" + id + "-00f067aa0ba902b7-01"
	xray = "Root=1-4bf92f35-77b34da6a3ce929d0e0e4736;Parent=00f067aa0ba902b7;Sampled=1"
)

func TestParseTrace(t *testing.T) {
	for name, text := range map[string]string{
		"W3C's":                    w3c,
		"a later version of W3C's": "01" + w3c[2:] + "-more",
		"X-Ray's":                  xray,
		"X-Ray's with more":        "Self=1-67891234-12456789abcdef012345678;" + xray + ";Lineage=25:a87bd80c:1",
		"X-Ray's with spaces":      strings.ReplaceAll(xray, ";", "; "),
	} {
		t.Run("reads "+name, func(t *testing.T) {
			trace, ok := observe.ParseTrace(text)
			require.True(t, ok)
			require.Equal(t, id, trace.ID())
			require.Equal(t, xray, trace.XRay())
		})
	}
	for name, text := range map[string]string{
		"nothing":              "",
		"zeros":                "00-" + strings.Repeat("0", 32) + "-00f067aa0ba902b7-01",
		"a parent of zeros":    "00-" + id + "-0000000000000000-01",
		"capitals":             strings.ToUpper(w3c),
		"more than version 00": w3c + "-more",
		"the version ff":       "ff" + w3c[2:],
		"what is too short":    w3c[:50],
		"no root":              "Parent=00f067aa0ba902b7",
		"a root that is none":  "Root=1-x-y",
		"what is too long":     xray + ";" + strings.Repeat("a", 512),
	} {
		t.Run("refuses "+name, func(t *testing.T) {
			_, ok := observe.ParseTrace(text)
			require.False(t, ok)
		})
	}
}

func TestATraceIsFollowed(t *testing.T) {
	require.Empty(t, observe.TraceIn(t.Context()).XRay())
	require.Equal(t, t.Context(), observe.Follow(t.Context(), "", "no trace"))
	ctx := observe.Follow(t.Context(), "no trace", xray, "Root=1-00000001-000000000000000000000000")
	require.Equal(t, xray, observe.TraceIn(ctx).XRay())
	line := written(t, observe.Start{}, func(ctx context.Context, l *observe.Line) observe.Ending {
		inner, _ := observe.Begin(ctx, l.Start)
		require.Equal(t, observe.TraceIn(ctx), observe.TraceIn(inner), "what it brings about is of the same trace")
		return observe.Ending{Outcome: observe.OK}
	})
	require.NotEqual(t, strings.Repeat("0", 32), line["traceId"], "where nothing came before, a trace begins")
}

func FuzzParseTrace(f *testing.F) {
	f.Add(w3c)
	f.Add(xray)
	f.Add("Root=1--;Sampled=?")
	f.Fuzz(func(t *testing.T, text string) {
		trace, ok := observe.ParseTrace(text)
		if !ok {
			require.Empty(t, trace.XRay())
			return
		}
		again, ok := observe.ParseTrace(trace.XRay())
		require.True(t, ok)
		require.Equal(t, trace, again)
		require.Len(t, trace.ID(), 32)
	})
}
