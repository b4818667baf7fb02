package observe

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"strings"
	"time"
)

// Namespace is that of the metrics in CloudWatch.
const Namespace = "Tenantry"

// Metric is a metric that CloudWatch makes of a field of the lines.
type Metric struct{ Name, Unit string }

// Set is metrics by the same dimensions.
type Set struct {
	Dimensions []string
	Metrics    []Metric
}

// Metrics are all there are. A metric is paid for by each of the values that its dimensions come in (USD 0.30 a month in us-east-1), so
// that only what alarms and dashboards look at has the operation and the plan, and a tenant is never a dimension: it stands in the
// lines, which Logs Insights sums up by tenant, project, operation or plan.
var Metrics = []Set{
	{[]string{"operation", "plan"}, []Metric{{"duration", "Milliseconds"}, {"failures", "Count"}}},
	{[]string{"function"}, []Metric{{"duration", "Milliseconds"}, {"failures", "Count"}, {"readUnits", "Count"}, {"writeUnits", "Count"}, {"stsCalls", "Count"},
		{"costExplorerPages", "Count"}, {"metricsRequested", "Count"}, {"bytesIn", "Bytes"}, {"bytesOut", "Bytes"}}},
}

// directive is all of the embedded metric format that does not change from line to line:
// docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
var directive = func() string {
	sets := make([]string, len(Metrics))
	for i, s := range Metrics {
		metrics := make([]string, len(s.Metrics))
		for i, m := range s.Metrics {
			metrics[i] = fmt.Sprintf(`{"Name":%q,"Unit":%q}`, m.Name, m.Unit)
		}
		sets[i] = fmt.Sprintf(`{"Namespace":%q,"Dimensions":[["%s"]],"Metrics":[%s]}`, Namespace, strings.Join(s.Dimensions, `","`), strings.Join(metrics, ","))
	}
	return strings.Join(sets, ",")
}()

// Embedded gives a handler that has CloudWatch make its metrics of invocations' lines, and hands all lines on.
func Embedded(h slog.Handler) slog.Handler { return embedded{h} }

type embedded struct{ slog.Handler }

// Handle adds the metrics to an invocation's line.
func (e embedded) Handle(ctx context.Context, r slog.Record) error {
	if r.Message == Message {
		r = r.Clone()
		r.AddAttrs(slog.Any("_aws", json.RawMessage(fmt.Sprintf(`{"Timestamp":%d,"CloudWatchMetrics":[%s]}`, r.Time.UnixNano()/int64(time.Millisecond), directive))))
	}
	return e.Handler.Handle(ctx, r)
}

// WithAttrs keeps adding metrics.
func (e embedded) WithAttrs(attrs []slog.Attr) slog.Handler {
	return embedded{e.Handler.WithAttrs(attrs)}
}

// WithGroup keeps adding metrics, which CloudWatch finds at the top alone: invocations are told to loggers without a group.
func (e embedded) WithGroup(name string) slog.Handler { return embedded{e.Handler.WithGroup(name)} }
