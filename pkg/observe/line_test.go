package observe_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tenantry/tenantry/pkg/fault"
	"github.com/tenantry/tenantry/pkg/money"
	"github.com/tenantry/tenantry/pkg/observe"
	"github.com/tenantry/tenantry/pkg/store"
	"github.com/tenantry/tenantry/pkg/tenant"
)

const (
	home    = tenant.ID("ten_01JQ0000000000000000000000")
	project = tenant.ProjectID("prj_01JQ0000000000000000000000")
)

// clock moves by 1.5 ms each time that it is looked at.
func clock() func() time.Time {
	now := time.Date(2026, 3, 2, 12, 0, 0, 0, time.UTC)
	return func() time.Time {
		now = now.Add(1500 * time.Microsecond)
		return now
	}
}

// written is the one line of an invocation, as numbers and texts stand in it.
func written(t *testing.T, s observe.Start, do func(context.Context, *observe.Line) observe.Ending) map[string]any {
	t.Helper()
	var log bytes.Buffer
	s.Clock = clock()
	ctx, l := observe.Begin(t.Context(), s)
	l.End(ctx, slog.New(observe.Embedded(observe.JSON(&log))), do(ctx, l))
	require.Equal(t, 1, strings.Count(log.String(), "\n"))
	var line map[string]any
	d := json.NewDecoder(&log)
	d.UseNumber()
	require.NoError(t, d.Decode(&line))
	return line
}

func TestALineSaysWhatAnInvocationTook(t *testing.T) {
	scope, err := tenant.Work(home, "test")
	require.NoError(t, err)
	line := written(t, observe.Start{Function: "collect", RequestID: "r1", Cold: true}, func(ctx context.Context, l *observe.Line) observe.Ending {
		require.Same(t, l, observe.In(ctx))
		inner, took := store.WithMeter(ctx)
		store.Report(inner, store.CoreTable, store.Use{Read: 3, Write: 4})
		store.Report(ctx, store.CostTable, store.Use{Read: 4})
		require.Equal(t, store.HalfUnits(3), took.Total().Read)
		require.Equal(t, store.HalfUnits(7), l.Used().Read)
		l.About(observe.Subject{Operation: "collect.costs", Tenant: home, Project: project})
		l.On(scope.In(tenant.Standing{Status: tenant.Active, Plan: tenant.Team}))
		for range 3 {
			observe.In(ctx).STS()
			observe.In(ctx).Collected(1, 7, money.MustParse("0.01007"))
		}
		l.Read(10)
		l.Wrote(20)
		l.Wrote(1)
		return observe.Ending{Outcome: observe.OK, More: []slog.Attr{slog.Int("status", 200)}}
	})
	require.Len(t, line["traceId"], 32)
	require.NotEmpty(t, line["_aws"])
	for _, name := range []string{"time", "traceId", "_aws"} {
		delete(line, name)
	}
	n := func(s string) json.Number { return json.Number(s) }
	require.Equal(t, map[string]any{
		"level": "INFO", "msg": observe.Message, "function": "collect", "operation": "collect.costs", "plan": "team", "tenant": string(home), "project": string(project),
		"outcome": "ok", "duration": n("1.500"), "coldStart": true, "failures": n("0"), "readUnits": n("3.5"), "writeUnits": n("2"), "stsCalls": n("3"),
		"costExplorerPages": n("3"), "metricsRequested": n("21"), "collectionPrice": "0.03021", "bytesIn": n("10"), "bytesOut": n("21"), "requestId": "r1", "status": n("200"),
	}, line)
}

func TestALineSaysHowItEnded(t *testing.T) {
	for name, test := range map[string]struct {
		ending                 observe.Ending
		level, failures, error string
		code                   any
	}{
		"well":                          {observe.Ending{Outcome: observe.OK}, "INFO", "0", "", nil},
		"refused":                       {observe.Ending{Outcome: observe.Refused, Err: fault.New(fault.NotFound, "why")}, "WARN", "0", "why", "not-found"},
		"refused, which is the callers": {observe.Ending{Outcome: observe.Refused, Err: fault.New(fault.NotFound, "why"), Quiet: true}, "INFO", "0", "", "not-found"},
		"waiting":                       {observe.Ending{Outcome: observe.Waits}, "INFO", "0", "", nil},
		"failed":                        {observe.Ending{Outcome: observe.Failed, Err: errors.New("why")}, "ERROR", "1", "why", "internal"},
	} {
		t.Run(name, func(t *testing.T) {
			line := written(t, observe.Start{}, func(context.Context, *observe.Line) observe.Ending { return test.ending })
			require.Equal(t, test.level, line["level"])
			require.Equal(t, json.Number(test.failures), line["failures"])
			require.Equal(t, test.code, line["code"])
			got, _ := line["error"].(string)
			require.Equal(t, test.error, got)
			require.Equal(t, "none", line["operation"], "a dimension is never empty")
			require.Equal(t, "none", line["plan"])
		})
	}
}

