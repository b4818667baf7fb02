// Package usage meters what a tenant takes of the platform, by UTC day, and tells it with what it costs and with what the plan
// gives.
package usage

import (
	"github.com/tenantry/tenantry/pkg/money"
	"github.com/tenantry/tenantry/pkg/store"
)

// Counts are what was used. JSON is the stored form, of which every field is a counter.
type Counts struct {
	Requests      int64 `json:"requests,omitempty"`      // of members, that were let in, refused ones too
	ReadHalves    int64 `json:"readHalves,omitempty"`    // halves of a read unit of DynamoDB
	WriteHalves   int64 `json:"writeHalves,omitempty"`   // halves of a write unit
	RequestBytes  int64 `json:"requestBytes,omitempty"`  // of requests' bodies
	ResponseBytes int64 `json:"responseBytes,omitempty"` // of answers' bodies
	ImportBytes   int64 `json:"importBytes,omitempty"`   // of files that arrived
	ImportLines   int64 `json:"importLines,omitempty"`   // of deliveries that succeeded, each once

	CollectionPages   int64 `json:"collectionPages,omitempty"`   // asked of Cost Explorer
	CollectionMetrics int64 `json:"collectionMetrics,omitempty"` // asked for with GetMetricData
}

// Capacity is the Counts of what calls of the store took.
func Capacity(u store.Use) Counts {
	return Counts{ReadHalves: int64(u.Read), WriteHalves: int64(u.Write)}
}

func (c Counts) plus(d Counts) Counts {
	return Counts{
		Requests: c.Requests + d.Requests, ReadHalves: c.ReadHalves + d.ReadHalves, WriteHalves: c.WriteHalves + d.WriteHalves,
		RequestBytes: c.RequestBytes + d.RequestBytes, ResponseBytes: c.ResponseBytes + d.ResponseBytes,
		ImportBytes: c.ImportBytes + d.ImportBytes, ImportLines: c.ImportLines + d.ImportLines,
		CollectionPages: c.CollectionPages + d.CollectionPages, CollectionMetrics: c.CollectionMetrics + d.CollectionMetrics,
	}
}

// attributes are what is to be added to the stored counters.
func (c Counts) attributes() map[string]int64 {
	all := map[string]int64{"requests": c.Requests, "readHalves": c.ReadHalves, "writeHalves": c.WriteHalves, "requestBytes": c.RequestBytes,
		"responseBytes": c.ResponseBytes, "importBytes": c.ImportBytes, "importLines": c.ImportLines,
		"collectionPages": c.CollectionPages, "collectionMetrics": c.CollectionMetrics}
	for name, n := range all {
		if n == 0 {
			delete(all, name)
		}
	}
	return all
}

// Price is what a million units cost.
type Price struct {
	Of         string       `json:"of" enum:"readUnits,writeUnits,collectionPages,collectionMetrics"`
	PerMillion money.Amount `json:"perMillion" doc:"USD."`
	Source     string       `json:"source"`
	AsOf       string       `json:"asOf" doc:"When the source was read: a year, or more exactly."`
}

const (
	source = "Amazon DynamoDB, on-demand capacity, us-east-1: https://aws.amazon.com/dynamodb/pricing/on-demand/"
	asOf   = "2026"

	pageSource   = "AWS Cost Explorer, requests of its API: https://aws.amazon.com/aws-cost-management/aws-cost-explorer/pricing/"
	metricSource = "Amazon CloudWatch, metrics requested with GetMetricData, us-east-1: https://aws.amazon.com/cloudwatch/pricing/"
)

// What a million units cost, in units of 1e-4 USD. Half a unit is a 2,000,000th of a million: 5e-7.
const (
	readPrice   = 1250
	writePrice  = 6250
	pagePrice   = 10_000_0000
	metricPrice = 10_0000
)

// prices are of what is metered and has a price of its own.
var prices = []Price{
	{"readUnits", money.FromScaled(readPrice, 4), source, asOf},
	{"writeUnits", money.FromScaled(writePrice, 4), source, asOf},
	{"collectionPages", money.FromScaled(pagePrice, 4), pageSource, asOf},
	{"collectionMetrics", money.FromScaled(metricPrice, 4), metricSource, asOf},
}

// bills are what AWS bills the platform's operator, and what it bills the accounts that are collected from. They are exact, up to
// 2.9e14 halves of each, 9e10 pages and 9e13 metrics.
func (c Counts) bills() (operator, accounts money.Amount, err error) {
	operator, err = money.FromScaled(c.ReadHalves*readPrice*5, 11).Add(money.FromScaled(c.WriteHalves*writePrice*5, 11))
	if err != nil {
		return operator, accounts, err
	}
	accounts, err = money.FromScaled(c.CollectionPages*pagePrice, 10).Add(money.FromScaled(c.CollectionMetrics*metricPrice, 10))
	return operator, accounts, err
}
