package main

import (
	"fmt"
	"io"
	"strings"

	"github.com/tenantry/tenantry/pkg/collect"
)

var sizes = []int64{1, 100, 10_000}

func page(out io.Writer) error {
	var b strings.Builder
	m, u := assumed, measured
	b.WriteString("# What it costs\n\nPrinted by `go run ./infra/bench/cost`: a month in us-east-1, in USD, before free tiers, on demand.\n\n" +
		"| | 1 tenant | 100 tenants | 10,000 tenants |\n|---|---:|---:|---:|\n")
	bills, sums := [][]row{}, make([]int64, len(sizes))
	for i, n := range sizes {
		rows, err := bill(n, m, u)
		if err != nil {
			return err
		}
		for _, r := range rows {
			sums[i] += r.pico
		}
		bills = append(bills, rows)
	}
	for i, r := range bills[0] {
		fmt.Fprintf(&b, "| %s | %s | %s | %s |\n", r.name, dollars(r.pico), dollars(bills[1][i].pico), dollars(bills[2][i].pico))
	}
	fmt.Fprintf(&b, "| **together** | **%s** | **%s** | **%s** |\n", dollars(sums[0]), dollars(sums[1]), dollars(sums[2]))
	fmt.Fprintf(&b, "| a tenant | %s | %s | %s |\n", dollars(sums[0]), dollars(sums[1]/sizes[1]), dollars(sums[2]/sizes[2]))
	fmt.Fprintf(&b, "\n## Measured\n\nOn the embedded store, which counts as DynamoDB does; a test measures again.\n\n| flow | read units | write units |\n|---|---:|---:|\n")
	for _, f := range []struct {
		name string
		use
	}{{"costs of a month by service", u.query}, {"the list of projects", u.request}, {fmt.Sprintf("a delivery of %d lines, its requests included", importLines), u.imports}} {
		fmt.Fprintf(&b, "| %s | %s | %s |\n", f.name, halves(f.read), halves(f.write))
	}
	fmt.Fprintf(&b, "\n## Assumed\n\nNot measured: how much a tenant does, and how long it takes on Lambda.\n\n"+
		"- a tenant: %d projects and unassigned, %d connections, %d questions of costs and %d other requests a month, a delivery of %d lines a day; "+
		"%d MB in the tables, %d MB of files\n- Lambda: %d ms a request at %d MB, %d ms a delivery at %d MB, %d ms a run at %d MB beside what it fetches\n",
		m.projects, m.connections, m.queries, m.requests, importLines, m.stored/kb/kb, m.files/kb/kb, m.requestMs, requestMB, m.importMs, importMB, m.runs, runMB)
	for _, k := range collect.Kinds {
		n, err := slots(k)
		if err != nil {
			return err
		}
		fmt.Fprintf(&b, "- %s: %d times a day by default; a connection takes %d ms and %d items written, as `infra/bench/day` has it\n", k, n, m.fetches[k].ms, m.fetches[k].writes)
	}
	fmt.Fprintf(&b, "- a run's own records: %d read and %d write units; a line in the log has %d bytes\n- metrics: %d operations by one plan and %d functions "+
		"(docs/observe.md), and %d counted in lines, in every hour; those of an hour in which nobody asks are not paid for; each further plan in use adds %s at most\n", runReads, runWrites, lineBytes, operations, functions, filters, dollars(operations*opMetrics*metricMonth))
	b.WriteString("\nWhat customers pay AWS for being asked (Cost Explorer, GetMetricData) is in `go run ./infra/bench/day` and in each tenant's usage. " +
		"Transfer to the internet, CloudFront, WAF, Cognito, and the requests of S3 and KMS and of Lambda to empty queues are not in the table.\n")
	_, err := io.WriteString(out, b.String())
	return err
}

func halves(n int64) string {
	if n%2 == 1 {
		return fmt.Sprintf("%d.5", n/2)
	}
	return fmt.Sprint(n / 2)
}
