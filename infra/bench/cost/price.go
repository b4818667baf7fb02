package main

import (
	"fmt"
	"time"

	"github.com/tenantry/tenantry/pkg/collect"
	"github.com/tenantry/tenantry/pkg/observe"
	"github.com/tenantry/tenantry/pkg/schedule"
)

// Money is in picodollars: whole numbers of the prices in us-east-1, before free tiers.
const (
	dollar         = int64(1_000_000_000_000)
	readHalf       = int64(62_500)      // DynamoDB on demand: $0.125 a million units
	writeHalf      = int64(312_500)     // $0.625 a million units
	tableGB        = dollar / 4         // a month
	backupGB       = dollar / 5         // point-in-time recovery, a month
	fileGB         = 23 * dollar / 1000 // S3, a month
	gatewayRequest = int64(1_000_000)   // HTTP API: $1.00 a million
	lambdaGBSecond = int64(13_333_400)  // arm64: $0.0000133334
	lambdaRequest  = int64(200_000)     // $0.20 a million
	schedulerCall  = int64(1_000_000)   // $1.00 a million
	sqsRequest     = int64(400_000)     // $0.40 a million
	logGB          = dollar / 2         // taken in
	metricMonth    = 3 * dollar / 10    // CloudWatch, by each combination of dimensions that comes
	alarmMetric    = dollar / 10        // a month, by each metric that an alarm looks at
	dashboardMonth = 3 * dollar
	keyMonth       = dollar // KMS
	kb             = int64(1_000)
	gb             = int64(1_000_000_000)
)

// tenantMonth is a tenant's month, as it is assumed.
type tenantMonth struct {
	projects, connections     int64
	queries, requests         int64 // of costs, and others
	imports, importBytes      int64
	stored, files             int64 // bytes in tables and in the bucket
	requestMs, importMs, runs int64 // of Lambda; runs: milliseconds of one
	fetches                   map[collect.Kind]fetch
}

// fetch is what one connection takes of a kind and slot, as infra/bench/day has it.
type fetch struct{ ms, writes int64 }

const (
	days       = 30
	requestMB  = 1024  // as infra/aws/platform/function.go gives them: api,
	importMB   = 1769  // ingest
	runMB      = 1024  // and collect
	lineBytes  = 2_000 // of an invocation's line in the log, with its metrics
	runReads   = 20    // units, of a run's own records
	runWrites  = 6
	queueCalls = 3  // of a message: send, receive and delete
	operations = 75 // that come in a month, of each plan in use
	functions  = 6
	filters    = 3  // metrics that are counted in lines (infra/aws/platform/observability.go)
	alarms     = 30 // metrics of 26 alarms (infra/aws/platform/alarm.go): those of the four tables look at two each
)

// How many metrics come of an operation and plan, and of a function.
var opMetrics, funcMetrics = int64(len(observe.Metrics[0].Metrics)), int64(len(observe.Metrics[1].Metrics))

var assumed = tenantMonth{
	projects: 3, connections: 2, queries: 2_000, requests: 4_000, imports: 30, importBytes: 10_000 * 950,
	stored: 50 * kb * kb, files: 30 * 10_000 * 950, requestMs: 40, importMs: 2_000, runs: 60,
	fetches: map[collect.Kind]fetch{collect.Costs: {4_200, 40}, collect.Resources: {18_360, 60}, collect.Metrics: {3_000, 60}},
}

// row is a line of the bill.
type row struct {
	name string
	pico int64
}

// slots is how often a kind is collected in a day by default.
func slots(k collect.Kind) (n int64, err error) {
	e, err := schedule.ParseExpression(schedule.Default(k).Expression)
	if err != nil {
		return 0, err
	}
	day := time.Date(2026, 6, 1, 0, 0, 0, 0, time.UTC)
	for at := e.Next(day.Add(-time.Second)); at.Before(day.AddDate(0, 0, 1)); at = e.Next(at) {
		n++
	}
	return n, nil
}

// bill is what a month costs with so many tenants.
func bill(tenants int64, m tenantMonth, u units) ([]row, error) {
	requests := m.queries + m.requests
	read := m.queries*u.query.read + m.requests*u.request.read + m.imports*u.imports.read
	written := m.queries*u.query.write + m.requests*u.request.write + m.imports*u.imports.write
	runs, waits := int64(0), int64(0)
	for _, k := range collect.Kinds {
		n, err := slots(k)
		if err != nil {
			return nil, err
		}
		runs += n * days * (m.projects + 1)
		waits += n * days * m.connections * m.fetches[k].ms
		written += n * days * m.connections * m.fetches[k].writes * 2
	}
	mbMs := requests*m.requestMs*requestMB + m.imports*m.importMs*importMB + (waits+runs*m.runs)*runMB
	read, written = read+runs*runReads*2, written+runs*runWrites*2
	messages := runs + 2*m.imports
	metrics := operations*opMetrics + functions*funcMetrics + filters
	return []row{
		{"API Gateway", tenants * requests * gatewayRequest},
		{"Lambda", tenants * (mbMs/1024*lambdaGBSecond/1000 + (requests+messages)*lambdaRequest)},
		{"DynamoDB, requests", tenants * (read*readHalf + written*writeHalf)},
		{"DynamoDB, storage and backup", tenants * (m.stored / kb) * ((tableGB + backupGB) / (gb / kb))},
		{"S3", tenants * (m.files * (fileGB / kb) / (gb / kb))},
		{"SQS", tenants * messages * queueCalls * sqsRequest},
		{"EventBridge Scheduler", tenants * runs * schedulerCall},
		{"CloudWatch, logs", tenants * ((requests + messages) * lineBytes * (logGB / kb) / (gb / kb))},
		{"CloudWatch, metrics", metrics * metricMonth},
		{"Alarms, dashboard and key", alarms*alarmMetric + dashboardMonth + keyMonth},
	}, nil
}

// dollars writes picodollars as cents, rounded half up.
func dollars(p int64) string {
	cents := (p + dollar/200) / (dollar / 100)
	return fmt.Sprintf("%d.%02d", cents/100, cents%100)
}