func TestWhatIsNoIDIsLeftOut(t *testing.T) {
	line := written(t, observe.Start{}, func(_ context.Context, l *observe.Line) observe.Ending {
		l.About(observe.Subject{Operation: "get alice@example.com", Tenant: "alice@example.com", Project: "prj_secret"})
		return observe.Ending{Outcome: observe.OK}
	})
	require.Equal(t, []any{"unknown", "", ""}, []any{line["operation"], line["tenant"], line["project"]})
}

func TestWithoutALineNothingIsTold(t *testing.T) {
	l := observe.In(t.Context())
	require.Nil(t, l)
	l.STS()
	l.Collected(1, 1, money.Amount{})
	l.Read(1)
	l.Wrote(1)
	l.On(nil)
	l.About(observe.Subject{})
}

func TestMetricsAreOfFieldsThatAreNumbers(t *testing.T) {
	line := written(t, observe.Start{}, func(context.Context, *observe.Line) observe.Ending { return observe.Ending{Outcome: observe.OK} })
	b, err := json.Marshal(line["_aws"])
	require.NoError(t, err)
	var said struct {
		Timestamp         int64
		CloudWatchMetrics []struct {
			Namespace  string
			Dimensions [][]string
			Metrics    []observe.Metric
		}
	}
	require.NoError(t, json.Unmarshal(b, &said))
	require.WithinDuration(t, time.Now(), time.UnixMilli(said.Timestamp), time.Minute)
	require.Len(t, said.CloudWatchMetrics, len(observe.Metrics))
	for i, set := range said.CloudWatchMetrics {
		require.Equal(t, observe.Namespace, set.Namespace)
		require.Equal(t, [][]string{observe.Metrics[i].Dimensions}, set.Dimensions)
		require.Equal(t, observe.Metrics[i].Metrics, set.Metrics)
		for _, d := range set.Dimensions[0] {
			require.NotContains(t, []string{"tenant", "project", "requestId", "traceId"}, d, "each value of a dimension is paid for")
			require.IsType(t, "", line[d])
		}
		for _, m := range set.Metrics {
			require.IsType(t, json.Number(""), line[m.Name], m.Name)
		}
	}
	var other bytes.Buffer
	log := slog.New(observe.Embedded(observe.JSON(&other)))
	log.With("a", 1).Info("something else")
	require.NotContains(t, other.String(), "_aws")
	log.With("a", 1).Info(observe.Message)
	require.Contains(t, other.String(), "_aws", "with what a logger says always, too")
}

func TestSecretsAreTakenOut(t *testing.T) {
	for name, secret := range map[string]string{
		"a token":               "eyJhbGciOiJSUzI1NiJ9.eyJzdWIiOiJhbGljZSJ9.c2ln",
		"an API key":            "tnt_" + strings.Repeat("a2", 20),
		"an invitation":         "tni_" + strings.Repeat("b7", 20),
		"an external ID":        "tne_" + strings.Repeat("c", 32),
		"an access key":         "ASIAIOSFODNN7EXAMPLE",
		"an e-mail address":     "alice.b+c@mail.example.com",
		"a header":              "Bearer abcdefgh",
		"a presigned address":   "X-Amz-Signature=fe5f80f77d5fa3beca038a248ff027d0445342fe2855ddc963176630326f1024",
		"a session in its URL":  "X-Amz-Security-Token=IQoJb3JpZ2luX2VjEH0",
		"STS's answer":          "SecretAccessKey: wJalrXUtnFEMIK7MDENGbPxRfiCY",
		"an upload's own token": "token=abc.def",
	} {
		t.Run(name, func(t *testing.T) {
			for _, handler := range []func(*bytes.Buffer) slog.Handler{
				func(b *bytes.Buffer) slog.Handler { return observe.JSON(b) }, func(b *bytes.Buffer) slog.Handler { return observe.Text(b) },
			} {
				var out bytes.Buffer
				log := slog.New(handler(&out))
				text := "it said " + secret + " and more"
				log.Error("failed", "error", errors.New(text), "panic", text)
				log.With("body", text).Info("x", slog.Group("g", "a", text))
				require.NotContains(t, out.String(), secret)
				require.Equal(t, 4, strings.Count(out.String(), "[removed] and more"), out.String())
			}
		})
	}
	plain := "no session for ten_01JQ0000000000000000000000: AccessDenied: User: arn:aws:sts::123456789012:assumed-role/api/x is not authorized"
	require.Equal(t, plain, observe.Clean(plain))
}
